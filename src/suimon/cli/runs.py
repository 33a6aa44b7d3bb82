"""``suimon runs``: a table of the runs in a directory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suimon.cli.printing import notice, result, result_json

if TYPE_CHECKING:
    from suimon.inspection.runs import RunSummary

EXAMPLE = "suimon runs runs"


def command(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The directory that holds the runs.")
    ] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the runs in a directory.

    Shows what each is, how far it came, and its lowest validation loss with the bits per
    character there.
    """
    from suimon.inspection.runs import list_runs

    summaries = list_runs(directory)
    if as_json:
        result_json([summary.to_dict() for summary in summaries])
    elif summaries:
        _print_table(summaries)
    else:
        notice(f"no runs in {directory}; make one: suimon train text FILE --out {directory}/first")


def _print_table(summaries: "list[RunSummary]") -> None:
    """A table for people: as wide as it needs to be, lines never wrapped."""
    heads = ("run", "task", "units", "network", "steps", "loss", "bits/char", "changed")
    rows = [
        (
            Path(summary.path).name,
            summary.task or "",
            summary.units or "",
            summary.network or "",
            "" if summary.step is None else f"{summary.step:,}",
            "" if summary.loss is None else f"{summary.loss:.4f}",
            "" if summary.bits_per_char is None else f"{summary.bits_per_char:.3f}",
            (summary.changed or "")[:16].replace("T", " "),
        )
        for summary in summaries
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row, problem in [(heads, None), *zip(rows, (s.problem for s in summaries), strict=True)]:
        if problem:
            result(f"{row[0]:<{widths[0]}}  cannot be read: {problem}")
            continue
        cells = (
            f"{cell:>{width}}" if head in ("steps", "loss", "bits/char") else f"{cell:<{width}}"
            for head, cell, width in zip(heads, row, widths, strict=True)
        )
        result("  ".join(cells).rstrip())
