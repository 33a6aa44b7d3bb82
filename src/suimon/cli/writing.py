"""What the commands that write text share: the options of drawing, and the model."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from suimon.cli.printing import notice
from suimon.errors import ConfigError

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run's directory.")]
Temperature = Annotated[
    float,
    typer.Option(
        "--temperature",
        metavar="FLOAT",
        help="0 takes the likeliest each time, 1 the network's own shares (0 or more).",
    ),
]
TopK = Annotated[
    int | None,
    typer.Option(
        "--top-k", metavar="INT", help="Draw from so many of the likeliest only (1 or more)."
    ),
]
TopP = Annotated[
    float | None,
    typer.Option(
        "--top-p",
        metavar="FLOAT",
        help="Draw from the fewest likeliest with this share together (above 0 to 1).",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="INT",
        help="The same text for the same seed; left out: another each time.",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="fp32|bf16|int8",
        help="What weights are rounded to; each is quicker than the one before.",
    ),
]


def load_writer(run: Path, *, may_answer: bool = False) -> Any:
    """The model of a run that writes text, or, where that will do, answers lines.

    Raises:
        CheckpointError: there is no run, or it is damaged.
        ConfigError: it is a run of a task that writes no text.
    """
    from suimon.tasks import load

    model = load(run)
    if not hasattr(model, "stream") and not (may_answer and hasattr(model, "answer")):
        raise ConfigError(f"{run} is a run of a task that writes no text: see suimon info {run}")
    return model


def quantisation_noticed(model: Any, run: Path, precision: str) -> dict[str, Any]:
    """What int8 changes in this run, reported the first time, as an entry for ``--json``."""
    if precision != "int8":
        return {}
    measured, line = model.quantisation_loss(run)
    if line:
        notice(line)
    return {"quantisation": None if measured is None else asdict(measured)}
