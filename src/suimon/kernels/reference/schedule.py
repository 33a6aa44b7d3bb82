"""What happens around each step of a scan: which rows are valid, restart, or keep their state."""

from typing import NamedTuple

import torch
from torch import Tensor

from suimon.cells.base import Cell, State
from suimon.kernels.api import ScanRequest


class Schedule(NamedTuple):
    """One entry a step, in the order of ``x``; ``None`` where a scan has no use for it.

    Attributes:
        valid: ``(B,)`` bool each: rows that take this step; the others keep their state.
        restart: ``(B,)`` bool each: rows whose state is thrown away before this step.
        keep: state field to the share of its old value that it keeps, ``(B, S)`` each.
    """

    valid: tuple[Tensor, ...] | None
    restart: tuple[Tensor, ...] | None
    keep: dict[str, tuple[Tensor, ...]]


def valid_steps(request: ScanRequest) -> Tensor | None:
    """``(T, B)`` bool, True where ``t < lengths[b]``; ``None`` where all steps are valid."""
    if request.lengths is None:
        return None
    steps = torch.arange(request.x.shape[0], device=request.lengths.device)
    return steps[:, None] < request.lengths[None, :]


def restarts(request: ScanRequest, valid: Tensor | None) -> Tensor | None:
    """``(T, B)`` bool, True where the state restarts just before step ``t`` is taken.

    A mark in the padding is void: the state that a row ends with is that of its last valid step.
    """
    if request.reset is None:
        return None
    marks = request.reset if valid is None else request.reset & valid
    if not request.reverse:
        return marks
    # Backwards, step t follows step t + 1, whose mark tells whether a sequence started there.
    return torch.cat([marks[1:], torch.zeros_like(marks[:1])])


def schedule(request: ScanRequest, valid: Tensor | None) -> Schedule:
    """The masks of a request, cut into steps; ``T >= 1``."""
    restart = restarts(request, valid)
    T, B = request.x.shape[:2]
    keep = {}
    for name, share in (request.zoneout or {}).items():
        state = getattr(request.state, name)
        share = share.to(state.dtype).expand(T, B, *state.shape[1:])
        keep[name] = share.unbind(0)
    return Schedule(
        valid=None if valid is None else valid.unbind(0),
        restart=None if restart is None else restart.unbind(0),
        keep=keep,
    )


def fresh_state(request: ScanRequest) -> State:
    """What a restart puts in place of the state: zeros, or what a user's cell begins with."""
    if request.reset is None:
        return None
    if not isinstance(request.cell, Cell):
        return request.cell.initial_state(request.x.shape[1])
    return type(request.state)(*(torch.zeros_like(field) for field in request.state))


def choose(rows: Tensor, first: State, second: State) -> State:
    """A state whose rows are those of ``first`` where ``rows (B,)`` is True, else of ``second``."""
    return type(first)(
        *(torch.where(_over(rows, a), a, b) for a, b in zip(first, second, strict=True))
    )


def blend(keep: dict[str, Tensor], old: State, new: State) -> State:
    """``new`` with ``keep*old + (1 - keep)*new`` in the fields that ``keep`` names."""
    fields = {
        name: share * getattr(old, name) + (1 - share) * getattr(new, name)
        for name, share in keep.items()
    }
    return new._replace(**fields)


def zero_padding(values: Tensor, valid: Tensor | None) -> Tensor:
    """``values (T, B, …)`` with zeros where a step is not valid."""
    if valid is None:
        return values
    return values.masked_fill(_over(~valid, values), 0)


def _over(mask: Tensor, values: Tensor) -> Tensor:
    """``mask`` with axes of size 1 added at its end, so that it broadcasts over ``values``."""
    return mask.reshape(mask.shape + (1,) * (values.dim() - mask.dim()))
