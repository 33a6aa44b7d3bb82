"""Every task trained by one process and by two over gloo; a program of its own, started by a test."""

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
from suimon.training.run_directory import MANIFEST
from tests.training.joined_sessions import difference, tensors, together

# Not Adam, which divides by what a gradient is long: of one that is zero it would show the rounding.
LOOP = {"steps": 4, "optimizer": "sgd", "learning_rate": 0.1}


def session(folder: str, data: Path, run: Path) -> None:
    """Train a task on its contract's fixture in this process, without dropout."""
    torch.set_num_threads(1)
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
    codes = []
    for name, count in (("alone", 1), ("two", 2)):
        data = place / f"{name}-data"
        data.mkdir(parents=True)
        codes += together(count, partial(session, folder, data, place / name))
    if any(codes) or not (place / "two" / MANIFEST).exists():
        return {"codes": codes}
    alone, two = tensors(place / "alone"), tensors(place / "two")
    counted = [
        json.loads((place / name / "metrics.jsonl").read_text().splitlines()[-1])["tokens"]
        for name in ("alone", "two")
    ]
    return {
        "codes": codes,
        "weights": difference(alone, two, "model."),
        "tokens": counted,
    }


if __name__ == "__main__":
    print(json.dumps({name: compared(name, Path(sys.argv[1]) / name) for name in discover()}))
