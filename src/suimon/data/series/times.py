"""Dates as they are written in tables, to seconds and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np

from suimon.data.series.frequency import Times
from suimon.data.table_files import polars, shown
from suimon.errors import ConfigError, DataError

COUNTED: Final = "count"
"""What stands in place of a format where times are whole numbers."""

TRIED: Final = 1_000
"""So many rows decide which formats are tried on all."""

_CLOCKS = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M", "T%H:%M:%SZ")
_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y", "%m-%d-%Y"),
    *("%d-%m-%y", "%d/%m/%y", "%d.%m.%y", "%m/%d/%y", "%m-%d-%y"),
)
FORMATS: Final = (*(date + clock for clock in _CLOCKS for date in _DATES), "%Y-%m")


def read_times(
    cells: Any, column: str, place: Callable[[int], str], form: str | None = None
) -> tuple[Times, str]:
    """The times of a column.

    Args:
        cells: a polars series, or a list of what JSON gave.
        column: its name, for messages.
        place: what messages call a row.
        form: how the dates are written, in the words of ``strftime``; ``None``: as one of
            :data:`FORMATS`, all alike.

    Returns:
        ``(N,)`` seconds, and how they are written; or whole numbers, and :data:`COUNTED`.

    Raises:
        DataError: a cell is no date, or the dates can be read in two ways.
        ConfigError: ``form`` is none.
    """
    pl = polars()
    if isinstance(cells, list):
        cells = _from_json(cells, column, place)
    if cells.null_count():
        row = int(cells.is_null().arg_max() or 0)
        raise DataError(f"{place(row)}: column {column!r} has no date; write one, or leave it out")
    if cells.dtype == pl.String and form is None:
        numbers = cells.cast(pl.Int64, strict=False)
        if not numbers.null_count() and not (cells.str.len_chars() == 8).all():
            cells = numbers
    if cells.dtype.is_integer():
        return cells.cast(pl.Int64).to_numpy().astype(np.int64), COUNTED
    if cells.dtype == pl.Date:
        return _seconds(cells.cast(pl.Datetime("us"))), "%Y-%m-%d"
    if isinstance(cells.dtype, pl.Datetime):
        return _seconds(cells.dt.replace_time_zone(None)), "%Y-%m-%d %H:%M:%S"
    if cells.dtype != pl.String:
        raise DataError(
            f"{place(0)}: column {column!r} has {shown(cells.to_list()[0])}, which is no date"
        )
    return _parsed(cells, column, place, form)


def written(times: Times, form: str) -> list[Any]:
    """Times as a table has them: in the format that they were read in, or as numbers."""
    if form == COUNTED:
        return times.tolist()
    return [datetime.fromtimestamp(second, UTC).strftime(form) for second in times.tolist()]


def _from_json(cells: list[Any], column: str, place: Callable[[int], str]) -> Any:
    pl = polars()
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) > 1 or kinds - {str, int, date, datetime}:
        odd = next(n for n, cell in enumerate(cells) if type(cell) is not type(cells[0]))
        raise DataError(
            f"{place(odd)}: column {column!r} has {shown(cells[odd])}, which is no date as "
            f"{shown(cells[0])} is; write all alike"
        )
    return pl.Series(column, cells)


def _parsed(
    cells: Any, column: str, place: Callable[[int], str], form: str | None
) -> tuple[Times, str]:
    best, fewest, fitting = None, len(cells) + 1, {}
    candidates = [form] if form else FORMATS
    head = cells.head(TRIED)
    # What the first rows cannot be read by need not be tried on millions.
    able = [name for name in candidates if not _by_format(head, name).null_count()]
    for candidate in able or candidates:
        times = _by_format(cells, candidate)
        failed = times.null_count()
        if not failed:
            fitting[candidate] = _seconds(times)
        elif failed < fewest:
            best, fewest = times, failed
    different = {name: times for name, times in fitting.items() if _differs(times, fitting)}
    if different:
        listed = " or ".join(list(different)[:2])
        raise DataError(
            f"{place(0)}: column {column!r} has {shown(cells[0])}, and all rows can be read as "
            f"{listed}: say which by --time-format"
        )
    if fitting:
        name, times = next(iter(fitting.items()))
        return times, name
    row = 0 if best is None else int(best.is_null().arg_max() or 0)
    raise DataError(
        f"{place(row)}: column {column!r} has {shown(cells[row])}, which is no date; write dates "
        "as 2024-01-31 or 2024-01-31 15:00:00, or name how they are written by --time-format"
    )


def _differs(times: Times, fitting: dict[str, Times]) -> bool:
    return any((times != other).any() for other in fitting.values())


def _by_format(cells: Any, form: str) -> Any:
    pl = polars()
    if "%d" not in form and "%j" not in form:  # a month stands for its first day
        cells, form = cells + "-01", form + "-%d"
    if "%H" not in form:
        cells, form = cells + " 00:00:00", form + " %H:%M:%S"
    try:
        times = cells.str.to_datetime(form, time_unit="us", strict=False)
        # The year 24 is no date, but 2024 written by another format.
        return times.set(~times.dt.year().is_between(1000, 2999), None)
    except pl.exceptions.PolarsError as error:
        raise ConfigError(
            f"time_format = {form!r} cannot be read: {str(error).splitlines()[0]}; write it as "
            "%Y-%m-%d %H:%M:%S"
        ) from None


def _seconds(cells: Any) -> Times:
    return cells.dt.timestamp("ms").to_numpy() // 1000
