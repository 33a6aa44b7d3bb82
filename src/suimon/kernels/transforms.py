"""Which torch transforms are at work: the ones that only plain torch operations get right.

A fused operator or a custom one is opaque. Under ``torch.func`` (vmap, grad, jvp …) and under
dual-number forward AD it gives an error, or worse, a derivative of zero without one. The
definition in ``cells/`` is made of differentiable torch operations and is right under all of
them, so the dispatcher asks here first.
"""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd import forward_ad

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def constant_when_compiling(function: AnyFunction) -> AnyFunction:
    """Have torch.compile call ``function`` while it traces, and keep its answer.

    ``torch.compiler.assume_constant_result`` does the same by setting this attribute, but imports
    the whole compiler first, which doubles the time that ``import suimon`` takes.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


@constant_when_compiling
def _in_torch_func() -> bool:
    """Whether a ``torch.func`` transform is on the stack; the compiler guards on that stack."""
    return torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore


def _is_dual(tensor: Tensor) -> bool:
    return forward_ad.unpack_dual(tensor).tangent is not None


def _is_batched_by_autograd(tensor: Tensor) -> bool:
    """Whether ``tensor`` is one of many gradients that ``is_grads_batched`` takes at once."""
    return torch._C._functorch.is_legacy_batchedtensor(tensor)  # pyright: ignore


def needs_plain_operations(tensors: Collection[Tensor]) -> bool:
    """Whether a transform is at work on ``tensors`` that opaque operators get wrong.

    While compiling, tensors cannot be asked for tangents, so any open dual level counts.
    """
    tensors = list(tensors)
    if _in_torch_func():
        return True
    if not torch.compiler.is_compiling() and any(map(_is_batched_by_autograd, tensors)):
        return True
    if forward_ad._current_level < 0:
        return False
    return torch.compiler.is_compiling() or any(_is_dual(tensor) for tensor in tensors)
