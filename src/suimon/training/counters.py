"""All that a run counts, in one JSON-able record that a checkpoint keeps."""

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass
class Counters:
    """Where a run stands.

    Attributes:
        step: optimiser steps taken.
        tokens: valid tokens (the task's units) learnt from, repeats counted again.
        seconds: the run's age, all sessions together, start-up and loading included.
        began: ``seconds`` when the first step started.
        write_seconds: how long the last checkpoint took to write.
        loss_total: summed loss since the last evaluation.
        loss_count: tokens it sums over.
        norm_total: summed gradient norms since the last evaluation.
        evaluations: how many there were.
        evaluated_step: ``step`` of the last evaluation.
        evaluated_second: ``seconds`` when it ended.
        evaluation_seconds: how long it took.
        evaluation_tokens: how many tokens each one covers.
        best_loss: lowest validation loss.
        best_step: its ``step``.
        stale_evaluations: evaluations since then.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    began: float | None = None
    write_seconds: float = 0.0
    loss_total: float = 0.0
    loss_count: int = 0
    norm_total: float = 0.0
    evaluations: int = 0
    evaluated_step: int = 0
    evaluated_second: float = 0.0
    evaluation_seconds: float = 0.0
    evaluation_tokens: int = 0
    best_loss: float | None = None
    best_step: int = 0
    stale_evaluations: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For a checkpoint's header."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """What :meth:`to_dict` gave."""
        return cls(**values)

    def count_step(self, loss_total: float, loss_count: int, gradient_norm: float) -> None:
        """One optimiser step was taken."""
        self.step += 1
        self.tokens += loss_count
        self.loss_total += loss_total
        self.loss_count += loss_count
        self.norm_total += gradient_norm

    def count_evaluation(self, loss: float, took: float) -> None:
        """The model was evaluated at this step; the sums of training start anew."""
        if self.best_loss is None or loss < self.best_loss:
            self.best_loss, self.best_step, self.stale_evaluations = loss, self.step, 0
        else:
            self.stale_evaluations += 1
        self.evaluations += 1
        self.evaluated_step, self.evaluated_second = self.step, self.seconds
        self.evaluation_seconds = took
        self.loss_total, self.loss_count, self.norm_total = 0.0, 0, 0.0
