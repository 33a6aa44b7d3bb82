"""Arrays as the native kernels lay them out: units in blocks of 16, a block's gates together."""

import torch
import torch.nn.functional as F
from torch import Tensor

LANES = 16
"""Units in a block."""

PANEL = 64
"""Units whose gradient the backward product works out together."""

PAIRED = 32
"""bfloat16 products take so many entries at once."""


def in_blocks(rows: Tensor, U: int) -> Tensor:
    """``(N, H)`` to ``(U/16, N, 16)``, contiguous, zeros beyond H."""
    blocks = padded(rows, U).unflatten(1, (U // LANES, LANES))
    return blocks.transpose(0, 1).contiguous()


def out_of_blocks(blocks: Tensor, H: int) -> Tensor:
    """``(U/16, N, 16)`` to ``(N, H)``."""
    return blocks.transpose(0, 1).flatten(1)[:, :H]


def padded(rows: Tensor, U: int) -> Tensor:
    """``(N, H, …)`` to ``(N, U, …)``, zeros beyond H; an alias where there is nothing to add."""
    if rows.shape[1] == U:
        return rows
    padding = rows.new_zeros(rows.shape[0], U - rows.shape[1], *rows.shape[2:])
    return torch.cat([rows, padding], dim=1)


def of_units(columns: Tensor, H: int) -> Tensor:
    """``(…, N, B, width)`` to ``(…, B, H)``; never an alias."""
    rows = columns.transpose(-3, -2)  # (…, B, N, width)
    copied = rows.clone(memory_format=torch.contiguous_format)
    return without_padding(copied.flatten(-2), H)


def without_padding(values: Tensor, H: int) -> Tensor:
    """``values (…, U)`` without what stands beyond H."""
    return values if values.shape[-1] == H else values[..., :H].contiguous()


def wide(values: Tensor, width: int) -> Tensor:
    """``values`` contiguous, its last axis filled up with zeros to ``width``."""
    missing = width - values.shape[-1]
    return F.pad(values, (0, missing)) if missing else values.contiguous()


def round_up(value: int, by: int) -> int:
    """``value`` rounded up to a multiple of ``by``."""
    return -(-value // by) * by
