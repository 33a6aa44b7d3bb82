"""The forward and the backward pass of a scan on the native kernel.

The kernel runs what depends on the step before. What does not is a single product over all steps,
left to torch: the gradients of the weights and of the input, from that of the sums.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from suimon.cells import Cell
from suimon.kernels.api import ScanRequest
from suimon.kernels.autocast import autocast_dtype
from suimon.kernels.cpu import pages, phases
from suimon.kernels.cpu.blocks import LANES, PAIRED, of_units, round_up, wide, without_padding
from suimon.kernels.cpu.forms import Form, form_of
from suimon.kernels.cpu.native import instruction_set, named_arrays
from suimon.kernels.cpu.products import Pulled, through_the_products
from suimon.kernels.reference.schedule import restarts, valid_steps, zero_padding
from suimon.shapes import Weights

SKIP, RESTART = 1, 2  # marks, as src/sequence.h has them
APART = 32  # rows a power of two apart fall on each other in a cache; these entries keep them off


class Saved(NamedTuple):
    """What the forward pass leaves to the backward pass, beside its inputs and what phases leave.

    Attributes:
        x: ``(T, B, X)``, zeros in the padding and beyond I, in the dtype of the products.
        h_before: ``(T, B, P)``, what each step's recurrent product multiplied, in that dtype; P
            the width of h, rounded up to whole blocks.
        gates: ``(T, U/16, B, K, 16)`` float32, U the units rounded up likewise.
        carry: ``(T, U/16, B, 16)`` float32, or ``None`` for a cell that carries nothing.
        marks: ``(T, B)`` uint8, or ``None``.
    """

    x: Tensor
    h_before: Tensor
    gates: Tensor | None
    carry: Tensor | None
    marks: Tensor | None


Parts = tuple[Saved, phases.Kept]


def product_dtype(request: ScanRequest) -> torch.dtype:
    """That of the products."""
    return autocast_dtype(request) or torch.float32


def _whole(width: int, dtype: torch.dtype) -> int:
    return round_up(width, PAIRED if dtype == torch.bfloat16 else LANES)


def forward(request: ScanRequest, history: bool) -> tuple[Parts, Tensor, list[Tensor]]:
    """What backward needs, the output ``(T, B, O)``, and the last state, fields ``(B, S)``.

    Args:
        request: the scan.
        history: whether backward or a trace will follow; else the gates and carry of the steps are
            neither kept nor in what backward needs.
    """
    from suimon.kernels.cpu import _native

    cell, form, weights = parts_of(request)
    T, B = request.x.shape[:2]
    H, dtype = cell.hidden_size, product_dtype(request)
    U, P = _whole(H, dtype), _whole(cell.output_size, dtype)
    valid = valid_steps(request)
    marks = _marks(request, valid)
    X = round_up(cell.input_size, PAIRED if dtype == torch.bfloat16 else 1)
    x = wide(zero_padding(request.x, valid).to(dtype), X)
    state = [field.detach().float().contiguous() for field in request.state]
    after = [torch.empty_like(field) for field in state]
    blocks = U // LANES
    saved = Saved(
        x=x,
        h_before=pages.empty(T, B, P, dtype=dtype),
        gates=pages.empty(T, blocks, B, len(form.kept), LANES) if history else None,
        carry=pages.empty(T, blocks, B, LANES) if history and form.carry else None,
        marks=marks,
    )
    kept = phases.kept_of(request, form, weights, U, dtype, history)
    output = x.new_empty(T, B, P)
    _native.sequence_forward(
        form.name,
        named_arrays(
            x=x,
            weight_ih=weights["weight_ih"].detach(),
            weight_hh=weights["weight_hh"].detach(),
            bias_ih=_detached(weights.get("bias_ih")),
            bias_hh=_detached(weights.get("bias_hh")),
            h_before=saved.h_before,
            gates=saved.gates,
            carry=saved.carry,
            output=output,
            h_0=state[0],
            c_0=state[1] if len(state) > 1 else None,
            h_n=after[0],
            c_n=after[1] if len(after) > 1 else None,
            marks=marks,
            **_around_the_steps(request, U, P),
            **phases.shared_arrays(form, weights, H, U),
            **phases.room_forward(form, weights, B, U),
            **kept._asdict(),
        ),
        units=U,
        reverse=request.reverse,
        threads=torch.get_num_threads(),
        isa=instruction_set(),
    )
    return (saved, kept), without_padding(output, cell.output_size), after


def backward(
    request: ScanRequest, parts: Parts, arrived: Sequence[Tensor | None], needed: Any
) -> list[Tensor | None]:
    """The gradients of the inputs in ``differentiable_inputs``' order.

    Args:
        request: the scan.
        parts: what its forward pass left.
        arrived: the gradients of the output and of the last state's fields; ``None`` is zero.
        needed: for each input whether its gradient is wanted; the others may be ``None``.
    """
    from suimon.kernels.cpu import _native

    saved, kept = parts
    cell, form, weights = parts_of(request)
    assert saved.gates is not None
    T, B, P = saved.h_before.shape
    H, U, dtype = cell.hidden_size, saved.gates.shape[1] * LANES, saved.x.dtype
    grad_output, *grad_states = arrived
    if grad_output is None:
        grad_output = saved.x.new_zeros(T, B, P)
    arriving = [None if grad is None else grad.float() for grad in grad_states]
    fields = [torch.empty(field.shape) for field in request.state]
    has_c = len(fields) > 1
    bias = torch.empty(2, form.gates * H) if "bias_ih" in weights else (None, None)
    grad_sums = pages.empty(T, B, form.sums * U + APART, dtype=dtype)
    threads = torch.get_num_threads()
    gradients = phases.gradients_of(form, weights, grad_sums, U, P, threads)
    _native.sequence_backward(
        form.name,
        named_arrays(
            weight_hh=weights["weight_hh"].detach(),
            h_before=saved.h_before,
            gates=saved.gates,
            carry=saved.carry,
            carry_0=None if form.carry is None else request.state[-1].detach().float(),
            marks=saved.marks,
            grad_output=wide(grad_output.to(dtype), P),
            grad_h_n=arriving[0],
            grad_c_n=arriving[1] if has_c else None,
            grad_h_0=fields[0],
            grad_c_0=fields[1] if has_c else None,
            grad_sums=grad_sums,
            grad_bias_ih=bias[0],
            grad_bias_hh=bias[1],
            **_around_the_steps(request, U, P),
            **phases.shared_arrays(form, weights, H, U),
            **phases.room_backward(form, weights, B, U),
            **kept._asdict(),
            grad_product_h=gradients.product_h,
            grad_product_x=gradients.product_x,
            grad_projected=gradients.projected,
            **gradients.added_up,
        ),
        units=U,
        reverse=request.reverse,
        threads=threads,
        isa=instruction_set(),
    )
    grad_x, found = through_the_products(
        request,
        form,
        Pulled(grad_sums.flatten(0, 1), saved.x, saved.h_before, U, kept, gradients),
        needed[0],
        dict(zip(weights, needed[1 + len(fields) :], strict=False)),
    )
    found |= {"bias_ih": bias[0], "bias_hh": bias[1]}
    rest = len(needed) - 1 - len(fields) - len(weights)  # masks and shares, whose gradient is none
    return [grad_x, *fields, *(found.get(name) for name in weights), *([None] * rest)]


def trace_of(request: ScanRequest, saved: Saved) -> list[Tensor]:
    """What was kept of each step that a trace names, ``(T, B, H)`` each; zeros where none is."""
    cell, form, _ = parts_of(request)
    assert saved.gates is not None
    H, dtype = cell.hidden_size, saved.x.dtype
    steps = [
        of_units(saved.gates[:, :, :, n], H).to(dtype)
        for n, name in enumerate(form.kept)
        if name not in (None, "h")
    ]
    if form.carry == "c":
        assert saved.carry is not None
        c = of_units(saved.carry, H)
        if saved.marks is not None:
            c = c.masked_fill((saved.marks == SKIP)[..., None], 0)
        steps.append(c.to(dtype))
    return steps


def parts_of(request: ScanRequest) -> tuple[Cell, Form, Weights]:
    """The cell, its form, and the weights that it runs with."""
    cell = request.cell
    assert isinstance(cell, Cell)
    form = form_of(cell)
    assert form is not None
    return cell, form, cell.weights() if request.weights is None else request.weights


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()


def _around_the_steps(request: ScanRequest, U: int, P: int) -> dict[str, Tensor | None]:
    """The recurrent mask, and the shares of h and of c that zoneout keeps."""
    mask, shares = request.recurrent_mask, request.zoneout or {}
    return {
        "mask": None if mask is None else wide(mask.float(), P),
        "keep_h": _share(shares.get("h"), request.state.h, P),
        "keep_c": _share(shares.get("c"), request.state[-1], U),
    }


def _share(share: Tensor | None, field: Tensor, width: int) -> Tensor | None:
    """A share that broadcasts to ``(T, *field.shape)``, ``(T or 1, B or 1, width)`` float32."""
    if share is None:
        return None
    share = share.float().reshape((1,) * (3 - share.dim()) + share.shape)
    return wide(share.expand(*share.shape[:2], field.shape[-1]), width)


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
