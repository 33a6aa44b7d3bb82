import pytest
import torch
from torch import nn

from suimon.cells import cell_classes
from suimon.errors import ConfigError
from suimon.layers import LSTM
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.model import ClassificationNetwork, build_network, last_outputs

POOLINGS = ("last", "mean", "max", "attention")


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", cell_classes())
def test_a_row_among_longer_ones_is_judged_as_by_itself(cell, pooling):
    torch.manual_seed(1)
    config = ClassificationConfig(hidden=6, layers=2, cell=cell, pooling=pooling)
    network = build_network(config, classes=3, vocabulary=None, channels=4).eval()
    lengths = torch.tensor([7, 1, 4])
    x = torch.randn(7, 3, 4)
    together = network(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = network(x[:length, row : row + 1], lengths[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)


def test_the_last_outputs_are_the_last_states_of_torch():
    torch.manual_seed(2)
    layer = nn.LSTM(3, 5, bidirectional=True)
    lengths = torch.tensor([6, 2, 4])
    x = torch.randn(6, 3, 3)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, (h_n, _) = layer(packed)
    output, _ = nn.utils.rnn.pad_packed_sequence(output)
    expected = torch.cat([h_n[0], h_n[1]], dim=-1)  # (B, 2*H)
    torch.testing.assert_close(last_outputs(output, lengths, 2), expected)


def test_pooling_by_hand():
    network = ClassificationNetwork(LSTM(2, 2), 3, pooling="mean")
    output = torch.tensor([[[1.0, -2.0]], [[3.0, -4.0]], [[9.0, 9.0]]])  # (T, B, P)
    lengths = torch.tensor([2])
    torch.testing.assert_close(network._pooled(output, lengths), torch.tensor([[2.0, -3.0]]))
    network.pooling = "max"
    torch.testing.assert_close(network._pooled(output, lengths), torch.tensor([[3.0, -2.0]]))
    network.pooling = "last"
    torch.testing.assert_close(network._pooled(output, lengths), torch.tensor([[3.0, -4.0]]))


def test_attention_of_equal_scores_is_the_mean():
    network = ClassificationNetwork(LSTM(2, 2), 3, pooling="attention")
    assert network.attention is not None
    nn.init.zeros_(network.attention[2].weight)  # pyright: ignore[reportArgumentType]
    output = torch.randn(4, 2, 2)
    lengths = torch.tensor([3, 4])
    expected = torch.stack([output[:3, 0].mean(0), output[:, 1].mean(0)])
    torch.testing.assert_close(network._pooled(output, lengths), expected)


def test_dropout_acts_in_training_alone():
    config = ClassificationConfig(
        cell="lstm", hidden=6, layers=1, dropout=0.5, input_dropout=0.5, embedding=4
    )
    network = build_network(config, classes=2, vocabulary=9, channels=0)
    tokens, lengths = torch.randint(9, (5, 2)), torch.tensor([5, 5])
    network.eval()
    assert torch.equal(network(tokens, lengths), network(tokens, lengths))
    network.train()
    assert not torch.equal(network(tokens, lengths), network(tokens, lengths))


def test_incomplete_options_are_refused():
    with pytest.raises(ConfigError, match="embedding, hidden or layers is not set"):
        build_network(
            ClassificationConfig(cell="gru", hidden=3, layers=1),
            classes=2, vocabulary=5, channels=0,
        )  # fmt: skip
    with pytest.raises(ConfigError, match="cell is not set"):
        build_network(ClassificationConfig(hidden=3, layers=1), classes=2, vocabulary=5, channels=0)


def test_disagreement_is_the_mean_of_both_divergences():
    from torch.nn import functional as F

    from suimon.tasks.classification.objective import disagreement

    torch.manual_seed(0)
    first, second = torch.randn(2, 5, 3)
    p, q = first.log_softmax(dim=1), second.log_softmax(dim=1)
    divergences = [F.kl_div(a, b, log_target=True, reduction="sum") for a, b in ((p, q), (q, p))]
    torch.testing.assert_close(disagreement(first, second), sum(divergences) / 2)
