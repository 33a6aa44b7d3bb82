"""What the tests of the linear recurrence share: the definition again, and tensors to run it on."""

import pytest
import torch
from torch import Tensor

from suimon.kernels.cpu.native import why_missing

needs_native = pytest.mark.skipif(
    why_missing() is not None, reason="the native kernels are not built"
)


def by_hand(a: Tensor, b: Tensor, h_0: Tensor, restart: Tensor | None = None) -> Tensor:
    """h_t = a_t*h_{t-1} + b_t, one step after the other, from zero where a row restarts."""
    states = [h_0]
    for t in range(a.shape[0]):
        before = states[-1]
        if restart is not None:
            before = torch.where(restart[t, :, None], torch.zeros_like(before), before)
        states.append(a[t] * before + b[t])
    return torch.stack(states)[1:]


def drawn(
    T: int, B: int, H: int, dtype: torch.dtype = torch.float32, requires_grad: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """a in (0, 1), b and h_0 normal."""
    a = torch.rand(T, B, H, dtype=dtype)
    b = torch.randn(T, B, H, dtype=dtype)
    h_0 = torch.randn(B, H, dtype=dtype)
    return tuple(tensor.requires_grad_(requires_grad) for tensor in (a, b, h_0))  # type: ignore


def marked(T: int, B: int) -> Tensor:
    """Restarts at about a third of all steps, the very first one of the first row among them."""
    marks = torch.rand(T, B) < 1 / 3
    marks[:1, :1] = True
    return marks


def with_gradients(function, tensors, seed_gradient) -> tuple[Tensor, ...]:
    """The result, and the gradient of each input for ``seed_gradient`` at the result."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    result = function(*leaves)
    return result.detach(), *torch.autograd.grad(result, leaves, seed_gradient)
