"""``suimon info``: everything that one run says of itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from suimon.cli.printing import result, result_json

EXAMPLE = "suimon info runs/shakespeare"


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's directory.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show all that a run says of itself.

    Its options, data, size and losses, the machine that trained it, and its files.
    """
    from suimon.inspection.runs import describe_run

    facts = describe_run(run)
    if as_json:
        result_json(facts)
        return
    result("\n".join(_lines(facts)))


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Single facts first, then the tables among them, each under its name."""
    tables = {name: value for name, value in facts.items() if isinstance(value, Mapping)}
    yield from _table({name: value for name, value in facts.items() if name not in tables}, "")
    for name, table in tables.items():
        nested = [value for value in table.values() if isinstance(value, Mapping)]
        if nested and len(nested) == len(table):
            tables_inside = {f"{name}: {inner}": value for inner, value in table.items()}
        else:
            tables_inside = {name: table}
        for heading, rows in tables_inside.items():
            if rows:
                yield ""
                yield heading
                yield from _table(rows, "  ")


def _table(facts: Mapping[str, Any], indent: str) -> Iterator[str]:
    shown = {name: _shown(value) for name, value in facts.items() if value not in (None, [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        yield f"{indent}{name:<{width}}  {value}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
