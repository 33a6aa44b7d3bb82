"""What tasks share that learn labels: their order, and how messages list them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.errors import DataError, ShapeError


def rank(label: str) -> tuple[bool, float, str]:
    """What labels are sorted by: numbers by size, then all others as text.

    Example:
        >>> sorted(["b", "10", "9"], key=rank)
        ['9', '10', 'b']
    """
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def listed(names: Iterable[str], most: int = 10) -> str:
    """Names in a line, no more than ``most``.

    Example:
        >>> listed("abc", most=2)
        'a, b and 1 more'
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def distinct(y: npt.ArrayLike, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The labels that an estimator was given, each once and sorted, and which of them each one is.

    Args:
        y: labels of any one type.
        count: how many sequences there are.

    Raises:
        ShapeError: there are not so many.
        DataError: one is missing, they are of several types, all are one, or one occurs once.

    Example:
        >>> names, numbers = distinct(["b", "a", "b", "a"], 4)
        >>> names.tolist(), numbers.tolist()
        (['a', 'b'], [1, 0, 1, 0])
    """
    labels = np.asarray(y)
    if labels.ndim != 1 or len(labels) != count:
        raise ShapeError(f"y has shape {labels.shape}; give {count} labels, one a sequence")
    for n, label in enumerate(labels.tolist()):
        if label is None or label != label:  # NaN
            raise DataError(f"y[{n}] is {label}, which is no label: give one, or leave it out")
    try:
        names, first, numbers, counts = np.unique(labels, True, True, True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels.tolist()})
        raise DataError(f"y has labels of several types, {listed(kinds)}: give one") from None
    if len(names) == 1:
        raise DataError(
            f"all {count:,} sequences have the label {names.tolist()[0]!r}: there is nothing to "
            "tell apart"
        )
    for n in np.flatnonzero(counts == 1)[:1]:
        raise DataError(
            f"X[{first[n]}]: the label {names.tolist()[n]!r} occurs once, which cannot be both "
            "learnt and validated: give more of it, or leave it out"
        )
    return names, numbers
