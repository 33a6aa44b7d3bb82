"""How fast: one scan, several backends, one resolver."""

from suimon.kernels.api import Backend, ScanRequest, ScanResult
from suimon.kernels.cpu import linear_recurrence
from suimon.kernels.dispatch import scan
from suimon.kernels.explanation import ExplainedScan, Explanation, PlacedScan, explain
from suimon.kernels.resolver import backends, resolve

__all__ = [
    "Backend",
    "ExplainedScan",
    "Explanation",
    "PlacedScan",
    "ScanRequest",
    "ScanResult",
    "backends",
    "explain",
    "linear_recurrence",
    "resolve",
    "scan",
]
