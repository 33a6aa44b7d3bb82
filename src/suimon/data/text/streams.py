"""Training batches: a text cut into contiguous streams, read side by side window by window."""

import hashlib
from collections.abc import Mapping

import numpy as np
import torch

from suimon.data.batch import SequenceBatch
from suimon.data.text.units.base import Ids
from suimon.errors import CheckpointError, ConfigError, DataError


class TokenStreams:
    r"""Contiguous streams for truncated back-propagation through time, without end.

    With :math:`W` windows an epoch and :math:`L = W T` steps a stream, window :math:`w` of epoch
    :math:`k` has in row :math:`b`

    .. math::
        \text{inputs}_{t,b} = x_{o_k + bL + wT + t}, \qquad
        \text{targets}_{t,b} = x_{o_k + bL + wT + t + 1}, \qquad 0 \le t < T.

    So each row goes on where it stopped in the window before, and a model that carries its state
    from window to window reads ``L`` tokens in a row. At the start of an epoch every row restarts.

    Within an epoch the windows tile ``B*L`` tokens exactly: no token is a target twice. The fewer
    than ``B*T + T`` tokens that remain (for a text of less than ``B*T + T`` tokens: than
    ``B*T``) are left out, and the offset :math:`o_k` decides at which end: it is drawn evenly from
    the room there is by a hash of the seed and the epoch, so that windows begin elsewhere in every
    epoch, and the same run always reads the same.

    Args:
        tokens: ``(N,)`` token ids, of any integer type; may be mapped from a file.
        batch_size: rows ``B`` of all processes together.
        tbptt_steps: steps ``T`` of a window.
        seed: decides the offsets.
        rank: which process this is, from 0.
        world_size: how many processes share a batch; each has its ``B / world_size`` rows, in
            order of rank, of the batch that one process would read.

    Raises:
        ConfigError: a size is not positive, or ``world_size`` does not divide ``batch_size``.
        DataError: the text does not fill one window; the message says what would.

    Example:
        >>> streams = TokenStreams(np.arange(9), batch_size=2, tbptt_steps=4)
        >>> batch = streams.next_batch()
        >>> batch.inputs.T.tolist(), batch.targets.T.tolist()
        ([[0, 1, 2, 3], [4, 5, 6, 7]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    """

    def __init__(
        self,
        tokens: Ids,
        batch_size: int,
        tbptt_steps: int,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        _check_sizes(batch_size, tbptt_steps, rank, world_size)
        window_tokens = batch_size * tbptt_steps
        if len(tokens) < window_tokens + 1:
            raise DataError(
                f"a training text of {len(tokens):,} tokens does not fill batch_size {batch_size} "
                f"x tbptt_steps {tbptt_steps}: {window_tokens + 1:,} are needed; give a longer "
                "text, or lower batch_size or tbptt_steps"
            )
        # A plain array: slicing a memmap costs more, and it stays mapped all the same.
        self._tokens = np.asarray(tokens)
        self._rows = batch_size
        self._steps = tbptt_steps
        self._seed = seed
        share = batch_size // world_size
        self._own = slice(rank * share, (rank + 1) * share)
        # Leave room for the offset to move a whole window where the text is long enough.
        self.batches_per_epoch = max(1, (len(tokens) - tbptt_steps) // window_tokens)
        self._enter(epoch=0, window=0)

    def next_batch(self) -> SequenceBatch:
        """The next window of this process's rows: ``inputs`` and ``targets`` ``(T, B)`` int64.

        ``restart`` is set for every row in the first window of an epoch, else ``None``.
        """
        if self._window == self.batches_per_epoch:
            self._enter(self._epoch + 1, window=0)
        first = self._window * self._steps
        steps = slice(first, first + self._steps)
        first_of_epoch = self._window == 0
        self._window += 1
        return SequenceBatch(
            inputs=time_major(self._inputs[:, steps]),
            targets=time_major(self._targets[:, steps]),
            restart=torch.ones(len(self._inputs), dtype=torch.bool) if first_of_epoch else None,
        )

    def state_dict(self) -> dict[str, int]:
        """The place reached, and what the place means only together with."""
        return self._geometry() | {"epoch": self._epoch, "window": self._window}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go to a place that :meth:`state_dict` gave; the number of processes may differ.

        Raises:
            CheckpointError: the place is in another text, or in one cut another way.
        """
        for name, value in self._geometry().items():
            if state.get(name) != value:
                raise CheckpointError(
                    f"the checkpoint was made with {name} {state.get(name)}, and here it is "
                    f"{value}; resume with the same text and options"
                )
        self._enter(state["epoch"], state["window"])

    def _geometry(self) -> dict[str, int]:
        return {
            "tokens": len(self._tokens),
            "batch_size": self._rows,
            "tbptt_steps": self._steps,
            "seed": self._seed,
        }

    def _enter(self, epoch: int, window: int) -> None:
        self._epoch, self._window = epoch, window
        used = self._rows * self.batches_per_epoch * self._steps
        start = self._offset(epoch, room=len(self._tokens) - used)
        # (B*L,) -> (B, L), then this process's rows
        self._inputs = self._tokens[start : start + used].reshape(self._rows, -1)[self._own]
        self._targets = self._tokens[start + 1 : start + used + 1].reshape(self._rows, -1)[
            self._own
        ]

    def _offset(self, epoch: int, room: int) -> int:
        """A number from 0 to ``room - 1``, the same on every machine and for ever."""
        digest = hashlib.sha256(f"{self._seed} {epoch}".encode()).digest()
        return int.from_bytes(digest[:8], "little") % room


def time_major(rows: np.ndarray) -> torch.Tensor:
    """``(B, T)`` of any integer type -> ``(T, B)`` int64, contiguous."""
    return torch.from_numpy(rows.T.astype(np.int64, order="C"))


def _check_sizes(batch_size: int, tbptt_steps: int, rank: int, world_size: int) -> None:
    sizes = {"batch_size": batch_size, "tbptt_steps": tbptt_steps, "world_size": world_size}
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(f"{name} {size} is too small: use 1 or more")
    if batch_size % world_size:
        raise ConfigError(
            f"batch_size {batch_size} cannot be shared evenly by {world_size} processes; use a "
            f"multiple of {world_size}"
        )
    if not 0 <= rank < world_size:
        raise ConfigError(f"rank {rank} is not from 0 to {world_size - 1}")
