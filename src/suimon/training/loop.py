"""The training loop: steps, evaluations, checkpoints and the reasons to stop."""

import math
import signal
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from suimon.errors import CheckpointError, SuimonError
from suimon.training.budget import make_budget
from suimon.training.checkpoint import Checkpoint, CheckpointCadence
from suimon.training.clock import Clock
from suimon.training.config import TrainingConfig
from suimon.training.counters import Counters
from suimon.training.environment import describe_environment, differences
from suimon.training.interrupt import StopSignals, TrainingInterrupted
from suimon.training.learner import Learner, NotFiniteError, StepOutcome
from suimon.training.metrics import METRICS_FILE, append_metrics, cut_metrics
from suimon.training.observers import Observer, StartReport, StepReport, StopReport
from suimon.training.processes import Processes, joined_processes
from suimon.training.protocol import Evaluation, Task
from suimon.training.randomness import untouched_randomness
from suimon.training.run_directory import RunDirectory, SavedWeights
from suimon.training.schedule import Schedule


class TrainingDivergedError(SuimonError):
    """The loss or its gradient became NaN or infinite; the last good checkpoint is kept."""


@dataclass(frozen=True)
class TrainingResult:
    """What training reached.

    Attributes:
        model: with the weights of the lowest validation loss, in evaluation mode.
        evaluation: the task's evaluation of these weights; ``None`` where an interrupted run was
            not evaluated yet, and the weights are the last ones.
        best_step: the step that reached them.
        step: optimiser steps taken.
        tokens: tokens learnt from, repeats counted again.
        seconds: the run's age, all sessions together.
        stopped_by: ``"budget"``, ``"patience"`` or ``"interrupt"``.
        history: the rows of ``metrics.jsonl``.
        beside: what models reach that were trained beside for comparison, by name.
    """

    model: nn.Module
    evaluation: Evaluation | None
    best_step: int
    step: int
    tokens: int
    seconds: float
    stopped_by: str
    history: list[dict[str, Any]]
    beside: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def train(
    task: Task,
    config: TrainingConfig,
    run_directory: RunDirectory | None = None,
    *,
    observers: Sequence[Observer] = (),
    started: float | None = None,
) -> TrainingResult:
    """Train a task's model until its budget is spent.

    A run directory with a checkpoint is gone on with; one without, or none, starts anew. Under
    ``torchrun`` every process calls this alike.

    Args:
        task: what to learn.
        config: how.
        run_directory: where to write; ``None``: nothing is written.
        observers: told about the progress, in the first process only.
        started: when the command began, by :func:`time.monotonic`, for a budget in minutes; a
            command gives :func:`suimon.training.clock.process_start`. ``None``: now.

    Raises:
        TrainingInterrupted: Ctrl-C or SIGTERM came; everything is saved.
        TrainingDivergedError: the loss is no longer a number.
        CheckpointError: the run directory is damaged, or cannot be written.
        ConfigError: the options do not fit the run or the processes.
    """
    started = time.monotonic() if started is None else started
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    with joined_processes(config.device) as processes, StopSignals() as signals:
        first = processes.is_first
        lock = run_directory.locked() if run_directory and first else nullcontext()
        with lock:
            trainer = Trainer(
                task,
                config,
                run_directory,
                processes=processes,
                signals=signals,
                observers=observers if first else (),
                started=started,
            )
            return trainer.run()


class Trainer:
    """One session of training, put together from its parts; :func:`train` is the usual way in.

    Everything that the loop decides by, clocks included, is the same number in every process, so
    that all decide alike: measurements are the first process's, shared after each step.
    """

    def __init__(
        self,
        task: Task,
        config: TrainingConfig,
        run_directory: RunDirectory | None,
        *,
        processes: Processes,
        signals: StopSignals,
        observers: Sequence[Observer],
        started: float,
    ) -> None:
        self.task = task
        self.config = config
        self.run_directory = run_directory
        self.processes = processes
        self.signals = signals
        self.observers = observers
        self.learner = Learner(task, config, processes)
        self.schedule = Schedule(config)
        self.budget = make_budget(config, self.learner.stream.batches_per_epoch)
        self.counters = Counters()
        self.history: list[dict[str, Any]] = []
        self.best: SavedWeights | None = None
        self._learning_rate = 0.0
        self._write_seconds = 0.0
        self._interrupted = False
        processes.wait()  # the first process may have just made the directory
        self.cadence = CheckpointCadence()
        if run_directory is not None and run_directory.has_checkpoint():
            self._load(run_directory)
        elif run_directory is not None and run_directory.has_model():
            raise CheckpointError(
                f"{run_directory.path} holds a model but no checkpoint to go on from: train into "
                "a new directory"
            )
        self.counters.evaluation_tokens = task.evaluation_tokens
        self.clock = Clock(started, before=self.counters.seconds)
        self._share_clock()

    def run(self) -> TrainingResult:
        """Train until the budget is spent, patience ends, or a signal comes."""
        self._start()
        reason = "error"
        try:
            reason = self._train()
        finally:
            self.learner.leave()
            counters = self.counters
            report = StopReport(
                reason, counters.step, counters.seconds, counters.best_loss, counters.best_step
            )
            for observer in self.observers:
                observer.on_stop(report)
        result = self._result(reason)
        if reason == "interrupt":
            message = f"training stopped at step {result.step:,}"
            if self.run_directory is not None:
                message += f", saved in {self.run_directory.path}: add --resume to go on"
            raise TrainingInterrupted(message, self.signals.received or signal.SIGINT, result)
        return result

    def _train(self) -> str:
        """Steps, and between them whatever is due; returns why it ended.

        What is due follows from the counters alone, so a resumed run does what the interrupted
        one would have done next.
        """
        while True:
            if self._evaluation_due():
                self._evaluate()
            if self.cadence.is_due(self.counters):
                self._save()
            if reason := self._reason_to_stop():
                break
            self._step()
        if reason != "interrupt" and (
            self.best is None or self.counters.evaluated_step < self.counters.step
        ):
            self._evaluate()
        if not self.cadence.is_current(self.counters):
            self._save()
        return reason

    def _reason_to_stop(self) -> str:
        """``budget``, ``patience`` or ``interrupt``; empty to go on."""
        if self.budget.is_spent(self.counters):
            return "budget"
        patience = self.config.patience
        if patience is not None and self.counters.stale_evaluations >= patience:
            return "patience"
        return "interrupt" if self._interrupted else ""

    def _evaluation_due(self) -> bool:
        counters, every = self.counters, self.config.evaluate_every
        if every is None:
            return self.budget.evaluation_interval_passed(counters)
        return counters.step - counters.evaluated_step >= every

    def _step(self) -> None:
        """One optimiser step."""
        progress = self.budget.progress(self.counters)
        self._learning_rate = self.schedule.learning_rate(progress)
        try:
            outcome = self.learner.step(self._learning_rate)
        except NotFiniteError as error:
            raise self._diverged(
                f"loss {error.loss:g}, gradient norm {error.gradient_norm:g}",
                self.counters.step + 1,
            ) from None
        self.counters.count_step(outcome.loss_total, outcome.loss_count, outcome.gradient_norm)
        self._share_clock()
        if self.observers:
            self._report_step(outcome)

    def _share_clock(self) -> None:
        """Agree on the time, on how long writing takes, and on whether a signal came."""
        counters, first = self.counters, float(self.processes.is_first)
        interrupted, counters.seconds, counters.write_seconds = self.processes.sum(
            [self.signals.received, first * self.clock.seconds(), first * self._write_seconds]
        )
        self._interrupted = interrupted > 0
        if counters.began is None:
            counters.began = counters.seconds

    def _report_step(self, outcome: StepOutcome) -> None:
        report = StepReport(
            step=self.counters.step,
            loss=outcome.loss_total / max(outcome.loss_count, 1),
            gradient_norm=outcome.gradient_norm,
            learning_rate=self._learning_rate,
            tokens=self.counters.tokens,
            seconds=self.counters.seconds,
            progress=self.budget.progress(self.counters),
        )
        for observer in self.observers:
            observer.on_step(report)

    def _evaluate(self) -> None:
        """Evaluate in the first process; keep the weights if none were better."""
        counters = self.counters
        began = time.monotonic()
        evaluation = Evaluation(math.nan)
        if self.processes.is_first:
            with untouched_randomness():
                evaluation = self.task.evaluate(self.learner.judged)
        loss, took, counters.seconds = self.processes.from_first(
            [evaluation.loss, time.monotonic() - began, self.clock.seconds()]
        )
        if not math.isfinite(loss):
            raise self._diverged(f"validation loss {loss:g}", counters.step)
        row = self._row(loss, evaluation)
        counters.count_evaluation(loss, took)
        self.schedule.observe(loss)
        self.history.append(row)
        run = self.run_directory if self.processes.is_first else None
        if self._is_best(loss):
            weights = self.learner.judged.state_dict()
            kept = {name: tensor.detach().clone() for name, tensor in weights.items()}
            self.best = SavedWeights(kept, counters.step, loss, evaluation.metrics)
            if run is not None:
                run.save_weights(self.best)
        if run is not None:
            append_metrics(run.path / METRICS_FILE, row)
        for observer in self.observers:
            observer.on_evaluation(row)

    def _is_best(self, loss: float) -> bool:
        """Whether no better weights are kept.

        After a kill between the two writes these may be of a later step than the checkpoint; the
        repeated evaluation finds the very same loss, and they stay.
        """
        return self.best is None or self.best.loss is None or loss < self.best.loss

    def _row(self, loss: float, evaluation: Evaluation) -> dict[str, Any]:
        """What ``metrics.jsonl`` says of this evaluation."""
        counters = self.counters
        steps = counters.step - counters.evaluated_step
        epoch = counters.step / self.learner.stream.batches_per_epoch
        tokens = counters.loss_count
        return {
            "step": counters.step,
            "epoch": round(epoch, 4),
            "seconds": round(counters.seconds, 3),
            "train_loss": counters.loss_total / tokens if tokens else None,
            "valid_loss": loss,
            "learning_rate": self._learning_rate,
            "grad_norm": counters.norm_total / steps if steps else None,
            "tokens": counters.tokens,
            **{f"valid_{name}": value for name, value in evaluation.metrics.items()},
        }

    def _save(self) -> None:
        """Write the checkpoint. The best weights and the log are on disk before it."""
        self.cadence.note(self.counters)
        if self.run_directory is None:
            return
        tensors = self.learner.state()
        if self.processes.is_first:
            checkpoint = Checkpoint(
                tensors,
                self.counters,
                self.schedule.state_dict(),
                self.processes.world_size,
                self.config.optimizer,
            )
            self._write_seconds = checkpoint.write(self.run_directory)

    def _load(self, run: RunDirectory) -> None:
        """Stand where the run's checkpoint was taken."""
        checkpoint = Checkpoint.read(run)
        checkpoint.refuse_change(run, self.processes.world_size, self.config.optimizer)
        try:
            self.learner.load_state(checkpoint.tensors)
        except (RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(
                f"{run.path} does not fit the model that its options now describe: undo the "
                f"change in its config.toml ({reason})"
            ) from error
        self.counters = checkpoint.counters
        self.schedule.load_state_dict(checkpoint.schedule)
        self._write_seconds = self.counters.write_seconds
        self.cadence.note(self.counters)
        if run.has_model():
            self.best = run.weights()
        if self.processes.is_first:
            self.history = cut_metrics(run.path / METRICS_FILE, self.counters.step)

    def _start(self) -> None:
        """Record the environment, tell the observers, and make sure that there is a checkpoint."""
        run, step = self.run_directory, self.counters.step
        if run is not None and self.processes.is_first:
            environment = describe_environment(self.processes.device.type)
            changes = differences(run.environment(), environment)
            if changes and step:
                warnings.warn(
                    f"{run.path} goes on in another environment, so its weights may differ in the "
                    f"last bits from an uninterrupted run's: {'; '.join(changes)}",
                    stacklevel=4,
                )
            run.save_environment(environment)
        report = StartReport(
            task=self.task.name,
            unit=self.task.unit,
            parameters=sum(p.numel() for p in self.learner.model.parameters() if p.requires_grad),
            budget=self.budget.describe(),
            device=self.processes.device.type,
            threads=torch.get_num_threads(),
            processes=self.processes.world_size,
            step=step,
        )
        for observer in self.observers:
            observer.on_start(report)
        if step == 0:
            self._save()

    def _diverged(self, what: str, step: int) -> TrainingDivergedError:
        """The error for numbers that are none, with what to try."""
        kept = ""
        if self.run_directory is not None and self.cadence.written:
            kept = (
                f"; {self.run_directory.path} keeps the good state of step "
                f"{self.cadence.written[0]:,}"
            )
        return TrainingDivergedError(
            f"training diverged at step {step:,}: {what}; try a lower learning_rate (now "
            f"{self.config.learning_rate:g}), a lower clip_grad_norm (now "
            f"{self.config.clip_grad_norm:g}) or precision fp32{kept}"
        )

    def _result(self, reason: str) -> TrainingResult:
        """The best weights in the model, and what was reached."""
        model, best, counters = self.learner.model, self.best, self.counters
        evaluation = None
        if best is not None:
            model.load_state_dict(best.tensors)
            if best.loss is not None:
                evaluation = Evaluation(best.loss, best.metrics)
        return TrainingResult(
            model=model.eval(),
            evaluation=evaluation,
            best_step=best.step if best else counters.step,
            step=counters.step,
            tokens=counters.tokens,
            seconds=counters.seconds,
            stopped_by=reason,
            history=self.history,
        )
