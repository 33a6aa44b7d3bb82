"""The demo: a character network reads Python's standard library and writes functions of its own.

Run it with ``make demo``, or ``python examples/demo.py``. It trains for three minutes
(``SUIMON_DEMO_MINUTES`` or ``--minutes`` for another time), downloads nothing, and leaves a run
directory that every ``suimon`` command takes.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from suimon.data.cache import cache_folder
from suimon.errors import SuimonError
from suimon.lab.python_source import (
    Comparison,
    CorpusReport,
    ParsedShare,
    compare,
    write_corpus,
)


def main() -> int:
    """The demo from beginning to end; returns the exit code."""
    options = parse_arguments()
    try:
        corpus = prepare(options.modules)
        code = train(corpus, options.out, options.minutes)
        if code:
            return code
        judge(corpus, options.out)
    except SuimonError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    say_what_next(options.out)
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line's options, the budget from the environment unless given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--minutes",
        type=float,
        default=float(os.environ.get("SUIMON_DEMO_MINUTES", "3")),
        help="how long to train (default: SUIMON_DEMO_MINUTES, else 3)",
    )
    parser.add_argument("--out", type=Path, help="the run directory (default: runs/demo, demo-2 …)")
    parser.add_argument("--modules", type=int, help="read only so many of the library's modules")
    options = parser.parse_args()
    options.out = options.out or free_name(Path("runs"))
    return options


def free_name(folder: Path) -> Path:
    """The first of ``demo``, ``demo-2`` … that is not taken: a demo never stops at an old one."""
    number = 1
    while (run := folder / ("demo" if number == 1 else f"demo-{number}")).exists():
        number += 1
    return run


def prepare(modules: int | None) -> CorpusReport:
    """The standard library as a text, written to the cache the first time."""
    heading("1. The text: this Python's own standard library")

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else "\r"
        print(f"   stripping comments and docstrings: {done}/{total}", end=end, flush=True)

    progress = show if sys.stdout.isatty() else None
    corpus = write_corpus(cache_folder(), modules=modules, progress=progress)
    print(f"   {corpus.train_files} modules to learn from, {corpus.train_characters:,} characters")
    print(f"   {corpus.valid_files} modules kept unseen, {corpus.valid_characters:,} characters")
    print(f"   left out: all tests, {corpus.tables} tables, {corpus.skipped} that do not parse")
    print(f"   in {corpus.folder}")
    return corpus


def train(corpus: CorpusReport, out: Path, minutes: float) -> int:
    """Train by the command that a user would type, in a process whose time is the budget."""
    words = ["train", "text", str(corpus.train), "--valid-files", str(corpus.valid)]
    words += ["--out", str(out), "--minutes", f"{minutes:g}", "--valid-limit", "200000"]
    words += ["--tbptt-steps", "64"]  # what closes a bracket stands farther away than in prose
    heading(f"2. Training for {minutes:g} minutes")
    print(f"   $ suimon {shlex.join(words)}\n", flush=True)
    process = subprocess.Popen([sys.executable, "-m", "suimon", *words])
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # the training has heard it too: it saves, says how to go on, and ends


def judge(corpus: CorpusReport, out: Path) -> None:
    """Bits per character on unseen files, functions it wrote, and how many Python accepts."""
    from suimon import load

    model = load(out)
    heading("3. What it has learned")
    measured = model.evaluate([corpus.valid])
    print(f"   {measured['bits_per_char']:.3f} bits per character on files it never saw\n")
    started = time.monotonic()
    found = compare(model, corpus.text("train"), corpus.text("valid"))
    print_functions(found.trained)
    print_comparison(found, time.monotonic() - started)


def print_functions(share: ParsedShare) -> None:
    """Three functions: those that the parser accepts before the others that were written."""
    others = [sample for sample in share.samples if sample not in share.accepted]
    shown = [*share.accepted, *others][:3]
    accepted = min(len(share.accepted), 3)
    print(f"   Functions it wrote (Python accepts {accepted} of these {len(shown)}):\n")
    for function in shown:
        written = function.expandtabs(4).splitlines()
        lines = [line.rstrip()[:90] for line in written if line.strip()]
        more = [f"… {len(lines) - 20} lines more"] if len(lines) > 20 else []
        for line in [*lines[:20], *more, ""]:
            print(f"      {line}".rstrip())


def print_comparison(found: Comparison, seconds: float) -> None:
    """The share of functions that Python's parser accepts, of each writer."""
    print(f"   Of {found.trained.count} functions, Python's parser accepts")
    for name, share in (
        ("this network", found.trained),
        ("the same network, untrained", found.untrained),
        ("a 5-gram model of the same text", found.ngram),
    ):
        print(f"      {name:<32} {share.share:>4.0%}")
    print(f"\n   {found.ratio:.0f} times the 5-gram model's share (taken as 1 % where it is less).")
    print("   Counted: distinct functions of two lines or more that do not stand in the text, from")
    print(
        "   'def ' at temperature 0.5 to the next line in column 0, 1,500 characters at most, each"
    )
    print("   written where one stands in an unseen module; all others count against.")
    print(f"   This took {seconds:.0f} s. What became of each:")
    for outcome, number in sorted(found.trained.outcomes.items(), key=lambda item: -item[1]):
        print(f"      {number:>4}  {outcome}")


def say_what_next(out: Path) -> None:
    """Commands to go on with; they run as they are printed."""
    heading("4. What to type next")
    print(f"""   suimon generate {out} --prompt "class Gate:" --temperature 0.5
   suimon chat {out}
   suimon plot {out}
   suimon train text --out {out} --resume --minutes 10
   suimon train text YOUR.txt --out runs/yours
""")


def heading(text: str) -> None:
    """A line that stands apart."""
    print(f"\n{text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
