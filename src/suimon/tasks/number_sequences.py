"""Sequences of numbers as users of the estimators have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.errors import ShapeError


def as_number_sequences(
    X: Sequence[Any] | npt.NDArray[Any], other: str
) -> list[npt.NDArray[np.float32]]:
    """N of ``(T,)`` or ``(T, I)`` as N of ``(T, I)``.

    Args:
        X: the sequences.
        other: what they may be instead, for the message, e.g. ``a text``.

    Raises:
        ShapeError: one is no numbers, has another shape, or a number that is not finite.
    """
    rows = []
    for n in range(len(X)):
        try:
            row = np.asarray(X[n], np.float32)
        except (TypeError, ValueError):
            raise ShapeError(f"{place(n)} is neither {other} nor numbers: {X[n]!r:.60}") from None
        row = row[:, None] if row.ndim == 1 else row  # (T, I)
        if row.ndim != 2 or not np.isfinite(row).all():
            raise ShapeError(
                f"{place(n)} has shape {row.shape}; give (T,) or (T, I), finite numbers all"
            )
        rows.append(row)
    return rows


def place(n: int) -> str:
    """How messages name one of the sequences that were given."""
    return f"X[{n}]"
