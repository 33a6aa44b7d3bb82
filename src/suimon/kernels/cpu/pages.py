"""Tensors whose memory is used again: fresh pages cost more than the arithmetic on them."""

import math

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack  # pyright: ignore[reportPrivateImportUsage]

LEAST_BYTES = 1 << 18
"""What is smaller, torch's own allocator has at hand."""


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """An undefined tensor, at a multiple of 64 bytes, for what a scan keeps or works in.

    Its pages go back to a pool when the tensor and all its views are gone, and so to the next
    tensor of as many bytes; two that live at once never share. The pool keeps at most 256 MiB.
    """
    size = math.prod(shape) * dtype.itemsize
    if size < LEAST_BYTES:
        return torch.empty(shape, dtype=dtype)
    from suimon.kernels.cpu import _native

    return from_dlpack(_native.pages(size)).view(dtype).view(shape)
