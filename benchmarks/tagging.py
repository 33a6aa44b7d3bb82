"""How well `suimon train tag` finds what is where, by its own choices.

``python benchmarks/tagging.py [--data digits people …] [--seeds 3]`` writes
``benchmarks/results/tagging.json``. Each row is one command as a user gives it, with nothing but
the names of columns and ``--seed``; what it leaves is judged by ``suimon evaluate``.

``digits`` are strings of five spoken digits, joined from the recordings of audio/fsdd: those to
learn from of recordings 5 to 49 of each digit and speaker, those to be judged by of recordings 0 to
4, which no training string has. Digits and recordings are drawn by ``random.Random(PART_SEED)``;
between two digits there is nothing, or, half the time, up to 0.2 s of silence.

``people`` are the sentences of ``suimon example-data tag`` with names and places: family names and
places are made of syllables, each anew, so that few of the test were met in training.
"""

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import soundfile
from report import REPOSITORY, rounded, write_row

RATE = 8000
DIGITS = 5
LONGEST_SILENCE = 0.2  # seconds
PARTS = {"train": (2000, 1), "test": (400, 2)}  # how many strings, and the seed they are drawn by
TEST_INDEX = 5  # recordings of a lower index are for the test


@dataclass(frozen=True)
class Data:
    """What is learnt from and judged by, below the folder of what was made, and with what words."""

    train: str
    test: str
    options: tuple[str, ...] = ()


PEOPLE = ("people/people.conll", "people/people-test.conll")
DATA = {
    "digits": Data("digits/train.csv", "digits/test.csv", ("--audio", "file")),
    "people": Data(*PEOPLE),
    "people_words_alone": Data(*PEOPLE, ("--no-characters",)),
    "people_crf": Data(*PEOPLE, ("--output", "crf")),
}


def data_folder() -> Path:
    """Where the data sets are, by ``SUIMON_DATA``."""
    folder = Path(os.environ.get("SUIMON_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "audio").is_dir():
        sys.exit(f"{folder} has no audio/; set SUIMON_DATA to the folder that holds the data")
    return folder


def recordings(archive: Path, part: str) -> dict[str, list[np.ndarray]]:
    """The recordings of one part of fsdd by their digit, in the order of their names."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        found = defaultdict(list)
        for path in sorted(Path(folder).rglob("*.wav")):
            digit, _, index = path.stem.split("_")
            if (int(index) < TEST_INDEX) == (part == "test"):
                samples, rate = soundfile.read(path, dtype="int16")
                assert rate == RATE
                found[digit].append(samples)
    return found


def strings(
    found: dict[str, list[np.ndarray]], count: int, seed: int
) -> Iterator[tuple[np.ndarray, list[tuple[float, float, str]]]]:
    """Samples of joined digits, and where each digit begins and ends, in seconds."""
    chance = random.Random(seed)
    for _ in range(count):
        parts: list[np.ndarray] = []
        segments: list[tuple[float, float, str]] = []
        at = 0
        for n in range(DIGITS):
            if n and chance.random() < 0.5:
                silence = round(chance.uniform(0, LONGEST_SILENCE) * RATE)
                parts.append(np.zeros(silence, np.int16))
                at += silence
            digit = chance.choice(sorted(found))
            parts.append(chance.choice(found[digit]))
            segments.append((at / RATE, (at + len(parts[-1])) / RATE, digit))
            at += len(parts[-1])
        yield np.concatenate(parts), segments


def make_digits(source: Path, target: Path) -> None:
    """Recordings of strings, and a table of their segments for each part."""
    for part, (count, seed) in PARTS.items():
        (target / part).mkdir(parents=True)
        found = recordings(source / "audio" / "fsdd" / "recordings.tar.gz", part)
        with (target / f"{part}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("file", "start", "end", "label"))
            for n, (samples, segments) in enumerate(strings(found, count, seed)):
                name = f"{part}/{n:04}.wav"
                soundfile.write(target / name, samples, RATE)
                table.writerows((name, *segment) for segment in segments)


def run(data: Data, seed: int, made: Path) -> dict[str, Any]:
    """One command from beginning to end, and what it is worth on the test."""
    with tempfile.TemporaryDirectory() as out:
        model = str(Path(out) / "run")
        words = ["train", "tag", str(made / data.train), "--out", model, "--seed", str(seed)]
        began = perf_counter()
        subprocess.run([sys.executable, "-m", "suimon", *words, *data.options], check=True)
        took = perf_counter() - began
        judge = [sys.executable, "-m", "suimon", "evaluate", model, str(made / data.test), "--json"]
        judged = json.loads(subprocess.run(judge, check=True, capture_output=True).stdout)
    scores = {
        n: rounded(value) if isinstance(value, float) else value for n, value in judged.items()
    }
    return scores | {"wall_s": rounded(took)}


def summary(data: Data, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What several seeds found: the middle and the ends of what counts, and each run."""
    measure = "exact" if "exact" in runs[0] else "f1"
    found = [each[measure] for each in runs]
    return {
        "options": " ".join(data.options),
        f"{measure}_median": statistics.median(found),
        f"{measure}_min": min(found),
        f"{measure}_max": max(found),
        "runs": runs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=tuple(DATA), default=list(DATA))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    folder = data_folder()
    with tempfile.TemporaryDirectory() as made:
        make_digits(folder, Path(made) / "digits")
        people = [sys.executable, "-m", "suimon", "example-data", "tag"]
        subprocess.run([*people, "--out", str(Path(made) / "people")], check=True)
        for name in arguments.data:
            runs = [run(DATA[name], seed, Path(made)) for seed in range(arguments.seeds)]
            row = summary(DATA[name], runs)
            print(name, row, flush=True)
            write_row("tagging", name, {"strings": PARTS, **row})


if __name__ == "__main__":
    main()
