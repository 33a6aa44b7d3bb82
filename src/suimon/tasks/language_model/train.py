"""From a text to a run directory: read, choose what was left out, train."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from suimon.data.text import Split
from suimon.errors import CheckpointError, ConfigError
from suimon.tasks.language_model.config import DESCRIPTION, LanguageModelConfig
from suimon.tasks.language_model.data import UNIT_NAMES, read_paths
from suimon.tasks.language_model.infer import config_of
from suimon.tasks.language_model.objective import LanguageModelling
from suimon.tasks.language_model.recipe import CorpusFacts, choose
from suimon.training.config import BUDGETS, TrainingConfig
from suimon.training.loop import TrainingResult
from suimon.training.loop import train as run_training
from suimon.training.observers import Observer
from suimon.training.options import parse_options
from suimon.training.run_directory import RunDirectory

TRAINING_TABLE = "training"
DATA_TABLE = "data"
FIXED_ON_RESUME = ("batch_size", "tbptt_steps", "seed", "optimizer")

Notify = Callable[[str], None]
"""Takes one line that the user should see."""


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
    config = _with_absolute_files(config or LanguageModelConfig())
    split = read_paths(paths, config)
    plan = make_plan(split, config, training or parse_options(TrainingConfig, {}))
    for line in (*split.train.corpus.notices, *unknown_notices(split), chosen_notice(plan)):
        notify(line)
    with torch.device("meta"):
        plan.task.build_model()  # refuses options that contradict each other before a run exists
    run = RunDirectory.create(
        out,
        task=DESCRIPTION.name,
        config=config_tables(plan.task.config, plan.training, paths),
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
    training = _changed(config, before, options or {})
    paths = paths or tables.get(DATA_TABLE, {}).get("paths", [])
    split = read_paths(paths, config)
    if split.train.corpus.units.state() != run.preprocess()["units"]:
        raise CheckpointError(
            f"the text is not the one that {run.path} was trained on: its units differ; name the "
            "same files, or train into a new directory"
        )
    for line in split.train.corpus.notices:
        notify(line)
    if training != before and int(os.environ.get("RANK", "0")) == 0:
        with run.locked():
            run.replace_config(config_tables(config, training, paths))
    task = LanguageModelling(config, training, split)
    return run_training(task, training, run, observers=observers, started=started)


def config_tables(
    config: LanguageModelConfig, training: TrainingConfig, paths: Sequence[str | Path]
) -> dict[str, dict[str, Any]]:
    """The tables of ``config.toml``: every option, defaults too, so that they cannot shift."""
    config_values = config.model_dump()
    return {
        DESCRIPTION.name: {**config_values, "valid_files": list(config.valid_files)},
        TRAINING_TABLE: training.model_dump(),
        DATA_TABLE: {"paths": [_absolute(path) for path in paths]},
    }


def chosen_notice(plan: Plan) -> str:
    """One line on what the rule chose, and for what."""
    split, training = plan.task.split, plan.training
    budget = next(name for name in BUDGETS if getattr(training, name) is not None)
    unit = UNIT_NAMES[plan.task.config.units]
    size = f"{len(split.train):,} {unit}s and {getattr(training, budget):g} {budget}"
    listed = ", ".join(f"{name} {_shown(value)}" for name, value in plan.chosen.items())
    return f"chosen for {size}: {listed}" if listed else f"nothing left to choose for {size}"


def unknown_notices(split: Split) -> list[str]:
    """A line where the validation text holds units that the vocabulary does not."""
    if not split.valid.unknown:
        return []
    share = split.valid.unknown / len(split.valid)
    return [
        f"{split.valid.unknown:,} units of the validation text ({share:.1%}) are outside the "
        "vocabulary and count as one unknown unit"
    ]


def _changed(
    config: LanguageModelConfig, training: TrainingConfig, options: Mapping[str, Any]
) -> TrainingConfig:
    """The loop's options with a user's changes, those refused that the run cannot bear."""
    for_task = {n: v for n, v in options.items() if n in LanguageModelConfig.model_fields}
    asked = parse_options(LanguageModelConfig, for_task)
    for_loop = {n: v for n, v in options.items() if n not in for_task}
    changed = training.overridden(for_loop)
    pairs = [(name, getattr(config, name), getattr(asked, name)) for name in for_task]
    pairs += [(name, getattr(training, name), getattr(changed, name)) for name in FIXED_ON_RESUME]
    for name, was, now in pairs:
        if now is not None and now != was and name != "valid_files":
            raise ConfigError(
                f"{name} = {now} cannot be changed in a run that was begun with {was}: leave it "
                "out, or train into a new directory"
            )
    return changed


def _with_absolute_files(config: LanguageModelConfig) -> LanguageModelConfig:
    """The options with validation files named so that a resumed run finds them from anywhere."""
    absolute = tuple(_absolute(path) for path in config.valid_files)
    return config.model_copy(update={"valid_files": absolute}) if absolute else config


def _absolute(path: str | Path) -> str:
    # Not Path.resolve: a link keeps its own name.
    return "-" if str(path) == "-" else str(Path.cwd() / path)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
