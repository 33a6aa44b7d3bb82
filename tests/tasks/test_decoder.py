"""A decoder step by step is the decoder over whole sentences, whatever it looks at."""

from functools import partial

import pytest
import torch
from torch import nn

from suimon.cells import cell_class
from suimon.errors import ShapeError
from suimon.inference.session import map_state
from suimon.layers import Recurrent
from suimon.layers.attention import AdditiveAttention, MultiplicativeAttention
from suimon.tasks.decoder import Decoder, InitialState
from tests.tolerances import assert_close

ATTENTIONS = {
    "none": lambda: None,
    "additive": lambda: AdditiveAttention(5, 6, 4),
    "multiplicative": lambda: MultiplicativeAttention(5, 6),
}
LENGTHS = torch.tensor([7, 3, 5])
POSITIONS = torch.tensor([4, 8, 1])


def make(attention: str, cell: str = "gru", *, feeding: bool = False, **options) -> Decoder:
    stack = Recurrent(
        partial(cell_class(cell), hidden_size=5), 2, input_size=4 + (5 if feeding else 0)
    )
    return Decoder(
        nn.Embedding(9, 4),
        stack,
        features=5,
        attention=ATTENTIONS[attention](),
        input_feeding=feeding,
        **options,
    ).double()


def given(decoder: Decoder, rows: int = 3):
    """Tokens, a first state and a memory, all with gradients."""
    tokens = torch.randint(9, (7, rows))
    widths = InitialState(3, decoder.recurrent).double()
    state = widths(torch.randn(rows, 3).double())
    values = torch.randn(8, rows, 6).double().requires_grad_()
    memory = None
    if decoder.attention is not None:
        memory = decoder.attention.remember(values, POSITIONS[:rows])
    return tokens, decoder.begin(state), memory


def valid(features, lengths=LENGTHS):
    return torch.cat([features[:length, row] for row, length in enumerate(lengths.tolist())])


@pytest.mark.parametrize("cell", ["gru", "lstm", "elman"])
@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
def test_step_by_step_is_the_whole_sentence_forward_and_gradient(attention, cell):
    decoder = make(attention, cell)
    tokens, state, memory = given(decoder)
    whole = decoder(tokens, state, memory, lengths=LENGTHS)
    single = decoder._step_by_step(tokens, state, memory, LENGTHS, 1.0)
    assert_close(valid(whole.features), valid(single.features))
    assert_close(tuple(whole.state.recurrent), tuple(single.state.recurrent))
    gradients = [
        torch.autograd.grad(
            valid(decoder.scores(done.features)).square().sum(),
            tuple(decoder.parameters()),
            retain_graph=True,
        )
        for done in (whole, single)
    ]
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("feeding", [False, True])
@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
def test_the_step_of_inference_is_the_whole_sentence(attention, feeding):
    decoder = make(attention, "lstm", feeding=feeding)
    tokens, state, memory = given(decoder)
    whole = decoder(tokens, state, memory)
    for t in range(len(tokens)):
        logits, state, weights = decoder.step(tokens[t], state, memory)
        assert_close(logits, decoder.scores(whole.features[t]))
        if whole.weights is not None:
            assert_close(weights, whole.weights[t])


@pytest.mark.parametrize("feeding", [False, True])
@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
def test_a_row_among_longer_ones_is_read_as_by_itself(attention, feeding):
    decoder = make(attention, feeding=feeding)
    tokens, state, memory = given(decoder)
    together = decoder(tokens, state, memory, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        own = map_state(lambda t, row=row: t[..., row : row + 1, :], state)
        alone = None
        if memory is not None:
            values = memory.values[: POSITIONS[row], row : row + 1]
            alone = decoder.attention.remember(values)  # pyright: ignore
        one = decoder(tokens[:length, row : row + 1], own, alone)
        assert_close(one.features[:, 0], together.features[:length, row])
        assert_close(
            tuple(field[:, 0] for field in one.state.recurrent),
            tuple(field[:, row] for field in together.state.recurrent),
        )


def test_several_hypotheses_of_a_row_share_its_memory():
    decoder = make("additive", feeding=True)
    tokens, state, memory = given(decoder)
    expected, _, looked = decoder.step(tokens[0], state, memory)
    thrice = map_state(lambda t: t.repeat(*[1] * (t.dim() - 2), 3, 1), state)
    logits, _, weights = decoder.step(tokens[0].repeat(3), thrice, memory)
    assert_close(logits, expected.repeat(3, 1))
    assert looked is not None
    assert_close(weights, looked.repeat(3, 1))


def test_input_feeding_reads_the_features_of_the_step_before():
    decoder = make("multiplicative", feeding=True)
    tokens, state, memory = given(decoder)
    done = decoder(tokens, state, memory)
    fed = torch.cat([torch.zeros(1, 3, 5).double(), done.features[:-1]])
    inputs = torch.cat([decoder.embedding(tokens), fed], dim=-1)
    output, _ = decoder.recurrent(inputs, state.recurrent)
    context, _ = decoder.attention(output, memory)  # pyright: ignore[reportOptionalCall]
    expected = decoder.combine(torch.cat([output, context], dim=-1)).tanh()
    assert_close(done.features, expected)


def test_without_teacher_forcing_each_step_reads_what_was_likeliest_before():
    decoder = make("additive")
    tokens, state, memory = given(decoder)
    free = decoder(tokens, state, memory, teacher_forcing_ratio=0.0)
    said = [tokens[0]]
    for found in free.features[:-1]:
        said.append(decoder.scores(found).argmax(dim=-1))
    forced = decoder(torch.stack(said), state, memory)
    assert_close(free.features, forced.features)


def test_the_share_of_true_units_read_is_the_ratio():
    decoder = make("none")
    nn.init.zeros_(decoder.head.weight)
    with torch.no_grad():
        decoder.head.bias.copy_(torch.arange(9.0) == 8)  # unit 8 is always the likeliest
    read = []
    decoder.embedding.register_forward_hook(lambda _, inputs, __: read.append(inputs[0]))
    tokens = torch.zeros(300, 10, dtype=torch.long)
    decoder(tokens, decoder.begin((torch.zeros(2, 10, 5).double(),)), teacher_forcing_ratio=0.3)
    assert not read[0].any()
    share = (torch.stack(read[1:]) == 0).double().mean().item()
    assert share == pytest.approx(0.3, abs=0.03)  # four deviations of 2,990 draws


def test_tied_weights_are_one_and_need_one_width():
    stack = Recurrent(partial(cell_class("gru"), hidden_size=5), input_size=4)
    decoder = Decoder(nn.Embedding(9, 4), stack, features=4, tie_weights=True)
    assert decoder.head.weight is decoder.embedding.weight
    with pytest.raises(ShapeError, match="features is 5 and the embedding is 4 wide"):
        Decoder(nn.Embedding(9, 4), stack, features=5, tie_weights=True)


def test_dropout_acts_in_training_alone():
    decoder = make("additive", input_dropout=0.5, output_dropout=0.5)
    tokens, state, memory = given(decoder)

    def scores():
        return decoder.scores(decoder(tokens, state, memory).features)

    assert not torch.equal(scores(), scores())
    decoder.eval()
    assert torch.equal(scores(), scores())


def test_the_first_state_by_hand():
    stack = Recurrent(partial(cell_class("lstm"), hidden_size=5), 2, input_size=4)
    first = InitialState(3, stack)
    vector = torch.randn(6, 3)
    h, c = first(vector)
    weight, bias = first.fields[1].weight, first.fields[1].bias  # pyright: ignore
    expected = torch.tanh(vector @ weight[5:].T + bias[5:])  # pyright: ignore
    assert h.shape == (2, 6, 5)
    assert_close(c[1], expected)
