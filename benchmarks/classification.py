"""How well `suimon train classify` tells real sequences apart, by its own choices.

``python benchmarks/classification.py [--data sst2 mnist …] [--seeds 3]`` writes
``benchmarks/results/classification.json``. Each row is one command as a user gives it, with
nothing but the names of columns and ``--seed``, the branch where the row's name has it, a budget
for mnist and the options named in the page on classification for negations; what it leaves is
judged by ``suimon evaluate`` on the official test split.
Nothing of that split is seen before.

sst2 is made into tables of two columns first, for it comes as lines ``label text``; its own
development split validates. mr has no test split: ten runs leave out a tenth each. imdb is
unpacked; one seed. The sentences of ``negations`` are made by rule, by ``suimon example-data``.
Beside texts stands what the bag of words reaches that the command trains along. fsdd is unpacked,
with a table of the recordings to learn from and one of those to be judged by, of index 0 to 4.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from report import REPOSITORY, rounded, write_row


@dataclass(frozen=True)
class Data:
    """One data set: what is learnt from, judged by, and what is said of it.

    Attributes:
        train: the path to learn from, below the folder of data or of what was made.
        test: the path to be judged by.
        options: further words of the command.
        runs: the seeds, and the folds that ``{}`` in paths stands for; ``None``: as was asked.
    """

    train: str
    test: str
    options: tuple[str, ...] = ()
    runs: int | None = None


FOLDS = 10
TEXT = ("--label", "label", "--text", "text")
BRANCH = ("--branch", "bag-of-words")
ARCHIVES = ("JapaneseVowels", "SyntheticControl", "BasicMotions", "ECG200")
SUFFIX = {"JapaneseVowels": "ts", "BasicMotions": "ts", "SyntheticControl": "tsv", "ECG200": "tsv"}
DATA = {
    **{
        name + suffix: Data(data.train, data.test, (*data.options, *more), data.runs)
        for name, data in {
            "sst2": Data(
                *("sst2/train.csv", "sst2/test.csv"), (*TEXT, "--valid-files", "sst2/dev.csv")
            ),
            "mr": Data("mr/{}/train.csv", "mr/{}/test.csv", TEXT, FOLDS),
            "imdb": Data("aclImdb/train", "aclImdb/test", (), 1),
        }.items()
        for suffix, more in (("", ()), ("-branch", BRANCH))
    },
    "negations": Data(
        *("negations/negations.csv", "negations/negations-test.csv"),
        ("--label", "verdict", "--text", "text"),
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


def make(source: Path, target: Path, names: Sequence[str]) -> None:
    """What the rows of these names read that is not there as it is."""
    made = {name.removesuffix("-branch") for name in names}
    if "sst2" in made:
        for part in ("train", "dev", "test"):
            lines = (source / "sentiment" / "sst2" / f"stsa.binary.{part}").read_text().splitlines()
            write_table(target / "sst2" / f"{part}.csv", [(line[0], line[2:]) for line in lines])
    if "mr" in made:
        make_folds(source / "sentiment" / "mr", target / "mr")
    if "imdb" in made:
        with tarfile.open(next((source / "sentiment" / "imdb").glob("*.tar.gz"))) as archive:
            archive.extractall(target, filter="data")
    if "fsdd" in made:
        unpacked_recordings(source, target)
    if "negations" in made:
        words = ["example-data", "classify", "--out", str(target / "negations")]
        subprocess.run([sys.executable, "-m", "suimon", *words], check=True)


def make_folds(source: Path, target: Path) -> None:
    """mr in ten parts, each of which is the test of one run."""
    rows = [
        (label, line.strip())
        for label, kind in (("1", "pos"), ("0", "neg"))
        for line in next(source.glob(f"*{kind}*")).read_text().splitlines()
    ]
    order = np.random.RandomState(0).permutation(len(rows))
    for fold in range(FOLDS):
        left_out = set(order[fold::FOLDS].tolist())
        for part, inside in (("train", False), ("test", True)):
            chosen = [rows[n] for n in range(len(rows)) if (n in left_out) == inside]
            write_table(target / str(fold) / f"{part}.csv", chosen)


def write_table(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Labels and texts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    escaped = ((label, text.replace('"', '""')) for label, text in rows)
    path.write_text("label,text\n" + "".join(f'{label},"{text}"\n' for label, text in escaped))


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
        word = word.format(seed)
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
    facts = {
        "accuracy": rounded(judged["accuracy"]),
        "macro_f1": rounded(judged["macro_f1"]),
        "wall_s": rounded(took),
    }
    if "bag_of_words" in judged:
        facts["bag_of_words"] = rounded(judged["bag_of_words"]["accuracy"])
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=tuple(DATA), default=list(DATA))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    folder = data_folder()
    with tempfile.TemporaryDirectory() as made:
        make(folder, Path(made), arguments.data)
        for name in arguments.data:
            seeds = range(DATA[name].runs or arguments.seeds)
            runs = [run(DATA[name], seed, folder, Path(made)) for seed in seeds]
            accuracies = [each["accuracy"] for each in runs]
            row = {
                "options": " ".join(DATA[name].options),
                "accuracy_mean": statistics.mean(accuracies),
                "accuracy_median": statistics.median(accuracies),
                "accuracy_min": min(accuracies),
                "accuracy_max": max(accuracies),
                "runs": runs,
            }
            print(name, row, flush=True)
            write_row("classification", name, row)


if __name__ == "__main__":
    main()
