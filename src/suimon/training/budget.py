"""How long a run lasts, and when in it the model is evaluated."""

import math
from dataclasses import dataclass
from typing import Protocol

from suimon.training.config import TrainingConfig
from suimon.training.counters import Counters

EVALUATIONS = 20
"""About how many evaluations a run has."""

EVALUATION_SHARE = 0.03
"""Largest share of a run's time that evaluations take, the last one apart."""

TRAINING_COST = 3.0
"""A token costs about three times as much to learn from as to evaluate: backward is two."""

EXIT_SECONDS = 0.5
"""Kept for what a command does after the last checkpoint, Python's own end included."""


class Budget(Protocol):
    """What decides the end of a run."""

    def progress(self, counters: Counters) -> float:
        """How much of the run is done, from 0 to 1."""
        ...

    def is_spent(self, counters: Counters) -> bool:
        """Whether the run is over."""
        ...

    def evaluation_interval_passed(self, counters: Counters) -> bool:
        """Whether it is time to evaluate, by the budget's own rule."""
        ...

    def describe(self) -> str:
        """In words, e.g. ``2,000 steps``."""
        ...


@dataclass(frozen=True)
class StepBudget:
    """A number of optimiser steps; nothing here looks at a clock, so that a run repeats exactly.

    Attributes:
        total: optimiser steps of the run.
    """

    total: int

    def progress(self, counters: Counters) -> float:
        """The share of the steps that is used."""
        return min(1.0, counters.step / self.total)

    def is_spent(self, counters: Counters) -> bool:
        """Whether all steps were taken."""
        return counters.step >= self.total

    def evaluation_interval_passed(self, counters: Counters) -> bool:
        """Every twentieth of the run, or less often so as to keep to the evaluations' share."""
        interval = math.ceil(self.total / EVALUATIONS)
        if counters.evaluations and counters.tokens:
            steps_worth = counters.evaluation_tokens * counters.step / counters.tokens
            interval = max(interval, math.ceil(steps_worth / TRAINING_COST / EVALUATION_SHARE))
        return counters.step - counters.evaluated_step >= interval

    def describe(self) -> str:
        """In words."""
        return f"{self.total:,} steps"


@dataclass(frozen=True)
class TimeBudget:
    """A time by which the whole command has ended.

    Attributes:
        seconds: the run's age at which it is over, the last evaluation and writing included.
    """

    seconds: float

    def progress(self, counters: Counters) -> float:
        """The share of the time for training that is used."""
        return self._progress(counters, counters.seconds)

    def is_spent(self, counters: Counters) -> bool:
        """Whether it is time for the last evaluation; never before the first step."""
        return counters.step > 0 and counters.seconds >= self._training_ends(counters)

    def evaluation_interval_passed(self, counters: Counters) -> bool:
        """Every twentieth of the time, or less often so as to keep to the evaluations' share."""
        interval = max(self.seconds / EVALUATIONS, counters.evaluation_seconds / EVALUATION_SHARE)
        since = counters.seconds - max(counters.evaluated_second, counters.began or 0.0)
        # Where hardly any training would follow, the last evaluation tells all that this one would.
        afterwards = counters.seconds + self._evaluation_seconds(counters)
        return since >= interval and self._progress(counters, afterwards) < 1 - 1 / EVALUATIONS

    def describe(self) -> str:
        """In words."""
        return f"{self.seconds / 60:g} minutes"

    def _progress(self, counters: Counters, seconds: float) -> float:
        """The share of the time for training that is used when the run is so many seconds old."""
        began = counters.seconds if counters.began is None else counters.began
        span = self._training_ends(counters) - began
        return 1.0 if span <= 0 else min(1.0, max(0.0, (seconds - began) / span))

    def _training_ends(self, counters: Counters) -> float:
        """When to stop so as to evaluate, write and leave in time, going by earlier ones."""
        trained = counters.seconds - (counters.began or 0.0)
        step = trained / counters.step if counters.step else 0.0
        evaluation = self._evaluation_seconds(counters)
        reserve = 1.1 * evaluation + 2 * counters.write_seconds + EXIT_SECONDS
        return self.seconds - reserve - step

    def _evaluation_seconds(self, counters: Counters) -> float:
        """How long an evaluation takes: the last one's time, or what the steps let foresee."""
        if counters.evaluations or not counters.tokens:
            return counters.evaluation_seconds
        began = counters.began or 0.0
        token = (counters.seconds - began) / counters.tokens
        foreseen = token / TRAINING_COST * counters.evaluation_tokens
        # The first steps are slow: what they foretell must not end a run that has just begun.
        return min(foreseen, (self.seconds - began) / 2)


def make_budget(config: TrainingConfig, batches_per_epoch: int) -> Budget:
    """The budget that the options ask for."""
    if config.steps is not None:
        return StepBudget(config.steps)
    if config.epochs is not None:
        return StepBudget(config.epochs * batches_per_epoch)
    assert config.minutes is not None, "TrainingConfig gives minutes where no budget is given"
    return TimeBudget(60 * config.minutes)
