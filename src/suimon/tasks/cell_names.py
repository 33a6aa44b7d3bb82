"""The cells' names, read from their files rather than imported, so that no torch is imported."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def cell_names() -> tuple[str, ...]:
    """The registry names of the cells in ``suimon/cells/``, in the registry's order.

    The same names as :func:`suimon.cells.cell_classes` has, for the options of a task.
    """
    package = find_spec("suimon.cells")  # found, not imported: it would import torch
    assert package is not None
    assert package.submodule_search_locations is not None
    files = [f for folder in package.submodule_search_locations for f in Path(folder).glob("*.py")]
    files.sort(key=lambda file: file.stem)
    return tuple(name for file in files for name in kinds_in(file.read_bytes()))


def kinds_in(source: str | bytes) -> Iterator[str]:
    """The ``kind`` of every class that a Python source defines at its top level."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ClassDef):
            yield from filter(None, map(_kind, statement.body))


def _kind(statement: ast.stmt) -> str | None:
    """``NAME`` where a statement is ``kind = "NAME"``, annotated or not."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name("kind")], value=ast.Constant(str(name)))
            | ast.AnnAssign(target=ast.Name("kind"), value=ast.Constant(str(name)))
        ):
            return name
    return None
