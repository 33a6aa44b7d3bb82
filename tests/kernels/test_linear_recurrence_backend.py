"""The cpu backend against the reference: every option of a scan, forward and gradients."""

import itertools
from dataclasses import replace

import pytest
import torch

from suimon.cells import JordanCell, MinGRUCell, MinLSTMCell
from suimon.errors import BackendError
from suimon.kernels.api import ScanRequest
from suimon.kernels.cpu import CpuBackend
from suimon.kernels.reference import ReferenceBackend
from tests.kernels.linear_recurrence_cases import needs_native
from tests.tolerances import assert_close

pytestmark = needs_native
T, B, I, H = 6, 4, 3, 5
LENGTHS = torch.tensor([6, 0, 3, 1])
OPTIONS = list(itertools.product([False, True], repeat=4))  # lengths, reset, zoneout, reverse


def request(cell, *, lengths=False, reset=False, zoneout=False, reverse=False, steps=T):
    torch.manual_seed(7)
    marks = torch.rand(steps, B) < 0.3
    return ScanRequest(
        cell=cell,
        weights=cell.weights(),
        x=torch.randn(steps, B, I, dtype=torch.float64, requires_grad=True),
        state=cell.State(torch.randn(B, H, dtype=torch.float64, requires_grad=True)),
        lengths=LENGTHS.clamp(max=steps) if lengths else None,
        reset=marks if reset else None,
        zoneout={"h": torch.rand(steps, B, H).round()} if zoneout else None,
        reverse=reverse,
        trace=True,
    )


def answers(backend, asked):
    """Output, state, trace, and the gradients of input, state and weights."""
    result = backend.scan(asked)
    torch.manual_seed(8)
    everything = [result.output, *result.state, *result.trace.values()]
    value = sum((one * torch.randn(one.shape, dtype=one.dtype)).sum() for one in everything)
    leaves = [asked.x, *asked.state, *asked.weights.values()]
    return [*everything, *torch.autograd.grad(value, leaves)], list(result.trace)


@pytest.mark.parametrize("cell_class", [MinGRUCell, MinLSTMCell])
@pytest.mark.parametrize(("lengths", "reset", "zoneout", "reverse"), OPTIONS)
def test_it_answers_as_the_reference_does(cell_class, lengths, reset, zoneout, reverse):
    cell = cell_class(I, H, dtype=torch.float64)
    asked = request(cell, lengths=lengths, reset=reset, zoneout=zoneout, reverse=reverse)
    (actual, names), (expected, wanted) = (
        answers(backend, asked) for backend in (CpuBackend(), ReferenceBackend())
    )
    assert names == wanted
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("steps", [0, 1])
def test_no_step_and_one_step(steps):
    cell = MinGRUCell(I, H, dtype=torch.float64)
    asked = request(cell, steps=steps)
    (actual, _), (expected, _) = (
        answers(backend, asked) for backend in (CpuBackend(), ReferenceBackend())
    )
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other)
    assert CpuBackend().scan(asked).state.h.data_ptr() != asked.state.h.data_ptr()


def test_whatever_the_padding_holds_stays_out():
    cell = MinGRUCell(I, H, dtype=torch.float64)
    asked = request(cell, lengths=True)
    with torch.no_grad():
        asked.x[~(torch.arange(T)[:, None] < LENGTHS)] = torch.nan
    values, _ = answers(CpuBackend(), asked)
    assert all(value.isfinite().all() for value in values)


def across_a_restart(backend, reverse, spoil_state=False, spoil_gradient=False):
    """Output and gradients of input and state where step 3, of rows 0 and 2, starts anew."""
    asked = request(MinGRUCell(I, H, dtype=torch.float64), reverse=reverse)
    marks = torch.zeros(T, B, dtype=torch.bool)
    marks[3, 0] = marks[3, 2] = True
    asked = replace(asked, reset=marks)
    seed = torch.ones(T, B, H, dtype=torch.float64)
    bad = torch.tensor([torch.inf, -torch.inf, torch.nan, 1.0, 0.0]).double()
    if spoil_state:
        asked.state.h.detach()[0] = bad
    if spoil_gradient:
        seed[1 if reverse else 4, 0] = bad  # of a step that comes after the restart
    output = backend.scan(asked).output
    return output, torch.autograd.grad(output, [asked.x, asked.state.h], seed)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("spoilt", ["state", "gradient"])
def test_nothing_crosses_a_restart_infinite_or_not(spoilt, reverse):
    asked = {"reverse": reverse, f"spoil_{spoilt}": True}
    torch.manual_seed(3)
    expected = across_a_restart(ReferenceBackend(), **asked)
    torch.manual_seed(3)
    output, (grad_x, grad_h_0) = actual = across_a_restart(CpuBackend(), **asked)
    torch.testing.assert_close(actual, expected, equal_nan=True)
    before, after = slice(0, 3), slice(3, T)
    if reverse:
        before, after = after, before
    if spoilt == "state":
        assert not output[before, 0].isfinite().all()
        assert output[after].isfinite().all()
        assert grad_x[after].isfinite().all()
    else:
        assert not grad_x[after, 0].isfinite().all()
        assert grad_x[before].isfinite().all()
        assert grad_h_0.isfinite().all()


def test_output_state_and_trace_are_tensors_of_their_own():
    asked = request(MinGRUCell(I, H, dtype=torch.float64))
    with torch.no_grad():
        done, untouched = CpuBackend().scan(asked), CpuBackend().scan(asked)
        done.output.zero_()
        done.state.h.zero_()
    assert_close(done.trace, untouched.trace)


def test_what_it_cannot_run_it_refuses_with_the_reason():
    backend, cell = CpuBackend(), MinGRUCell(I, H)
    assert backend.unavailable() is None
    jordan = JordanCell(I, H)
    plain = {"weights": None, "x": torch.zeros(T, B, I)}
    asked = [
        (
            ScanRequest(jordan, state=jordan.initial_state(B), **plain),
            "JordanCell has no native kernel",
        ),
        (
            ScanRequest(
                cell, state=cell.initial_state(B), recurrent_mask=torch.ones(B, H), **plain
            ),
            "MinGRUCell has no recurrent product",
        ),
        (
            ScanRequest(cell, None, torch.zeros(T, B, I, device="meta"), cell.initial_state(B)),
            "the input is on meta, not on the CPU",
        ),
        (
            ScanRequest(cell, state=cell.initial_state(B), zoneout={"c": torch.zeros(())}, **plain),
            "zoneout names c, and MinGRUCell's state has h alone",
        ),
    ]
    for refused, reason in asked:
        assert reason in (backend.refuses(refused) or "")
        with pytest.raises(BackendError, match=f"backend 'cpu' cannot run this: .*{reason}"):
            backend.scan(refused)
