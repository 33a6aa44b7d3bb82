"""How well `suimon train classify` tells real sequences apart, by its own choices.

``python benchmarks/classification.py [--data sst2 mnist …] [--seeds 3]`` writes
``benchmarks/results/classification.json``. Each row is one command as a user gives it, with
nothing but the names of columns and ``--seed``, and a budget for mnist; what it leaves is judged by
``suimon evaluate`` on the official test split. Nothing of that split is seen before.

sst2 is made into tables of two columns first, for it comes as lines ``label text``; its own
development split validates. fsdd is unpacked, with a table of the recordings to learn from and one
of those to be judged by, of index 0 to 4.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from report import REPOSITORY, rounded, write_report


@dataclass(frozen=True)
class Data:
    """One data set: what is learnt from, judged by, and what is said of it.

    Attributes:
        train: the path to learn from, below the folder of data or of what was made.
        test: the path to be judged by.
        options: further words of the command.
    """

    train: str
    test: str
    options: tuple[str, ...] = ()


ARCHIVES = ("JapaneseVowels", "SyntheticControl", "BasicMotions", "ECG200")
SUFFIX = {"JapaneseVowels": "ts", "BasicMotions": "ts", "SyntheticControl": "tsv", "ECG200": "tsv"}
DATA = {
    "sst2": Data(
        *("sst2/train.csv", "sst2/test.csv"),
        ("--label", "label", "--text", "text", "--valid-files", "sst2/dev.csv"),
    ),
    "mnist": Data(
        *("images/mnist/train-images-idx3-ubyte.gz", "images/mnist/t10k-images-idx3-ubyte.gz"),
        ("--minutes", "3"),
    ),
    "fsdd": Data("fsdd/train.csv", "fsdd/test.csv", ("--label", "digit", "--audio", "file")),
    **{
        name: Data(
            *(f"series-class/{name}/{name}_{part}.{SUFFIX[name]}" for part in ("TRAIN", "TEST"))
        )
        for name in ARCHIVES
    },
}


def data_folder() -> Path:
    """Where the data sets are, by ``SUIMON_DATA``."""
    folder = Path(os.environ.get("SUIMON_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "sentiment").is_dir():
        sys.exit(f"{folder} has no sentiment/; set SUIMON_DATA to the folder that holds the data")
    return folder


def made_tables(source: Path, target: Path) -> None:
    """sst2 as tables."""
    (target / "sst2").mkdir()
    for part in ("train", "dev", "test"):
        lines = (source / "sentiment" / "sst2" / f"stsa.binary.{part}").read_text().splitlines()
        rows = [(line[0], line[2:].replace('"', '""')) for line in lines]
        table = "".join(f'{label},"{text}"\n' for label, text in rows)
        (target / "sst2" / f"{part}.csv").write_text("label,text\n" + table)


def unpacked_recordings(source: Path, target: Path) -> None:
    """fsdd as recordings beside tables that name them."""
    with tarfile.open(source / "audio" / "fsdd" / "recordings.tar.gz") as archive:
        archive.extractall(target / "fsdd", filter="data")
    tables = {"train": ["digit,file"], "test": ["digit,file"]}
    for path in sorted((target / "fsdd").rglob("*.wav")):
        digit, _, index = path.stem.split("_")
        part = tables["test" if int(index) < 5 else "train"]
        part.append(f"{digit},{path.relative_to(target / 'fsdd')}")
    for name, rows in tables.items():
        (target / "fsdd" / f"{name}.csv").write_text("\n".join(rows) + "\n")


def run(data: Data, seed: int, folder: Path, made: Path) -> dict[str, Any]:
    """One command from beginning to end, and what it is worth on the test split."""

    def found(word: str) -> str:
        if "/" not in word:
            return word
        return next(
            (str(place / word) for place in (made, folder) if (place / word).exists()), word
        )

    with tempfile.TemporaryDirectory() as out:
        model = str(Path(out) / "run")
        words = ["train", "classify", found(data.train), "--out", model, "--seed", str(seed)]
        words += map(found, data.options)
        began = perf_counter()
        subprocess.run([sys.executable, "-m", "suimon", *words], check=True)
        took = perf_counter() - began
        judge = [sys.executable, "-m", "suimon", "evaluate", model, found(data.test), "--json"]
        judged = json.loads(subprocess.run(judge, check=True, capture_output=True).stdout)
    return {
        "accuracy": rounded(judged["accuracy"]),
        "macro_f1": rounded(judged["macro_f1"]),
        "wall_s": rounded(took),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=tuple(DATA), default=list(DATA))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    folder = data_folder()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as made:
        made_tables(folder, Path(made))
        unpacked_recordings(folder, Path(made))
        for name in arguments.data:
            runs = [run(DATA[name], seed, folder, Path(made)) for seed in range(arguments.seeds)]
            accuracies = [each["accuracy"] for each in runs]
            results[name] = {
                "options": " ".join(DATA[name].options),
                "accuracy_median": statistics.median(accuracies),
                "accuracy_min": min(accuracies),
                "accuracy_max": max(accuracies),
                "runs": runs,
            }
            print(name, results[name], flush=True)
    write_report("classification", results, settings={"seeds": arguments.seeds})


if __name__ == "__main__":
    main()
