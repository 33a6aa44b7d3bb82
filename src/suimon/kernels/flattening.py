"""A scan's tensors as flat lists, which is how autograd functions and operators take them."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from suimon.kernels.api import ScanRequest, ScanResult


def differentiable_inputs(request: ScanRequest) -> list[Tensor]:
    """Every tensor of ``request`` that can have a gradient.

    In order: x, the state's fields, the weights, the recurrent mask and the zoneout shares where
    there are any.
    """
    mask = () if request.recurrent_mask is None else (request.recurrent_mask,)
    weights = () if request.weights is None else request.weights.values()
    zoneout = () if request.zoneout is None else request.zoneout.values()
    return [request.x, *request.state, *weights, *mask, *zoneout]


def with_inputs(request: ScanRequest, tensors: Sequence[Tensor]) -> ScanRequest:
    """``request`` with other tensors, given in the order of :func:`differentiable_inputs`."""
    supply = iter(tensors)
    x = next(supply)
    state = type(request.state)(*(next(supply) for _ in request.state))
    weights = None if request.weights is None else {name: next(supply) for name in request.weights}
    mask = None if request.recurrent_mask is None else next(supply)
    zoneout = None if request.zoneout is None else {name: next(supply) for name in request.zoneout}
    return replace(request, x=x, state=state, weights=weights, recurrent_mask=mask, zoneout=zoneout)


def outputs(result: ScanResult) -> list[Tensor]:
    """Every tensor of ``result``: the output, the state's fields, the trace where there is one."""
    return [result.output, *result.state, *(result.trace or {}).values()]
