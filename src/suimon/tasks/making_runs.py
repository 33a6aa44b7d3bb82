"""What the ``train`` modules of all tasks share: a run's tables, its notices, what may change."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from suimon.errors import ConfigError
from suimon.tasks.description import FILES
from suimon.training.config import BUDGETS, TrainingConfig
from suimon.training.options import parse_options
from suimon.training.run_directory import RunDirectory

Config = TypeVar("Config", bound=BaseModel)

TRAINING_TABLE = "training"
DATA_TABLE = "data"
FIXED_ON_RESUME = ("batch_size", "tbptt_steps", "seed", "optimizer", "averaging")

Notify = Callable[[str], None]
"""Takes one line that the user should see."""


def config_tables(
    task: str, config: BaseModel, training: TrainingConfig, paths: Sequence[str | Path]
) -> dict[str, dict[str, Any]]:
    """The tables of ``config.toml``: every option, defaults too, so that they cannot shift.

    Args:
        task: the task's name, which its own table has.
        config: the task's options.
        training: the loop's options.
        paths: where the data is; kept absolute, so that a resumed run finds it from anywhere.
    """
    values = config.model_dump()
    lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
    return {
        task: values | lists,
        TRAINING_TABLE: training.model_dump(),
        DATA_TABLE: {"paths": [absolute(path) for path in paths]},
    }


def chosen_notice(amount: str, training: TrainingConfig, chosen: Mapping[str, Any]) -> str:
    """One line on what a rule chose, and for what.

    Args:
        amount: of the data, in words.
        training: complete options of the loop.
        chosen: the options that were chosen, by name.
    """
    budget = next(name for name in BUDGETS if getattr(training, name) is not None)
    size = f"{amount} and {getattr(training, budget):g} {budget}"
    listed = ", ".join(f"{name} {_shown(value)}" for name, value in chosen.items())
    return f"chosen for {size}: {listed}" if listed else f"nothing left to choose for {size}"


def changed_training(
    config: BaseModel,
    training: TrainingConfig,
    options: Mapping[str, Any],
) -> TrainingConfig:
    """The loop's options with a user's changes, those refused that the run cannot bear.

    Args:
        config: the run's options of the task.
        training: the run's options of the loop.
        options: what is given anew, of either; a value of ``None`` changes nothing, and those
            that name files may differ.

    Raises:
        ConfigError: what the weights and the place in the data hang on was changed.
    """
    for_task = {n: v for n, v in options.items() if n in type(config).model_fields}
    asked = parse_options(type(config), for_task)
    for_loop = {n: v for n, v in options.items() if n not in for_task}
    changed = training.overridden(for_loop)
    files = file_options(type(config))
    pairs = [(name, getattr(config, name), getattr(asked, name)) for name in for_task]
    pairs += [(name, getattr(training, name), getattr(changed, name)) for name in FIXED_ON_RESUME]
    for name, was, now in pairs:
        if now is not None and now != was and name not in files:
            raise ConfigError(
                f"{name} = {now} cannot be changed in a run that was begun with {was}: leave it "
                "out, or train into a new directory"
            )
    return changed


def file_options(options: type[BaseModel]) -> list[str]:
    """The options whose values are files: those described with ``FILES``."""
    return [
        name for name, field in options.model_fields.items() if field.json_schema_extra == FILES
    ]


def with_absolute_files(config: Config) -> Config:
    """The options with files named so that a resumed run finds them from anywhere."""
    named = {name: getattr(config, name) for name in file_options(type(config))}
    changes = {
        name: absolute(value) if isinstance(value, str) else tuple(map(absolute, value))
        for name, value in named.items()
        if value
    }
    return config.model_copy(update=changes) if changes else config


def with_files_moved(config: Config, options: Mapping[str, Any]) -> Config:
    """A run's options with its files where they are now.

    Args:
        config: the run's options of the task.
        options: what is given anew, of the task's or the loop's.
    """
    moved = {n: options[n] for n in file_options(type(config)) if options.get(n) is not None}
    if not moved:
        return config
    asked = parse_options(type(config), moved)
    return with_absolute_files(
        config.model_copy(update={name: getattr(asked, name) for name in moved})
    )


def replace_tables(run: RunDirectory, tables: dict[str, dict[str, Any]]) -> None:
    """Write a resumed run's ``config.toml`` anew, in the first process only."""
    if is_first():
        with run.locked():
            run.replace_config(tables)


def is_first() -> bool:
    """Whether this process writes: under ``torchrun`` only the one of rank 0 does."""
    return int(os.environ.get("RANK", "0")) == 0


def absolute(path: str | Path) -> str:
    """A path that holds from any working directory; ``-`` stays standard input."""
    # Not Path.resolve: a link keeps its own name.
    return "-" if str(path) == "-" else str(Path.cwd() / path)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
