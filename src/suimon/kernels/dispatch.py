"""The one door to a scan: it sees to it that every torch transform gets the right answer."""

import torch

from suimon.cells import cell_classes
from suimon.errors import BackendError
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.flattening import differentiable_inputs
from suimon.kernels.operator import scan_as_one_node
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.resolver import run, run_on
from suimon.kernels.transforms import needs_plain_operations

REGISTERED = frozenset(cell_classes().values())
"""The cells that an operator's specification can name."""


def scan(
    request: ScanRequest, backend: str = "auto", checkpoint_time: int | None = None
) -> ScanResult:
    """One cell over one whole sequence, in one direction.

    Differentiable to any order, and right under every torch transform: ``torch.func`` and
    forward-mode AD run the definition, ``torch.compile`` and ``torch.export`` see one node for a
    built-in cell and the loop of the definition (its length fixed) for a user's own, and anything
    else runs on the backend that :func:`resolve` chooses.

    Args:
        request: the cell, its weights, the sequence, and what happens around each step.
        backend: a backend's name, or "auto" for the first that can.
        checkpoint_time: steps of a chunk, at least 1: backward runs one chunk after another again
            instead of keeping every step, see :mod:`suimon.kernels.checkpointing`. The definition
            and a compiled graph keep every step all the same. ``None``: keep every step.

    Raises:
        BackendError: where the backend asked for by name cannot run this, or none can.

    Example:
        >>> from suimon.cells import GRUCell
        >>> cell = GRUCell(3, 5)
        >>> request = ScanRequest(cell, cell.weights(), torch.ones(7, 2, 3), cell.initial_state(2))
        >>> scan(request).output.shape
        torch.Size([7, 2, 5])
    """
    if needs_plain_operations(differentiable_inputs(request)):
        return _scan_definition(request, backend, "a torch.func transform or forward-mode AD")
    if torch.compiler.is_compiling():
        if type(request.cell) not in REGISTERED:
            return _scan_definition(request, backend, "torch.compile of a cell of one's own")
        return scan_as_one_node(request, backend)
    return run(request, backend, checkpoint_time)


def _scan_definition(request: ScanRequest, backend: str, under: str) -> ScanResult:
    """Run the definition because of what the call is ``under``; any other backend refuses that."""
    if backend not in ("auto", "reference"):
        raise BackendError(
            f"backend {backend!r} cannot run under {under}; give backend='auto' or 'reference'"
        )
    # Not by way of the resolver: compilers look into this, and into every line on the way.
    return run_on(ReferenceBackend(), request)
