"""Parts of pages that are made from the code, so that they cannot drift from it.

``python docs/fragments.py`` writes them into ``docs/_generated/``; a test compares. (The table of
transforms there is written by ``benchmarks/transforms_table.py``, which has to run them.)
"""

import json
import statistics
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "_generated"
RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"


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
    passes = f"Passes times hidden / {rule.DROPOUT_WIDTH} from"
    dropouts = table((passes, "Dropout", "Input dropout"), rule.DROPOUTS)
    rules = {f"`{name}`": cell for name, cell in rule.CELLS.items()} | {"any other": rule.ANY_CELL}
    cell_rules = table(
        ("Cell", "Layers, at least", "Forget bias"),
        ((name, c.least_layers, "" if c.forget_bias is None else f"{c.forget_bias:g}")
         for name, c in rules.items()),
    )  # fmt: skip
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


def speed() -> str:
    """What the benchmarks measured last."""
    layers, variants, engine = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("layers", "variants", "step_engine")
    )
    pages = (layer_speed(layers), variant_speed(variants), engine_speed(engine))
    return "\n".join(f"```text\n{page}```\n" for page in pages)


def aligned(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Lines of columns, the first to the left and the others to the right."""
    lines = [list(heads), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def line(cells: list[str]) -> str:
        others = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
        return "  ".join([cells[0].ljust(widths[0]), *others]).rstrip() + "\n"

    return "".join(map(line, lines))


def measured_on(report: dict[str, Any]) -> str:
    """One line on the machine, the versions and how often."""
    machine, versions = report["machine"], report["versions"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {' '.join(machine['isa'])}\n"
        f"torch {versions['torch']}, {report['when'][:10]}, "
        f"median of up to {report['settings']['rounds']} rounds taken in turns\n\n"
    )


def layer_speed(report: dict[str, Any]) -> str:
    """How many times as long torch.nn's layer takes."""
    rows: dict[str, dict[str, float]] = {}
    for key, row in report["results"].items():
        what, where = key.split(": ")
        size, dtype = where.rsplit(" ", 1)
        name, mode = what.split(", ")
        if row["peer_is"] == "torch.nn":
            short = {"float32": "fp32", "bfloat16": "bf16"}[dtype]
            rows.setdefault(f"{size:32} {mode}", {})[f"{name} {short}"] = row["peer_times_suimon"]
    heads = sorted({head for row in rows.values() for head in row})
    body = ((label, *(f"{row.get(head, 0):.2f}" for head in heads)) for label, row in rows.items())
    return measured_on(report) + aligned(("torch.nn's time / suimon's", *heads), body)


def variant_speed(report: dict[str, Any]) -> str:
    """How long a variant takes beside the plain LSTM, and a loop of torch's operators beside it."""
    body = (
        (key, f"{row['variant_times_plain']:.2f}", f"{row['loop_times_variant']:.1f}")
        for key, row in report["results"].items()
    )
    heads = ("LSTM variant, training, fp32", "/ our plain LSTM", "loop / ours")
    return measured_on(report) + aligned(heads, body)


def engine_speed(report: dict[str, Any]) -> str:
    """Tokens a second of the step engine and of the loops that people write."""
    body = (
        (f"{threads}, {name}", f"{row['tokens_per_s']:,.0f}",
         f"{row['times_torch_lstm_one_stream']:.1f}")
        for threads, found in report["results"].items()
        for name, row in found.items()
    )  # fmt: skip
    heads = ("LSTM 2x512, 65 characters", "tokens/s", "times torch.nn.LSTM, one stream")
    return measured_on(report) + aligned(heads, body)


def quality() -> str:
    """What each task reaches on known data, of the rows that were measured."""
    listed = tomllib.loads((FOLDER.parent / "quality.toml").read_text(encoding="utf-8"))["row"]
    reports = {
        name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["results"]
        for name in dict.fromkeys(row["report"] for row in listed)
    }
    body = [
        (row["data"], row["measure"], *runs_of(reports[row["report"]][row["key"]], row["value"]),
         row.get("comparison", ""))
        for row in listed
        if row["key"] in reports[row["report"]]
    ]  # fmt: skip
    heads = ("Learnt from", "measure", "median", "lowest to highest", "runs", "seconds", "others")
    return f"```text\n{aligned(heads, body)}```\n"


def runs_of(result: Any, value: str) -> tuple[str, str, str, str]:
    """Median, spread, number and seconds of a row's runs."""
    runs = result if isinstance(result, list) else result["runs"]
    values = [run[value] for run in runs]
    spread = f"{min(values):.4g} to {max(values):.4g}" if len(runs) > 1 else ""
    seconds = statistics.median(run.get("processor_s", run["wall_s"]) for run in runs)
    return f"{statistics.median(values):.4g}", spread, str(len(runs)), f"{seconds:,.0f}"


FRAGMENTS: dict[str, Callable[[], str]] = {
    "cells.md": cells,
    "recipe.md": recipe,
    "command-line.md": command_line,
    "speed.md": speed,
    "quality.md": quality,
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
