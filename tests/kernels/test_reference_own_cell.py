"""A cell that a user wrote: a module with four members, and nothing of ours."""

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch import nn

from suimon.cells import ElmanCell, RecurrentCell
from suimon.errors import BackendError
from suimon.kernels.api import ScanRequest
from suimon.kernels.reference import ReferenceBackend
from tests.tolerances import assert_close

T, B, I, H = 5, 3, 2, 4
reference = ReferenceBackend()


class CounterState(NamedTuple):
    h: torch.Tensor
    count: torch.Tensor


class Counting(nn.Module):
    """A leaky integrator that also counts its steps, and starts where it has learned to."""

    def __init__(self):
        super().__init__()
        self.input_size, self.hidden_size = I, H
        self.inward = nn.Linear(I, H, dtype=torch.float64)
        self.start = nn.Parameter(torch.randn(H).double())

    def initial_state(self, batch_size):
        return CounterState(self.start.expand(batch_size, H), torch.zeros(batch_size, 1).double())

    def step(self, x_t, state):
        h_t = 0.5 * state.h + self.inward(x_t)
        return h_t.sin(), CounterState(h_t, state.count + 1)


class Still(nn.Module):
    """Says what it hears and hands its state on untouched."""

    input_size = hidden_size = I

    def initial_state(self, batch_size):
        return CounterState(
            torch.zeros(batch_size, I).double(), torch.zeros(batch_size, 1).double()
        )

    def step(self, x_t, state):
        return x_t, state


def ask(cell, **parts):
    x = torch.randn(T, B, I).double()
    return replace(ScanRequest(cell, None, x, cell.initial_state(B)), **parts)


def test_scan_is_its_steps():
    cell = Counting()
    assert isinstance(cell, RecurrentCell)
    request = ask(cell, trace=True)
    done = reference.scan(request)
    state, hs = request.state, []
    for t, x_t in enumerate(request.x):
        output, state = cell.step(x_t, state)
        hs.append(state.h)
        assert torch.equal(done.output[t], output)
    assert torch.equal(done.state.h, state.h)
    assert list(done.trace) == ["h", "count"]
    assert torch.equal(done.trace["h"], torch.stack(hs))
    assert done.trace["count"][:, 0, 0].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_freeze_and_resets_return_to_its_own_start(reverse):
    cell = Counting()
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[2, 0] = True
    request = ask(cell, lengths=torch.tensor([T, 2, 0]), reset=reset, reverse=reverse, trace=True)
    done = reference.scan(request)
    assert done.state.count[:, 0].tolist() == [2 if reverse else 3, 2, 0]
    assert torch.equal(done.state.h[2], cell.start)
    assert (done.output[2:, 1] == 0).all()
    # Just after the restart the state is what one step makes of the learned start.
    after = 1 if reverse else 2
    expected = 0.5 * cell.start + cell.inward(request.x[after, 0])
    assert_close(done.trace["h"][after, 0], expected)
    gradient = torch.autograd.grad(done.trace["h"][after, 0].sum(), cell.start)[0]
    assert_close(gradient, torch.full((H,), 0.5).double())


def test_results_are_copies_even_where_the_cell_makes_none():
    cell = Still()
    request = ask(cell, trace=True)
    done = reference.scan(request)
    assert torch.equal(done.output, request.x)
    owned = {v.data_ptr() for v in (request.x, *request.state)}
    assert all(v.data_ptr() not in owned for v in (done.output, *done.state, *done.trace.values()))


def test_no_steps():
    cell = Counting()
    done = reference.scan(ask(cell, x=torch.zeros(0, B, I).double(), trace=True))
    assert done.output.shape == (0, B, H)
    assert_close(done.state.h, cell.start.expand(B, H))
    assert done.trace["count"].shape == (0, B, 1)


def test_zoneout_needs_the_field_of_the_output():
    keep = {"h": torch.ones(()).double()}
    request = ask(Counting(), zoneout=keep)
    with pytest.raises(BackendError, match=r"which field .* Counting's output; .* output_field"):
        reference.scan(request)

    class Naming(nn.Module):
        """Elman's network once more, naming the field of its output."""

        input_size, hidden_size, output_field = I, H, "h"

        def __init__(self):
            super().__init__()
            self.inner = ElmanCell(I, H, dtype=torch.float64)

        def initial_state(self, batch_size):
            return self.inner.initial_state(batch_size)

        def step(self, x_t, state):
            return self.inner.step(x_t, state)

    cell = Naming()
    request = ask(cell, zoneout={"h": torch.full((), 0.3).double()})
    inner = replace(request, cell=cell.inner, weights=cell.inner.weights())
    done, expected = reference.scan(request), reference.scan(inner)
    assert torch.equal(done.output, expected.output)
    assert torch.equal(done.state.h, done.output[-1])


def test_recurrent_mask_is_refused():
    request = ask(Counting(), recurrent_mask=torch.ones(B, H))
    with pytest.raises(BackendError, match="Counting has step alone; drop units inside its step"):
        reference.scan(request)


def test_gradients():
    cell = Counting()
    request = ask(cell, lengths=torch.tensor([T, 2, 0]), reset=torch.rand(T, B) < 0.3)

    def outcome(x, h):
        done = reference.scan(replace(request, x=x, state=request.state._replace(h=h)))
        return done.output, done.state.h

    leaves = [request.x.requires_grad_(), torch.randn(B, H).double().requires_grad_()]
    assert torch.autograd.gradcheck(outcome, leaves)
