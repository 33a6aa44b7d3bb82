"""A scan in chunks of time, each run again in backward instead of every step being kept.

A scan keeps some ten numbers a unit and step until its backward pass. In chunks of K steps it keeps
the input, the output, and the state at each chunk's beginning; backward goes through the chunks
from the last taken to the first, keeps the steps of one at a time, and sums up what each adds to
the gradient of a weight. That costs a second forward pass.

Source: M. Gruslys and others (2016), Memory-efficient backpropagation through time, with the states
at even distances.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from suimon.cells.base import Cell, State
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.autocast import autocast_dtype
from suimon.kernels.chunks import Chunk, ScanFunction, along_time, chunks, entering, part_of
from suimon.kernels.differentiation import gradients
from suimon.kernels.flattening import differentiable_inputs, with_inputs
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.transforms import needs_plain_operations


def scan_in_chunks(scan: ScanFunction, request: ScanRequest, steps: int) -> ScanResult:
    """``scan(request)`` with its memory bounded: backward runs chunks of ``steps`` steps again.

    A trace is whole, and costs what it holds. A derivative of the gradient is that of the
    definition, every step of it kept.

    Args:
        scan: what runs a request, differentiable by autograd.
        request: what to run.
        steps: K, at least 1; the least memory is where K is near the square root of T.
    """
    if request.x.shape[0] <= steps:
        return scan(request)
    if not isinstance(request.cell, Cell):
        return _scan_own_cell(scan, request, steps)
    if request.weights is None:
        request = replace(request, weights=request.cell.weights())
    done: Any = _Chunks.apply(scan, request, steps, *differentiable_inputs(request))
    names, *results = done
    fields = 1 + len(request.state)
    trace = dict(zip(names, results[fields:], strict=True)) if request.trace else None
    return ScanResult(results[0], type(request.state)(*results[1:fields]), trace)


class _Chunks(torch.autograd.Function):
    """The names of a trace, then all outputs of a scan, from all of its differentiable inputs."""

    @staticmethod
    def forward(
        ctx: Any, scan: ScanFunction, request: ScanRequest, steps: int, *tensors: Tensor
    ) -> tuple[Any, ...]:
        ctx.set_materialize_grads(False)
        ctx.scan, ctx.request, ctx.steps = scan, request, steps
        ctx.autocast = autocast_dtype(request)
        # Detached, or autocast would keep casts of the weights that have no gradient, and give
        # them to whoever uses the same weights next.
        request = with_inputs(request, [tensor.detach() for tensor in tensors])
        state, before = request.state, []
        whole: list[Tensor] = []
        names: tuple[str, ...] = ()
        for chunk in chunks(request, steps):
            before.extend(state)
            done = entering(scan, chunk)(part_of(request, chunk, state))
            state, trace = done.state, done.trace or {}
            pieces = [done.output, *trace.values()]
            if not whole:
                T, names = request.x.shape[0], tuple(trace)
                whole = [piece.new_empty(T, *piece.shape[1:]) for piece in pieces]
            for sequence, piece in zip(whole, pieces, strict=True):
                sequence[chunk.start : chunk.stop] = piece
        ctx.save_for_backward(*tensors, *before[len(state) :])
        return names, whole[0], *state, *whole[1:]

    @staticmethod
    def backward(ctx: Any, _: None, *arrived: Tensor | None) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[3:]
        inputs, later = ctx.saved_tensors[: len(needed)], ctx.saved_tensors[len(needed) :]
        request = with_inputs(ctx.request, inputs)
        present = [gradient for gradient in arrived if gradient is not None]
        if torch.is_grad_enabled() or needs_plain_operations(present):
            definition = _as_in_forward(ctx, ReferenceBackend().scan)
            found = gradients(definition, request, needed, arrived, torch.is_grad_enabled())
        else:
            fields = len(request.state)
            states = [request.state] + [
                type(request.state)(*later[n : n + fields]) for n in range(0, len(later), fields)
            ]
            parts = list(zip(chunks(request, ctx.steps), states, strict=True))
            scan = _as_in_forward(ctx, ctx.scan)
            found = _chunk_by_chunk(scan, request, parts, needed, arrived)
        return None, None, None, *found


def _chunk_by_chunk(
    scan: ScanFunction,
    request: ScanRequest,
    parts: list[tuple[Chunk, State]],
    needed: Sequence[bool],
    arrived: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """The gradients of a scan's inputs, with the steps of one chunk in memory at a time.

    Args:
        scan: what runs a chunk.
        request: the whole scan.
        parts: each chunk and the state before it, in the order in which time runs.
        needed: for each of :func:`differentiable_inputs`, whether it needs a gradient.
        arrived: for each of :func:`~suimon.kernels.flattening.outputs`, the gradient that
            arrived, ``None`` for zero.
    """
    of_state = slice(1, 1 + len(request.state))
    gathered = _Gathered(request)
    grad_output, *grad_trace = arrived[0], *arrived[of_state.stop :]
    grad_state = list(arrived[of_state])
    for chunk, state in reversed(parts):
        wanted = list(needed)
        if state is not request.state:
            wanted[of_state] = [True] * len(grad_state)
        along = [
            None if gradient is None else gradient[chunk.start : chunk.stop]
            for gradient in (grad_output, *grad_trace)
        ]
        found = gradients(
            entering(scan, chunk),
            part_of(request, chunk, state),
            wanted,
            [along[0], *grad_state, *along[1:]],
            create_graph=False,
        )
        grad_state = found[of_state]
        found[of_state] = [None] * len(grad_state)  # goes to the chunk before, not into a sum
        gathered.add(chunk, found)
    found = gathered.gradients()
    found[of_state] = grad_state
    return found


class _Gathered:
    """The gradients of a scan's inputs, put together from those of its chunks."""

    def __init__(self, request: ScanRequest) -> None:
        self._inputs = differentiable_inputs(request)
        self._along_time = along_time(request)
        self._found: list[Tensor | None] = [None] * len(self._inputs)

    def add(self, chunk: Chunk, gradients: Sequence[Tensor | None]) -> None:
        """Put a chunk's part of a sequence in its place, and add what it gives to all else."""
        for n, gradient in enumerate(gradients):
            if gradient is None:
                continue
            into = self._found[n]
            if into is None:
                dtype = gradient.dtype
                if not self._along_time[n]:
                    # Thousands of bfloat16 terms would stop adding up.
                    dtype = torch.promote_types(dtype, torch.float32)
                into = self._found[n] = torch.zeros_like(self._inputs[n], dtype=dtype)
            if self._along_time[n]:
                into[chunk.start : chunk.stop] = gradient
            else:
                into += gradient

    def gradients(self) -> list[Tensor | None]:
        """Each in the dtype of its input, ``None`` where no chunk gave any."""
        return [
            found if found is None else found.to(like.dtype)
            for found, like in zip(self._found, self._inputs, strict=True)
        ]


def _scan_own_cell(scan: ScanFunction, request: ScanRequest, steps: int) -> ScanResult:
    """Chunks of a user's own cell, by torch's own checkpoints.

    Where such a cell has its weights from, and whether it draws at random, only torch's hooks can
    tell.
    """
    from torch.utils.checkpoint import checkpoint

    # One node for all pieces: the gradient of each slice would be as long as x.
    pieces, state, done = request.x.split(steps), request.state, []
    for chunk in chunks(request, steps):
        part = part_of(request, chunk, state)

        def run(x: Tensor, *fields: Tensor, chunk: Chunk = chunk, part: Any = part) -> ScanResult:
            return entering(scan, chunk)(replace(part, x=x, state=type(part.state)(*fields)))

        x = pieces[chunk.start // steps]
        result: Any = checkpoint(run, x, *state, use_reentrant=False)
        state = result.state
        done.append(result)
    if request.reverse:
        done.reverse()
    trace = None
    if request.trace:
        trace = {name: torch.cat([each.trace[name] for each in done]) for name in done[0].trace}
    return ScanResult(torch.cat([each.output for each in done]), state, trace)


def _as_in_forward(ctx: Any, scan: ScanFunction) -> ScanFunction:
    """``scan`` under the autocast of the forward pass."""
    device, dtype = ctx.request.x.device.type, ctx.autocast

    def run(part: ScanRequest) -> ScanResult:
        # Once a chunk, for on leaving it autocast drops its casts of the chunk's weights.
        with torch.autocast(device, dtype=dtype, enabled=dtype is not None):
            return scan(part)

    return run
