import pytest
import torch
from torch import nn

from suimon.cells import cell_classes
from suimon.data.batch import IGNORED_TARGET
from suimon.errors import ConfigError
from suimon.tasks.translation.config import TranslationConfig
from suimon.tasks.translation.model import build_network
from tests.tolerances import assert_close

ATTENTIONS = ("additive", "multiplicative", "none")
LENGTHS = torch.tensor([6, 1, 4])
STEPS = torch.tensor([2, 5, 3])


def small(**options):
    chosen = {"hidden": 5, "layers": 2, "embedding": 4, **options}
    return build_network(TranslationConfig(**chosen), source_units=7, target_units=8).double()


def batch():
    sources = torch.randint(7, (6, 3)).masked_fill(torch.arange(6)[:, None] >= LENGTHS, 0)
    targets = torch.randint(8, (5, 3))
    return sources, targets.masked_fill(torch.arange(5)[:, None] >= STEPS, IGNORED_TARGET)


def loss(network, sources, lengths, targets):
    logits = network(sources, lengths, targets)
    return nn.functional.cross_entropy(logits, targets[targets != IGNORED_TARGET], reduction="sum")


@pytest.mark.parametrize("options", [{}, {"input_feeding": True}], ids=["whole", "fed"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_loss_of_a_padded_batch_is_that_of_its_pairs_forward_and_gradient(attention, options):
    network = small(attention=attention, **options)
    sources, targets = batch()
    together = loss(network, sources, LENGTHS, targets)
    alone = sum(
        loss(
            network,
            sources[: LENGTHS[row], row : row + 1],
            LENGTHS[row : row + 1],
            targets[: STEPS[row], row : row + 1],
        )
        for row in range(3)
    )
    assert_close(together, alone)
    parameters = tuple(network.parameters())
    for one, other in zip(
        torch.autograd.grad(together, parameters),
        torch.autograd.grad(alone, parameters),  # pyright: ignore[reportArgumentType]
        strict=True,
    ):
        assert_close(one, other)


@pytest.mark.parametrize("cell", cell_classes())
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_cell_reads_and_writes_and_every_weight_learns(attention, cell):
    network = small(attention=attention, cell=cell)
    sources, targets = batch()
    loss(network, sources, LENGTHS, targets).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_the_first_state_hangs_on_both_ends_of_the_source():
    network = small(attention="none")
    sources, _ = batch()
    first = network.read(sources, LENGTHS)[0].recurrent[0]
    for step in (0, 5):
        changed = sources.clone()
        changed[step, 0] = (changed[step, 0] + 1) % 7
        other = network.read(changed, LENGTHS)[0].recurrent[0]
        assert (other[:, 0] != first[:, 0]).all()
        assert torch.equal(other[:, 1:], first[:, 1:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": None}, "embedding, hidden or layers is not set"),
        (
            {"input_feeding": True, "recurrent_dropout": 0.2},
            "recurrent_dropout is 0.2, which needs whole sentences, and with input_feeding",
        ),
        ({"teacher_forcing_ratio": 0.5, "weight_dropout": 0.2}, "weight_dropout is 0.2"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        small(**options)
