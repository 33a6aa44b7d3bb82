"""In which order batches are made of sequences: shuffled, those of like length together."""

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from suimon.errors import CheckpointError

_SORTED_TOGETHER = 32
"""Batches within which sequences are sorted by length: more would leave less to chance."""


class Buckets:
    """The numbers of the sequences of batch after batch, each once an epoch, without end.

    The order hangs on the seed and the epoch alone. Within a stretch of it sequences are sorted by
    length, so that little of a batch is padding; the batches themselves come in random order. They
    are as even as can be: none has more than ``batch_size`` sequences, none half as many.

    Args:
        lengths: ``(N,)``, or several of them ``(K, N)`` where a sequence has several parts; of
            those that are equal in the first the second decides.
        batch_size: sequences of a batch.
        seed: decides the order.

    Attributes:
        batches_per_epoch: batches that have each sequence once.
        passes: how often all sequences were given so far, a fraction.

    Example:
        >>> buckets = Buckets(np.array([2, 1, 3]), 2)
        >>> sorted([*buckets.next().tolist(), *buckets.next().tolist()])
        [0, 1, 2]
    """

    def __init__(self, lengths: npt.NDArray[np.int64], batch_size: int, *, seed: int = 0) -> None:
        self._lengths = np.atleast_2d(lengths)  # (K, N)
        self._batch_size = batch_size
        self._seed = seed
        self.batches_per_epoch = -(-self._lengths.shape[1] // batch_size)
        self._enter(epoch=0, batch=0)

    @property
    def epoch(self) -> int:
        """That of the batch given last, from 0."""
        return self._epoch

    @property
    def passes(self) -> float:
        """See the class."""
        return self._epoch + self._batch / self.batches_per_epoch

    def next(self) -> npt.NDArray[np.int64]:
        """The sequences of the next batch."""
        if self._batch == self.batches_per_epoch:
            self._enter(self._epoch + 1, batch=0)
        self._batch += 1
        return self._order[self._batch - 1]

    def state_dict(self) -> dict[str, int]:
        """The place reached, and what the place means only together with."""
        return self._geometry() | {"epoch": self._epoch, "batch": self._batch}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go to a place that :meth:`state_dict` gave.

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
            "sequences": self._lengths.shape[1],
            "steps": int(self._lengths.sum()),
            "batch_size": self._batch_size,
            "seed": self._seed,
        }

    def _enter(self, epoch: int, batch: int) -> None:
        self._epoch, self._batch = epoch, batch
        digest = hashlib.sha256(f"{self._seed} {epoch}".encode()).digest()
        # The one generator of numpy whose numbers never change from version to version.
        chance = np.random.RandomState(int.from_bytes(digest[:4], "little"))
        order = chance.permutation(self._lengths.shape[1])
        stretch = _SORTED_TOGETHER * self._batch_size
        for start in range(0, len(order), stretch):
            part = order[start : start + stretch]
            order[start : start + stretch] = part[np.lexsort(self._lengths[::-1, part])]
        batches = np.array_split(order, self.batches_per_epoch)
        self._order = [batches[n] for n in chance.permutation(len(batches))]
