"""The element-wise linear recurrence over time, on the native kernel wherever that is right."""

import torch
from torch import Tensor

from suimon.errors import ShapeError
from suimon.kernels.cpu import operators
from suimon.kernels.cpu.native import native_ready
from suimon.kernels.transforms import needs_plain_operations


def linear_recurrence(a: Tensor, b: Tensor, h_0: Tensor, restart: Tensor | None = None) -> Tensor:
    """All states of a linear recurrence whose coefficients are known beforehand.

    Equation (``*`` is elementwise)::

        h_t = a_t * h_{t-1} + b_t                       a_t * 0 + b_t where restart_t

    float32 and float64 tensors on the CPU run in C++, differentiable to any order, with each
    product and sum rounded by itself, so that the result is bit for bit that of a loop of torch
    operators and of any number of threads. Under ``torch.func`` transforms and forward-mode AD,
    on other devices, for complex numbers, and where the extension is not built, that loop is what
    runs. bfloat16 and float16 are computed in float32 and rounded once at the end.

    Args:
        a: share of the state that is kept, ``(T, B, H)``; ``T`` may be 0.
        b: what is added, ``(T, B, H)``.
        h_0: state before the first step, ``(B, H)``.
        restart: ``(T, B)`` bool, True where a row's step starts from zero whatever the state
            before it is, infinite ones included; ``None``: nowhere.

    Returns:
        ``(T, B, H)``, ``h_1`` to ``h_T``, of the type that torch promotes the three to. Never an
        alias of an input.

    Raises:
        ShapeError: where shapes do not fit, a dtype is not a floating or complex one, or the
            devices differ.
        BackendError: where ``SUIMON_CPU_ISA`` names an instruction set that is not there.

    Source: Feng et al. (2024), "Were RNNs all we needed?", equation 1, who evaluate it by a
    parallel scan in logarithms, which costs more work and needs positive values.

    Example:
        >>> a = torch.full((3, 1, 1), 0.5)
        >>> linear_recurrence(a, torch.ones(3, 1, 1), torch.zeros(1, 1)).flatten()
        tensor([1.0000, 1.5000, 1.7500])
    """
    _check(a, b, h_0)
    _check_restart(restart, a)
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), h_0.dtype)
    exact = torch.promote_types(dtype, torch.float32)
    tensors = (a.to(exact), b.to(exact), h_0.to(exact))
    return (operators.forward if _is_native(*tensors) else _loop)(*tensors, restart).to(dtype)


def _is_native(*tensors: Tensor) -> bool:
    """Whether the operator is right for these tensors, and there."""
    return (
        tensors[0].device.type == "cpu"
        and tensors[0].dtype in (torch.float32, torch.float64)
        and not needs_plain_operations(tensors)
        and native_ready()
    )


def _loop(a: Tensor, b: Tensor, h_0: Tensor, restart: Tensor | None = None) -> Tensor:
    """The definition, for any device and transform."""
    if a.shape[0] == 0:
        return a * h_0 + b  # (0, B, H): nothing, but in the graph of all three
    h_t, states = h_0, []
    marks = [None] * a.shape[0] if restart is None else restart[..., None].unbind(0)  # (B, 1) each
    # Time is unbound once: a[t] in the loop would make backward quadratic in T.
    for a_t, b_t, restart_t in zip(a.unbind(0), b.unbind(0), marks, strict=True):
        if restart_t is not None:
            h_t = h_t.masked_fill(restart_t, 0)
        h_t = a_t * h_t + b_t
        states.append(h_t)
    return torch.stack(states)


def _check(a: Tensor, b: Tensor, h_0: Tensor) -> None:
    if a.dim() != 3:
        raise ShapeError(f"a has shape {_shape(a)}; it must be (T, B, H)")
    if b.shape != a.shape:
        raise ShapeError(f"b has shape {_shape(b)}; it must be {_shape(a)} like a")
    if h_0.shape != a.shape[1:]:
        raise ShapeError(f"h_0 has shape {_shape(h_0)}; it must be {_shape(a)[1:]}")
    for name, tensor in (("a", a), ("b", b), ("h_0", h_0)):
        if not (tensor.is_floating_point() or tensor.is_complex()):
            raise ShapeError(f"{name} has dtype {tensor.dtype}; it must be a floating type")
        if tensor.device != a.device:
            raise ShapeError(f"{name} is on {tensor.device}; it must be on {a.device} like a")


def _check_restart(restart: Tensor | None, a: Tensor) -> None:
    if restart is None:
        return
    if restart.shape != a.shape[:2]:
        raise ShapeError(f"restart has shape {_shape(restart)}; it must be {_shape(a)[:2]}")
    if restart.dtype != torch.bool:
        raise ShapeError(f"restart has dtype {restart.dtype}; it must be torch.bool")
    if restart.device != a.device:
        raise ShapeError(f"restart is on {restart.device}; it must be on {a.device} like a")


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
