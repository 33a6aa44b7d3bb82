"""The last state of a run in one file, and when it is written."""

import time
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from suimon.errors import CheckpointError, ConfigError
from suimon.training.counters import Counters
from suimon.training.run_directory import CHECKPOINT, RunDirectory
from suimon.training.tensor_file import read_tensors, write_tensors

INTERVAL_SECONDS = 30.0
"""A kill loses at most about this much."""

WRITE_SHARE = 0.05
"""Largest share of a run's time that checkpoints take."""


@dataclass(frozen=True)
class Checkpoint:
    """All that a run goes on from.

    Attributes:
        tensors: :meth:`suimon.training.learner.Learner.state`.
        counters: what the run has counted.
        schedule: :meth:`suimon.training.schedule.Schedule.state_dict`.
        world_size: processes that trained it; carried states and random streams are theirs.
        optimizer: whose state it holds.
    """

    tensors: dict[str, Tensor]
    counters: Counters
    schedule: dict[str, Any]
    world_size: int
    optimizer: str

    def write(self, run: RunDirectory) -> float:
        """Replace the run's checkpoint; returns the seconds that it took."""
        began = time.monotonic()
        header = {
            "counters": self.counters.to_dict(),
            "schedule": self.schedule,
            "world_size": self.world_size,
            "optimizer": self.optimizer,
        }
        write_tensors(run.path / CHECKPOINT, self.tensors, header)
        return time.monotonic() - began

    @classmethod
    def read(cls, run: RunDirectory) -> "Checkpoint":
        """The run's last checkpoint, verified.

        Raises:
            CheckpointError: it is damaged, or from a newer version.
        """
        tensors, header = read_tensors(run.path / CHECKPOINT)
        counters = Counters.from_dict(header.pop("counters"))
        return cls(tensors, counters, **header)

    def refuse_change(self, run: RunDirectory, world_size: int, optimizer: str) -> None:
        """Check that training goes on in the way that this state belongs to.

        Raises:
            CheckpointError: the number of processes is another.
            ConfigError: the optimiser is another.
        """
        if world_size != self.world_size:
            raise CheckpointError(
                f"{run.path} was trained by {self.world_size} processes, and this is {world_size}: "
                f"resume it with torchrun --nproc-per-node {self.world_size}"
            )
        if optimizer != self.optimizer:
            raise ConfigError(
                f"optimizer = {optimizer!r}: {run.path} was started with {self.optimizer}, whose "
                "state it holds; resume with that, or train into a new directory"
            )


@dataclass
class CheckpointCadence:
    """When to write: after evaluations and every half minute, within a share of the time.

    Attributes:
        second: the run's age at the last checkpoint.
        written: its numbers of steps and of evaluations.
    """

    second: float = 0.0
    written: tuple[int, int] | None = None

    def is_due(self, counters: Counters) -> bool:
        """Whether to write now, going by how long the last write took."""
        since = counters.seconds - self.second
        if self.is_current(counters) or since < counters.write_seconds / WRITE_SHARE:
            return False
        return counters.evaluated_step == counters.step or since >= INTERVAL_SECONDS

    def is_current(self, counters: Counters) -> bool:
        """Whether the last checkpoint says all that there is to say."""
        return self.written == (counters.step, counters.evaluations)

    def note(self, counters: Counters) -> None:
        """One was written now."""
        self.second, self.written = counters.seconds, (counters.step, counters.evaluations)
