"""Parts of pages that are made from the code, so that they cannot drift from it.

``python docs/fragments.py`` writes them into ``docs/_generated/``; a test compares. (The table of
transforms there is written by ``benchmarks/transforms_table.py``, which has to run them.)
"""

from collections.abc import Callable, Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "_generated"


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def cells() -> str:
    """What each cell stores, carries and shows."""
    import torch

    from suimon.cells import cell_classes

    I, H = 5, 7  # primes, so that a shape tells what it is made of

    def dimension(size: int) -> str:
        factor, rest = divmod(size, H)
        return "I" if size == I else f"{'' if factor == 1 else factor}H" if not rest else str(size)

    rows = []
    for kind, cell_class in cell_classes().items():
        cell = cell_class(I, H)
        weights = (
            f"`{name}` ({', '.join(map(dimension, shape))})"
            for name, shape in cell.parameter_shapes().items()
        )
        step = cell.transition(torch.zeros(1, I), cell.initial_state(1), cell.weights())
        state = ", ".join(step.state._fields)
        rows.append((f"[`{cell_class.__name__}`](#{kind})", state, ", ".join(weights),
                     " ".join(step.gates)))  # fmt: skip
    return table(("Cell", "State", "Weights, with default options", "Trace"), rows)


def recipe() -> str:
    """The tables by which options that were left out are chosen."""
    from suimon.tasks.language_model import recipe as rule

    sizes = table(
        ("Training text from", "Training from", "A minute", "Layers", "Hidden", "Embedding",
         "Learning rate"),
        (
            (f"{s.least_text:,}", f"{s.least_training:,}", f"{s.units_per_minute:,}", s.layers,
             s.hidden, s.embedding, f"{s.learning_rate:g}")
            for s in rule.SIZES
        ),
    )  # fmt: skip
    dropouts = table(("Passes from", "Dropout", "Input dropout"), rule.DROPOUTS)
    rules = {f"`{name}`": cell for name, cell in rule.CELLS.items()} | {"any other": rule.ANY_CELL}
    cell_rules = table(
        ("Cell", "Layers, at least", "Learning rate times"),
        ((name, c.least_layers, f"{c.learning_rate:g}") for name, c in rules.items()),
    )
    return f"{sizes}\n{dropouts}\n{cell_rules}"


def command_line() -> str:
    """The help page of every command, as the program prints it."""
    from suimon.cli.main import app

    return "\n".join(_help_pages("suimon", _command(app())))


def _command(app: object) -> object:
    import typer

    return typer.main.get_command(app)  # type: ignore[arg-type]


def _help_pages(path: str, command: object, parent: object = None) -> Iterable[str]:
    context = command.make_context(path, [], parent=parent, resilient_parsing=True)  # type: ignore
    context.max_content_width = context.terminal_width = 100
    anchor = path.replace(" ", "-")
    yield f"({anchor})=\n## `{path}`\n\n```text\n{command.get_help(context)}\n```\n"  # type: ignore
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            yield from _help_pages(f"{path} {name}", command.get_command(context, name))


FRAGMENTS: dict[str, Callable[[], str]] = {
    "cells.md": cells,
    "recipe.md": recipe,
    "command-line.md": command_line,
}


def stale() -> list[str]:
    """The fragments that are not what the code says now."""
    return [
        name
        for name, make in FRAGMENTS.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != make()
    ]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, make in FRAGMENTS.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
