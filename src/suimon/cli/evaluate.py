"""``suimon evaluate``: how well a trained model does on data it is given."""

from typing import Annotated, Any

import typer

from suimon.cli.printing import notice, result_json
from suimon.cli.using import chosen_options, of_each_task
from suimon.cli.writing import Run

EXAMPLE = "suimon evaluate runs/shakespeare shakespeare.txt"

USE = "evaluating"
"""What of each task's description its options come from."""


def help_text() -> str:
    """The beginning of its help page, which has a line a task."""
    return f"""Measure how well a model does on files.

Prints, for a run of suimon train

{of_each_task("measures")}

Standard input may hold a table, or lines such as files of the training have;
images and recordings come from files.
"""


def command(
    run: Run,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Files as in training, or - for standard input."),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, as without it.")
    ] = False,
    **options: Any,
) -> None:
    """Measure how well a model does on files."""
    chosen = chosen_options(run, USE, options)
    from suimon.tasks import load

    measured = load(run).evaluate(paths, **chosen)
    for line in measured.pop("notices", ()):
        notice(line)
    result_json(measured)
