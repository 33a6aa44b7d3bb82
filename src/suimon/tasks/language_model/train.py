"""From a text to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from suimon.data.text import Split
from suimon.errors import CheckpointError
from suimon.tasks.language_model.config import DESCRIPTION, LanguageModelConfig
from suimon.tasks.language_model.data import UNIT_NAMES, read_paths
from suimon.tasks.language_model.infer import config_of
from suimon.tasks.language_model.objective import LanguageModelling
from suimon.tasks.language_model.recipe import CorpusFacts, choose
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
        task: the task, its text split and its options complete.
        training: the loop's options, complete.
        chosen: the options that the rule chose, by name.
    """

    task: LanguageModelling
    training: TrainingConfig
    chosen: dict[str, Any]

    def notice(self) -> str:
        """One line on what the rule chose, and for what."""
        unit = UNIT_NAMES[self.task.config.units]
        amount = f"{len(self.task.split.train):,} {unit}s"
        return chosen_notice(amount, self.training, self.chosen)


def make_plan(split: Split, config: LanguageModelConfig, training: TrainingConfig) -> Plan:
    """Choose what was left out for this text and budget; see :mod:`.recipe`."""
    facts = CorpusFacts(len(split.train), split.train.corpus.units.size)
    choice = choose(config, training, facts)
    split = Split(split.train, split.valid.head(choice.config.valid_limit))
    return Plan(
        LanguageModelling(choice.config, choice.training, split), choice.training, choice.chosen
    )


def train(
    paths: Sequence[str | Path],
    out: str | Path,
    config: LanguageModelConfig | None = None,
    training: TrainingConfig | None = None,
    *,
    observers: Sequence[Observer] = (),
    started: float | None = None,
    notify: Notify = lambda line: None,
) -> TrainingResult:
    """Learn a text and leave a run directory.

    Args:
        paths: files, folders, globs, or ``-`` for standard input.
        out: the run directory to make.
        config: the task's options; ``None`` and what is ``None`` in it are chosen by the rule.
        training: the loop's options; those not in ``model_fields_set`` are chosen by the rule or
            have their defaults.
        observers: see :mod:`suimon.training.observers`.
        started: when the command began; see :func:`suimon.training.loop.train`.
        notify: told what was left out of the sources and which options were chosen.

    Raises:
        ConfigError: ``out`` exists, or an option cannot work.
        DataError: the text cannot be used.
        TrainingInterrupted, TrainingDivergedError, CheckpointError: see
            :func:`suimon.training.loop.train`.
    """
    RunDirectory(out).refuse_existing()
    config = with_absolute_files(config or LanguageModelConfig())
    split = read_paths(paths, config)
    plan = make_plan(split, config, training or parse_options(TrainingConfig, {}))
    for line in (*split.train.corpus.notices, *unknown_notices(split), plan.notice()):
        notify(line)
    with torch.device("meta"):
        plan.task.build_model()  # refuses options that contradict each other before a run exists
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
        paths: where the text is now; empty: where it was.
        options: options that are given anew, of the task's and the loop's. Another budget, or how
            often to evaluate, may change; what the weights and the place in the text hang on may
            be repeated, but not changed.
        observers: see :mod:`suimon.training.observers`.
        started: as for :func:`train`.
        notify: as for :func:`train`.

    Raises:
        CheckpointError: there is no such run, it is damaged, or the text is not the one it was.
        ConfigError: an option that cannot change was.
        DataError: the text cannot be used.
    """
    run = RunDirectory.open(out)
    tables = run.config()
    config = config_of(tables)
    before = parse_options(TrainingConfig, tables.get(TRAINING_TABLE, {}))
    training = changed_training(config, before, options or {}, may_change=("valid_files",))
    paths = paths or tables.get(DATA_TABLE, {}).get("paths", [])
    split = read_paths(paths, config)
    if split.train.corpus.units.state() != run.preprocess()["units"]:
        raise CheckpointError(
            f"the text is not the one that {run.path} was trained on: its units differ; name the "
            "same files, or train into a new directory"
        )
    for line in split.train.corpus.notices:
        notify(line)
    if training != before:
        replace_tables(run, config_tables(DESCRIPTION.name, config, training, paths))
    task = LanguageModelling(config, training, split)
    return run_training(task, training, run, observers=observers, started=started)


def unknown_notices(split: Split) -> list[str]:
    """A line where the validation text holds units that the vocabulary does not."""
    if not split.valid.unknown:
        return []
    share = split.valid.unknown / len(split.valid)
    return [
        f"{split.valid.unknown:,} units of the validation text ({share:.1%}) are outside the "
        "vocabulary and count as one unknown unit"
    ]
