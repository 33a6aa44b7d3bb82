"""Labelled sequences from a table: a row a sequence, from CSV, TSV, JSON lines or Parquet."""

import fnmatch
import glob
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suimon.data.audio import Spectrum, SpectrumOptions, read_frames
from suimon.data.labelled.sequences import LabelledSequences
from suimon.data.labelled.table_numbers import series
from suimon.data.table_files import Table, open_table, shown
from suimon.data.text.document import name_of
from suimon.errors import ConfigError, DataError


def read_table(
    path: str | Path,
    *,
    label: str | None,
    text: str | None = None,
    values: Sequence[str] = (),
    audio: str | None = None,
    spectrum: Spectrum | None = None,
    encoding: str = "utf-8",
) -> LabelledSequences:
    """The labelled sequences of a table, one a row.

    Cells of CSV and TSV are kept as written: a label ``007`` stays so. They may stand in double
    quotes, and then hold separators and line ends. Blank lines are no rows. Of other formats an
    integer is a label without ``.0``, and a boolean is ``true`` or ``false``.

    Args:
        path: a file that ends in ``.csv``, ``.tsv``, ``.jsonl`` or ``.ndjson``, each also with
            ``.gz`` behind it, or in ``.parquet``; the first line of CSV and TSV names the columns.
        label: the column of the labels; ``None`` where there are none, as for prediction.
        text: the column of the texts; the kind is then ``text``.
        values: the columns of the numbers, at least one where there is neither ``text`` nor
            ``audio``; the kind is then ``series``. A pattern such as ``t*`` stands for all columns
            that match it, but for that of the labels, in the file's order. Where each cell is one
            number, the columns are the T time steps of one channel, and empty cells at a row's end
            make a shorter series.
            Where a cell is a list of numbers (in CSV and TSV: with blanks or semicolons between
            them), each column is one of I channels, and a row's lists are equally long.
        audio: the column of the names of recordings, by their paths from the table's folder; the
            kind is then ``audio``.
        spectrum: how recordings become frames.
        encoding: how CSV, TSV and JSON lines are written.

    Returns:
        Strings, or series or frames ``(T, I)`` float32. ``place(n)`` is ``reviews.csv, row 12``,
        where rows of data are counted from 1 (the line of column names is none), and ``channels``
        are the names of the columns where these are channels.

    Raises:
        ConfigError: of ``text``, ``values`` and ``audio`` more or less than one is given; one
            column is asked for as label and as data; polars or soundfile is not installed; or the
            encoding is not known.
        DataError: the file is missing, empty, broken or without rows; it has no such column, or
            two of one name; a cell is empty or holds what it must not, and the message names the
            row and the column; or a recording cannot be used.
    """
    values = (values,) if isinstance(values, str) else tuple(values)
    _check_columns(path, label, text, values, audio)
    table = open_table(path, encoding)
    labels = None if label is None else labels_in(table, label)
    if text is not None:
        return LabelledSequences("text", texts_in(table, text), labels, table.place)
    if audio is not None:
        files = [Path(path).parent / name for name in texts_in(table, audio)]
        frames = read_frames(files, spectrum or SpectrumOptions())
        return LabelledSequences("audio", frames, labels, table.place, spectrum=frames.spectrum)
    columns = dict.fromkeys(c for name in values for c in matching(table, name, label))
    sequences, channels = series(table, tuple(columns))
    return LabelledSequences("series", sequences, labels, table.place, channels)


def _check_columns(
    path: str | Path, label: str | None, text: str | None, values: Sequence[str], audio: str | None
) -> None:
    kinds = "a column of text, columns of values or a column of audio"
    named = (text is not None) + bool(values) + (audio is not None)
    if not named:
        raise ConfigError(
            f"{name_of(path)} is read as a table: name {kinds}, or give other data (an archive, "
            "a folder of classes, an IDX file)"
        )
    if named > 1:
        raise ConfigError(f"name one only of {kinds}")
    if label is not None and label in (text, audio, *values):
        raise ConfigError(f"column {label!r} is asked for as label and as data; name another")


def texts_in(table: Table, name: str) -> list[str]:
    """The cells of a column of texts.

    Raises:
        DataError: there is no such column, or one of its cells is empty or no text.
    """
    texts = cells_of(table, name)
    for row, text in enumerate(texts):
        if text is None or text == "":
            raise DataError(
                f"{table.place(row)}: column {name!r} has no text; write one, or leave the row out"
            )
        if not isinstance(text, str):
            raise DataError(
                f"{table.place(row)}: column {name!r} has {shown(text)}, which is no text; name a "
                "column of text, or columns of values"
            )
    return texts


def labels_in(table: Table, name: str) -> tuple[str, ...]:
    """The cells of a column of labels, numbers and booleans as text.

    Raises:
        DataError: there is no such column, or one of its cells is empty or no label.
    """
    cells = cells_of(table, name)
    return tuple(_label(cell, table, row, name) for row, cell in enumerate(cells))


def cells_of(table: Table, name: str) -> list[Any]:
    """The cells of a column as Python's own values, ``None`` where empty.

    Raises:
        DataError: there is no such column.
    """
    column = table.column(table.number_of(name))
    return column if isinstance(column, list) else column.to_list()


def _label(cell: object, table: Table, row: int, name: str) -> str:
    if cell is None or cell == "" or cell != cell:  # NaN, pandas' missing value
        raise DataError(
            f"{table.place(row)}: column {name!r} has no label; write one, or leave the row out"
        )
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, str | int | float):
        return str(cell)
    raise DataError(
        f"{table.place(row)}: column {name!r} has {shown(cell)}, which is no label; labels "
        "are text, numbers or booleans"
    )


def matching(table: Table, name: str, label: str | None) -> list[int]:
    """The numbers of the columns that a name or a pattern stands for."""
    if name in table.names or not glob.has_magic(name):
        return [table.number_of(name)]
    found = {
        number: other
        for number, other in enumerate(table.names)
        if fnmatch.fnmatchcase(other, name) and other != label
    }
    if not found:
        raise DataError(f"{table.name} has no column that matches {name!r}; {table.present()}")
    for other, times in Counter(found.values()).items():
        if times > 1:
            raise table.several(other)
    return list(found)
