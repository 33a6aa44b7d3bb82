"""How well `suimon train translate` turns sequences into others, by its own choices.

``python benchmarks/translation.py [--data date addition multi30k] [--seeds 3]`` writes
``benchmarks/results/translation.json``. Each row is one command as a user gives it, with nothing
but the data, a budget in minutes and ``--seed``; what it leaves is judged by ``suimon evaluate``.

date and addition are split first, a tenth of their distinct sources for the test (by the seed 0,
whatever the seed of the run), so that no source of the test is learnt from. multi30k has its own
validation and test files.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from report import REPOSITORY, rounded, write_row

MULTI30K = "translation/multi30k"
KEPT = (
    *("bleu", "bleu_lowercase", "chrf", "exact", "loss", "token_accuracy", "sentences"),
    *("overlap", "bleu_signature", "bleu_lowercase_signature", "chrf_signature"),
)


@dataclass(frozen=True)
class Data:
    """One data set: what is learnt from, judged by, and what is said of it.

    Attributes:
        train: the paths to learn from, below the folder of data or of what was made.
        test: the paths to be judged by.
        options: further words of the command.
        measure: the number that counts.
        seeds: runs at most, for the longest.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    options: tuple[str, ...]
    measure: str
    seeds: int


DATA = {
    "date": Data(
        ("date.train.txt",),
        ("date.test.txt",),
        ("--separator", "_", "--minutes", "3"),
        "exact",
        3,
    ),
    "addition": Data(
        ("addition.train.txt",),
        ("addition.test.txt",),
        ("--separator", "_", "--minutes", "10"),
        "exact",
        1,
    ),
    "multi30k": Data(
        (f"{MULTI30K}/train.de.gz", f"{MULTI30K}/train.en.gz"),
        (f"{MULTI30K}/test_2016_flickr.de.gz", f"{MULTI30K}/test_2016_flickr.en.gz"),
        (
            *("--valid-files", f"{MULTI30K}/val.de.gz", "--valid-files", f"{MULTI30K}/val.en.gz"),
            *("--minutes", "60"),
        ),
        "bleu_lowercase",
        1,
    ),
}


def data_folder() -> Path:
    """Where the data sets are, by ``SUIMON_DATA``."""
    folder = Path(os.environ.get("SUIMON_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "translation").is_dir():
        sys.exit(f"{folder} has no translation/; set SUIMON_DATA to the folder that holds the data")
    return folder


def made_splits(source: Path, target: Path) -> None:
    """date and addition, a tenth of their distinct sources apart."""
    for name in ("date", "addition"):
        lines = (source / "translation" / name / f"{name}.txt").read_text().splitlines()
        by_source: dict[str, list[str]] = {}
        for line in lines:
            by_source.setdefault(line.partition("_")[0].strip().lower(), []).append(line)
        sources = sorted(by_source)
        random.Random(0).shuffle(sources)
        kept = len(sources) // 10
        for part, chosen in (("test", sources[:kept]), ("train", sources[kept:])):
            rows = [line for each in chosen for line in by_source[each]]
            (target / f"{name}.{part}.txt").write_text("\n".join(rows) + "\n")


def run(data: Data, seed: int, folder: Path, made: Path) -> dict[str, Any]:
    """One command from beginning to end, and what it is worth on the test split."""

    def found(word: str) -> str:
        places = (made / word, folder / word)
        return next((str(place) for place in places if place.is_file()), word)

    with tempfile.TemporaryDirectory() as out:
        model = str(Path(out) / "run")
        words = ["train", "translate", *map(found, data.train), "--out", model]
        words += ["--seed", str(seed), *map(found, data.options), "--json"]
        began = perf_counter()
        said = subprocess.run(
            [sys.executable, "-m", "suimon", *words], check=True, stdout=subprocess.PIPE
        )
        took = perf_counter() - began
        trained = json.loads(said.stdout)
        judge = ["evaluate", model, *map(found, data.test), "--json"]
        began = perf_counter()
        judged = json.loads(
            subprocess.run(
                [sys.executable, "-m", "suimon", *judge], check=True, stdout=subprocess.PIPE
            ).stdout
        )
    return {
        **{
            name: rounded(judged[name]) if isinstance(judged[name], float) else judged[name]
            for name in KEPT
        },
        "valid_loss": rounded(trained["loss"]),
        "steps": trained["step"],
        "tokens": trained["tokens"],
        "wall_s": rounded(took),
        "evaluate_s": rounded(perf_counter() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=tuple(DATA), default=list(DATA))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    folder = data_folder()
    with tempfile.TemporaryDirectory() as made:
        made_splits(folder, Path(made))
        for name in arguments.data:
            data = DATA[name]
            seeds = range(min(arguments.seeds, data.seeds))
            runs = [run(data, seed, folder, Path(made)) for seed in seeds]
            values = [each[data.measure] for each in runs]
            row = {
                "options": " ".join(data.options),
                f"{data.measure}_median": statistics.median(values),
                f"{data.measure}_min": min(values),
                f"{data.measure}_max": max(values),
                "runs": runs,
            }
            print(name, row, flush=True)
            write_row("translation", name, row)


if __name__ == "__main__":
    main()
