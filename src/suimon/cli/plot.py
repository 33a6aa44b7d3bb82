"""``suimon plot``: a run's learning curves, in the terminal and as a PNG."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suimon.cli.printing import notice, result_json

if TYPE_CHECKING:
    from suimon.inspection import Curve

EXAMPLE = "suimon plot runs/shakespeare"

PNG = "learning_curves.png"
"""The file's name inside the run, unless ``--out`` gives another."""


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's directory.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.png", help=f"The PNG to write (default: RUN/{PNG})."),
    ] = None,
    png: Annotated[
        bool | None,
        typer.Option(
            "--png/--no-png", help="Whether to write a PNG (default: where matplotlib is)."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the curves as JSON instead of drawing them.")
    ] = False,
) -> None:
    """Draw a run's learning curves, in the terminal and into a PNG."""
    from suimon.inspection import learning_curves
    from suimon.training.metrics import read_metrics
    from suimon.training.run_directory import RunDirectory

    directory = RunDirectory.open(run).path
    curves = learning_curves(read_metrics(directory))
    if not as_json:
        _draw(curves)
    file = None
    if png is not False:
        file = _written(curves, out or directory / PNG, str(run), asked=bool(png or out))
    if as_json:
        points = {curve.name: {"step": curve.steps, "loss": curve.values} for curve in curves}
        result_json({"png": file and str(file), "curves": points})


def _draw(curves: "list[Curve]") -> None:
    from rich.console import Console

    from suimon.inspection import draw_terminal

    width = min(shutil.get_terminal_size().columns, 120)
    Console(file=sys.stdout).print(draw_terminal(curves, width=width), soft_wrap=True)


def _written(curves: "list[Curve]", file: Path, title: str, *, asked: bool) -> Path | None:
    """The PNG, or ``None`` where it cannot be drawn and nobody asked for it by name."""
    from suimon.errors import ConfigError
    from suimon.inspection import draw_png

    if not file.parent.is_dir():
        raise ConfigError(f"--out {file}: there is no directory {file.parent}; make it first")
    try:
        draw_png(curves, file, title=title)
    except ConfigError as error:
        if asked:
            raise
        notice(str(error))
        return None
    notice(f"written: {file}")
    return file
