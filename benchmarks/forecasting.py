"""How well `suimon train forecast` forecasts real series, by its own choices.

``python benchmarks/forecasting.py [--data airline ett …] [--seeds 3]`` writes
``benchmarks/results/forecasting.json``. Each row is one command as a user gives it, with nothing
but the names of columns, ``--horizon``, ``--season`` where no date tells it, ``--seed``, and for
ETTh1 the customary validation rows; it reads a file that ends where the test begins. What it leaves
is judged by ``suimon evaluate --last N``: every origin whose horizon lies in the last N rows.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from report import REPOSITORY, rounded, write_row

SEEDS = {"airline": 5}
REPORTED = ("mae", "rmse", "mase", "smape", "crps", "mse_standardised")


@dataclass(frozen=True)
class Data:
    """One data set.

    Attributes:
        make: from the folder of data and a target folder: writes ``train.csv`` and ``test.csv``.
        options: further words of the command.
        last: rows of each series that are forecast.
        metric: what the row is about.
    """

    make: Callable[[Path, Path], None]
    options: tuple[str, ...]
    last: int
    metric: str


def lines(file: str, train: int, whole: int | None = None) -> Callable[[Path, Path], None]:
    """The first so many rows to learn from, and all, or so many, to be judged by."""

    def make(source: Path, target: Path) -> None:
        head, *rows = (source / file).read_text().splitlines()
        (target / "train.csv").write_text("\n".join([head, *rows[:train]]) + "\n")
        (target / "test.csv").write_text("\n".join([head, *rows[:whole]]) + "\n")

    return make


def m4(source: Path, target: Path) -> None:
    """The training table as it is; and with the 48 values that follow behind each row."""

    def read(name: str) -> list[list[str]]:
        with (source / "m4-hourly" / name).open(newline="") as file:
            return [[cell for cell in row if cell] for row in csv.reader(file)][1:]

    both = [
        [*past, *after[1:]]
        for past, after in zip(read("Hourly-train.csv"), read("Hourly-test.csv"), strict=True)
    ]
    for name, rows in (("train.csv", read("Hourly-train.csv")), ("test.csv", both)):
        width = max(map(len, rows))
        with (target / name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([f"V{n}" for n in range(1, width + 1)])
            writer.writerows([*row, *[""] * (width - len(row))] for row in rows)


DATA = {
    "airline": Data(lines("airline/airline-passengers.csv", 120), ("--horizon", "24"), 24, "mase"),
    "sunspots": Data(lines("sunspots/monthly-sunspots.csv", 2256), ("--horizon", "1"), 564, "rmse"),
    "ett": Data(
        lines("ett/ETTh1.csv", 11_520, 14_400),
        ("--horizon", "24", "--time", "date", "--target", "OT", "--valid-rows", "2880"),
        *(2880, "mse_standardised"),
    ),
    "m4-hourly": Data(m4, ("--horizon", "48", "--season", "24"), 48, "smape"),
    "sp500": Data(
        lines("sp500/sp500.csv", 3_757),
        ("--horizon", "1", "--time", "Date", "--target", "Close"),
        *(940, "mae"),
    ),
}


def data_folder() -> Path:
    """Where the data sets are, by ``SUIMON_DATA``."""
    folder = Path(os.environ.get("SUIMON_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "series").is_dir():
        sys.exit(f"{folder} has no series/; set SUIMON_DATA to the folder that holds the data")
    return folder / "series"


def run(data: Data, seed: int, made: Path) -> dict[str, Any]:
    """One command from beginning to end, and what it is worth in the last rows."""
    with tempfile.TemporaryDirectory() as out:
        model = str(Path(out) / "run")
        words = ["train", "forecast", str(made / "train.csv"), "--out", model]
        began = perf_counter()
        subprocess.run(
            [sys.executable, "-m", "suimon", *words, *data.options, "--seed", str(seed)], check=True
        )
        took = perf_counter() - began
        judge = ["evaluate", model, str(made / "test.csv"), "--last", str(data.last), "--json"]
        command = [sys.executable, "-m", "suimon", *judge]
        judged = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    found = {name: rounded(judged[name]) for name in REPORTED}
    found |= {name: judged[name] for name in ("coverage", "against_seasonal_naive")}
    found |= {name: judged[name] for name in ("against_naive", "standardised_by", "origins")}
    for name in ("seasonal_naive", "naive"):
        found[name] = {metric: rounded(value) for metric, value in judged[name].items()}
    return {**found, "wall_s": rounded(took)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data",
        nargs="+",
        choices=tuple(DATA),
        default=list(DATA),
        help="the rows to measure; others stay as the file has them",
    )
    parser.add_argument("--seeds", type=int, default=3, help="5 at least for airline")
    arguments = parser.parse_args()
    folder = data_folder()
    for name in arguments.data:
        data = DATA[name]
        with tempfile.TemporaryDirectory() as made:
            data.make(folder, Path(made))
            seeds = max(arguments.seeds, SEEDS.get(name, 1))
            runs = [run(data, seed, Path(made)) for seed in range(seeds)]
        values = [each[data.metric] for each in runs]
        row = {
            "options": " ".join(data.options),
            "last": data.last,
            "metric": data.metric,
            "median": statistics.median(values),
            "min": min(values),
            "max": max(values),
            "runs": runs,
        }
        print(name, {k: v for k, v in row.items() if k != "runs"}, flush=True)
        write_row("forecasting", name, row)


if __name__ == "__main__":
    main()
