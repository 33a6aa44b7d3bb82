"""Which backend each scan of a layer takes, and why not one that is asked before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from suimon.cells import Cell
from suimon.errors import BackendError, ConfigError
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.autocast import autocast_dtype
from suimon.kernels.resolver import resolve


class PlacedScan(NamedTuple):
    """A scan that a layer is going to ask for.

    Attributes:
        layer: which layer of the stack, 0 to L - 1.
        direction: 0 forwards, 1 backwards.
        request: the scan; what an earlier scan computes stands there as zeros.
        backend: the name asked for, or "auto".
    """

    layer: int
    direction: int
    request: ScanRequest
    backend: str


@runtime_checkable
class AsksForScans(Protocol):
    """What can be explained: a layer that tells its scans without running them."""

    def scans(self, input: Any = None, **options: Any) -> Sequence[PlacedScan]:
        """The scans of a forward pass on ``input``, in the order in which they are run."""
        ...


@dataclass(frozen=True)
class ExplainedScan:
    """What becomes of one scan.

    Attributes:
        layer: which layer of the stack, 0 to L - 1.
        direction: 0 forwards, 1 backwards.
        backend: name of the backend that runs it; ``None``: none can, and a forward pass raises
            :class:`~suimon.errors.BackendError`.
        reason: why this one: that it was asked for, or why those asked before it cannot.
    """

    layer: int
    direction: int
    backend: str | None
    reason: str

    def __str__(self) -> str:
        way = "backwards" if self.direction else "forwards"
        return f"layer {self.layer} {way}: {self.reason}"


@dataclass(frozen=True)
class Explanation:
    """What becomes of every scan of a layer; as text, one line a scan.

    Attributes:
        scans: in the order in which they are run.
    """

    scans: tuple[ExplainedScan, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.scans))


def explain(layer: Any, input: Any = None, **options: Any) -> Explanation:
    """Which backend would run each layer and direction of ``layer``, and why.

    Nothing recurrent is run, and no random number of the caller's is used up. The answer is for
    the modes that the layer and torch are in now: training or evaluation, autocast.

    Args:
        layer: a layer of :mod:`suimon.layers`.
        input: what the layer would be called with; ``None``: two steps of zeros in one row, in
            the dtype and on the device of the weights.
        options: further arguments of the layer's call: ``hx``, ``lengths``, ``reset``, ``trace``.

    Raises:
        ConfigError: where ``layer`` is none of suimon's.
        ShapeError: where the layer's call would raise it.

    Example:
        >>> from suimon.layers import LSTM
        >>> print(explain(LSTM(3, 5, peephole=True, backend="reference")))
        layer 0 forwards: reference: asked for by name
    """
    if not isinstance(layer, AsksForScans):
        raise ConfigError(
            f"layer is a {type(layer).__name__}; give a layer of suimon.layers, such as the one "
            f"inside your model"
        )
    return Explanation(tuple(_explained(scan) for scan in layer.scans(input, **options)))


def without_running(request: ScanRequest) -> ScanResult:
    """A result of the shapes and dtypes of ``request``'s, the output zeros, without a trace."""
    cell, dtype = request.cell, request.x.dtype
    if isinstance(cell, Cell):
        dtype = autocast_dtype(request) or dtype
    width = getattr(cell, "output_size", cell.hidden_size)
    output = request.x.new_zeros(*request.x.shape[:2], width, dtype=dtype)  # (T, B, O)
    return ScanResult(output, request.state)


def _explained(scan: PlacedScan) -> ExplainedScan:
    try:
        backend, reason = resolve(scan.request, scan.backend)
    except BackendError as error:
        return ExplainedScan(scan.layer, scan.direction, None, str(error))
    return ExplainedScan(scan.layer, scan.direction, backend.name, reason)
