"""Sequences with a label for every step: words, rows of tables, recordings by time."""

from collections.abc import Sequence
from pathlib import Path

from suimon.data.audio import Spectrum, SpectrumOptions
from suimon.data.tagged.segments import Segment
from suimon.data.tagged.sequences import TaggedSequences
from suimon.errors import ConfigError, DataError

__all__ = ["Segment", "TaggedSequences", "read_tagged"]

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
        paths: one table, or several files of words in columns.
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
    from suimon.data.tagged.conll import read_conll
    from suimon.data.tagged.recordings import read_recordings
    from suimon.data.tagged.table import read_lists, read_rows

    if not paths:
        raise DataError("name the data: a file with a word a line, or a table")
    for path in map(Path, paths):
        if not path.is_file():
            raise DataError(f"there is no file {path}: check the name")
    if (text is not None) + bool(values) + (audio is not None) > 1:
        raise ConfigError("name one only of a column of text, columns of values, a column of audio")
    if id and not values:
        raise ConfigError(f"id = {id} goes with columns of values: name these too, or leave it out")
    first = paths[0]
    lists = str(first).lower().endswith(_LISTS)
    if len(paths) > 1 and (values or audio or lists):
        raise ConfigError(f"{first} is read by itself: leave out {paths[1]}")
    if values:
        column = (label or "label") if labelled else None
        return read_rows(first, values=values, label=column, id=id, encoding=encoding)
    if audio is not None:
        return read_recordings(
            first,
            audio=audio,
            spectrum=spectrum or SpectrumOptions(),
            start=start,
            end=end,
            label=(label or "label") if labelled else None,
            marked=marked,
            encoding=encoding,
        )
    if lists:
        column = (label or "tags") if labelled else None
        return read_lists(first, text=text or "tokens", label=column, encoding=encoding)
    numbers = _number("text", text or "1"), _number("label", label) if label else -1
    return read_conll(
        paths, text=numbers[0], label=numbers[1] if labelled else None, encoding=encoding
    )


def _number(option: str, value: str) -> int:
    """The number of a column of words, from 1 on."""
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ConfigError(
            f"{option} = {value!r} names a column of lines of words: give its number, from 1 on"
        )
    return int(value)
