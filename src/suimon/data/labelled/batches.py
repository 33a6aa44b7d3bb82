"""Training batches of whole sequences: shuffled, those of like length together, without end."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suimon.data.batch import IGNORED_TARGET, SequenceBatch
from suimon.errors import CheckpointError

Pad = Callable[[Sequence[npt.NDArray]], Tensor]
"""Sequences ``(T_b,)`` or ``(T_b, I)`` to one tensor ``(T, B)`` or ``(T, B, I)``, T the longest."""

Labels = npt.NDArray[np.int64] | Sequence[npt.NDArray]
"""Class numbers: ``(N,)``, one a sequence, or a list of ``(T_b,)``, one a step."""

_SORTED_TOGETHER = 32
"""Batches within which sequences are sorted by length: more would leave less to chance."""


class SequenceBatches:
    """Labelled sequences batch by batch, each once an epoch, in an order of its own each epoch.

    The order hangs on the seed and the epoch alone. Within a stretch of it sequences are sorted by
    length, so that little of a batch is padding; the batches themselves come in random order. They
    are as even as can be: none has more than ``batch_size`` sequences, none half as many.

    Args:
        sequences: ``(T_b,)`` or ``(T_b, I)`` each.
        labels: class numbers, one a sequence or one a step.
        batch_size: sequences of all processes together.
        pad: makes the inputs of a batch.
        seed: decides the order.
        rank: which process this is, from 0.
        world_size: how many processes share a batch; each takes every so-manieth sequence of it.
        lengths: ``(N,)`` int64, those of the sequences; ``None``: each is looked at for it.

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
        if lengths is None:
            lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        self._lengths = lengths
        self._batch_size = batch_size
        self._pad = pad
        self._seed = seed
        self._own = slice(rank, None, world_size)
        self.batches_per_epoch = -(-len(sequences) // batch_size)
        self._enter(epoch=0, batch=0)

    def next_batch(self) -> SequenceBatch:
        """This process's part of the next batch; ``targets`` is ``(B,)`` or ``(T, B)`` numbers."""
        if self._batch == self.batches_per_epoch:
            self._enter(self._epoch + 1, batch=0)
        chosen = self._order[self._batch][self._own]
        self._batch += 1
        return batch_of(self._sequences, self._labels, self._lengths, chosen, self._pad)

    def state_dict(self) -> dict[str, int]:
        """The place reached, and what the place means only together with."""
        return self._geometry() | {"epoch": self._epoch, "batch": self._batch}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go to a place that :meth:`state_dict` gave; the number of processes may differ.

        Raises:
            CheckpointError: the place is in other data, or in data cut another way.
        """
        for name, value in self._geometry().items():
            if state.get(name) != value:
                raise CheckpointError(
                    f"the checkpoint was made with {name} {state.get(name)}, and here it is "
                    f"{value}; resume with the same data and options"
                )
        self._enter(state["epoch"], state["batch"])

    def _geometry(self) -> dict[str, int]:
        return {
            "sequences": len(self._sequences),
            "steps": int(self._lengths.sum()),
            "batch_size": self._batch_size,
            "seed": self._seed,
        }

    def _enter(self, epoch: int, batch: int) -> None:
        self._epoch, self._batch = epoch, batch
        digest = hashlib.sha256(f"{self._seed} {epoch}".encode()).digest()
        # The one generator of numpy whose numbers never change from version to version.
        chance = np.random.RandomState(int.from_bytes(digest[:4], "little"))
        order = chance.permutation(len(self._sequences))
        stretch = _SORTED_TOGETHER * self._batch_size
        for start in range(0, len(order), stretch):
            part = order[start : start + stretch]
            order[start : start + stretch] = part[np.argsort(self._lengths[part], kind="stable")]
        batches = np.array_split(order, self.batches_per_epoch)
        self._order = [batches[n] for n in chance.permutation(len(batches))]


def in_order(
    sequences: Sequence[npt.NDArray], labels: Labels, batch_size: int, pad: Pad
) -> Iterator[tuple[npt.NDArray[np.int64], SequenceBatch]]:
    """Every sequence once, the shortest first; beside each batch the numbers of its sequences."""
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
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
