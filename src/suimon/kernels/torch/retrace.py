"""The trace of a plain cell, recomputed from its output without a loop over time.

A plain cell's gates at step t are a function of ``x_t`` and ``h_{t-1}``, and the output is ``h``.
So one evaluation of the definition, with all steps side by side as one batch, gives every gate;
the memory cell of an LSTM is then a linear recurrence of its gates.
"""

from dataclasses import replace

import torch
from torch import Tensor

from suimon.cells import Cell
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.cpu import linear_recurrence
from suimon.kernels.reference.schedule import valid_steps, zero_padding


def with_trace(request: ScanRequest, done: ScanResult) -> ScanResult:
    """``done`` with the trace of the plain cell that gave it; ``T >= 1``."""
    cell = request.cell
    assert isinstance(cell, Cell)
    weights = cell.weights() if request.weights is None else request.weights
    valid = valid_steps(request)
    x = zero_padding(request.x, valid).flatten(0, 1)  # (T*B, I)
    # No gate of a plain cell looks at c, so its place may hold anything.
    fields = {
        name: x.new_zeros(x.shape[0], size, dtype=getattr(request.state, name).dtype)
        for name, size in cell.state_sizes().items()
    }
    fields["h"] = _previous(request, done.output).flatten(0, 1)
    flat = cell.transition(x, cell.State(**fields), weights).gates
    T, B = request.x.shape[:2]
    gates = {name: gate.unflatten(0, (T, B)) for name, gate in flat.items()}
    gates["h"] = done.output.clone()  # changing the one in place must not change the other
    if "c" in gates:
        gates["c"] = _memory(request, gates["f"], gates["i"] * gates["g"], valid)
    return replace(done, trace={name: zero_padding(gate, valid) for name, gate in gates.items()})


def _previous(request: ScanRequest, output: Tensor) -> Tensor:
    """``h`` before each step, ``(T, B, S)``, in the order of ``x``."""
    before = request.state.h[None].to(output.dtype)
    if not request.reverse:
        return torch.cat([before, output[:-1]])
    after = torch.cat([output[1:], before])
    if request.lengths is None:
        return after
    # Backwards, the first step of a row is the last of its valid part.
    steps = torch.arange(output.shape[0], device=request.lengths.device)
    first = steps[:, None] == request.lengths - 1  # (T, B)
    return torch.where(first[..., None], before, after)


def _memory(request: ScanRequest, kept: Tensor, written: Tensor, valid: Tensor | None) -> Tensor:
    """``c_t = f_t*c_{t-1} + i_t*g_t``, ``(T, B, H)``."""
    if valid is not None:
        # Over padding the memory stays, so that backwards it arrives at the valid part unchanged.
        kept = kept.masked_fill(~valid[..., None], 1)
        written = written.masked_fill(~valid[..., None], 0)
    if not request.reverse:
        return linear_recurrence(kept, written, request.state.c)
    return linear_recurrence(kept.flip(0), written.flip(0), request.state.c).flip(0)
