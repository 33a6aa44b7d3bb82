"""The gradient of a scan by running it again under autograd."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.flattening import differentiable_inputs, outputs, with_inputs


def gradients(
    scan: Callable[[ScanRequest], ScanResult],
    request: ScanRequest,
    wanted: Sequence[bool],
    output_gradients: Sequence[Tensor | None],
    create_graph: bool,
) -> list[Tensor | None]:
    """The gradient of every wanted input, ``None`` for the others.

    Args:
        scan: what to run and differentiate.
        request: the scan whose gradient is asked for.
        wanted: for each of :func:`differentiable_inputs`, whether it needs a gradient.
        output_gradients: for each of :func:`~suimon.kernels.flattening.outputs`, the gradient
            that arrived, ``None`` for zero.
        create_graph: whether the gradients are to be differentiated again.
    """
    with torch.enable_grad():
        # Inputs may depend on each other (x computed from h_0, say). A fresh view of each one
        # keeps a gradient from running through one input into the next, and keeps the history.
        tensors = [
            tensor.view_as(tensor) if create_graph else tensor.detach()
            for tensor in differentiable_inputs(request)
        ]
        for tensor, needed in zip(tensors, wanted, strict=True):
            if needed and not tensor.requires_grad:
                tensor.requires_grad_()
        results = outputs(scan(with_inputs(request, tensors)))
    pairs = [
        (result, gradient)
        for result, gradient in zip(results, output_gradients, strict=True)
        if gradient is not None and result.requires_grad
    ]
    chosen = [tensor for tensor, needed in zip(tensors, wanted, strict=True) if needed]
    if not pairs or not chosen:
        return [None] * len(tensors)
    found = iter(
        torch.autograd.grad(
            [result for result, _ in pairs],
            chosen,
            [gradient for _, gradient in pairs],
            create_graph=create_graph,
            allow_unused=True,
        )
    )
    return [next(found) if needed else None for needed in wanted]
