"""When a classifier had better say nothing: its probability is below a threshold."""

from __future__ import annotations

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


def kept_facts(
    shares: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], threshold: float
) -> dict[str, Any]:
    """What ``suimon evaluate`` says of rejecting: how many are kept, and how many of them right."""
    kept = shares.max(axis=1) >= threshold
    right = (shares.argmax(axis=1) == labels)[kept]
    accuracy = float(right.mean()) if len(right) else None
    return {
        REJECT_BELOW: threshold,
        "coverage": float(kept.mean()),
        "accuracy_of_the_rest": accuracy,
    }
