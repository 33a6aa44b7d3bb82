"""Numbers in the columns of a table to series: a cell a time step, or a column a channel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.data.table_files import Table, polars, shown
from suimon.errors import DataError

_REMEDY = "give finite numbers, or leave the row out"


@dataclass(frozen=True)
class _Column:
    """The numbers of one column.

    Attributes:
        name: what the column is called.
        numbers: all of its numbers one after the other, float32.
        counts: how many of them each of the N rows has, ``(N,)``.
    """

    name: str
    numbers: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]


def series(
    table: Table, columns: Sequence[int]
) -> tuple[list[npt.NDArray[np.float32]], tuple[str, ...]]:
    """The series of the rows, ``(T, I)`` float32 each, and the names of the I channels.

    Args:
        table: where the numbers stand.
        columns: which of its columns, at least one: the time steps of one channel that has no
            name, where no cell holds several numbers; else the channels.

    Raises:
        DataError: what stands there is no finite number of float32; a cell is empty that must not
            be; or a row's channels are not equally long.
    """
    read = [_column(table, column) for column in columns]
    if any((column.counts > 1).any() for column in read):
        return _channels(table, read), tuple(column.name for column in read)
    return _time_steps(table, read), ()


def single_numbers(table: Table, column: int) -> npt.NDArray[np.float32]:
    """The one number of each cell of a column, ``(N,)``, NaN where it is empty.

    Raises:
        DataError: what stands there is no finite number of float32, or several of them.
    """
    read = _column(table, column)
    for row in np.flatnonzero(read.counts > 1)[:1]:
        raise DataError(
            f"{table.place(row)}: column {read.name!r} has {read.counts[row]} numbers; give one"
        )
    numbers = np.full(len(read.counts), np.nan, np.float32)
    numbers[read.counts > 0] = read.numbers
    return numbers


def _time_steps(table: Table, read: list[_Column]) -> list[npt.NDArray[np.float32]]:
    filled = np.stack([column.counts > 0 for column in read], axis=1)  # (N, T)
    lengths = filled.sum(axis=1)  # (N,)
    gaps = ~filled & (np.arange(len(read)) < lengths[:, None])  # (N, T)
    for row, step in np.argwhere(gaps)[:1]:
        raise DataError(
            f"{table.place(row)}: column {read[step].name!r} is empty, and a later one is not; "
            "only cells at the end of a series may be empty: fill it, or leave the row out"
        )
    for row in np.flatnonzero(lengths == 0)[:1]:
        raise DataError(f"{table.place(row)} has no numbers; leave the row out")
    values = np.zeros(filled.shape, np.float32)  # (N, T)
    for step, column in enumerate(read):
        values[filled[:, step], step] = column.numbers
    return [row[:length, None] for row, length in zip(values, lengths, strict=True)]  # (T, 1)


def _channels(table: Table, read: list[_Column]) -> list[npt.NDArray[np.float32]]:
    first = read[0]
    for column in read:
        for row in np.flatnonzero(column.counts == 0)[:1]:
            raise DataError(
                f"{table.place(row)}: column {column.name!r} has no numbers; where a cell holds "
                "several numbers each column is a channel: fill it, or leave the row out"
            )
        for row in np.flatnonzero(column.counts != first.counts)[:1]:
            raise DataError(
                f"{table.place(row)}: the channels are not equally long, {first.name!r} has "
                f"{first.counts[row]} numbers and {column.name!r} {column.counts[row]}; make them "
                "so, or leave the row out"
            )
    values = np.stack([column.numbers for column in read], axis=1)  # (sum of T, I)
    return np.split(values, np.cumsum(first.counts)[:-1])


def _column(table: Table, column: int) -> _Column:
    name, cells = table.names[column], table.column(column)
    flat, counts, as_written = _json(cells) if isinstance(cells, list) else _polars(cells)
    with np.errstate(over="ignore"):
        numbers = flat.astype(np.float32)
    for place in np.flatnonzero(~np.isfinite(numbers))[:1].tolist():
        row = int(np.searchsorted(np.cumsum(counts), place, side="right"))
        raise DataError(
            f"{table.place(row)}: column {name!r} has {as_written(place)}, which is no number "
            f"that float32 holds; {_REMEDY}"
        )
    return _Column(name, numbers, counts)


# Numbers as float64, NaN where there is something else, (total,); how many of them each row has,
# (N,); and what was written in place of a number, by its place.
_Cells = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], Callable[[int], str]]


def _json(cells: list[Any]) -> _Cells:
    rows = [c if isinstance(c, list) else [] if c is None else [c] for c in cells]
    flat = [value for row in rows for value in row]
    counts = np.fromiter(map(len, rows), np.int64, len(rows))
    numbers = np.fromiter(map(_json_number, flat), np.float64, len(flat))
    return numbers, counts, lambda place: shown(flat[place])


def _json_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return np.inf


def _polars(cells: Any) -> _Cells:
    pl = polars()
    if cells.dtype == pl.String:
        cells = cells.str.extract_all(r"[^\s;]+")
    elif isinstance(cells.dtype, pl.Array):
        cells = cells.arr.to_list()
    if isinstance(cells.dtype, pl.List):
        counts = cells.list.len().fill_null(0)
        flat = cells.filter(counts > 0).explode()
    else:
        counts = cells.is_not_null()
        flat = cells.drop_nulls()
    if flat.dtype.is_numeric() or flat.dtype == pl.String:
        numbers = flat.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    else:
        numbers = np.full(len(flat), np.nan)
    return (
        numbers,
        counts.to_numpy().astype(np.int64),
        lambda place: shown(flat.slice(place, 1).to_list()[0]),
    )
