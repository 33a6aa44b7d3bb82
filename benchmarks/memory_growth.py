"""How much more memory a long text takes than a short one: encoding, batches, evaluation.

``python benchmarks/memory_growth.py [--megabytes 10 1000] [--units chars]`` encodes a text of each
size in a process of its own, reads batches from all over it, and walks through evaluation windows;
meanwhile it watches the process's anonymous memory (``RssAnon``: pages of mapped files, which the
system can drop at any time, do not count). The target is a growth below 50 MB from 10 MB to 1 GB.
Linux only.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LINE = "Before we proceed any further, hear me speak: word{number} 水門\n"
LIMIT_MB = 50


def write_text(path: Path, megabytes: float) -> None:
    """A text of so many megabytes in which new words keep coming, as they do in any language."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < megabytes * 1e6:
            file.writelines(
                # Ever rarer: the n-th line brings a new word for n = 1, 4, 9, 16, …
                LINE.format(number=int(n**0.5))
                for n in range(number, number + 10_000)
            )
            number += 10_000


def anonymous_mb() -> float:
    """This process's anonymous memory now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024 / 1e6


def watched(path: Path, units: str) -> dict[str, float]:
    """Do all that is done with a text, and give the most memory it took."""
    import torch

    from suimon.data.text import (
        TokenStreams,
        UnitsOptions,
        evaluation_windows,
        load_corpus,
        split_corpus,
    )

    torch.set_num_threads(1)
    peak, done = anonymous_mb(), threading.Event()
    at_start = peak

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    corpus = load_corpus(path, units=UnitsOptions(units))
    split = split_corpus(corpus)
    streams = TokenStreams(split.train.tokens, 32, 100)
    place = streams.state_dict()
    for window in range(0, streams.batches_per_epoch, max(1, streams.batches_per_epoch // 2000)):
        streams.load_state_dict(place | {"window": window})
        streams.next_batch()
    for _ in itertools.islice(evaluation_windows(split.valid.tokens, 32, 100, context=64), 1000):
        pass
    counted = {"tokens": len(corpus), "valid_characters": split.valid.characters}
    done.set()
    watcher.join()
    return counted | {"start_mb": round(at_start, 1), "peak_mb": round(peak, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, nargs=2, default=[10, 1000])
    parser.add_argument("--units", default="chars", choices=["chars", "bytes", "words", "bpe"])
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(watched(options.child, options.units)))
        return
    from report import write_report

    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in options.megabytes:
            text = Path(folder, "text.txt")
            write_text(text, megabytes)
            done = subprocess.run(
                [sys.executable, __file__, "--child", str(text), "--units", options.units],
                env=os.environ | {"SUIMON_CACHE": folder},
                stdout=subprocess.PIPE,
                check=True,
            )
            results[f"{megabytes:g} MB"] = json.loads(done.stdout)
            print(f"{megabytes:6g} MB of text: {results[f'{megabytes:g} MB']}")
    small, large = (found["peak_mb"] for found in results.values())
    results |= {"growth_mb": round(large - small, 1), "limit_mb": LIMIT_MB}
    print(f"growth {results['growth_mb']} MB, limit {LIMIT_MB} MB")
    write_report(f"memory_growth_{options.units}", results, settings={"units": options.units})


if __name__ == "__main__":
    main()
