"""How fast text becomes tokens: in memory, from a file into the cache, and from the cache.

``python benchmarks/encode_text.py [--megabytes 64]`` takes a minute. Speeds are megabytes of the
text's file a second of wall time, and beside it of processor time, which other work on the machine
does not change. The texts are those in ``SUIMON_DATA`` repeated, or made-up ones of the same kind
where it is absent. The target is 30 MB/s for chars and bytes, from the file.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch
from report import interleaved, rounded, write_report

from suimon.data.text import TokenStreams, UnitsOptions, load_corpus
from suimon.data.text.document import Document
from suimon.data.text.pieces import Reading, pieces

DATA = Path(os.environ.get("SUIMON_DATA", Path(__file__).parents[2] / "shared" / "data"))
ENGLISH = "text/tinyshakespeare/input.txt"
JAPANESE = "text/japanese/wagahaiwa_nekodearu.txt"
MADE_UP = {
    ENGLISH: "Before we proceed any further, hear me speak.\n",
    JAPANESE: "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n",
}
CASES = [
    ("chars, English", "chars", ENGLISH, 1.0),
    ("chars, Japanese", "chars", JAPANESE, 1.0),
    ("bytes, English", "bytes", ENGLISH, 1.0),
    ("bytes, Japanese", "bytes", JAPANESE, 1.0),
    ("words, English", "words", ENGLISH, 0.1),
    ("bpe, English", "bpe", ENGLISH, 0.1),
    ("bpe, Japanese", "bpe", JAPANESE, 0.05),
]
"""What is measured: name, units, text, and the share of ``--megabytes`` it is given."""


def long_text(folder: Path, source: str, megabytes: float) -> Path:
    """A file of at least so many megabytes: the source again and again."""
    path = DATA / source
    once = path.read_bytes() if path.exists() else MADE_UP[source].encode() * 20_000
    copy = folder / f"{Path(source).stem}-{megabytes}.txt"
    with copy.open("wb") as file:
        while file.tell() < megabytes * 1e6:
            file.write(once)
    return copy


def speeds(megabytes: float, call: Callable[[], Any], rounds: int = 3) -> dict[str, float]:
    """Megabytes a second, the best of a few rounds."""
    wall, processor = [], []
    for _ in range(rounds):
        start, start_processor = perf_counter(), process_time()
        call()
        wall.append(perf_counter() - start)
        processor.append(process_time() - start_processor)
    return {
        "mb_per_s": rounded(megabytes / min(wall)),
        "mb_per_cpu_s": rounded(megabytes / min(processor)),
    }


def measure(kind: str, text: Path, cache: Path) -> dict[str, Any]:
    """The speed of each way to the tokens of one text."""

    def afresh() -> Any:
        for file in cache.glob("*.tokens"):
            file.unlink()
        return load_corpus(text, units=options)

    options = UnitsOptions(kind)
    megabytes = text.stat().st_size / 1e6
    from_file = speeds(megabytes, afresh)
    corpus = load_corpus(text, units=options)
    found: dict[str, Any] = {
        "megabytes": rounded(megabytes),
        "vocabulary": corpus.units.size,
        "from_file": from_file,
        "from_cache": speeds(megabytes, lambda: load_corpus(text, units=options)),
    }
    if kind != "bytes":  # which are their own tokens: nothing is done that could be timed
        # The same strings again and again, so that reading and decoding are not in it.
        some = list(first_pieces(text, corpus.units.reads))
        size = sum(len(piece.encode()) for piece in some) / 1e6
        found["in_memory"] = speeds(size, lambda: list(map(corpus.units.encode_piece, some)))
    return found


def first_pieces(text: Path, reads: Any) -> Iterator[Any]:
    """Some megabytes of the text, as the units are fed it."""
    return islice(pieces(Document("text", text), reads, Reading()), 16)


def batches(text: Path) -> dict[str, float]:
    """Seconds to make one training batch, B rows of T steps."""
    tokens = load_corpus(text).tokens
    sizes = {"B=32 T=64": (32, 64), "B=32 T=100": (32, 100), "B=256 T=256": (256, 256)}
    times = interleaved(
        {name: TokenStreams(tokens, B, T).next_batch for name, (B, T) in sizes.items()}
    )
    return {name: rounded(times.median(name)) for name in sizes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=64, help="size of the texts")
    megabytes = parser.parse_args().megabytes
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SUIMON_CACHE"] = name
        for case, kind, source, share in CASES:
            results[case] = measure(kind, long_text(folder, source, megabytes * share), folder)
            found = results[case]["from_file"]
            print(f"{case:16} from file {found['mb_per_s']} MB/s, {found['mb_per_cpu_s']} a CPU s")
        results["seconds_a_batch"] = batches(long_text(folder, ENGLISH, megabytes))
        print(results["seconds_a_batch"])
    write_report("encode_text", results, settings={"megabytes": megabytes})


if __name__ == "__main__":
    main()
