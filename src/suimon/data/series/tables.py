"""Series from tables: long form (a row a time), two bare columns, or wide form (a row a series)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.data.series.frequency import parse_frequency
from suimon.data.series.panel import Columns, Fill, Panel, make_panel
from suimon.data.series.times import COUNTED, read_times
from suimon.data.table_files import Table, open_table, polars, shown
from suimon.errors import ConfigError, DataError

ID, TIME, TARGET = "unique_id", "ds", "y"
MISSING = ("", "NA", "NaN", "nan", "null", "NULL")
ALONE = "series"
"""The name of a series that stands in a table alone."""

MOST_CELLS = 200_000_000
LARGEST = float(np.finfo(np.float32).max)


def read_panel(
    path: str | Path,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | None = None,
    covariates: Sequence[str] = (),
    freq: str | None = None,
    season: int | None = None,
    fill: Fill = "last",
    time_format: str | None = None,
    encoding: str = "utf-8",
) -> Panel:
    """The series of a file; see :func:`panel_of`.

    Args:
        path: as :func:`suimon.data.table_files.open_table` takes it.
        encoding: how a text file is written.
    """
    options = {"id": id, "time": time, "target": target, "covariates": covariates}
    options |= {"freq": freq, "season": season, "fill": fill, "time_format": time_format}
    return panel_of(open_table(path, encoding), **options)


def panel_of(
    table: Table,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | None = None,
    covariates: Sequence[str] = (),
    freq: str | None = None,
    season: int | None = None,
    fill: Fill = "last",
    time_format: str | None = None,
) -> Panel:
    """The series of a table.

    Args:
        table: in long form, a row for each time of each series; or, where none of the columns is
            named nor there by its usual name, two columns, times and values; or wide, a row a
            series: its name, then its values, empty cells at its end.
        id: the column of the series' names; ``None``: ``unique_id`` if there is one, else all rows
            are one series.
        time: the column of times: dates, or whole numbers; ``None``: ``ds``.
        target: the column of values; ``None``: ``y``.
        covariates: columns of further numbers.
        freq: see :func:`~suimon.data.series.frequency.parse_frequency`; ``None``: inferred.
        season: rows of a season; ``None``: the usual one of the frequency.
        fill: see :func:`~suimon.data.series.panel.make_panel`.
        time_format: how dates are written; ``None``: inferred.

    Raises:
        DataError: a column is missing, a cell is not what it must be, or see
            :func:`~suimon.data.series.panel.make_panel`.
        ConfigError: an option is wrong.
    """
    frequency = None if freq is None else parse_frequency(freq)
    unnamed = not (id or time or target or covariates)
    if unnamed and TIME not in table.names and TARGET not in table.names:
        if len(table.names) == 2:
            time, target = table.names
        elif _is_wide(table):
            return make_panel(_wide(table), frequency, fill, season)
    time, target = time or TIME, target or TARGET
    if id is None and ID in table.names:
        id = ID
    for name in covariates:
        if name in (id, time, target):
            raise ConfigError(f"column {name!r} is asked for twice: covariates are further columns")
    moments, form = read_times(table.column(table.number_of(time)), time, table.place, time_format)
    values = numbers(table, target)
    columns = Columns(
        ids=_ids(table, id, len(values)),
        times=moments,
        form=form,
        values=values,
        covariates=np.stack([numbers(table, name) for name in covariates], axis=1)
        if covariates
        else np.zeros((len(values), 0)),
        names=tuple(covariates),
        place=table.place,
    )
    return make_panel(columns, frequency, fill, season)


def numbers(table: Table, name: str) -> npt.NDArray[np.float64]:
    """A column of numbers, NaN where a cell is empty.

    Raises:
        DataError: there is no such column, or a cell holds something else.
    """
    cells = table.column(table.number_of(name))
    if isinstance(cells, list):
        found = np.array([_json_number(cell) for cell in cells])
        empty = np.array([cell is None for cell in cells])
    else:
        found, empty = _polars_numbers(cells)
    wrong = np.flatnonzero(~(np.abs(found) <= LARGEST) & ~empty)
    for row in wrong[:1].tolist():
        raise DataError(
            f"{table.place(row)}: column {name!r} has {shown(cells[row])}, which is no number that "
            "float32 holds; write one, or leave the cell empty"
        )
    return np.where(empty, np.nan, found)


def _polars_numbers(cells: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    pl = polars()
    if cells.dtype == pl.String:
        cells = cells.str.strip_chars()
        empty = cells.is_null() | cells.is_in(MISSING)
    elif cells.dtype.is_float():
        empty = cells.is_null() | cells.is_nan().fill_null(True)
    else:
        empty = cells.is_null()
    readable = cells.dtype == pl.String or cells.dtype.is_numeric()
    found = (
        cells.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        if readable
        else np.full(len(cells), np.nan)
    )
    return found, empty.to_numpy()


def _json_number(cell: object) -> float:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return np.inf
    try:
        return float(cell)
    except OverflowError:
        return np.inf


def _ids(table: Table, id: str | None, rows: int) -> list[Any]:
    if id is None:
        return [ALONE] * rows
    cells = table.column(table.number_of(id))
    names, different = (cells, cells) if isinstance(cells, list) else _shared(cells)
    if None in different or "" in different:
        row = next(n for n, name in enumerate(names) if name is None or name == "")
        raise DataError(
            f"{table.place(row)}: column {id!r} has no name; write one, or leave the row out"
        )
    return names


def _shared(cells: Any) -> tuple[list[Any], list[Any]]:
    """A column as a list in which equal cells are one object; and the different ones."""
    pl = polars()
    different = cells.unique(maintain_order=True)
    numbers = cells.replace_strict(different, range(len(different)), return_dtype=pl.Int64)
    objects = different.to_list()
    return [objects[number] for number in numbers.to_list()], objects


def _is_wide(table: Table) -> bool:
    """Whether every column but the first holds numbers: the first row tells."""
    first = [table.column(n) for n in range(1, min(len(table.names), 4))]
    return len(table.names) > 3 and all(
        not isinstance(cells, list) and np.isfinite(_polars_numbers(cells[:1])[0]).all()
        for cells in first
    )


def _wide(table: Table) -> Columns:
    """A row a series, its values counted from 1."""
    names = _ids(table, table.names[0], 0)
    if len(names) * len(table.names) > MOST_CELLS:
        raise DataError(f"{table.name} has more than {MOST_CELLS:,} cells: write it in long form")
    grid = np.stack([numbers(table, name) for name in table.names[1:]], axis=1)  # (N, T)
    lengths = np.array([np.flatnonzero(np.isfinite(row)).max(initial=-1) + 1 for row in grid])
    rows = np.repeat(np.arange(len(names)), lengths)
    steps = np.concatenate([np.arange(length) for length in lengths])
    return Columns(
        ids=[names[row] for row in rows.tolist()],
        times=steps + 1,
        form=COUNTED,
        values=grid[rows, steps],
        covariates=np.zeros((len(rows), 0)),
        names=(),
        place=lambda n: f"{table.place(int(rows[n]))}, column {table.names[steps[n] + 1]!r}",
    )
