"""``suimon predict``: what a trained model says of data it is given."""

from typing import Annotated

import typer

from suimon.cli.printing import result, result_json
from suimon.cli.writing import Run
from suimon.errors import ConfigError

EXAMPLE = 'echo "a moving story, well told" | suimon predict runs/reviews -'


def command(
    run: Run,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Files as in training, or - for standard input."),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a sequence.")
    ] = False,
) -> None:
    """Say what a model makes of each sequence of some files.

    Prints a line a sequence: its label, how probable it is, and where the sequence stands. Texts
    may come from a .txt file or standard input, one a line.
    """
    from suimon.tasks import load

    model = load(run)
    if not hasattr(model, "predictions"):
        raise ConfigError(f"{run} writes texts: use suimon generate, or suimon evaluate")
    for found in model.predictions(paths):
        if as_json:
            result_json(found)
        else:
            result(f"{found['label']}\t{found['probability']:.4f}\t{found['place']}")
