"""What all benchmarks share: how they time, and how they write down what they found.

The machines that people have drift: clocks change, neighbours come and go. So candidates take
turns, round after round, and are compared within a round; a report holds medians and ratios, and
names the machine, the versions and the threads that they belong to.
"""

import gc
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"
REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("suimon", "torch", "numpy", "tokenizers", "safetensors")
ISA_FLAGS = (
    "avx2",
    "fma",
    "avx512f",
    "avx512_bf16",
    "avx512_vnni",
    "amx_tile",
    "amx_bf16",
    "asimd",
)


@dataclass(frozen=True)
class Timings:
    """Seconds of every candidate in every round, in the order of the rounds."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """Median seconds of one candidate."""
        return statistics.median(self.seconds[name])

    def ratio(self, slower: str, faster: str) -> float:
        """How many times as long ``slower`` takes: the median over rounds of that ratio."""
        pairs = zip(self.seconds[slower], self.seconds[faster], strict=True)
        return statistics.median(one / other for one, other in pairs)

    @property
    def rounds(self) -> int:
        """How many turns each candidate had."""
        return len(next(iter(self.seconds.values())))

    def summary(self) -> dict[str, dict[str, float]]:
        """Median, least and greatest seconds of every candidate, for a report."""
        return {
            name: {
                "median_s": rounded(self.median(name)),
                "min_s": rounded(min(times)),
                "max_s": rounded(max(times)),
            }
            for name, times in self.seconds.items()
        }


def interleaved(
    candidates: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 15,
    warmup: int = 2,
    least_s: float = 0.005,
    rest_s: float = 0.0,
    most_s: float = math.inf,
    least_rounds: int = 5,
) -> Timings:
    """Time candidates in turns.

    Args:
        candidates: name to what is timed.
        rounds: how often each takes its turn.
        warmup: calls of each before the first round.
        least_s: a candidate quicker than this repeats within its turn until it takes as long,
            and the mean of the turn counts.
        rest_s: pause before each turn, for threads of the last candidate that look for more work.
        most_s: begin no further round after so long,
        least_rounds: but for this many.
    """
    repeats = {name: _repeats(call, warmup, least_s) for name, call in candidates.items()}
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    gc.collect()
    gc.disable()
    began = perf_counter()
    try:
        for round_ in range(rounds):
            if round_ >= least_rounds and perf_counter() - began > most_s:
                break
            for name, call in candidates.items():
                sleep(rest_s)
                start = perf_counter()
                for _ in range(repeats[name]):
                    call()
                seconds[name].append((perf_counter() - start) / repeats[name])
    finally:
        gc.enable()
    return Timings(seconds)


def _repeats(call: Callable[[], object], warmup: int, least_s: float) -> int:
    for _ in range(warmup):
        call()
    start = perf_counter()
    call()
    return max(1, round(least_s / max(perf_counter() - start, 1e-7)))


def write_report(name: str, results: Any, *, settings: Mapping[str, Any] | None = None) -> Path:
    """Write ``benchmarks/results/NAME.json`` and say so.

    Args:
        name: of the benchmark, and of the file.
        results: JSON-able; times in seconds, ratios as plain numbers.
        settings: what the benchmark was run with, JSON-able.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {
        "benchmark": name,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "threads": torch.get_num_threads(),
        "settings": dict(settings or {}),
        "results": results,
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path.relative_to(REPOSITORY)}")
    return path


def write_row(name: str, row: str, found: Mapping[str, Any]) -> Path:
    """Write one row of a report whose rows are measured one by one, each with its own when.

    The rows that are there already stay as they are. A whole report of this kind may take hours.

    Args:
        name: of the benchmark, and of the file.
        row: its name; a row of this name is written over.
        found: JSON-able.
    """
    path = RESULTS / f"{name}.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else {}
    about = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": versions()["commit"],
        "threads": torch.get_num_threads(),
    }
    return write_report(name, rows | {row: {**about, **found}})


def machine() -> dict[str, Any]:
    """Processor, cores, instruction sets, memory and system of this machine."""
    model, flags = _processor()
    found: dict[str, Any] = {
        "cpu": model,
        "cores": os.cpu_count(),
        "isa": [flag for flag in ISA_FLAGS if flag in flags],
        "system": f"{platform.system()} {platform.machine()}",
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        found["memory_gib"] = round(pages * size / 2**30, 1)
    if hasattr(os, "getloadavg"):
        found["load_average_1min"] = round(os.getloadavg()[0], 2)
    return found


def _processor() -> tuple[str, set[str]]:
    """Its model's name and its feature flags, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine(), set()
    lines = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8").splitlines())
    fields = {key.strip().lower(): value.strip() for key, _, value in lines}
    flags = fields.get("flags") or fields.get("features") or ""
    return fields.get("model name", platform.machine()), set(flags.split())


def versions() -> dict[str, str]:
    """Of Python, of the packages that decide how fast things are, and of this code."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    found["commit"] = _commit()
    return found


def _commit() -> str:
    """The commit that is checked out, with "+" where files differ from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "--short", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except FileNotFoundError:
        return "unknown"
    return f"{commit}{'+' if changed else ''}" if commit else "unknown"


def rounded(value: float) -> float:
    """Four significant digits: more are noise."""
    return float(f"{value:.4g}")


if __name__ == "__main__":
    json.dump({"machine": machine(), "versions": versions()}, sys.stdout, indent=2)
