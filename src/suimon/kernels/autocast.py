"""What a scan does under ``torch.autocast``: products in the low precision, sums in the weights'.

The rule is one for all built-in cells and backends: a state is carried in the weights' dtype
while time runs, and what comes out (output, state, trace) has autocast's dtype, as
``torch.nn.LSTM`` has it. Float64 is left alone, as autocast leaves it.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from suimon.kernels.api import ScanRequest, ScanResult


def autocast_is_on(device: torch.device) -> bool:
    """Whether autocast is on for tensors on ``device``."""
    return device.type != "meta" and torch.is_autocast_enabled(device.type)


def autocast_dtype(request: ScanRequest) -> torch.dtype | None:
    """The dtype that autocast, where it is on, gives to the products of ``request``."""
    if request.x.dtype == torch.float64 or not autocast_is_on(request.x.device):
        return None
    return torch.get_autocast_dtype(request.x.device.type)


def scan_under_autocast(
    scan: Callable[[ScanRequest], ScanResult], request: ScanRequest, dtype: torch.dtype
) -> ScanResult:
    """Run ``scan`` with the state in the weights' dtype, and give its result in ``dtype``."""
    carried = next(iter((request.weights or {}).values()), request.x).dtype
    done = scan(replace(request, state=_cast(request.state, carried)))
    trace = done.trace and {name: value.to(dtype) for name, value in done.trace.items()}
    return ScanResult(done.output.to(dtype), _cast(done.state, dtype), trace)


def _cast(state: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    return type(state)(*(field.to(dtype) for field in state))
