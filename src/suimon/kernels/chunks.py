"""A scan cut along time: each piece a scan of its own, the state handed from one to the next."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from suimon.cells.base import State
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.flattening import differentiable_inputs, with_inputs
from suimon.kernels.reference.schedule import choose, fresh_state

ScanFunction = Callable[[ScanRequest], ScanResult]


class Chunk(NamedTuple):
    """Some steps of a scan.

    Attributes:
        start: the first step, in the order of ``x``.
        stop: the step after the last.
        restart: ``(B,)`` bool: rows whose state restarts as time, backwards, comes to this chunk;
            ``None``: none. (Other restarts are those of the chunk's own marks.)
    """

    start: int
    stop: int
    restart: Tensor | None


def chunks(request: ScanRequest, steps: int) -> list[Chunk]:
    """``request`` cut into chunks of ``steps`` steps, in the order in which time runs."""
    T = request.x.shape[0]
    found = []
    for start in range(0, T, steps):
        stop, restart = min(start + steps, T), None
        if request.reverse and request.reset is not None and stop < T:
            # Backwards the state restarts after a marked step: here the later chunk's first.
            restart = request.reset[stop]
            if request.lengths is not None:
                restart = restart & (stop < request.lengths)
        found.append(Chunk(start, stop, restart))
    return found[::-1] if request.reverse else found


def part_of(request: ScanRequest, chunk: Chunk, state: State) -> ScanRequest:
    """The scan of one chunk alone, from ``state``; see :func:`entering` for its first restart."""
    start, stop = chunk.start, chunk.stop
    tensors = zip(differentiable_inputs(request), along_time(request), strict=True)
    part = with_inputs(request, [each[start:stop] if along else each for each, along in tensors])
    lengths, reset = request.lengths, request.reset
    return replace(
        part,
        state=state,
        lengths=None if lengths is None else (lengths - start).clamp(0, stop - start),
        reset=None if reset is None else reset[start:stop],
    )


def along_time(request: ScanRequest) -> list[bool]:
    """For each of :func:`differentiable_inputs`, whether its first axis is time; ``T > 1``."""
    shares = (request.zoneout or {}).values()
    others = len(differentiable_inputs(request)) - 1 - len(shares)
    return [
        True,
        *(False for _ in range(others)),
        *(share.dim() == 3 and share.shape[0] > 1 for share in shares),
    ]


def entering(scan: ScanFunction, chunk: Chunk) -> ScanFunction:
    """``scan`` of a chunk, whose state restarts first in the rows that the chunk names."""
    rows = chunk.restart
    if rows is None:
        return scan

    def enter(part: ScanRequest) -> ScanResult:
        return scan(replace(part, state=choose(rows, fresh_state(part), part.state)))

    return enter
