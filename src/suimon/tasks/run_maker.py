"""From data to a run directory, and on with it: what the ``train`` modules of all tasks do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from pydantic import BaseModel

from suimon.errors import CheckpointError
from suimon.tasks.description import TaskDescription
from suimon.tasks.loading import options_of
from suimon.tasks.making_runs import (
    DATA_TABLE,
    TRAINING_TABLE,
    Notify,
    changed_training,
    chosen_notice,
    config_tables,
    is_first,
    replace_tables,
    with_absolute_files,
    with_files_moved,
)
from suimon.training.config import TrainingConfig
from suimon.training.loop import TrainingResult
from suimon.training.loop import train as run_training
from suimon.training.observers import Observer
from suimon.training.options import parse_options
from suimon.training.protocol import Task
from suimon.training.run_directory import RunDirectory

TaskKind = TypeVar("TaskKind", bound=Task)


class Companion(Protocol):
    """Something that is kept in a run beside the network, such as a model to compare it with."""

    def attend(self, run: RunDirectory, notify: Notify) -> Mapping[str, Mapping[str, float]]:
        """Leave it in the run; return what it reaches, by name, and say so in a line."""
        ...


@dataclass(frozen=True)
class Plan(Generic[TaskKind]):
    """All that is decided before the first step.

    Attributes:
        task: the task, with its data.
        config: its options, complete.
        training: the loop's options, complete.
        chosen: the options that the task's rule chose, by name.
        amount: of the data, in words, e.g. ``120 sequences``.
        notices: what else a user should know of the data, a line each.
        companions: what is kept beside the network.
    """

    task: TaskKind
    config: BaseModel
    training: TrainingConfig
    chosen: Mapping[str, Any]
    amount: str
    notices: Sequence[str] = ()
    companions: Sequence[Companion] = ()

    def notice(self) -> str:
        """One line on what the rule chose, and for what."""
        return chosen_notice(self.amount, self.training, self.chosen)


class RunMaker:
    """Begins the runs of one task and goes on with them.

    Args:
        description: the task's card.
        prepare: reads the data, splits it, and chooses what was left out; given the complete
            options of a run it chooses nothing, and comes to the same plan.
        starts: whether ``prepare`` takes a keyword ``run`` too, one with a checkpoint that is gone
            on with: what its network began with need not be read again.
    """

    def __init__(
        self,
        description: TaskDescription,
        prepare: Callable[..., Plan],
        *,
        starts: bool = False,
    ) -> None:
        self._description = description
        self._prepare = prepare
        self._starts = starts

    def train(
        self,
        paths: Sequence[str | Path],
        out: str | Path,
        config: BaseModel | None = None,
        training: TrainingConfig | None = None,
        *,
        observers: Sequence[Observer] = (),
        started: float | None = None,
        notify: Notify = lambda line: None,
    ) -> TrainingResult:
        """Learn from data, and leave a run directory.

        Args:
            paths: the data; what it may be, the task's description says.
            out: the run directory to make.
            config: the task's options; what is ``None`` in it is chosen by the task's rule.
            training: the loop's options; those not in ``model_fields_set`` are chosen by the rule
                or have their defaults.
            observers: see :mod:`suimon.training.observers`.
            started: when the command began; see :func:`suimon.training.loop.train`.
            notify: told what there is to learn from and which options were chosen.

        Raises:
            ConfigError: ``out`` exists, or an option cannot work.
            DataError: the data cannot be used.
            TrainingInterrupted, TrainingDivergedError, CheckpointError: see
                :func:`suimon.training.loop.train`.
        """
        RunDirectory(out).refuse_existing()
        config = with_absolute_files(config or self._description.config())
        plan = self._prepare(paths, config, training or parse_options(TrainingConfig, {}))
        for line in (*plan.notices, plan.notice()):
            notify(line)
        with torch.device("meta"):
            plan.task.build_model()  # refuses options that contradict each other before a run is
        run = RunDirectory.create(
            out,
            task=self._description.name,
            config=config_tables(self._description.name, plan.config, plan.training, paths),
            preprocess=plan.task.preprocess(),
        )
        return _carried_out(plan, run, observers, started, notify)

    def resume(
        self,
        out: str | Path,
        paths: Sequence[str | Path] = (),
        options: Mapping[str, Any] | None = None,
        *,
        observers: Sequence[Observer] = (),
        started: float | None = None,
        notify: Notify = lambda line: None,
    ) -> TrainingResult:
        """Go on with a run, to the very weights that it would have reached uninterrupted.

        Args:
            out: the run directory.
            paths: where the data is now; empty: where it was.
            options: options that are given anew, of the task's and the loop's. Another budget, how
                often to evaluate, and where files are now may change; what the weights and the
                place in the data hang on may be repeated, but not changed.
            observers: see :mod:`suimon.training.observers`.
            started: as for :meth:`train`.
            notify: as for :meth:`train`.

        Raises:
            CheckpointError: there is no such run, it is damaged, or the data is not what it was.
            ConfigError: an option that cannot change was.
            DataError: the data cannot be used.
        """
        name = self._description.name
        run = RunDirectory.open(out)
        tables = run.config()
        config = options_of(run, self._description)
        before = parse_options(TrainingConfig, tables.get(TRAINING_TABLE, {}))
        training = changed_training(config, before, options or {})
        moved = with_files_moved(config, options or {})
        paths = paths or tables.get(DATA_TABLE, {}).get("paths", [])
        known = {"run": run} if self._starts and run.has_checkpoint() else {}
        plan = self._prepare(paths, moved, training, **known)
        if json.loads(json.dumps(plan.task.preprocess())) != run.preprocess():
            raise CheckpointError(
                f"the data is not what {run.path} was trained on: its {self._description.learnt} "
                "differ; name the same files, or train into a new directory"
            )
        for line in plan.notices:
            notify(line)
        if (training, moved) != (before, config):
            replace_tables(run, config_tables(name, moved, training, paths))
        return _carried_out(plan, run, observers, started, notify)


def _carried_out(
    plan: Plan,
    run: RunDirectory,
    observers: Sequence[Observer],
    started: float | None,
    notify: Notify,
) -> TrainingResult:
    """Make what is kept beside the network, in the first process; then train."""
    beside: dict[str, Mapping[str, float]] = {}
    for companion in plan.companions if is_first() else ():
        beside |= companion.attend(run, notify)
    result = run_training(plan.task, plan.training, run, observers=observers, started=started)
    return replace(result, beside=beside)
