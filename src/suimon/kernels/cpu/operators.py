"""The linear recurrence as two torch operators, so that compilers and exporters see one node.

Both have a fake kernel (shapes alone), a batching rule and a gradient. The gradient's own gradient
is again a linear recurrence, so derivatives of every order run natively::

    forward   h_t = a_t*h_{t-1} + b_t
    backward  g_t = grad_h_t + a_{t+1}*g_{t+1};  grad_a_t = g_t*h_{t-1};  grad_b_t = g_t;
              grad_h_0 = a_1*g_1
    and back of backward, with u, v, w the gradients of grad_a, grad_b, grad_h_0:
              d_t = a_t*d_{t-1} + (v_t + u_t*h_{t-1}),  d_0 = w, is the gradient of grad_h;
              a_t receives d_{t-1}*g_t, and h_{t-1} receives u_t*g_t

Where a step restarts, zero stands in place of h_{t-1}, of d_{t-1}, and of what h_{t-1} receives;
they are put aside, not multiplied by zero, for they may be infinite.

Use :func:`suimon.kernels.linear_recurrence`, which knows when these operators must not be used.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from suimon.kernels.cpu.native import arrays, instruction_set

Triple = tuple[Tensor, Tensor, Tensor]
Inputs = tuple[Any, ...]
"""An operator's arguments: tensors, and at the end ``restart``, which may be ``None``."""

# Defined piece by piece: torch.library.custom_op does the same with less text, but its first call
# imports the whole compiler, two seconds that a process which compiles nothing need not spend.
_LIBRARY = torch.library.Library("suimon", "FRAGMENT")
_SOUND = (torch.Tag.pt2_compliant_tag,)  # has passed torch.library.opcheck, see the tests
_LIBRARY.define(
    "linear_recurrence(Tensor a, Tensor b, Tensor h_0, Tensor? restart=None) -> Tensor",
    tags=_SOUND,
)
_LIBRARY.define(
    "linear_recurrence_backward(Tensor a, Tensor h_0, Tensor h, Tensor grad_h,"
    " Tensor? restart=None) -> (Tensor, Tensor, Tensor)",
    tags=_SOUND,
)

forward = torch.ops.suimon.linear_recurrence.default
"""States ``(T, B, H)`` of ``a, b (T, B, H)`` and ``h_0 (B, H)``; float32 or float64, CPU.

``restart (T, B)``, bool, marks the steps that start from zero.
"""

backward = torch.ops.suimon.linear_recurrence_backward.default
"""Gradients of ``a``, ``b`` and ``h_0`` from ``a``, ``h_0``, the states, theirs, ``restart``."""


# On the CPU.


def _forward_on_cpu(a: Tensor, b: Tensor, h_0: Tensor, restart: Tensor | None = None) -> Tensor:
    from suimon.kernels.cpu import _native

    h = torch.empty(a.shape, dtype=a.dtype)
    _native.linear_recurrence_forward(
        *arrays(a, b, h_0, h, restart), threads=torch.get_num_threads(), isa=instruction_set()
    )
    return h


def _backward_on_cpu(
    a: Tensor, h_0: Tensor, h: Tensor, grad_h: Tensor, restart: Tensor | None = None
) -> Triple:
    from suimon.kernels.cpu import _native

    grad_a, grad_b = torch.empty(a.shape, dtype=a.dtype), torch.empty(a.shape, dtype=a.dtype)
    grad_h_0 = torch.empty(h_0.shape, dtype=a.dtype)
    _native.linear_recurrence_backward(
        *arrays(a, h_0, h, grad_h, grad_a, grad_b, grad_h_0, restart),
        threads=torch.get_num_threads(),
        isa=instruction_set(),
    )
    return grad_a, grad_b, grad_h_0


# Shapes alone; the kernels return contiguous tensors whatever the strides of their inputs.


def _forward_shapes(a: Tensor, b: Tensor, h_0: Tensor, restart: Tensor | None = None) -> Tensor:
    return a.new_empty(a.shape)


def _backward_shapes(
    a: Tensor, h_0: Tensor, h: Tensor, grad_h: Tensor, restart: Tensor | None = None
) -> Triple:
    return a.new_empty(a.shape), a.new_empty(a.shape), h_0.new_empty(h_0.shape)


# Gradients.


def _keep_for_backward(ctx: Any, inputs: Inputs, output: Tensor) -> None:
    a, _, h_0, restart = inputs
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(a, h_0, output, restart)


def _differentiate_forward(ctx: Any, grad_h: Tensor | None) -> tuple[Tensor | None, ...]:
    if grad_h is None:
        return None, None, None, None
    a, h_0, h, restart = ctx.saved_tensors
    return *backward(a, h_0, h, grad_h, restart), None


def _keep_for_second_order(ctx: Any, inputs: Inputs, output: Triple) -> None:
    a, h_0, h, _, restart = inputs
    ctx.save_for_backward(a, h_0, h, output[1], restart)


def _differentiate_backward(ctx: Any, u: Tensor, v: Tensor, w: Tensor) -> tuple[Any, ...]:
    a, h_0, h, g, restart = ctx.saved_tensors
    if a.shape[0] == 0:
        return *(torch.zeros_like(tensor) for tensor in (a, h_0, h, h)), None
    d = forward(a, v + u * _before(h_0, h, restart), w, restart)
    from_h_before = _unless(restart, u * g)  # (T, B, H): at t, what h_{t-1} receives
    grad_h = torch.cat([from_h_before[1:], torch.zeros_like(h[:1])])
    return _before(w, d, restart) * g, from_h_before[0], grad_h, d, None


def _before(first: Tensor, states: Tensor, restart: Tensor | None) -> Tensor:
    """``(T, B, H)``: the state that each step started from; ``T >= 1``."""
    return _unless(restart, torch.cat([first[None], states[:-1]]))


def _unless(restart: Tensor | None, values: Tensor) -> Tensor:
    """``values (T, B, H)``, zero at the steps that restart."""
    return values if restart is None else values.masked_fill(restart[..., None], 0)


# Batching rules: the mapped axis, of V entries, becomes part of the batch.


def _fold(mapped: int | None, size: int, tensor: Tensor) -> Tensor:
    """``(…, B, H)`` with an axis of V entries at ``mapped``, or without, to ``(…, V*B, H)``."""
    if mapped is None:
        tensor = tensor.unsqueeze(-3).expand(*tensor.shape[:-2], size, *tensor.shape[-2:])
    else:
        tensor = tensor.movedim(mapped, -3)
    return tensor.flatten(-3, -2)


def _unfold(size: int, tensor: Tensor) -> tuple[Tensor, int]:
    """Undo :func:`_fold`; also where the mapped axis now is."""
    rows = tensor.shape[-2] // size if size else 0
    return tensor.unflatten(-2, (size, rows)), tensor.dim() - 2


def _fold_all(
    in_dims: tuple[int | None, ...], size: int, tensors: tuple[Tensor, ...], restart: Tensor | None
) -> list[Tensor]:
    """All inputs folded; ``in_dims`` ends with that of ``restart`` where there is one."""
    axes = in_dims[: len(tensors)]
    folded = [_fold(at, size, tensor) for at, tensor in zip(axes, tensors, strict=True)]
    if restart is not None:
        folded.append(_fold(in_dims[-1], size, restart[..., None]).squeeze(-1))  # (T, V*B)
    return folded


def _forward_of_many(
    info: Any,
    in_dims: tuple[int | None, ...],
    a: Tensor,
    b: Tensor,
    h_0: Tensor,
    restart: Tensor | None = None,
) -> tuple[Tensor, int]:
    size = info.batch_size
    return _unfold(size, forward(*_fold_all(in_dims, size, (a, b, h_0), restart)))


def _backward_of_many(
    info: Any,
    in_dims: tuple[int | None, ...],
    a: Tensor,
    h_0: Tensor,
    h: Tensor,
    grad_h: Tensor,
    restart: Tensor | None = None,
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    size = info.batch_size
    gradients = backward(*_fold_all(in_dims, size, (a, h_0, h, grad_h), restart))
    outputs, axes = zip(*(_unfold(size, gradient) for gradient in gradients), strict=True)
    return outputs, axes


def _register(
    name: str,
    on_cpu: Callable[..., Any],
    shapes: Callable[..., Any],
    gradient: Callable[..., Any],
    keep: Callable[..., None],
    of_many: Callable[..., Any],
) -> None:
    _LIBRARY.impl(name, on_cpu, "CPU")
    full_name = f"suimon::{name}"
    torch.library.register_fake(full_name, shapes, lib=_LIBRARY)
    torch.library.register_autograd(full_name, gradient, setup_context=keep, lib=_LIBRARY)
    torch.library.register_vmap(full_name, of_many, lib=_LIBRARY)


_register(
    "linear_recurrence",
    _forward_on_cpu,
    _forward_shapes,
    _differentiate_forward,
    _keep_for_backward,
    _forward_of_many,
)
_register(
    "linear_recurrence_backward",
    _backward_on_cpu,
    _backward_shapes,
    _differentiate_backward,
    _keep_for_second_order,
    _backward_of_many,
)
