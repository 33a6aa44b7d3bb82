"""Vectors of words that others have learnt, from the text files of word2vec and GloVe."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from suimon.errors import DataError

WIDEST = 65_536
_LONGEST_LINE = 32 * WIDEST
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class WordVectors:
    """The vectors of those words that were asked for.

    Attributes:
        width: E, numbers a vector.
        rows: ``(N,)``, the places of the words found.
        vectors: ``(N, E)`` float32, their vectors.
    """

    width: int
    rows: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]


def vector_width(path: str | Path) -> int:
    """How many numbers a vector of a file has.

    Raises:
        DataError: the file cannot be read, or its first vector is none.
    """
    for number, word, values in _lines(Path(path)):
        return len(_vector(Path(path), number, word, values))
    raise DataError(f"{path} has no vector: give lines of a word and its numbers")


def read_vectors(path: str | Path, wanted: Mapping[str, int]) -> WordVectors:
    """The vectors of some words; of a word that the file has twice, the first.

    A line is a word and its numbers, with blanks between; a first line of two whole numbers, as
    word2vec writes it, is passed over. The file may be packed by gzip. It is read a line at a
    time, and only the vectors asked for are kept.

    Args:
        path: the file, in UTF-8.
        wanted: words to their places.

    Raises:
        DataError: the file cannot be read, or a line is no vector of the first one's width.
    """
    path = Path(path)
    width = vector_width(path)
    found: dict[int, npt.NDArray[np.float32]] = {}
    for number, word, values in _lines(path):
        if len(values) > width:  # a word with blanks in it
            word = b" ".join([word, *values[: len(values) - width]])
            values = values[-width:]
        if len(values) != width:
            raise DataError(
                f"{path}, line {number}: {len(values)} numbers, and the first vector has {width}; "
                "correct it or leave it out"
            )
        place = wanted.get(word.decode("utf-8", "replace"))
        if place is not None and place not in found:
            found[place] = _vector(path, number, word, values)
    rows = np.fromiter(found, np.int64, len(found))
    vectors = np.stack(list(found.values())) if found else np.empty((0, width), np.float32)
    return WordVectors(width, rows, vectors)


def _lines(path: Path) -> Iterator[tuple[int, bytes, list[bytes]]]:
    """The number, word and fields of each line that has a vector."""
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == _GZIP
            stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # pyright: ignore[reportAssignmentType]
            number = 0
            while line := stream.readline(_LONGEST_LINE):
                number += 1
                if len(line) == _LONGEST_LINE:
                    raise DataError(f"{path}, line {number} is longer than any vector: correct it")
                word, *values = line.rstrip().split(b" ")
                header = number == 1 and len(values) == 1 and word.isdigit() and values[0].isdigit()
                if not header and line.strip():
                    yield number, word, values
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a whole gzip file ({error}): fetch it again") from error


def _vector(path: Path, number: int, word: bytes, values: list[bytes]) -> npt.NDArray[np.float32]:
    """The numbers of a line."""
    if not 1 <= len(values) <= WIDEST:
        raise DataError(
            f"{path}, line {number}: {len(values)} numbers behind {_shown(word)}; give a word and "
            f"1 to {WIDEST:,} numbers"
        )
    try:
        vector = np.array(values, np.float32)
        if np.isfinite(vector).all():
            return vector
        wrong = values[int(np.flatnonzero(~np.isfinite(vector))[0])]
    except ValueError:
        wrong = next(value for value in values if not _is_number(value))
    raise DataError(f"{path}, line {number}: {_shown(wrong)} is not a number; correct it")


def _shown(field: bytes) -> str:
    return f"{field.decode('utf-8', 'replace')!r:.60}"


def _is_number(value: bytes) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
