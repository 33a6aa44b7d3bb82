"""From labelled sequences to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from suimon.data.labelled import LabelledSequences
from suimon.errors import CheckpointError
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.data import (
    Preprocessing,
    classes_of,
    examples,
    fitted,
    read,
    split,
)
from suimon.tasks.classification.infer import config_of
from suimon.tasks.classification.objective import Classifying
from suimon.tasks.classification.recipe import choose
from suimon.tasks.making_runs import (
    DATA_TABLE,
    TRAINING_TABLE,
    Notify,
    changed_training,
    chosen_notice,
    config_tables,
    replace_tables,
    with_absolute_files,
)
from suimon.training.config import TrainingConfig
from suimon.training.loop import TrainingResult
from suimon.training.loop import train as run_training
from suimon.training.observers import Observer
from suimon.training.options import parse_options
from suimon.training.run_directory import RunDirectory


@dataclass(frozen=True)
class Plan:
    """All that is decided before the first step.

    Attributes:
        task: the task, its data split and its options complete.
        training: the loop's options, complete.
        chosen: the options that the rule chose, by name.
    """

    task: Classifying
    training: TrainingConfig
    chosen: dict[str, Any]

    def notices(self) -> list[str]:
        """What there is to learn from, and one line on what the rule chose for it."""
        task = self.task
        counts = torch.from_numpy(task.train.labels).bincount().tolist()
        classes = ", ".join(
            f"{label} {count:,}"
            for label, count in zip(task.preprocessing.labels, counts, strict=False)
        )
        amount = f"{len(task.train):,} sequences"
        return [
            f"{amount} to learn from, {len(task.valid):,} to validate on; classes: {classes}",
            chosen_notice(amount, self.training, self.chosen),
        ]


def make_plan(
    data: LabelledSequences,
    valid: LabelledSequences | None,
    config: ClassificationConfig,
    training: TrainingConfig,
) -> Plan:
    """Split the data where no validation data is given, and choose what was left out.

    Raises:
        DataError: there is nothing to tell apart, or a class cannot be split.
        ConfigError: options contradict each other.
    """
    classes_of(data)
    if valid is None:
        data, valid = split(data, config.valid_fraction, training.seed)
    preprocessing = fitted(data, config)
    choice = choose(config, training, data.kind, len(data))
    task = _task(choice.config, choice.training, preprocessing, data, valid)
    with torch.device("meta"):
        task.build_model()  # refuses options that contradict each other before a run exists
    return Plan(task, choice.training, choice.chosen)


def train(
    paths: Sequence[str | Path],
    out: str | Path,
    config: ClassificationConfig | None = None,
    training: TrainingConfig | None = None,
    *,
    observers: Sequence[Observer] = (),
    started: float | None = None,
    notify: Notify = lambda line: None,
) -> TrainingResult:
    """Learn to tell sequences apart, and leave a run directory.

    Args:
        paths: a table, an archive of series, a folder with one sub-folder a class, or IDX files.
        out: the run directory to make.
        config: the task's options; what is ``None`` in it is chosen by the rule.
        training: the loop's options; those not in ``model_fields_set`` are chosen by the rule or
            have their defaults.
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
    config = with_absolute_files(config or ClassificationConfig())
    training = training or parse_options(TrainingConfig, {})
    plan = make_plan(read(paths, config), _valid_data(config), config, training)
    for line in plan.notices():
        notify(line)
    run = RunDirectory.create(
        out,
        task=DESCRIPTION.name,
        config=config_tables(DESCRIPTION.name, plan.task.config, plan.training, paths),
        preprocess=plan.task.preprocess(),
    )
    return run_training(plan.task, plan.training, run, observers=observers, started=started)


def resume(
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
        options: options that are given anew, as for :func:`suimon.tasks.language_model.train`.
        observers: see :mod:`suimon.training.observers`.
        started: as for :func:`train`.
        notify: as for :func:`train`.

    Raises:
        CheckpointError: there is no such run, it is damaged, or the data is not what it was.
        ConfigError: an option that cannot change was.
        DataError: the data cannot be used.
    """
    run = RunDirectory.open(out)
    tables = run.config()
    config = config_of(tables)
    before = parse_options(TrainingConfig, tables.get(TRAINING_TABLE, {}))
    training = changed_training(config, before, options or {}, may_change=("valid_files", "values"))
    paths = paths or tables.get(DATA_TABLE, {}).get("paths", [])
    data, valid = read(paths, config), _valid_data(config)
    if valid is None:
        data, valid = split(data, config.valid_fraction, training.seed)
    preprocessing = fitted(data, config)
    if preprocessing.state() != Preprocessing.from_state(run.preprocess()).state():
        raise CheckpointError(
            f"the data is not what {run.path} was trained on: its classes, units or scales differ; "
            "name the same files, or train into a new directory"
        )
    if training != before:
        replace_tables(run, config_tables(DESCRIPTION.name, config, training, paths))
    task = _task(config, training, preprocessing, data, valid)
    return run_training(task, training, run, observers=observers, started=started)


def _task(
    config: ClassificationConfig,
    training: TrainingConfig,
    preprocessing: Preprocessing,
    data: LabelledSequences,
    valid: LabelledSequences,
) -> Classifying:
    learnt, judged = (examples(part, preprocessing) for part in (data, valid))
    return Classifying(config, training, preprocessing, learnt, judged)


def _valid_data(config: ClassificationConfig) -> LabelledSequences | None:
    return read(config.valid_files, config) if config.valid_files else None
