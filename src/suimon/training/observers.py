"""Objects that watch a run: progress on the screen, a log, a user's own.

Observers see numbers and change nothing, so a run is the same with or without them. What decides
(early stopping, checkpoints) is part of the loop, since a checkpoint has to hold its state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class StartReport:
    """What is about to be trained.

    Attributes:
        task: the task's name.
        unit: what tokens are, in the singular, e.g. ``"char"``.
        parameters: numbers in the model that are trained.
        budget: in words, e.g. ``"3 minutes"``.
        device: ``"cpu"`` or ``"cuda"``.
        threads: processor threads of one process.
        processes: how many train together.
        step: steps already taken, above 0 for a resumed run.
    """

    task: str
    unit: str
    parameters: int
    budget: str
    device: str
    threads: int
    processes: int
    step: int


@dataclass(frozen=True)
class StepReport:
    """One optimiser step.

    Attributes:
        step: its number, from 1.
        loss: mean nats a token.
        gradient_norm: before clipping.
        learning_rate: that it was taken with.
        tokens: learnt from so far, over the whole run.
        seconds: the run's age.
        progress: share of the budget that is used, 0 to 1.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    tokens: int
    seconds: float
    progress: float


@dataclass(frozen=True)
class StopReport:
    """The end of a session.

    Attributes:
        reason: ``"budget"``, ``"patience"``, ``"interrupt"`` or ``"error"``.
        step: steps taken.
        seconds: the run's age.
        best_loss: lowest validation loss, ``None`` where there was no evaluation.
        best_step: its step.
    """

    reason: str
    step: int
    seconds: float
    best_loss: float | None
    best_step: int


class Observer(Protocol):
    """What the loop calls; only in the first process where there are several."""

    def on_start(self, report: StartReport) -> None:
        """Training is about to begin or to go on."""
        ...

    def on_step(self, report: StepReport) -> None:
        """A step was taken."""
        ...

    def on_evaluation(self, row: Mapping[str, Any]) -> None:
        """The model was evaluated; ``row`` is what ``metrics.jsonl`` gets."""
        ...

    def on_stop(self, report: StopReport) -> None:
        """The session ends, by an error too; called once after each ``on_start``."""
        ...
