"""Arrays as the native kernels lay them out: units in blocks of 16, a block's gates together."""

import torch
import torch.nn.functional as F
from torch import Tensor

LANES = 16
"""Units in a block."""


def in_blocks(rows: Tensor, U: int) -> Tensor:
    """``(4, H, …)`` to ``(U/16, 4, 16, …)``, contiguous, zeros beyond H."""
    if rows.shape[1] < U:
        padding = rows.new_zeros(4, U - rows.shape[1], *rows.shape[2:])
        rows = torch.cat([rows, padding], dim=1)
    return rows.unflatten(1, (U // LANES, LANES)).transpose(0, 1).contiguous()


def out_of_blocks(rows: Tensor, H: int) -> Tensor:
    """``(U/16 * 4 * 16, …)`` to ``(4*H, …)``."""
    blocks = rows.unflatten(0, (-1, 4, LANES)).transpose(0, 1)  # (4, U/16, 16, …)
    return blocks.flatten(1, 2)[:, :H].flatten(0, 1)


def in_columns(values: Tensor, width: int) -> Tensor:
    """``(B, H)`` to ``(ceil(H/width), B, width)``, zeros beyond H; never an alias."""
    B, H = values.shape
    columns = wide(values, round_up(H, width)).view(B, -1, width)
    return columns.transpose(0, 1).clone(memory_format=torch.contiguous_format)


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
