"""``suimon predict``: what a trained model says of data it is given."""

from typing import Annotated, Any

import typer

from suimon.cli.printing import notice, result, result_json
from suimon.cli.using import chosen_options, of_each_task
from suimon.cli.writing import Run
from suimon.errors import ConfigError

EXAMPLE = 'echo "a moving story, well told" | suimon predict runs/reviews -'

USE = "predicting"
"""What of each task's description its options come from."""


def help_text() -> str:
    """The beginning of its help page, which has a line a task."""
    return f"""Say what a model makes of files.

Prints, for a run of suimon train

{of_each_task("predicts")}

Texts may come from a .txt file or standard input, one a line. Tables may come
from standard input too; images and recordings come from files.
"""


def command(
    run: Run,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT...", help="Files as in training, or - for standard input."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a prediction.")
    ] = False,
    **options: Any,
) -> None:
    """Say what a model makes of files, as its task does."""
    chosen = chosen_options(run, USE, options)
    from suimon.tasks import load

    model = load(run)
    if not hasattr(model, "predictions"):
        raise ConfigError(f"{run} writes texts: use suimon generate, or suimon evaluate")
    for number, found in enumerate(model.predictions(paths or (), **chosen)):
        if number == 0 and not as_json and hasattr(model, "header"):
            result(model.header(found))
        if as_json:
            result_json(found)
        else:
            result(model.line(found))
    for line in getattr(model, "notices", ()):
        notice(line)
