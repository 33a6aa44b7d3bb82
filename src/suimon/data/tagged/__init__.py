"""Sequences with a label for every step: words, rows of tables, recordings by time."""

from collections.abc import Sequence
from pathlib import Path

from suimon.data.audio import Spectrum, SpectrumOptions
from suimon.data.tagged.segments import Segment
from suimon.data.tagged.sequences import TaggedSequences
from suimon.errors import ConfigError, DataError

__all__ = ["Segment", "TaggedSequences", "read_tagged"]

_TABLES = (".csv", ".csv.gz")
_LISTS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".parquet")


def read_tagged(
    paths: Sequence[str | Path],
    *,
    labelled: bool = True,
    text: str | None = None,
    label: str | None = None,
    values: Sequence[str] = (),
    id: str | None = None,
    audio: str | None = None,
    start: str = "start",
    end: str = "end",
    spectrum: Spectrum | None = None,
    marked: bool = True,
    encoding: str = "utf-8",
) -> TaggedSequences:
    """What paths hold, by the columns that are named, else by how they end.

    Args:
        paths: one table, or several files of words in columns; ``-`` is standard input.
        labelled: whether tags are read.
        text: the column of words: its name in a table of lists (``tokens`` where none is given),
            its number from 1 on where words stand a line each (the first).
        label: the column of tags, likewise (``tags``; the last), or of a table's labels.
        values: columns of numbers, where a row is a time step.
        id: the column that says which rows belong together.
        audio: the column of recordings, where a row is a segment.
        start: the column of the times at which segments start.
        end: the column of the times at which they end.
        spectrum: how recordings become frames.
        marked: whether the beginnings of segments have tags of their own.
        encoding: of texts and tables.

    Raises:
        DataError: the paths cannot be used.
        ConfigError: the columns named do not go with them.
    """
    from suimon.data.tagged.recordings import read_recordings
    from suimon.data.tagged.table import read_rows

    _check_files(paths)
    if (text is not None) + bool(values) + (audio is not None) > 1:
        raise ConfigError("name one only of a column of text, columns of values, a column of audio")
    if id and not values:
        raise ConfigError(f"id = {id} goes with columns of values: name these too, or leave it out")
    if not (values or audio):
        return _words(paths, text, label, labelled, encoding)
    first, column = _only(paths), (label or "label") if labelled else None
    if values:
        return read_rows(first, values=values, label=column, id=id, encoding=encoding)
    assert audio is not None
    return read_recordings(
        first,
        audio=audio,
        spectrum=spectrum or SpectrumOptions(),
        start=start,
        end=end,
        label=column,
        marked=marked,
        encoding=encoding,
    )


def _words(
    paths: Sequence[str | Path], text: str | None, label: str | None, labelled: bool, encoding: str
) -> TaggedSequences:
    """Sentences: a table's lists, or lines of a word each."""
    from suimon.data.tagged.conll import read_conll
    from suimon.data.tagged.table import read_lists

    if str(paths[0]).lower().endswith(_LISTS):
        column = (label or "tags") if labelled else None
        return read_lists(_only(paths), text=text or "tokens", label=column, encoding=encoding)
    for path in paths:
        if str(path).lower().endswith(_TABLES):
            raise ConfigError(
                f"{path} is a table: name its columns of values or its column of audio; words "
                "stand a line each in files that end otherwise"
            )
    numbers = _number("text", text or "1"), _number("label", label) if label else -1
    return read_conll(
        paths, text=numbers[0], label=numbers[1] if labelled else None, encoding=encoding
    )


def _check_files(paths: Sequence[str | Path]) -> None:
    if not paths:
        raise DataError("name the data: a file with a word a line, or a table")
    for path in map(Path, paths):
        if str(path) != "-" and not path.is_file():
            raise DataError(f"there is no file {path}: check the name")


def _only(paths: Sequence[str | Path]) -> str | Path:
    if len(paths) > 1:
        raise ConfigError(f"{paths[0]} is read by itself: leave out {paths[1]}")
    return paths[0]


def _number(option: str, value: str) -> int:
    """The number of a column of words, from 1 on."""
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ConfigError(
            f"{option} = {value!r} names a column of lines of words: give its number, from 1 on"
        )
    return int(value)
