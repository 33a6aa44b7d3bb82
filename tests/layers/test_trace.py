"""trace=True: every gate and state of every step, on whatever backend runs."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from suimon.layers import GRU, LSTM, Recurrent
from tests.layers.pairs import H, I, tensors
from tests.layers.zoo import every_kind, random_state
from tests.tolerances import assert_close

T, B = 5, 4
LENGTHS = torch.tensor([2, 5, 0, 4])


@every_kind
@pytest.mark.parametrize("with_lengths", [False, True])
def test_a_trace_is_what_the_cells_do_step_by_step(make, with_lengths):
    layer = make(num_layers=2, bidirectional=True, dtype=torch.float64).eval()
    layer.zoneout = None  # a step of the cell alone knows none
    x, hx = torch.randn(T, B, I).double(), random_state(layer, B)
    lengths = LENGTHS if with_lengths else None
    output, state, trace = layer(x, hx, lengths=lengths, trace=True)
    plain_output, plain_state = layer(x, hx, lengths=lengths)
    assert_close(output, plain_output)
    assert_close(tensors(state), tensors(plain_state))
    assert [len(directions) for directions in trace] == [2, 2]
    fields = (hx,) if isinstance(hx, torch.Tensor) else hx
    for place in layer.places:
        k, d = place.layer, place.direction
        below = x if k == 0 else torch.cat([t[place.cell.output_field] for t in trace[k - 1]], -1)
        before = [field[2 * k + d] for field in fields]
        check_by_steps(place, place.weights(layer), below, before, trace[k][d], lengths)


def check_by_steps(place, weights, below, before, trace, lengths):
    for b in range(B):
        steps = list(range(T if lengths is None else int(lengths[b])))
        state = place.cell.State(*(field[b : b + 1] for field in before))
        for t in reversed(steps) if place.direction else steps:
            done = place.cell.transition(below[t, b : b + 1], state, weights)
            state = done.state
            assert list(done.gates) == list(trace)
            for name, gate in done.gates.items():
                assert_close(trace[name][t, b], gate[0])
        for value in trace.values():
            assert torch.equal(value[len(steps) :, b], torch.zeros_like(value[len(steps) :, b]))


def test_names_and_shapes():
    x = torch.randn(T, B, I)
    _, _, trace = LSTM(I, H, 3, bidirectional=True, batch_first=True)(x.transpose(0, 1), trace=True)
    assert len(trace) == 3
    for layer in trace:
        for direction in layer:
            assert list(direction) == ["i", "f", "g", "o", "c", "h"]
            assert all(value.shape == (T, B, H) for value in direction.values())
    _, _, trace = GRU(I, H)(x[:, 0], trace=True)
    assert {name: value.shape for name, value in trace[0][0].items()} == dict.fromkeys(
        "rznh", (T, H)
    )


def test_the_rows_of_a_packed_sequence_are_the_callers():
    layer = LSTM(I, H, bidirectional=True)
    x = torch.randn(T, B, I)
    lengths = LENGTHS.clamp(min=1)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    _, _, found = layer(packed, trace=True)
    _, _, expected = layer(x, lengths=lengths, trace=True)
    assert_close(tensors(found), tensors(expected))


@every_kind
def test_a_trace_has_gradients(make):
    layer = make(dtype=torch.float64).eval()
    x = torch.randn(T, B, I).double()

    def gradient(layer):
        _, _, trace = layer(x, lengths=LENGTHS, trace=True)
        total = sum(value.sin().sum() for value in tensors(trace))
        return torch.autograd.grad(total, layer.parameters())

    found = gradient(layer)
    layer.backend = "reference"
    assert_close(found, gradient(layer), scale=10)


def test_zoneout_shows_in_a_trace():
    """What is traced is the state that goes on, not the one that was refused."""
    layer = LSTM(I, H, zoneout=1.0)
    hx = (torch.randn(1, B, H), torch.randn(1, B, H))
    output, state, trace = layer(torch.randn(T, B, I), hx, trace=True)
    assert_close(state, hx)
    for name, field in zip("hc", hx, strict=True):
        assert_close(trace[0][0][name], field.expand(T, B, H))
    assert_close(output, hx[0].expand(T, B, H))


def test_a_cell_of_ones_own_traces_its_state():
    class Sum(torch.nn.Module):
        input_size = hidden_size = I

        def initial_state(self, batch_size):
            from suimon.cells import GRUState

            return GRUState(torch.zeros(batch_size, I))

        def step(self, x_t, state):
            total = x_t + state.h
            return 2 * total, type(state)(total)

    x = torch.randn(T, B, I)
    output, state, trace = Recurrent(Sum())(x, trace=True)
    assert_close(trace[0][0]["h"], x.cumsum(0))
    assert_close(output, 2 * x.cumsum(0))
    assert_close(state.h, x.sum(0, keepdim=True))
