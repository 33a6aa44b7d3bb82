"""``suimon evaluate``: how well a trained model does on data it is given."""

from typing import Annotated

import typer

from suimon.cli.printing import notice, result_json
from suimon.cli.writing import Run

EXAMPLE = "suimon evaluate runs/shakespeare shakespeare.txt"


def command(
    run: Run,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...", help="Files, folders, patterns, or - for standard input."
        ),
    ],
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding",
            metavar="TEXT",
            help="How the files are written (default: as in training).",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, as without it.")
    ] = False,
) -> None:
    """Measure how well a model does on files.

    Prints for a text's model its loss (mean nats a unit), bits per character, perplexity and
    counts; for a classifier accuracy, macro-F1, loss and the confusion matrix.
    """
    from suimon.tasks import load

    measured = load(run).evaluate(paths, encoding=encoding)
    for line in measured.pop("notices", ()):
        notice(line)
    result_json(measured)
