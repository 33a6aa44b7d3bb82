"""Training batches of whole sequences: shuffled, those of like length together, without end."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suimon.data.batch import IGNORED_TARGET, SequenceBatch
from suimon.data.buckets import Buckets

Pad = Callable[[Sequence[npt.NDArray]], Tensor]
"""Sequences ``(T_b,)`` or ``(T_b, I)`` to one tensor ``(T, B)`` or ``(T, B, I)``, T the longest."""

Labels = npt.NDArray[np.int64] | Sequence[npt.NDArray]
"""Class numbers: ``(N,)``, one a sequence, or a list of ``(T_b,)``, one a step."""


class EachEpochAnew(Sequence[npt.NDArray[Any]]):
    """Sequences of which some are others in each epoch, of the same lengths.

    Attributes:
        lengths: ``(N,)`` int64.
    """

    lengths: npt.NDArray[np.int64]

    @abstractmethod
    def of_epoch(self, epoch: int) -> Sequence[npt.NDArray[Any]]:
        """Those of an epoch, from 0; the same ones each time."""


class SequenceBatches:
    """Labelled sequences batch by batch, each once an epoch, in the order of :class:`Buckets`.

    Args:
        sequences: ``(T_b,)`` or ``(T_b, I)`` each; may be :class:`EachEpochAnew`.
        labels: class numbers, one a sequence or one a step.
        batch_size: sequences of all processes together.
        pad: makes the inputs of a batch.
        seed: decides the order.
        rank: which process this is, from 0.
        world_size: how many processes share a batch; each takes every so-manieth sequence of it.
        lengths: ``(N,)`` int64, those of the sequences; ``None``: see :func:`lengths_of`.

    Example:
        >>> rows = [np.array([1, 2]), np.array([3]), np.array([4, 5, 6])]
        >>> batches = SequenceBatches(rows, np.array([0, 1, 0]), 2, padded_tokens)
        >>> batches.batches_per_epoch
        2
    """

    def __init__(
        self,
        sequences: Sequence[npt.NDArray],
        labels: Labels,
        batch_size: int,
        pad: Pad,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        lengths: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self._sequences = sequences
        self._labels = labels
        self._lengths = lengths_of(sequences) if lengths is None else lengths
        self._buckets = Buckets(self._lengths, batch_size, seed=seed)
        self._pad = pad
        self._own = slice(rank, None, world_size)
        self.batches_per_epoch = self._buckets.batches_per_epoch

    def next_batch(self) -> SequenceBatch:
        """This process's part of the next batch; ``targets`` is ``(B,)`` or ``(T, B)`` numbers."""
        chosen = self._buckets.next()[self._own]
        sequences = self._sequences
        if isinstance(sequences, EachEpochAnew):
            sequences = sequences.of_epoch(self._buckets.epoch)
        return batch_of(sequences, self._labels, self._lengths, chosen, self._pad)

    def state_dict(self) -> dict[str, int]:
        """See :meth:`Buckets.state_dict`."""
        return self._buckets.state_dict()

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """See :meth:`Buckets.load_state_dict`; the number of processes may differ."""
        self._buckets.load_state_dict(state)


def lengths_of(sequences: Sequence[npt.NDArray]) -> npt.NDArray[np.int64]:
    """How long each sequence is, ``(N,)``; all are looked at unless they have ``lengths``."""
    known = getattr(sequences, "lengths", None)
    if known is not None:
        return known
    return np.fromiter(map(len, sequences), np.int64, len(sequences))


def in_order(
    sequences: Sequence[npt.NDArray], labels: Labels, batch_size: int, pad: Pad
) -> Iterator[tuple[npt.NDArray[np.int64], SequenceBatch]]:
    """Every sequence once, the shortest first; beside each batch the numbers of its sequences."""
    lengths = lengths_of(sequences)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield chosen, batch_of(sequences, labels, lengths, chosen, pad)


def batch_of(
    sequences: Sequence[npt.NDArray],
    labels: Labels,
    lengths: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.int64],
    pad: Pad,
) -> SequenceBatch:
    """Some of the sequences as one batch."""
    return SequenceBatch(
        inputs=pad([sequences[n] for n in chosen]),
        targets=torch.from_numpy(labels[chosen])
        if isinstance(labels, np.ndarray)
        else padded_targets([labels[n] for n in chosen]),
        lengths=torch.from_numpy(lengths[chosen]),
    )


def padded_tokens(rows: Sequence[npt.NDArray]) -> Tensor:
    """Token ids ``(T_b, …)`` to ``(T, B, …)`` int64, zeros behind the end."""
    tokens = np.zeros((max(map(len, rows)), len(rows), *rows[0].shape[1:]), np.int64)
    for column, row in enumerate(rows):
        tokens[: len(row), column] = row
    return torch.from_numpy(tokens)


def padded_targets(rows: Sequence[npt.NDArray]) -> Tensor:
    """A class number a step, ``(T_b,)``, to ``(T, B)`` int64, to be ignored behind the end."""
    targets = np.full((max(map(len, rows)), len(rows)), IGNORED_TARGET, np.int64)
    for column, row in enumerate(rows):
        targets[: len(row), column] = row
    return torch.from_numpy(targets)


def padded_channels(
    rows: Sequence[npt.NDArray], mean: npt.NDArray[np.float32], rate: npt.NDArray[np.float32]
) -> Tensor:
    """Channels ``(T_b, I)`` to ``(T, B, I)`` float32, ``(x - mean)*rate``, zeros behind the end.

    Args:
        rows: of any real type.
        mean: ``(I,)`` or ``(1,)``.
        rate: one over the deviation, likewise.
    """
    channels = np.zeros((max(map(len, rows)), len(rows), rows[0].shape[1]), np.float32)
    for column, row in enumerate(rows):
        channels[: len(row), column] = (row - mean) * rate
    return torch.from_numpy(channels)
