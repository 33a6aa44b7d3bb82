"""Every task trained by one process and by two over gloo; a program that a test starts."""

import json
import os
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from suimon.tasks import discover
from suimon.training import TrainingConfig
from suimon.training.options import parse_options
from tests.training.joined_sessions import difference, tensors, together

# Not Adam, which divides by a gradient's length: where that is zero it would show the rounding.
LOOP = {"steps": 4, "optimizer": "sgd", "learning_rate": 0.1}


def session(folder: str, run: Path) -> None:
    """Train a task on its contract's fixture in this process, without dropout."""
    torch.set_num_threads(1)
    data = run.parent / f"data-{run.name}-{os.environ['RANK']}"  # each writes its own
    data.mkdir()
    os.environ["SUIMON_CACHE"] = str(data / "cache")
    fixture = import_module(f"tests.tasks.{folder}.contract").contract(data)
    options = discover()[folder].config
    none = {name: 0.0 for name in ("dropout", "input_dropout") if name in options.model_fields}
    import_module(f"suimon.tasks.{folder}.train").train(
        fixture.paths,
        run,
        parse_options(options, fixture.config | none),
        parse_options(TrainingConfig, fixture.training | LOOP),
    )


def compared(folder: str, place: Path) -> dict[str, Any]:
    """What one process and two made of a task."""
    codes: list[int] = []
    alone, two = place / "alone", place / "two"
    place.mkdir()
    for run, count in ((alone, 1), (two, 2)):
        codes += together(count, partial(session, folder, run))
    if any(codes):
        return {"codes": codes}
    rows = [(run / "metrics.jsonl").read_text().splitlines()[-1] for run in (alone, two)]
    return {
        "codes": codes,
        "weights": difference(tensors(alone), tensors(two), "model."),
        "tokens": [json.loads(row)["tokens"] for row in rows],
    }


def main(place: Path) -> None:
    """What the tests look at, as JSON."""
    for folder in discover():
        import_module(f"suimon.tasks.{folder}.train")  # once here rather than in every fork
    print(json.dumps({folder: compared(folder, place / folder) for folder in discover()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
