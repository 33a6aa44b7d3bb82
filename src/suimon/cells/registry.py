"""The cells by name, found from the files of this folder."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

import suimon.cells
from suimon.cells.base import Cell
from suimon.errors import ConfigError


@cache
def cell_classes() -> dict[str, type[Cell]]:
    """Registry name to class of every cell that a file in ``suimon/cells/`` defines.

    Raises:
        ConfigError: where two classes have one name.
    """
    names = sorted(entry.name for entry in pkgutil.iter_modules(suimon.cells.__path__))
    return collect(importlib.import_module(f"suimon.cells.{name}") for name in names)


def collect(modules: Iterable[ModuleType]) -> dict[str, type[Cell]]:
    """Registry name to class of every cell that is defined (not merely imported) in a module."""
    found: dict[str, type[Cell]] = {}
    for module in modules:
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if not issubclass(cls, Cell) or cls is Cell or cls.__module__ != module.__name__:
                continue
            if cls.kind in found:
                other = found[cls.kind]
                raise ConfigError(
                    f"cell kind {cls.kind!r} is defined by {other.__module__} and by "
                    f"{cls.__module__}; rename one"
                )
            found[cls.kind] = cls
    return found


def cell_class(kind: str) -> type[Cell]:
    """The class of a cell by its registry name, e.g. ``"lstm"``.

    Raises:
        ConfigError: where no cell has this name.
    """
    classes = cell_classes()
    if kind not in classes:
        raise ConfigError(f"cell is {kind!r}; it must be one of {', '.join(classes)}")
    return classes[kind]


def cell_from_options(kind: str, options: Mapping[str, Any]) -> Cell:
    """A cell from its registry name and its constructor's arguments.

    ``cell_from_options(cell.kind, cell.options())`` is a twin of ``cell`` with weights of its own.

    Raises:
        ConfigError: where no cell has this name, or the cell has no such option, or a value is
            out of its range.

    Example:
        >>> cell_from_options("gru", {"input_size": 3, "hidden_size": 5}).output_size
        5
    """
    cls = cell_class(kind)
    accepted = tuple(inspect.signature(cls.__init__).parameters)[1:]
    for name in options:
        if name not in accepted:
            raise ConfigError(f"{name} is no option of cell {kind!r}; it has {', '.join(accepted)}")
    for name in ("input_size", "hidden_size"):
        if name not in options:
            raise ConfigError(f"{name} is missing; cell {kind!r} needs it")
    return cls(**options)
