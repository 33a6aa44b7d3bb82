"""Sequences of numbers as users of the estimators have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.errors import DataError, ShapeError


def as_number_sequences(
    X: Sequence[Any] | npt.NDArray[Any], other: str
) -> list[npt.NDArray[np.float32]]:
    """N of ``(T,)`` or ``(T, I)`` as N of ``(T, I)``.

    Args:
        X: the sequences.
        other: what they may be instead, for the message, e.g. ``a text``.

    Raises:
        ShapeError: one is no numbers, has another shape, other channels than the first, or a number
            that is not finite.
        DataError: one has no step.
    """
    rows = []
    for n in range(len(X)):
        try:
            row = np.asarray(X[n], np.float32)
        except (TypeError, ValueError):
            raise ShapeError(f"{place(n)} is neither {other} nor numbers: {X[n]!r:.60}") from None
        row = row[:, None] if row.ndim == 1 else row  # (T, I)
        if row.ndim != 2:
            raise ShapeError(
                f"{place(n)} has shape {row.shape}; give (T,) or (T, I), finite numbers all"
            )
        if not row.size:
            raise DataError(f"{place(n)} has no step: leave it out")
        for step, channel in np.argwhere(~np.isfinite(row))[:1]:
            raise ShapeError(
                f"{place(n)} has {row[step, channel]} at step {step}, channel {channel}: give "
                "finite numbers"
            )
        rows.append(row)
        if row.shape[1] != rows[0].shape[1]:
            raise ShapeError(
                f"{place(n)} has {row.shape[1]} channels, and {place(0)} {rows[0].shape[1]}: give "
                "all the same"
            )
    return rows


def place(n: int) -> str:
    """How messages name one of the sequences that were given."""
    return f"X[{n}]"


def as_text(value: Any, where: str) -> str:
    """What is a text.

    Raises:
        ShapeError: it is none.
    """
    if not isinstance(value, str):
        raise ShapeError(f"{where} is {value!r:.60}, which is no text: give texts all, or numbers")
    return value
