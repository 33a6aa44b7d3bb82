"""Windows of series as the network reads them, and batches of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suimon.data.batch import SequenceBatch
from suimon.errors import CheckpointError
from suimon.tasks.forecasting.data import Array, Flat, Origins


@dataclass(frozen=True)
class Reading:
    """Which rows around an origin the network reads, and what of each.

    Attributes:
        context: W, rows before it.
        horizon: F, rows from it on.
        lags: each row also has the values so many rows before.
        rolling: and the means of so many rows up to it.
        level: what values are relative to: ``mean`` of the context, or its ``last`` value.
    """

    context: int
    horizon: int
    lags: tuple[int, ...] = ()
    rolling: tuple[int, ...] = ()
    level: str = "last"

    @property
    def earlier(self) -> int:
        """Rows before the context that its first row looks back at."""
        return max([0, *self.lags, *(width - 1 for width in self.rolling)])

    @property
    def reach(self) -> int:
        """Rows that must be there before an origin."""
        return self.earlier + self.context

    @property
    def value_channels(self) -> int:
        """How many channels are made of the values."""
        return 1 + len(self.lags) + len(self.rolling)


@dataclass(frozen=True)
class Window:
    """What is gathered around N origins, in the units of the transform.

    Attributes:
        values: ``(N, reach)``.
        past: ``(N, W, past covariates)``.
        shared: ``(N, W + F, calendar and known covariates)``: what is known of the future too.
        targets: ``(N, F)``, filled where a value was missing, NaN in the future.
        counted: ``(N, F)``, where a target was observed.
        scales: ``(N,)``.
    """

    values: Array
    past: npt.NDArray[np.float32]
    shared: npt.NDArray[np.float32]
    targets: Array
    counted: npt.NDArray[np.bool_]
    scales: Array


def gather(flat: Flat, origins: Origins, reading: Reading) -> Window:
    """The rows around some origins."""
    at = flat.starts[origins.series] + origins.rows  # (N,)
    context = at[:, None] + np.arange(-reading.context, 0)
    future = at[:, None] + np.arange(reading.horizon)
    both = at[:, None] + np.arange(-reading.context, reading.horizon)
    known = flat.known
    return Window(
        values=flat.values[at[:, None] + np.arange(-reading.reach, 0)],
        past=flat.covariates[context, known:],
        shared=np.concatenate([flat.calendar[both], flat.covariates[both, :known]], axis=2),
        targets=flat.values[future],
        counted=flat.observed[future],
        scales=flat.scales[origins.series],
    )


def levels(values: Array, reading: Reading) -> Array:
    """``(N,)``, what the values of each window are relative to."""
    if reading.level == "mean":
        return values[:, -reading.context :].mean(axis=1)
    return values[:, -1]


def inputs_of(window: Window, reading: Reading) -> tuple[Tensor, Array]:
    """What the network reads, and the level that it is relative to.

    Returns:
        ``(W + F, N, C)`` float32: the value, its lags and rolling means, past covariates, calendar,
        known covariates, the first three zero in the future; and ``(N,)``.
    """
    W, E = reading.context, reading.earlier
    level = levels(window.values, reading)
    relative = (window.values - level[:, None]) / window.scales[:, None]  # (N, E + W)
    channels = [relative[:, E:]]
    channels += [relative[:, E - lag : E - lag + W] for lag in reading.lags]
    sums = np.cumsum(np.pad(relative, ((0, 0), (1, 0))), axis=1)  # (N, E + W + 1)
    for width in reading.rolling:
        channels.append((sums[:, E + 1 :] - sums[:, E + 1 - width : E + 1 - width + W]) / width)
    own = np.concatenate([np.stack(channels, axis=2), window.past], axis=2)  # (N, W, ·)
    own = np.pad(own, ((0, 0), (0, reading.horizon), (0, 0)))
    joined = np.concatenate([own, window.shared], axis=2).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(joined.transpose(1, 0, 2))), level


def targets_of(window: Window, level: Array) -> Tensor:
    """``(F, N)`` float32 in the network's units, NaN where there is none to count."""
    relative = (window.targets - level[:, None]) / window.scales[:, None]
    relative = np.where(window.counted, relative, np.nan)
    return torch.from_numpy(np.ascontiguousarray(relative.T.astype(np.float32)))


def batch_of(flat: Flat, origins: Origins, reading: Reading) -> SequenceBatch:
    """Windows as one batch."""
    window = gather(flat, origins, reading)
    inputs, level = inputs_of(window, reading)
    return SequenceBatch(inputs, targets_of(window, level))


class WindowBatches:
    """Training batches without end: each row a window drawn at random from all series.

    What a batch holds hangs on the seed and its number alone, so that no order of all windows is
    kept, however many there are.

    Args:
        flat: the series.
        origins: the windows.
        reading: what is read of each.
        batch_size: windows of all processes together.
        seed: decides what is drawn.
        rank: which process this is, from 0.
        world_size: how many processes share a batch.
    """

    def __init__(
        self,
        flat: Flat,
        origins: Origins,
        reading: Reading,
        batch_size: int,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._flat, self._origins, self._reading = flat, origins, reading
        self._batch_size = batch_size
        self._seed = seed
        self._own = slice(rank, None, world_size)
        self._given = 0
        self.batches_per_epoch = -(-len(origins) // batch_size)

    def next_batch(self) -> SequenceBatch:
        """This process's part of the next batch."""
        digest = hashlib.sha256(f"{self._seed} {self._given}".encode()).digest()
        # The one generator of numpy whose numbers never change from version to version.
        chance = np.random.RandomState(int.from_bytes(digest[:4], "little"))
        drawn = chance.randint(0, len(self._origins), self._batch_size)[self._own]
        self._given += 1
        return batch_of(self._flat, self._origins.take(drawn), self._reading)

    def state_dict(self) -> dict[str, int]:
        """How many batches were given, and of what."""
        return self._geometry() | {"given": self._given}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go to a place that :meth:`state_dict` gave.

        Raises:
            CheckpointError: the place is in other data.
        """
        for name, value in self._geometry().items():
            if state.get(name) != value:
                raise CheckpointError(
                    f"the checkpoint was made with {name} {state.get(name)}, and here it is "
                    f"{value}; resume with the same data and options"
                )
        self._given = state["given"]

    def _geometry(self) -> dict[str, int]:
        return {
            "windows": len(self._origins),
            "batch_size": self._batch_size,
            "seed": self._seed,
        }
