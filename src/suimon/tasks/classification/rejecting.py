"""When a classifier had better say nothing: its probability is below a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

REJECTED = "none of these"
"""What is said where no label is given."""

REJECT_BELOW = "reject_below"
"""The name of the threshold among the metrics of the weights that it was found for."""


def best_threshold(shares: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    r"""The probability that parts errors from right answers best.

    ::

        maximise over θ:  share of errors with p < θ  -  share of right answers with p < θ

    with p the probability of the likeliest class. Of several the lowest; where nothing is wrong,
    or all, 0: nothing is rejected.

    Args:
        shares: ``(N, C)`` probabilities.
        labels: ``(N,)`` true class numbers.

    Source: W. Youden (1950), Index for rating diagnostic tests.

    Example:
        >>> shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.55, 0.45], [0.6, 0.4]])
        >>> best_threshold(shares, np.array([0, 0, 1, 1]))
        0.8
    """
    certain, right = shares.max(axis=1), shares.argmax(axis=1) == labels
    if right.all() or not right.any():
        return 0.0
    order = np.argsort(certain, kind="stable")
    certain, right = certain[order], right[order]
    wrong = np.concatenate([[0], np.cumsum(~right)]) / (~right).sum()
    lost = np.concatenate([[0], np.cumsum(right)]) / right.sum()
    gain = wrong - lost  # of rejecting the first n
    new = np.concatenate([[True], certain[1:] != certain[:-1]])  # equal ones go together
    places = np.flatnonzero(new)
    best = places[gain[places].argmax()]
    return float(certain[best]) if gain[best] > 0 else 0.0


def rejected(
    shares: npt.NDArray[np.float64], classes: int, threshold: float
) -> npt.NDArray[np.bool_]:
    """Which sequences belong to no class: noise is likelier than any, or all are too improbable.

    Args:
        shares: ``(N, C)`` probabilities, or ``(N, C+1)``, the last that of noise.
        classes: C.
        threshold: below which even the likeliest class is too improbable; 0: none is.

    Example:
        >>> rejected(np.array([[0.6, 0.1, 0.3], [0.4, 0.1, 0.5], [0.5, 0.3, 0.2]]), 2, 0.55)
        array([False,  True,  True])
    """
    highest = shares[:, :classes].max(axis=1)
    noise = shares[:, classes:] > highest[:, None]  # (N, 0 or 1)
    return noise.any(axis=1) | (highest < threshold)


def among_classes(shares: npt.NDArray[np.float64], classes: int) -> npt.NDArray[np.float64]:
    """Probabilities ``(N, C)`` of the classes where it is known to be one of them."""
    own = np.maximum(shares[:, :classes], np.finfo(np.float64).tiny)
    return own / own.sum(axis=1, keepdims=True)


def kept_facts(kept: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """What ``suimon evaluate`` says of rejecting: how many are kept, and how many of them right."""
    return {
        "coverage": float(kept.mean()),
        "accuracy_of_the_rest": float(right[kept].mean()) if kept.any() else None,
    }


def threshold_of(reject_below: str | float | None, metrics: Mapping[str, float]) -> float:
    """The probability below which nothing is said; 0: something always is.

    Args:
        reject_below: what the options say of it.
        metrics: of the weights at work, for which ``auto`` found one.
    """
    if reject_below == "auto":
        return metrics.get(REJECT_BELOW, 0.0)
    return float(reject_below or 0.0)
