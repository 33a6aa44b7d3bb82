"""The LSTM on the native kernel: which scans it takes, the forward and the backward pass.

The kernel runs what depends on the step before. What does not is a single product over all steps,
left to torch: the gradients of the weights and of the input, from that of the gates.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from suimon.cells import LSTMCell
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.autocast import autocast_dtype
from suimon.kernels.cpu import pages
from suimon.kernels.cpu.blocks import (
    LANES,
    in_blocks,
    in_columns,
    of_units,
    out_of_blocks,
    round_up,
    wide,
    without_padding,
)
from suimon.kernels.cpu.native import arrays, instruction_set, multiplies_bf16
from suimon.kernels.differentiation import gradients
from suimon.kernels.flattening import differentiable_inputs, with_inputs
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.reference.schedule import restarts, valid_steps, zero_padding
from suimon.kernels.transforms import needs_plain_operations
from suimon.shapes import LayerTrace, Weights

PLAIN = {
    "forget_gate": True,
    "peephole": False,
    "coupled": False,
    "layer_norm": False,
    "proj_size": 0,
}
"""The options that the kernel has so far, and their values."""

TRACED = ("i", "f", "g", "o", "c", "h")
SKIP, RESTART = 1, 2  # marks, as src/lstm.h has them
PANEL = 64  # units that the backward product does at once
PAIRED = 32  # bfloat16 products take so many entries at once
APART = 32  # rows a power of two apart fall on each other in a cache; these entries keep them off


def refuses(cell: LSTMCell, request: ScanRequest) -> str | None:
    """Why the kernel cannot run ``request``, or ``None`` where it can."""
    for option, value in PLAIN.items():
        if getattr(cell, option) != value:
            return f"the native LSTM is for {option}={value} so far"
    if request.recurrent_mask is not None:
        return "the native LSTM has no recurrent dropout (recurrent_mask) so far"
    if request.zoneout:
        return "the native LSTM has no zoneout so far"
    weights = cell.weights() if request.weights is None else request.weights
    if any(weight.dtype != torch.float32 for weight in weights.values()):
        return "the native LSTM's weights are float32"
    products = autocast_dtype(request) or request.x.dtype
    if products == torch.bfloat16 and not multiplies_bf16():
        return "this machine has no products of bfloat16 (AVX512-BF16 or AMX)"
    if products not in (torch.float32, torch.bfloat16):
        return f"the native LSTM multiplies float32 or bfloat16, not {products}"
    if request.x.dtype != torch.float32 and autocast_dtype(request) is None:
        return f"the input has dtype {request.x.dtype} and the weights have float32"
    return None


def scan(request: ScanRequest) -> ScanResult:
    """Run a request of an LSTM that :func:`refuses` lets through; differentiable to any order."""
    if request.x.shape[0] == 1 and not torch.is_grad_enabled():
        # Packing the weights takes longer than one step does.
        return ReferenceBackend().scan(request)
    if request.x.numel() == 0:
        return ReferenceBackend().scan(request)  # no step to take, fast or slowly
    inputs = differentiable_inputs(request)
    recording = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    if not recording and not request.trace:
        _, output, h_n, c_n = _forward(request, history=False)
        return ScanResult(output, type(request.state)(h_n, c_n))
    results: Any = _Sequence.apply(request, *inputs)
    output, h_n, c_n, *steps = results
    trace: LayerTrace | None = None
    if request.trace:
        trace = dict(zip(TRACED, (*steps, output.clone()), strict=True))
    return ScanResult(output, type(request.state)(h_n, c_n), trace)


class _Saved(NamedTuple):
    """What the forward pass leaves to the backward pass, beside its inputs.

    Attributes:
        x: ``(T, B, X)``, zeros in the padding and beyond I, in the dtype of the products.
        h_before: ``(T, B, S)``, the state that entered each step, in that dtype; S >= U.
        gates: ``(T, U/16, B, 4, 16)`` float32, U the units rounded up to whole blocks.
        c: ``(T, U/16, B, 16)`` float32.
        c_0: ``(U/16, B, 16)`` float32.
        marks: ``(T, B)`` uint8, or ``None``.
    """

    x: Tensor
    h_before: Tensor
    gates: Tensor | None
    c: Tensor | None
    c_0: Tensor
    marks: Tensor | None


class _Sequence(torch.autograd.Function):
    """Output, last state, and the trace where asked for, from a scan's differentiable inputs."""

    @staticmethod
    def forward(ctx: Any, request: ScanRequest, *tensors: Tensor) -> tuple[Tensor, ...]:
        saved, output, h_n, c_n = _forward(request, history=True)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *saved)
        ctx.request, ctx.autocast = request, autocast_dtype(request)
        steps = _trace(saved, output.shape[-1]) if request.trace else []
        return output, h_n, c_n, *steps

    @staticmethod
    def backward(ctx: Any, *arrived: Tensor | None) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[1:]
        inputs, saved = ctx.saved_tensors[: len(needed)], ctx.saved_tensors[len(needed) :]
        request = with_inputs(ctx.request, inputs)
        present = [gradient for gradient in arrived if gradient is not None]
        twice = torch.is_grad_enabled() or needs_plain_operations(present)
        if twice or any(gradient is not None for gradient in arrived[3:]):
            return None, *_of_definition(request, arrived, needed, ctx.autocast)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            found = _backward(request, _Saved(*saved), arrived[:3], needed)
        return None, *(grad if need else None for grad, need in zip(found, needed, strict=True))


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


def _forward(request: ScanRequest, history: bool) -> tuple[_Saved, Tensor, Tensor, Tensor]:
    """What backward needs, the output ``(T, B, H)``, and the last h and c ``(B, H)``.

    Without ``history`` the gates and c of the steps are neither kept nor in what backward needs.
    """
    from suimon.kernels.cpu import _native

    cell, weights = _cell_and_weights(request)
    T, B = request.x.shape[:2]
    H, U = cell.hidden_size, round_up(cell.hidden_size, LANES)
    dtype = autocast_dtype(request) or torch.float32
    side = PAIRED if dtype == torch.bfloat16 else 1
    X, S = round_up(cell.input_size, side), round_up(U, side)
    valid = valid_steps(request)
    marks = _marks(request, valid)
    x = wide(zero_padding(request.x, valid).to(dtype), X)
    first = T - 1 if request.reverse else 0
    h_0 = wide(request.state.h.to(dtype), S)
    if marks is not None:
        h_0 = h_0.masked_fill((marks[first] == RESTART)[:, None], 0)
    h_before = pages.empty(T, B, S, dtype=dtype)
    if S > U:
        h_before[..., U:] = 0
    h_before[first] = h_0
    c_0 = in_columns(request.state.c.float(), LANES)
    blocks = U // LANES
    gates = pages.empty(T, blocks, B, 4, LANES) if history else None
    c = pages.empty(T, blocks, B, LANES) if history else None
    h_n, c_n = torch.empty_like(c_0), c_0.clone()
    output = x.new_empty(T, B, U)
    bias = torch.zeros(4, H)
    if cell.bias:
        bias = (weights["bias_ih"] + weights["bias_hh"]).view(4, H)
    _native.lstm_forward(
        *arrays(
            x,
            weights["weight_ih"].detach(),
            weights["weight_hh"].detach(),
            in_blocks(bias.detach(), U),
            marks,
            h_before,
            gates,
            c,
            output,
            h_n,
            c_n,
        ),
        reverse=request.reverse,
        threads=torch.get_num_threads(),
        isa=instruction_set(),
    )
    saved = _Saved(x, h_before, gates, c, c_0, marks)
    return saved, without_padding(output, H), of_units(h_n, H), of_units(c_n, H)


def _backward(
    request: ScanRequest, saved: _Saved, arrived: Sequence[Tensor | None], needed: Any
) -> list[Tensor | None]:
    """The gradients of x, h_0, c_0 and the weights, in the order of ``differentiable_inputs``."""
    from suimon.kernels.cpu import _native

    cell, weights = _cell_and_weights(request)
    assert saved.gates is not None
    assert saved.c is not None
    T, blocks, B = saved.gates.shape[:3]
    H, I, U = cell.hidden_size, cell.input_size, blocks * LANES
    dtype = saved.x.dtype
    grad_output, grad_h, grad_c = arrived
    if grad_output is None:
        grad_output = saved.x.new_zeros(T, B, U)
    grad_output = wide(grad_output.to(dtype), U).contiguous()
    grad_h, grad_c = (
        in_columns(torch.zeros(B, H) if grad is None else grad.float(), width)
        for grad, width in ((grad_h, PANEL), (grad_c, LANES))
    )
    grad_gates = pages.empty(T, B, 4 * U + APART, dtype=dtype)
    _native.lstm_backward(
        *arrays(
            weights["weight_hh"].detach(),
            saved.gates,
            saved.c,
            saved.c_0,
            saved.marks,
            grad_output,
            grad_h,
            grad_c,
            grad_gates,
        ),
        reverse=request.reverse,
        threads=torch.get_num_threads(),
        isa=instruction_set(),
    )
    flat = grad_gates.flatten(0, 1)[:, : 4 * U]
    found: list[Tensor | None] = [None, of_units(grad_h, H), of_units(grad_c, H)]
    if needed[0]:
        grad_x = flat @ in_blocks(weights["weight_ih"].view(4, H, I), U).view(4 * U, I).to(dtype)
        found[0] = grad_x.view(T, B, I).to(request.x.dtype)
    names = cell.parameter_shapes()
    wanted = dict(zip(names, needed[3:], strict=True))
    of_weight: dict[str, Tensor | None] = dict.fromkeys(names)
    for name, factor, width in (("weight_ih", saved.x, I), ("weight_hh", saved.h_before, H)):
        if wanted[name]:
            product = flat.t() @ factor.flatten(0, 1)[:, :width]  # (4*U, width)
            of_weight[name] = out_of_blocks(product.float(), H)
    if wanted.get("bias_ih") or wanted.get("bias_hh"):
        ones = flat.new_ones(1, T * B)  # a product adds up in float32 without a copy in it
        of_bias = out_of_blocks((ones @ flat)[0].float(), H)
        of_weight |= {"bias_ih": of_bias, "bias_hh": of_bias.clone()}
    return [*found, *(of_weight[name] for name in names)]


def _trace(saved: _Saved, H: int) -> list[Tensor]:
    """Gates in canonical order and c, ``(T, B, H)`` each, zeros where a step is not valid."""
    assert saved.gates is not None
    assert saved.c is not None
    dtype = saved.x.dtype
    gates = [of_units(saved.gates[:, :, :, n], H).to(dtype) for n in range(4)]
    c = of_units(saved.c, H)
    if saved.marks is not None:
        c = c.masked_fill((saved.marks == SKIP)[..., None], 0)
    return [*gates, c.to(dtype)]


def _cell_and_weights(request: ScanRequest) -> tuple[LSTMCell, Weights]:
    cell = request.cell
    assert isinstance(cell, LSTMCell)
    return cell, cell.weights() if request.weights is None else request.weights


def _marks(request: ScanRequest, valid: Tensor | None) -> Tensor | None:
    """``(T, B)`` uint8: which rows skip a step, and which restart before it."""
    restart = restarts(request, valid)
    if valid is None and restart is None:
        return None
    marks = torch.zeros(request.x.shape[:2], dtype=torch.uint8)
    if valid is not None:
        marks.masked_fill_(~valid, SKIP)
    if restart is not None:
        marks.masked_fill_(restart, RESTART)
    return marks
