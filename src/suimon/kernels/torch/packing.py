"""Rows of different lengths laid end to end, a step at a time, as torch's operators take them."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Where each valid step of ``(T, B, …)`` goes in the packed ``(N, …)``, N valid steps in all.

    The packed order is torch's: longest row first, empty rows left out, and for each step in turn
    the rows that reach it. Backwards, a row's steps are taken from the end of its valid part.

    Attributes:
        rows: the rows that are not empty, longest first.
        steps: for each packed step, its place in ``(T*B, …)``.
        batch_sizes: how many rows reach each step, int64 on the CPU.
        shape: T and B.
    """

    rows: Tensor
    steps: Tensor
    batch_sizes: Tensor
    shape: tuple[int, int]

    @classmethod
    def of(cls, lengths: Tensor, like: Tensor, reverse: bool) -> "Packing":
        """The packing of rows of these ``lengths (B,)`` for tensors like ``like (T, B, …)``."""
        T, B = like.shape[:2]
        ordered, rows = lengths.cpu().clamp(0, T).sort(descending=True, stable=True)
        filled = int((ordered > 0).sum())
        ordered, rows = ordered[:filled], rows[:filled]
        time = torch.arange(T)[:, None]
        valid = time < ordered  # (T, rows)
        taken = ordered - 1 - time if reverse else time
        steps = (taken * B + rows)[valid]  # masking (T, rows) goes step by step: the packed order
        batch_sizes = valid.sum(1)
        return cls(
            rows.to(like.device),
            steps.to(like.device),
            batch_sizes[batch_sizes > 0],
            (T, B),
        )

    def pack(self, padded: Tensor) -> Tensor:
        """``(T, B, S)`` to ``(N, S)``."""
        return padded.flatten(0, 1).index_select(0, self.steps)

    def unpack(self, packed: Tensor) -> Tensor:
        """``(N, S)`` to ``(T, B, S)``, zeros in the padding."""
        T, B = self.shape
        padded = packed.new_zeros(T * B, packed.shape[-1])
        return padded.index_copy(0, self.steps, packed).unflatten(0, (T, B))
