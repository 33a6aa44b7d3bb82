"""The scale of numbers: their mean and deviation, by which they are standardised."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from suimon.data.labelled.batches import padded_channels

LEAST_DEVIATION = 1e-6  # a channel that hardly moves is not blown up
COUNTED = 20_000  # sequences from which the scale is measured


def scale_of(
    sequences: Sequence[Any] | npt.NDArray[Any], *, together: bool = False
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel of ``(T, I)`` sequences.

    Args:
        sequences: one or more; of many, some spread over all of them are measured.
        together: all channels have one scale, as the pixels of images do.
    """
    count, total, squares = 0, 0.0, 0.0
    for n in range(0, len(sequences), -(-len(sequences) // COUNTED)):
        steps = np.asarray(sequences[n], np.float64)
        if together:
            steps = steps.reshape(-1, 1)
        count += len(steps)
        total += steps.sum(axis=0)
        squares += (steps**2).sum(axis=0)
    mean = np.asarray(total) / count
    deviation = np.sqrt(np.maximum(np.asarray(squares) / count - mean**2, 0))
    return tuple(mean.tolist()), tuple(deviation.tolist())


def padded_scaled(
    rows: Sequence[npt.NDArray], mean: Sequence[float], deviation: Sequence[float]
) -> Tensor:
    """Sequences ``(T_b, I)`` to ``(T, B, I)`` float32, standardised, zeros behind each end."""
    rate = 1 / np.maximum(np.array(deviation, np.float32), np.float32(LEAST_DEVIATION))
    return padded_channels(rows, np.array(mean, np.float32), rate.astype(np.float32))
