"""A scan as text: what an operator's node in a graph needs to know beside its tensors."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch
from torch.utils import _python_dispatch

from suimon.cells import Cell, cell_from_options
from suimon.kernels.api import ScanRequest
from suimon.kernels.transforms import constant_when_compiling


@dataclass(frozen=True)
class ScanSpecification:
    """Everything of a :class:`~suimon.kernels.api.ScanRequest` that is no tensor.

    Attributes:
        kind: registry name of the cell.
        options: its constructor's arguments, as pairs sorted by name.
        zoneout: the state fields that have zoneout, in the order of their tensors.
        reverse: run time backwards.
        trace: also return every gate and state.
        backend: the name asked for, or ``"auto"``.
        autocast: dtype of the products under autocast, e.g. ``"bfloat16"``; ``None``: no autocast.
    """

    kind: str
    options: tuple[tuple[str, Any], ...]
    zoneout: tuple[str, ...]
    reverse: bool
    trace: bool
    backend: str
    autocast: str | None

    @property
    def cell(self) -> Cell:
        """The definition, its weights on the meta device."""
        return _meta_cell(self.kind, self.options)

    @property
    def autocast_dtype(self) -> torch.dtype | None:
        """``autocast`` as torch's dtype."""
        return getattr(torch, self.autocast) if self.autocast else None

    def trace_widths(self) -> dict[str, int]:
        """Name to width S of everything in the trace ``(T, B, S)``; empty where none is asked."""
        return _trace_widths(self.kind, self.options) if self.trace else {}


def specification_text(request: ScanRequest, backend: str, autocast: torch.dtype | None) -> str:
    """The JSON text of ``request``, whose cell is a built-in one."""
    cell = request.cell
    assert isinstance(cell, Cell)
    return _encode(
        cell.kind,
        tuple(sorted(cell.options().items())),
        tuple(request.zoneout or ()),
        request.reverse,
        request.trace,
        backend,
        None if autocast is None else str(autocast).removeprefix("torch."),
    )


@constant_when_compiling
def _encode(*fields: Any) -> str:
    specification = ScanSpecification(*fields)
    return json.dumps(asdict(specification) | {"options": dict(specification.options)})


@cache
def specification_from(text: str) -> ScanSpecification:
    """The specification that :func:`specification_text` wrote."""
    fields = json.loads(text)
    options = tuple(sorted(fields.pop("options").items()))
    zoneout = tuple(fields.pop("zoneout"))
    return ScanSpecification(options=options, zoneout=zoneout, **fields)


@constant_when_compiling
def trace_names(text: str) -> tuple[str, ...]:
    """The names of a trace, in the order in which the operator returns its tensors."""
    return tuple(specification_from(text).trace_widths())


@cache
def _meta_cell(kind: str, options: tuple[tuple[str, Any], ...]) -> Cell:
    # Modes are a compiler's tracing in progress; this cell outlives it.
    with _python_dispatch._disable_current_modes():
        return cell_from_options(kind, {**dict(options), "device": "meta"})


@cache
def _trace_widths(kind: str, options: tuple[tuple[str, Any], ...]) -> dict[str, int]:
    cell = _meta_cell(kind, options)
    with _python_dispatch._disable_current_modes(), torch.no_grad():
        x_t = torch.zeros(1, cell.input_size, device="meta")
        gates = cell.transition(x_t, cell.initial_state(1), cell.weights()).gates
    return {name: value.shape[-1] for name, value in gates.items()}
