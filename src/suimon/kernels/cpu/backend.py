"""The cpu backend: which scans the native kernels take, and which module runs them."""

from types import ModuleType

from suimon.cells import Cell, ElmanCell, GRUCell, LSTMCell
from suimon.errors import BackendError
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.cpu import linear, sequence
from suimon.kernels.cpu.native import why_missing


class CpuBackend:
    """Runs Elman, LSTM and GRU, and the cells whose recurrence is linear, in C++."""

    name = "cpu"

    def unavailable(self) -> str | None:
        """Why the native kernels cannot run on this machine, or ``None`` where they can."""
        return why_missing()

    def refuses(self, request: ScanRequest) -> str | None:
        """Why this request cannot be run, or ``None`` where it can."""
        cell = request.cell
        kernel = _kernel_of(cell)
        if kernel is None:
            return f"{type(cell).__name__} has no native kernel yet"
        if request.x.device.type != "cpu":
            return f"the input is on {request.x.device}, not on the CPU"
        return kernel.refuses(cell, request)

    def scan(self, request: ScanRequest) -> ScanResult:
        """Run a request, see :class:`~suimon.kernels.api.ScanRequest`.

        Raises:
            BackendError: where :meth:`refuses` gives a reason.
        """
        reason = self.refuses(request)
        if reason is not None:
            raise BackendError(f"backend 'cpu' cannot run this: {reason}")
        kernel = _kernel_of(request.cell)
        assert kernel is not None
        return kernel.scan(request)


def _kernel_of(cell: object) -> ModuleType | None:
    """The module here that runs such cells."""
    if type(cell) in (ElmanCell, LSTMCell, GRUCell):
        return sequence
    # As isinstance(cell, LinearCell), but faster.
    return linear if isinstance(cell, Cell) and hasattr(cell, "coefficients") else None
