"""Layers above each other: what stands between them, put together by hand."""

import torch
import torch.nn.functional as F

from suimon.cells import GRUCell, JordanCell, LSTMCell
from suimon.layers import GRU, LSTM, Recurrent
from suimon.layers.stack import LayerResult, run_stack
from tests.layers.pairs import H, I, tensors
from tests.tolerances import assert_close

T, B = 5, 3


def single(layer, k, cls, width):
    """Layer ``k`` of a stack as a layer of its own."""
    alone = cls(width, H, bidirectional=layer.bidirectional)
    names = {name: name.replace("_l0", f"_l{k}") for name in alone.state_dict()}
    alone.load_state_dict({name: layer.state_dict()[own] for name, own in names.items()})
    return alone


def test_a_stack_is_its_layers():
    layer = LSTM(I, H, 3, bidirectional=True)
    x, outputs, states = torch.randn(T, B, I), [], []
    for k in range(3):
        y, state = single(layer, k, LSTM, I if k == 0 else 2 * H)(outputs[-1] if k else x)
        outputs.append(y)
        states.append(state)
    output, state = layer(x)
    assert_close(output, outputs[-1])
    assert_close(state, tuple(torch.cat(fields) for fields in zip(*states, strict=True)))


def test_norm_and_residual_between_layers():
    layer = GRU(I, H, 3, norm_between=True, residual=True)
    with torch.no_grad():
        for norm in layer.norms:
            norm.weight.uniform_(0.5, 2.0)
            norm.bias.uniform_(-1.0, 1.0)
    x = torch.randn(T, B, I)
    x_1, _ = single(layer, 0, GRU, I)(x)
    y_1, _ = single(layer, 1, GRU, H)(layer.norms[0](x_1))
    x_2 = y_1 + x_1
    y_2, _ = single(layer, 2, GRU, H)(layer.norms[1](x_2))
    output, h_n = layer(x)
    assert_close(output, y_2 + x_2)
    assert_close(h_n, torch.stack([x_1[-1], y_1[-1], y_2[-1]]))
    assert len(layer.norms) == 2
    assert layer.norms[0].weight.shape == (H,)


def test_padding_stays_zero_through_norms_and_sums():
    layer = GRU(I, H, 3, bidirectional=True, norm_between=True, residual=True)
    with torch.no_grad():
        layer.norms[0].bias.fill_(3.0)
    output, _ = layer(torch.randn(T, B, I), lengths=[2, 0, 5])
    assert torch.equal(output[2:, 0], torch.zeros(3, 2 * H))
    assert torch.equal(output[:, 1], torch.zeros(T, 2 * H))
    assert output[:, 2].all()


def test_dropout_is_between_layers_alone():
    """With everything dropped, the second layer sees zeros, and its own output is whole."""
    layer = GRU(I, H, 2, dropout=1.0)
    output, _ = layer(torch.randn(T, B, I))
    expected, _ = single(layer, 1, GRU, H)(torch.zeros(T, B, H))
    assert_close(output, expected)


def test_the_loop_over_depth_alone():
    doubled = [lambda x, k=k: LayerResult(x * 2, [k], [None]) for k in range(3)]
    done = run_stack(doubled, torch.ones(2), norms=[torch.neg, torch.neg], residual=True)
    # 1 -> 2; 2*(-2) + 2 = -2; 2*2 - 2 = 2
    assert_close(done.output, torch.full((2,), 2.0))
    assert done.states == [[0], [1], [2]]
    dropped = run_stack(doubled, torch.ones(10_000), dropout=0.5)
    assert set(dropped.output.tolist()) == {0.0, 32.0}  # 2**3, doubled where kept twice
    share = dropped.output.count_nonzero() / 10_000
    torch.testing.assert_close(share, torch.tensor(0.25), atol=0.03, rtol=0)


def test_recurrent_builds_further_layers_like_the_cell_given():
    cell = LSTMCell(I, H, peephole=True, dtype=torch.float64)
    layer = Recurrent(cell, 2, bidirectional=True)
    assert layer.weight_ih_l0 is cell.weight_ih
    assert layer.weight_ih_l1_reverse.shape == (4 * H, 2 * H)
    assert layer.peephole_o_l1.dtype == torch.float64
    x = torch.randn(T, B, I).double()
    output, state = layer(x)
    assert output.shape == (T, B, 2 * H)
    assert isinstance(state, cell.State)
    assert state.c.shape == (4, B, H)
    again, _ = layer(x, state)
    assert not torch.equal(again, output)


def test_recurrent_with_a_function_draws_as_the_drop_in_does():
    torch.manual_seed(4)
    layer = Recurrent(lambda width: GRUCell(width, H), 2, input_size=I, bidirectional=True)
    torch.manual_seed(4)
    gru = GRU(I, H, 2, bidirectional=True)
    assert_close(layer.state_dict(), gru.state_dict())
    x = torch.randn(T, B, I)
    assert_close(tensors(layer(x)), tensors(gru(x)))


def test_the_output_of_a_jordan_layer_is_as_wide_as_its_state():
    layer = Recurrent(JordanCell(I, H, output_size=2), 2, bidirectional=True)
    output, state = layer(torch.randn(T, B, I))
    assert output.shape == (T, B, 4)
    assert state._fields == ("y",)
    assert state.y.shape == (4, B, 2)
    assert layer.weight_ih_l1.shape == (H, 4)


def test_dropout_is_torchs_of_the_layer_below():
    layer = GRU(I, H, 2, dropout=0.5)
    below, above = single(layer, 0, GRU, I), single(layer, 1, GRU, H)
    x = torch.randn(T, B, I)
    torch.manual_seed(6)
    output, _ = layer(x)
    torch.manual_seed(6)
    assert_close(output, above(F.dropout(below(x)[0], 0.5))[0])
