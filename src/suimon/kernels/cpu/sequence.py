"""Elman, LSTM and GRU on the native kernel: which scans it takes, and how autograd sees them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from suimon.cells import Cell
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.autocast import autocast_dtype
from suimon.kernels.cpu.native import multiplies_bf16
from suimon.kernels.cpu.passes import Saved, backward, forward, parts_of, trace_of
from suimon.kernels.cpu.phases import Kept
from suimon.kernels.differentiation import gradients
from suimon.kernels.flattening import differentiable_inputs, with_inputs
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.transforms import needs_plain_operations
from suimon.shapes import LayerTrace


def refuses(cell: Cell, request: ScanRequest) -> str | None:
    """Why the kernel cannot run ``request``, or ``None`` where it can."""
    weights = cell.weights() if request.weights is None else request.weights
    if any(weight.dtype != torch.float32 for weight in weights.values()):
        return "the native kernel's weights are float32"
    products = autocast_dtype(request) or request.x.dtype
    if products == torch.bfloat16 and not multiplies_bf16():
        return "this machine has no products of bfloat16 (AVX512-BF16 or AMX)"
    if products not in (torch.float32, torch.bfloat16):
        return f"the native kernel multiplies float32 or bfloat16, not {products}"
    if request.x.dtype != torch.float32 and autocast_dtype(request) is None:
        return f"the input has dtype {request.x.dtype} and the weights have float32"
    unknown = set(request.zoneout or ()) - set(cell.state_sizes())
    if unknown:
        return f"zoneout names {', '.join(sorted(unknown))}, no field of {cell.kind}'s state"
    shares = [request.recurrent_mask, *(request.zoneout or {}).values()]
    if torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in shares):
        return "a gradient is asked for of the recurrent mask or of a zoneout share"
    return None


def scan(request: ScanRequest) -> ScanResult:
    """Run a request that :func:`refuses` lets through; differentiable to any order."""
    if request.x.shape[0] == 1 and not torch.is_grad_enabled():
        # Packing the weights takes longer than one step does.
        return ReferenceBackend().scan(request)
    if request.x.numel() == 0:
        return ReferenceBackend().scan(request)  # no step to take, fast or slowly
    inputs = differentiable_inputs(request)
    recording = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    fields = type(request.state)
    if not recording and not request.trace:
        _, output, state = forward(request, history=False)
        return ScanResult(output, fields(*state))
    results: Any = _Sequence.apply(request, *inputs)
    output, *rest = results
    state, steps = rest[: len(request.state)], rest[len(request.state) :]
    trace: LayerTrace | None = None
    if request.trace:
        trace = dict(zip(_traced(request), (*steps, output.clone()), strict=True))
    return ScanResult(output, fields(*state), trace)


def _traced(request: ScanRequest) -> list[str]:
    """The names of a trace, ``h`` last: it is a copy of the output."""
    _, form, _ = parts_of(request)
    names = [name for name in form.kept if name is not None and name != "h"]
    return [*names, *(["c"] if form.carry == "c" else []), "h"]


class _Sequence(torch.autograd.Function):
    """Output, last state, and the trace where asked for, from a scan's differentiable inputs."""

    @staticmethod
    def forward(ctx: Any, request: ScanRequest, *tensors: Tensor) -> tuple[Tensor, ...]:
        (saved, kept), output, state = forward(request, history=True)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *saved, *kept)
        ctx.request, ctx.autocast = request, autocast_dtype(request)
        steps = trace_of(request, saved) if request.trace else []
        return output, *state, *steps

    @staticmethod
    def backward(ctx: Any, *arrived: Tensor | None) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[1:]
        inputs, left = ctx.saved_tensors[: len(needed)], ctx.saved_tensors[len(needed) :]
        parts = Saved(*left[: len(Saved._fields)]), Kept(*left[len(Saved._fields) :])
        request = with_inputs(ctx.request, inputs)
        main = 1 + len(request.state)  # the output and the state; what follows is the trace
        present = [gradient for gradient in arrived if gradient is not None]
        twice = torch.is_grad_enabled() or needs_plain_operations(present)
        if twice or any(gradient is not None for gradient in arrived[main:]):
            return None, *_of_definition(request, arrived, needed, ctx.autocast)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            found = backward(request, parts, arrived[:main], needed)
        asked = (grad if need else None for grad, need in zip(found, needed, strict=True))
        return None, *asked


def _of_definition(
    request: ScanRequest, arrived: Sequence[Tensor | None], needed: Any, autocast: Any
) -> list[Tensor | None]:
    """Gradients that are to be differentiated again, or that came through the trace."""

    def definition(request: ScanRequest) -> ScanResult:
        with torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
            return ReferenceBackend().scan(request)

    if request.trace:
        arrived = [*arrived, None]  # h of the trace is a copy of the output, made afterwards
    return gradients(definition, request, needed, arrived, torch.is_grad_enabled())
