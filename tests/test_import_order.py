"""Imports point one way, and what the command line starts from loads no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"
LEVELS = [
    {"errors", "shapes"},
    {"cells"},
    {"kernels"},
    {"layers", "data"},
    {"training", "inference"},
    {"tasks"},
    {"interop", "inspection", "lab"},
    {"serve", "cli"},
]
LEVEL_OF = {part: level for level, parts in enumerate(LEVELS) for part in parts}
# The package's own door to everything, and `python -m suimon`.
ABOVE_ALL = {"__init__", "__main__"}


def module_name(path: Path) -> str:
    """Dotted name of a file, e.g. suimon.cells.lstm; a package's ends with __init__."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def imported_by(path: Path) -> set[str]:
    """Dotted names of suimon's own that a file imports anywhere, inside functions too."""
    package = module_name(path).rpartition(".")[0].split(".")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from ..cells import x` counts its dots from the file's own package.
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.update(f"{module}.{alias.name}" for alias in node.names)
    own = {name for name in found if name.split(".")[0] == "suimon"}
    return own - {"suimon.__version__"}  # a constant, which anyone may read


def part_of(name: str) -> str:
    """The part of suimon that a dotted name belongs to; __init__ for suimon itself."""
    part = [*name.split("."), "__init__"][1]
    return part if part in LEVEL_OF or part in ABOVE_ALL else "__init__"


def wrong_imports(files: list[Path]) -> list[str]:
    wrong = []
    for path in files:
        part = path.relative_to(SOURCE / "suimon").parts[0].removesuffix(".py")
        if part in ABOVE_ALL:
            continue
        for name in sorted(imported_by(path)):
            other = part_of(name)
            if other != part and LEVEL_OF.get(other, len(LEVELS)) >= LEVEL_OF[part]:
                wrong.append(f"{module_name(path)} imports {name}")
    return wrong


def test_every_part_has_a_level():
    parts = {path.stem for path in (SOURCE / "suimon").iterdir() if path.name != "__pycache__"}
    assert parts - ABOVE_ALL <= LEVEL_OF.keys(), "add the new part to LEVELS"


def test_imports_point_from_later_parts_to_earlier_ones_only():
    files = sorted(SOURCE.rglob("*.py"))
    assert len(files) > 20
    assert wrong_imports(files) == []


@pytest.mark.parametrize(
    "line",
    [
        "import suimon.layers.stack",
        "from suimon.layers import LSTM",
        "from suimon import tasks",
        "from ..training.loop import Trainer",
        "def late():\n    from suimon.kernels import scan",
    ],
)
def test_the_rule_catches_a_cell_that_looks_up(line, tmp_path, monkeypatch):
    cell = tmp_path / "suimon" / "cells" / "greedy.py"
    cell.parent.mkdir(parents=True)
    cell.write_text(f"from suimon.shapes import Weights\nimport torch\n{line}\n")
    monkeypatch.setattr(f"{__name__}.SOURCE", tmp_path)
    assert len(wrong_imports([cell])) == 1


LOAD_AND_LOOK = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    if "torch" in sys.modules:
        raise SystemExit(f"{name} imports torch")
"""


def test_the_command_line_and_configs_start_without_torch():
    package = SOURCE / "suimon"
    files = [*package.glob("cli/*.py"), *package.rglob("config.py"), package / "errors.py"]
    assert len(files) > 3
    names = ["suimon", *sorted(module_name(path).removesuffix(".__init__") for path in files)]
    done = subprocess.run(
        [sys.executable, "-c", LOAD_AND_LOOK, *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
