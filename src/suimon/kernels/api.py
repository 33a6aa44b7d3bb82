"""What a backend is asked and what it answers: one cell over one whole sequence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from suimon.cells.base import RecurrentCell, State
from suimon.shapes import LayerTrace, Weights


@dataclass(frozen=True)
class ScanRequest:
    """One cell, one direction, one layer, all time steps.

    The recurrence, for every row ``b`` and every step ``t`` that is valid (``t < lengths[b]``)::

        state      <- cell.initial_state               where reset[t, b] (zeros, if built-in)
        new        <- cell.transition(x[t], state, weights, recurrent_mask)
        state[f]   <- keep[f]*state[f] + (1-keep[f])*new[f]      for fields f in zoneout
        output[t]  <- the new output (after zoneout), or zeros where t is not valid

    With ``reverse`` time runs from the end of each row's valid part to its start; a reset at ``t``
    still marks the first step of a sequence, so the state restarts between ``t`` and ``t - 1``.

    Attributes:
        cell: the definition; a built-in :class:`~suimon.cells.base.Cell` or a user's own.
        weights: the cell's tensors by name; ``None`` for a user's cell, which owns its weights.
        x: ``(T, B, I)``.
        state: the state before the first step, each field ``(B, S)``.
        lengths: ``(B,)`` int64, valid steps of each row, 0 to T; ``None``: all T.
        reset: ``(T, B)`` bool; ``None``: never.
        recurrent_mask: ``(B, H)``, see :meth:`~suimon.cells.base.Cell.transition`.
        zoneout: state field to its share of the previous value, broadcastable to ``(T, B, S)``:
            drawn 0 or 1 in training, the probability itself in evaluation.
        reverse: run time backwards.
        trace: also return every gate and state.
    """

    cell: RecurrentCell
    weights: Weights | None
    x: Tensor
    state: State
    lengths: Tensor | None = None
    reset: Tensor | None = None
    recurrent_mask: Tensor | None = None
    zoneout: Mapping[str, Tensor] | None = None
    reverse: bool = False
    trace: bool = False


@dataclass(frozen=True)
class ScanResult:
    """The answer to a :class:`ScanRequest`.

    Attributes:
        output: ``(T, B, O)``, zeros where a step is not valid.
        state: each field ``(B, S)``, after each row's last valid step (the given state for a row
            of length 0). Never an alias of an input.
        trace: name to ``(T, B, S)``; ``None`` unless asked for. Zeros where a step is not valid.
    """

    output: Tensor
    state: State
    trace: LayerTrace | None = None


class Backend(Protocol):
    """A way to run scans fast. One folder of ``kernels/`` each."""

    name: str

    def unavailable(self) -> str | None:
        """Why this backend cannot run on this machine at all, or ``None`` where it can."""
        ...

    def refuses(self, request: ScanRequest) -> str | None:
        """Why this backend cannot run this request, or ``None`` where it can."""
        ...

    def scan(self, request: ScanRequest) -> ScanResult:
        """Run it; differentiable by autograd."""
        ...
