"""Sequences that mean nothing, made by the statistics of data, to learn what is no class of it."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from suimon.data.labelled.batches import EachEpochAnew, lengths_of
from suimon.data.labelled.scale import scale_of

BRIGHTEST = 255


class Noise(Protocol):
    """Draws sequences of one kind of data."""

    def drawn(self, length: int, chance: np.random.RandomState) -> npt.NDArray[Any]:
        """A sequence of so many steps."""
        ...


class UnitNoise:
    """Units, each drawn by itself as often as the texts have it.

    Args:
        texts: units ``(T_b,)`` each.
        vocabulary: distinct units.

    Example:
        >>> noise = UnitNoise([np.array([1, 1, 3])], vocabulary=4)
        >>> sorted(set(noise.drawn(50, np.random.RandomState(0)).tolist()))
        [1, 3]
    """

    def __init__(self, texts: Iterable[npt.NDArray[Any]], vocabulary: int) -> None:
        counts = np.zeros(vocabulary, np.int64)
        self._dtype = np.dtype(np.int64)
        for text in texts:
            counts += np.bincount(text, minlength=vocabulary)
            self._dtype = text.dtype
        self._ends = counts.cumsum()  # unit n is drawn by the numbers from one end to the next

    def drawn(self, length: int, chance: np.random.RandomState) -> npt.NDArray[Any]:
        """``(length,)`` units."""
        numbers = chance.randint(self._ends[-1], size=length)
        return self._ends.searchsorted(numbers, side="right").astype(self._dtype)


class NumberNoise:
    r"""Normal noise with the mean and deviation of each channel, from white to slow.

    ::

        x_t = mean + deviation/√k (e_t + … + e_{t+k-1}),    e ~ N(0, 1)

    Over how many steps it is smoothed is drawn for each sequence: k from 1 to its length, small
    ones as often as large ones by their logarithm. Bytes are rounded and kept in their range.

    Args:
        sequences: ``(T_b, I)`` each, float32 or uint8.

    Example:
        >>> noise = NumberNoise([np.zeros((3, 2), np.uint8)])
        >>> noise.drawn(2, np.random.RandomState(0)).tolist()
        [[0, 0], [0, 0]]
    """

    def __init__(self, sequences: Sequence[npt.NDArray[Any]]) -> None:
        mean, deviation = scale_of(sequences)
        self._mean, self._deviation = np.array(mean), np.array(deviation)
        self._dtype = np.asarray(sequences[0]).dtype

    def drawn(self, length: int, chance: np.random.RandomState) -> npt.NDArray[Any]:
        """``(length, I)``."""
        smoothed = int(length ** chance.random_sample())  # k
        white = chance.standard_normal((length + smoothed, len(self._mean)))
        sums = white.cumsum(axis=0)
        numbers = (sums[smoothed:] - sums[:length]) / np.sqrt(smoothed)
        numbers = self._mean + self._deviation * numbers
        if self._dtype == np.uint8:
            numbers = numbers.round().clip(0, BRIGHTEST)
        return numbers.astype(self._dtype)


class WithNoise(EachEpochAnew):
    """Sequences, and behind them noise that is another one in each epoch.

    The lengths of the noise are drawn among those of the sequences, and stay. What number n is in
    an epoch hangs on the seed, the epoch and n alone.

    Args:
        sequences: the first of them.
        noise: draws the others.
        count: how many others.
        seed: decides them.

    Attributes:
        lengths: ``(N,)`` int64, of all of them.
    """

    def __init__(
        self,
        sequences: Sequence[npt.NDArray[Any]],
        noise: Noise,
        count: int,
        *,
        seed: int,
    ) -> None:
        self._sequences = sequences
        self._noise = noise
        self._seed = seed
        self._epoch = 0
        lengths = lengths_of(sequences)
        drawn = _chance(seed, "lengths").choice(lengths, count)
        self.lengths = np.concatenate([lengths, drawn])

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, number: Any) -> Any:
        """One sequence."""
        if number < len(self._sequences):
            return self._sequences[number]
        chance = _chance(self._seed, f"{self._epoch} {number}")
        return self._noise.drawn(int(self.lengths[number]), chance)

    def of_epoch(self, epoch: int) -> WithNoise:
        """The same with the noise of another epoch."""
        anew = copy.copy(self)
        anew._epoch = epoch
        return anew


def _chance(seed: int, what: str) -> np.random.RandomState:
    """The one generator of numpy whose numbers never change from version to version."""
    digest = hashlib.sha256(f"noise {seed} {what}".encode()).digest()
    return np.random.RandomState(int.from_bytes(digest[:4], "little"))
