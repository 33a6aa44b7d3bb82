"""How well `suimon train rows` completes images and `suimon train caption` describes them.

``python benchmarks/images.py [--data rows caption] [--seeds 1]`` writes
``benchmarks/results/images_rows.json`` and ``images_caption.json``. Each run is one command as a
user gives it, with nothing but paths and ``--seed``; what it leaves is judged by
``suimon evaluate`` on what was not learnt from.

rows: fashion-mnist's training images, judged by the lower halves of its test images. caption: the
drawn scenes of ``suimon example-data caption``, judged by scenes whose combination of shapes,
colours and relation occurs in no training scene.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from report import REPOSITORY, rounded, write_report

FASHION = "images/fashion-mnist"
DATA = {
    "rows": ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"),
    "caption": ("scenes", "scenes-unseen"),
}


def folder_of(name: str, made: Path) -> Path:
    """Where the data of a benchmark is, made now if it is made by rule."""
    if name == "caption":
        suimon("example-data", "caption", "--out", str(made))
        return made
    folder = Path(os.environ.get("SUIMON_DATA", REPOSITORY.parent / "shared" / "data")) / FASHION
    if not folder.is_dir():
        sys.exit(f"there is no {folder}; set SUIMON_DATA to the folder that holds the data")
    return folder


def suimon(*words: str, **options: Any) -> str:
    """The command line in a process of its own; what it printed, if that was asked for."""
    command = [sys.executable, "-m", "suimon", *words]
    return subprocess.run(command, check=True, text=True, **options).stdout


def run(name: str, seed: int, folder: Path) -> dict[str, Any]:
    """One command from beginning to end, and what it is worth."""
    train, test = (str(folder / path) for path in DATA[name])
    with tempfile.TemporaryDirectory() as out:
        model = str(Path(out) / "run")
        began, used = perf_counter(), processor_seconds()
        suimon("train", name, train, "--out", model, "--seed", str(seed))
        took = {
            "wall_s": rounded(perf_counter() - began),
            "processor_s": rounded(processor_seconds() - used),
        }
        judged = json.loads(suimon("evaluate", model, test, "--json", stdout=subprocess.PIPE))
    numbers = {key: value for key, value in judged.items() if isinstance(value, (int, float))}
    return {key: rounded(value) for key, value in numbers.items()} | took


def processor_seconds() -> float:
    """What the processes that have ended took of the cores; neighbours lengthen it little."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=tuple(DATA), default=list(DATA))
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.data:
        with tempfile.TemporaryDirectory() as made:
            folder = folder_of(name, Path(made))
            runs = [run(name, seed, folder) for seed in range(arguments.seeds)]
        print(name, runs, flush=True)
        write_report(f"images_{name}", {"runs": runs}, settings={"seeds": arguments.seeds})


if __name__ == "__main__":
    main()
