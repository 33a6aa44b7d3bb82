"""Cells whose recurrence is linear, on the native linear recurrence."""

import torch
from torch import Tensor

from suimon.cells.base import Cell
from suimon.cells.linear import LinearCell
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.cpu.recurrence import linear_recurrence
from suimon.kernels.reference.schedule import restarts, valid_steps, zero_padding

_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def refuses(cell: Cell, request: ScanRequest) -> str | None:
    """Why ``request`` cannot be run, or ``None`` where it can."""
    kind = type(cell).__name__
    if request.recurrent_mask is not None:
        return f"{kind} has no recurrent product for recurrent_mask to act on"
    if unknown := set(request.zoneout or ()) - {"h"}:
        return f"zoneout names {', '.join(sorted(unknown))}, and {kind}'s state has h alone"
    if request.x.dtype not in _DTYPES:
        return f"the input has dtype {request.x.dtype}, which is none of {_DTYPES}"
    return None


def scan(request: ScanRequest) -> ScanResult:
    """Run a request that :func:`refuses` lets through.

    One product gives the coefficients of all steps. Zoneout and padding are folded into them,
    for they are linear too; the kernel itself restarts rows::

        zoneout    a <- keep + (1 - keep)*a,  b <- (1 - keep)*b
        padding    a <- 1, b <- 0  the state stays
    """
    cell = request.cell
    assert isinstance(cell, Cell)
    assert isinstance(cell, LinearCell)
    valid = valid_steps(request)
    weights = cell.weights() if request.weights is None else request.weights
    # Padding may hold anything; as zeros it cannot put NaN into a gradient.
    a, b, gates = cell.coefficients(zero_padding(request.x, valid), weights)  # (T, B, H)

    if request.zoneout:
        keep = request.zoneout["h"].to(a.dtype)
        a, b = keep + (1 - keep) * a, (1 - keep) * b
    if valid is not None:
        padding = ~valid[..., None]
        a, b = a.masked_fill(padding, 1), b.masked_fill(padding, 0)

    h = _recurrence(a, b, request.state.h, restarts(request, valid), request.reverse)
    # Copied, so that the state does not keep the whole sequence's memory.
    last = request.state.h if h.shape[0] == 0 else h[0 if request.reverse else -1]
    output = zero_padding(h, valid)
    trace = None
    if request.trace:
        trace = {name: zero_padding(gate, valid) for name, gate in gates.items()}
        trace["h"] = output.clone()  # changing the one in place must not change the other
    return ScanResult(output, type(request.state)(last.clone()), trace)


def _recurrence(a: Tensor, b: Tensor, h_0: Tensor, restart: Tensor | None, reverse: bool) -> Tensor:
    """All states ``(T, B, H)`` in the order of ``a``, in either direction of time."""
    if not reverse:
        return linear_recurrence(a, b, h_0, restart)
    backwards = None if restart is None else restart.flip(0)
    return linear_recurrence(a.flip(0), b.flip(0), h_0, backwards).flip(0)
