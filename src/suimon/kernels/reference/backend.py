"""The reference backend: a Python loop over a cell's own definition."""

from collections.abc import Callable

import torch
from torch import Tensor

from suimon.cells.base import Cell, State, Transition
from suimon.errors import BackendError
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.reference.schedule import (
    blend,
    choose,
    fresh_state,
    schedule,
    valid_steps,
    zero_padding,
)
from suimon.shapes import LayerTrace

StepFunction = Callable[[Tensor, State], Transition]


class ReferenceBackend:
    """Runs every cell everywhere, by the definition; slow, and what the others are proved against.

    It is made of differentiable tensor operations and of Python control flow that depends on
    shapes alone, so that autograd (any order), ``torch.func`` and ``torch.compile`` see through
    it.
    """

    name = "reference"

    def unavailable(self) -> str | None:
        """Why this backend cannot run on this machine: it always can."""
        return None

    def refuses(self, request: ScanRequest) -> str | None:
        """Why this request cannot be run, or ``None`` where it can."""
        cell, kind = request.cell, type(request.cell).__name__
        if request.recurrent_mask is not None:
            if not isinstance(cell, Cell):
                return (
                    f"recurrent_mask needs a cell that knows its recurrent product, and "
                    f"{kind} has step alone; drop units inside its step"
                )
            if "weight_hh" not in cell.parameter_shapes():
                return f"{kind} has no recurrent product for recurrent_mask to act on"
        for field in request.zoneout or {}:
            if field not in request.state._fields:
                has = ", ".join(request.state._fields)
                return f"zoneout names {field!r}, which is no field of {kind}'s state ({has})"
        if request.zoneout and not hasattr(cell, "output_field"):
            return (
                f"zoneout needs to know which field of the state is {kind}'s output; "
                f"name it in an attribute output_field of the cell"
            )
        return None

    def scan(self, request: ScanRequest) -> ScanResult:
        """Run a request, see :class:`~suimon.kernels.api.ScanRequest`.

        Raises:
            BackendError: where :meth:`refuses` gives a reason.
        """
        reason = self.refuses(request)
        if reason is not None:
            raise BackendError(f"backend 'reference' cannot run this: {reason}")
        step = _step_function(request)
        if request.x.shape[0] == 0:
            return _no_steps(request, step)

        valid = valid_steps(request)
        outputs, gates, final = _loop(request, valid, step)
        output = zero_padding(torch.stack(outputs), valid)  # (T, B, O)
        trace = None
        if request.trace:
            trace = {
                name: zero_padding(torch.stack([step_gates[name] for step_gates in gates]), valid)
                for name in gates[0]
            }
        if not isinstance(request.cell, Cell):
            # A user's step may hand on the very tensor it was given.
            final = type(final)(*(field.clone() for field in final))
        return ScanResult(output, final, trace)


def _step_function(request: ScanRequest) -> StepFunction:
    """One step of the request's cell, gates included."""
    cell = request.cell
    if isinstance(cell, Cell):
        weights = cell.weights() if request.weights is None else request.weights
        mask = request.recurrent_mask
        return lambda x_t, state: cell.transition(x_t, state, weights, mask)

    def own_step(x_t: Tensor, state: State) -> Transition:
        output, new = cell.step(x_t, state)
        return Transition(output, new, new._asdict())

    return own_step


def _loop(
    request: ScanRequest, valid: Tensor | None, step: StepFunction
) -> tuple[list[Tensor], list[LayerTrace], State]:
    """Output and (for a trace) gates of every step in the order of ``x``, and the final state."""
    plan = schedule(request, valid)
    # Padding may hold anything; as zeros it cannot put NaN into a gradient.
    xs = zero_padding(request.x, valid).unbind(0)  # T of (B, I); x[t] makes backward quadratic
    state, fresh = request.state, fresh_state(request)
    outputs: list[Tensor] = []
    gates: list[LayerTrace] = []
    for t in reversed(range(len(xs))) if request.reverse else range(len(xs)):
        if plan.restart is not None:
            state = choose(plan.restart[t], fresh, state)
        done = step(xs[t], state)
        if plan.keep:
            keep = {name: shares[t] for name, shares in plan.keep.items()}
            done = _zoned_out(keep, state, done, request)
        state = done.state if plan.valid is None else choose(plan.valid[t], done.state, state)
        outputs.append(done.output)
        if request.trace:
            gates.append(done.gates)
    if request.reverse:
        outputs.reverse()
        gates.reverse()
    return outputs, gates, state


def _zoned_out(
    keep: dict[str, Tensor], old: State, done: Transition, request: ScanRequest
) -> Transition:
    """A step with zoneout applied to its state, and output and trace telling of that state."""
    state = blend(keep, old, done.state)
    real = {name: getattr(state, name) for name in keep if name in done.gates}
    output = getattr(state, request.cell.output_field)  # pyright: ignore
    return Transition(output, state, {**done.gates, **real})


def _no_steps(request: ScanRequest, step: StepFunction) -> ScanResult:
    """The answer for T = 0: nothing but the shapes, and a copy of the state."""
    # One step on zeros shows the shapes; a sum over no steps keeps the result in x's graph.
    shown = step(request.x.sum(0), request.state)
    state = type(request.state)(*(field.clone() for field in request.state))
    trace = {name: gate[None][:0] for name, gate in shown.gates.items()} if request.trace else None
    return ScanResult(shown.output[None][:0], state, trace)
