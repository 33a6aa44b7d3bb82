"""Finding the task folders, and the code behind a task once it is needed."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from suimon.errors import ConfigError
from suimon.tasks.description import TaskDescription

PACKAGE = "suimon.tasks"

ExampleFiles = Callable[[int], dict[str, bytes]]
"""From a seed to the files of a small data set: their names and contents."""


@cache
def discover() -> dict[str, TaskDescription]:
    """Every task folder's description, by folder name in alphabetical order.

    Raises:
        ConfigError: two folders claim one name or one command.
    """
    return collect(Path(__file__).parent, PACKAGE)


def collect(folder: Path, package: str) -> dict[str, TaskDescription]:
    """The descriptions of the task folders in one package, none of their other code imported.

    Args:
        folder: the package's directory.
        package: its dotted name.

    Raises:
        ConfigError: two folders claim one name or one command.
    """
    found: dict[str, TaskDescription] = {}
    claimed: dict[str, str] = {}
    for module in iter_modules([str(folder)]):
        if not module.ispkg or find_spec(f"{package}.{module.name}.config") is None:
            continue
        description = import_module(f"{package}.{module.name}.config").DESCRIPTION
        for claim in (f"name {description.name!r}", f"command {description.command!r}"):
            if claim in claimed:
                raise ConfigError(
                    f"the task {claim} is claimed by {claimed[claim]}/ and {module.name}/; "
                    "rename one in its config.py"
                )
            claimed[claim] = module.name
        found[module.name] = description
    return found


def by_command(command: str) -> tuple[TaskDescription, ModuleType]:
    """The task behind ``suimon train COMMAND``, and its ``train`` module.

    Raises:
        ConfigError: there is no such task.
    """
    return _module_of(command, "train")


def example_data(command: str) -> tuple[TaskDescription, ExampleFiles]:
    """The task behind ``suimon train COMMAND``, and what makes a small data set for it.

    Raises:
        ConfigError: there is no such task.
    """
    description, module = _module_of(command, "example_data")
    return description, module.files


def by_name(name: str) -> tuple[TaskDescription, ModuleType]:
    """The task that a run's manifest names, and its ``infer`` module.

    Raises:
        ConfigError: there is no such task.
    """
    for folder, description in discover().items():
        if description.name == name:
            return description, import_module(f"{PACKAGE}.{folder}.infer")
    known = ", ".join(sorted(d.name for d in discover().values()))
    raise ConfigError(f"there is no task named {name!r}; there are: {known}")


def load(run: str | Path) -> Any:
    """The trained model of a run directory, of whatever task.

    Raises:
        CheckpointError: there is no run, or it is damaged or a newer suimon's.
        ConfigError: this suimon does not have its task.
    """
    from suimon.training.run_directory import RunDirectory

    directory = RunDirectory.open(run)
    return by_name(directory.task)[1].load(directory)


def _module_of(command: str, module: str) -> tuple[TaskDescription, ModuleType]:
    for folder, description in discover().items():
        if description.command == command:
            return description, import_module(f"{PACKAGE}.{folder}.{module}")
    known = ", ".join(sorted(d.command for d in discover().values()))
    raise ConfigError(f"there is no task {command!r}; there are: {known}")
