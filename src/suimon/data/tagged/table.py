"""Tagged sequences from tables: lists of words and tags, or a row a time step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suimon.data.labelled.table import cells_of, labels_in, matching
from suimon.data.labelled.table_numbers import single_numbers
from suimon.data.table_files import Table, open_table, shown
from suimon.data.tagged.sequences import TaggedSequences
from suimon.errors import ConfigError, DataError


def read_lists(
    path: str | Path, *, text: str = "tokens", label: str | None = "tags", encoding: str = "utf-8"
) -> TaggedSequences:
    """The sentences of a table whose cells are lists, a row a sentence.

    Args:
        path: a file that ends in ``.jsonl``, ``.ndjson`` or ``.parquet``.
        text: the column of lists of words.
        label: the column of lists of tags; ``None``: they are not read.
        encoding: how JSON lines are written.

    Returns:
        ``text``; ``place(n)`` is ``news.jsonl, row 12``.

    Raises:
        ConfigError: one column is asked for as text and as label.
        DataError: the table cannot be read; a cell is no list of text, or is empty; a row has more
            or fewer tags than words.
    """
    if label == text:
        raise ConfigError(f"column {label!r} is asked for as text and as label; name another")
    table = open_table(path, encoding)
    words = _lists(table, text, "words")
    tags = None if label is None else _lists(table, label, "tags")
    for row, (some, others) in enumerate(zip(words, tags or words, strict=True)):
        if len(some) != len(others):
            raise DataError(
                f"{table.place(row)} has {len(some)} words and {len(others)} tags: give each word "
                "its own"
            )
    return TaggedSequences("text", words, tags, table.place)


def read_rows(
    path: str | Path,
    *,
    values: Sequence[str],
    label: str | None,
    id: str | None = None,
    encoding: str = "utf-8",
) -> TaggedSequences:
    """The series of a table, a row a time step.

    Args:
        path: any table, see :func:`suimon.data.table_files.open_table`.
        values: the columns of the I channels; a pattern stands for all that match it.
        label: the column of the steps' labels; ``None``: they are not read.
        id: the column that says which rows belong together, in their order; ``None``: all do.
        encoding: how a text file is written.

    Returns:
        ``series``; ``place(n)`` is where a series begins.

    Raises:
        ConfigError: one column is asked for twice.
        DataError: the table cannot be read; a cell is empty or holds what it must not.
    """
    if label is not None and label in (id, *values):
        raise ConfigError(f"column {label!r} is asked for as label and as data; name another")
    table = open_table(path, encoding)
    columns = list(dict.fromkeys(c for name in values for c in matching(table, name, label)))
    numbers = np.stack([single_numbers(table, column) for column in columns], axis=1)  # (N, I)
    for row, channel in np.argwhere(np.isnan(numbers))[:1]:
        raise DataError(
            f"{table.place(row)}: column {table.names[columns[channel]]!r} is empty; fill it, or "
            "leave the row out"
        )
    tags = None if label is None else labels_in(table, label)
    groups = rows_by(labels_in(table, id)) if id else {"": list(range(len(numbers)))}
    rows = list(groups.values())
    return TaggedSequences(
        "series",
        [numbers[those] for those in rows],
        None if tags is None else [tuple(tags[row] for row in those) for those in rows],
        lambda n: table.place(rows[n][0]),
    )


def rows_by(names: Sequence[str]) -> dict[str, list[int]]:
    """The numbers of the rows of each name, both in the order in which they first come."""
    groups: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        groups.setdefault(name, []).append(row)
    return groups


def _lists(table: Table, name: str, what: str) -> list[tuple[str, ...]]:
    rows = []
    for row, cell in enumerate(cells_of(table, name)):
        if not isinstance(cell, list):
            raise DataError(
                f"{table.place(row)}: column {name!r} has {shown(cell)}, which is no list of {what}"
            )
        if not cell:
            raise DataError(f"{table.place(row)}: column {name!r} has no {what}; leave the row out")
        rows.append(tuple(_word(each, table, row, name, what) for each in cell))
    return rows


def _word(value: Any, table: Table, row: int, name: str, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise DataError(
            f"{table.place(row)}: column {name!r} has {shown(value)} among its {what}; give text"
        )
    return value
