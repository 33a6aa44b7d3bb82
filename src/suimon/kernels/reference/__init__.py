"""The definition itself, run as a loop over time: any cell, any device, any transform."""

from suimon.kernels.reference.backend import ReferenceBackend

__all__ = ["ReferenceBackend"]
