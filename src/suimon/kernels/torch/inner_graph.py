"""A second derivative for fused operators that have only a first one (cuDNN, MPS).

The operator runs under an autograd graph of its own. An ordinary backward pass goes through that
graph; one that is itself to be differentiated goes through the definition instead.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.differentiation import gradients
from suimon.kernels.flattening import differentiable_inputs, outputs, with_inputs
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.transforms import needs_plain_operations

ScanFunction = Callable[[ScanRequest], ScanResult]


def scan_twice_differentiable(scan: ScanFunction, request: ScanRequest) -> ScanResult:
    """``scan(request)``, without trace, differentiable to any order."""
    inputs = differentiable_inputs(request)
    output, *state = _InnerGraph.apply(scan, request, *inputs)
    return ScanResult(output, type(request.state)(*state))


class _InnerGraph(torch.autograd.Function):
    """All outputs of a scan, from all of its differentiable inputs."""

    @staticmethod
    def forward(
        ctx: Any, scan: ScanFunction, request: ScanRequest, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        needed = ctx.needs_input_grad[2:]
        with torch.enable_grad():
            # Detached tensors share memory and version with those they stand for, so that
            # changing one in place before backward is an error here as elsewhere.
            inner = [
                tensor.detach().requires_grad_(n) for tensor, n in zip(tensors, needed, strict=True)
            ]
            results = outputs(scan(with_inputs(request, inner)))
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)
        ctx.request, ctx.inner, ctx.results = request, inner, results
        return tuple(result.detach() for result in results)

    @staticmethod
    def backward(ctx: Any, *arrived: Tensor | None) -> tuple[Tensor | None, ...]:
        tensors, needed = ctx.saved_tensors, ctx.needs_input_grad[2:]
        present = [gradient for gradient in arrived if gradient is not None]
        if torch.is_grad_enabled() or needs_plain_operations(present):
            request = with_inputs(ctx.request, tensors)
            scan_definition = ReferenceBackend().scan
            found = gradients(scan_definition, request, needed, arrived, torch.is_grad_enabled())
            return None, None, *found
        pairs = [
            (result, gradient)
            for result, gradient in zip(ctx.results, arrived, strict=True)
            if gradient is not None and result.requires_grad
        ]
        retained = torch._C._autograd._get_current_graph_task_keep_graph()  # pyright: ignore
        found = torch.autograd.grad(
            [result for result, _ in pairs],
            [tensor for tensor in ctx.inner if tensor.requires_grad],
            [gradient for _, gradient in pairs],
            retain_graph=retained,
            allow_unused=True,
        )
        if not retained:
            ctx.inner = ctx.results = None  # memory goes back when autograd gives back its own
        supply = iter(found)
        return None, None, *(next(supply) if n else None for n in needed)
