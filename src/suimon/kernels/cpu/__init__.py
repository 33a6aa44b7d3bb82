"""Native C++ kernels for the processor, and the backend that runs cells on them."""

from suimon.kernels.cpu.backend import CpuBackend
from suimon.kernels.cpu.recurrence import linear_recurrence

__all__ = ["CpuBackend", "linear_recurrence"]
