"""Series over time on a regular grid: sorted, gaps filled by a named rule, all of it reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from suimon.data.series.frequency import Frequency, Times, infer_frequency
from suimon.data.series.times import COUNTED, written
from suimon.errors import ConfigError, DataError

Fill = Literal["season", "last", "linear", "zero", "refuse"]
LONGEST_FILLED = 10  # times as many rows as there were: more is a slip in a date or in the freq


@dataclass(frozen=True)
class Columns:
    """A table in long form, its columns as arrays of N rows.

    Attributes:
        ids: which series a row belongs to.
        times: seconds, or counts.
        form: how times are written, see :func:`suimon.data.series.times.read_times`.
        values: the target, NaN where it is missing.
        covariates: ``(N, K)``, NaN where missing.
        names: of the covariates.
        place: what messages call a row.
    """

    ids: Sequence[Any]
    times: Times
    form: str
    values: npt.NDArray[np.float64]
    covariates: npt.NDArray[np.float64]
    names: tuple[str, ...]
    place: Callable[[int], str]


@dataclass(frozen=True)
class Series:
    """One series on its grid.

    Attributes:
        name: what ``unique_id`` has.
        first: the time of its first row.
        values: ``(T,)`` float64, gaps filled.
        observed: ``(T,)``, false where a value was filled in.
        covariates: ``(T + F, K)``; the F last rows, whose target is not known, are the future.
    """

    name: Any
    first: int
    values: npt.NDArray[np.float64]
    observed: npt.NDArray[np.bool_]
    covariates: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    def behind(self, past: Series, offset: int, fill: Fill, season: int) -> Series:
        """These rows, with those of an earlier table before them.

        Args:
            past: the same series in that table.
            offset: how many rows behind its first one these begin.
            fill: what stands for values between both that are in neither.
            season: rows of a season.

        Raises:
            DataError: covariates between both are in neither.
        """
        values, observed = np.full(offset, np.nan), np.zeros(offset, bool)
        values[: len(past)], observed[: len(past)] = past.values[:offset], past.observed[:offset]
        covariates = past.covariates[:offset]
        if len(covariates) < offset:
            if covariates.shape[1]:
                raise DataError(
                    f"series {self.name!r} goes on {offset - len(past):,} rows behind its past, "
                    "and a covariate is needed for every row: give the rows between"
                )
            covariates = np.zeros((offset, 0))
        return Series(
            self.name,
            past.first,
            filled(np.concatenate([values, self.values]), fill, season),
            np.concatenate([observed, self.observed]),
            np.concatenate([covariates, self.covariates]),
        )

    def until(self, end: int) -> Series:
        """Its first ``end`` rows; covariates of later ones are its future."""
        return Series(
            self.name, self.first, self.values[:end], self.observed[:end], self.covariates
        )


@dataclass(frozen=True)
class Panel:
    """Series of one frequency.

    Attributes:
        series: one or more.
        frequency: of all of them.
        form: how their times are written.
        covariates: the names of the K covariates.
        notices: what was found and done on the way, a line each.
    """

    series: tuple[Series, ...]
    frequency: Frequency
    form: str
    covariates: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def times(self, series: Series, rows: npt.ArrayLike) -> list[Any]:
        """The times of some rows of a series, as they are written."""
        return written(self.frequency.after(series.first, rows), self.form)


def make_panel(
    columns: Columns, frequency: Frequency | None, fill: Fill, season: int | None
) -> Panel:
    """Sort rows into series, put these on the grid of the frequency, and fill their gaps.

    Args:
        columns: what the table holds.
        frequency: ``None``: inferred. ``count``: rows follow each other whatever their dates.
        fill: what stands for a missing value: that of a season before (or the last one, where
            there is none), the last one, a line between its neighbours, zero; or nothing does.
        season: rows of a season; ``None``: that of the frequency.

    Raises:
        DataError: a time stands twice, rows are off the grid, or a value is missing that cannot
            be filled.
    """
    names = list(dict.fromkeys(columns.ids))
    number = {name: n for n, name in enumerate(names)}
    series_of = np.fromiter((number[name] for name in columns.ids), np.int64, len(columns.ids))
    order = np.lexsort((columns.times, series_of))
    bounds = np.flatnonzero(np.diff(series_of[order])) + 1
    groups = np.split(order, bounds)  # the rows of each series, by time
    notices = []
    if (order != np.sort(order)).any() and any((np.diff(rows) < 0).any() for rows in groups):
        notices.append("rows were not in the order of their times: sorted")
    form = columns.form
    for name, rows in zip(names, groups, strict=True):
        _refuse_twice(columns, name, rows)
    if frequency is not None and not frequency.dated and form != COUNTED:
        times = [np.arange(len(rows), dtype=np.int64) for rows in groups]
        form = COUNTED
    else:
        times = [columns.times[rows] for rows in groups]
    dated = form != COUNTED
    if frequency is not None and frequency.dated and not dated:
        raise ConfigError(
            f"freq = {frequency.name} needs dates, and the times are plain numbers: leave it out"
        )
    frequency = frequency or infer_frequency(times, dated)
    season = season or frequency.season
    report = _Report(fill)
    series = tuple(
        _on_grid(columns, name, rows, moments, frequency, season, report)
        for name, rows, moments in zip(names, groups, times, strict=True)
    )
    return Panel(series, frequency, form, columns.names, (*notices, *report.lines(season)))


class _Report:
    """Counts what was missing and filled, for one line about all series."""

    def __init__(self, fill: Fill) -> None:
        self.fill: Fill = fill
        self.empty = self.absent = self.rows = self.left_out = 0
        self.where = ""

    def lines(self, season: int) -> list[str]:
        lines = []
        if self.empty + self.absent:
            rule = {
                "season": f"the value {season} rows before, or the last one"
                if season > 1
                else "the last value",
                "last": "the last value",
                "linear": "a line between their neighbours",
                "zero": "zero",
            }[self.fill]
            lines.append(
                f"{self.empty + self.absent:,} of {self.rows:,} values are missing "
                f"({self.empty:,} empty, {self.absent:,} rows absent; the first: {self.where}): "
                f"filled by {rule} (--fill), and never counted as right or wrong"
            )
        if self.left_out:
            lines.append(f"{self.left_out:,} rows before a series' first value are left out")
        return lines


def _on_grid(
    columns: Columns,
    name: Any,
    rows: npt.NDArray[np.int64],
    times: Times,
    frequency: Frequency,
    season: int,
    report: _Report,
) -> Series:
    """One series, a row for each step from its first value to its last."""
    values = columns.values[rows]
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        raise DataError(
            f"series {name!r} has no value ({columns.place(int(rows[0]))} is its first row): give "
            "one, or leave it out"
        )
    report.left_out += int(known[0])
    rows, times, values = rows[known[0] :], times[known[0] :], values[known[0] :]
    end = int(known[-1] - known[0]) + 1  # rows behind are the future
    first = int(times[0])
    numbers, regular = frequency.rows_from(first, times)
    if not regular.all():
        row = int(rows[int(np.argmin(regular))])
        raise DataError(
            f"{columns.place(row)}: series {name!r} has a time that is off its frequency, "
            f"{frequency.name}: name the right one by --freq, or count the rows by --freq count"
        )
    if numbers[-1] >= LONGEST_FILLED * len(rows) + 100:
        gap = int(rows[int(np.argmax(np.diff(numbers))) + 1])
        raise DataError(
            f"{columns.place(gap)}: series {name!r} has {len(rows):,} rows on {numbers[-1] + 1:,} "
            f"steps of {frequency.name}: look at the date there, or name another --freq"
        )
    length = int(numbers[end - 1]) + 1
    full = np.full(length, np.nan)
    full[numbers[:end]] = values[:end]
    observed = np.isfinite(full)
    present = np.zeros(length, bool)
    present[numbers[:end]] = True
    report.rows += length
    _count_missing(columns, name, rows, numbers, observed, present, report)
    return Series(
        name,
        first,
        filled(full, report.fill, season),
        observed,
        _covariates(columns, name, rows, numbers, frequency, first),
    )


def _count_missing(
    columns: Columns,
    name: Any,
    rows: npt.NDArray[np.int64],
    numbers: Times,
    observed: npt.NDArray[np.bool_],
    present: npt.NDArray[np.bool_],
    report: _Report,
) -> None:
    missing = np.flatnonzero(~observed)
    if not len(missing):
        return
    before = int(np.searchsorted(numbers, missing[0], side="right")) - 1
    stands = "at" if numbers[before] == missing[0] else "behind"
    where = f"series {name!r}, {stands} {columns.place(int(rows[before]))}"
    if report.fill == "refuse":
        raise DataError(f"{where}: a value is missing; write it, or choose how to --fill it")
    report.where = report.where or where
    report.empty += int((~observed & present).sum())
    report.absent += int((~present).sum())


def _covariates(
    columns: Columns,
    name: Any,
    rows: npt.NDArray[np.int64],
    numbers: Times,
    frequency: Frequency,
    first: int,
) -> npt.NDArray[np.float64]:
    """``(T + F, K)``: every step must have its own, for no rule could make them up."""
    found = np.full((int(numbers[-1]) + 1, columns.covariates.shape[1]), np.nan)
    found[numbers] = columns.covariates[rows]
    for step, column in np.argwhere(np.isnan(found))[:1]:
        (when,) = written(frequency.after(first, [step]), columns.form)
        raise DataError(
            f"series {name!r} has no {columns.names[column]!r} at {when}: a covariate is needed "
            "for every row, or leave it out"
        )
    return found


def _refuse_twice(columns: Columns, name: Any, rows: npt.NDArray[np.int64]) -> None:
    same = np.flatnonzero(np.diff(columns.times[rows]) == 0)
    if len(same):
        one, other = (int(rows[same[0] + n]) for n in (0, 1))
        (when,) = written(columns.times[[one]], columns.form)
        raise DataError(
            f"{columns.place(other)}: series {name!r} has {when} a second time (first in "
            f"{columns.place(one)}): leave one out, or name the column of series by --id"
        )


def filled(values: npt.NDArray[np.float64], fill: Fill, season: int) -> npt.NDArray[np.float64]:
    """A series without NaN; its first value is known.

    Example:
        >>> filled(np.array([1.0, 2.0, np.nan, 4.0]), "linear", 2).tolist()
        [1.0, 2.0, 3.0, 4.0]
        >>> filled(np.array([1.0, 2.0, np.nan, 4.0]), "season", 2).tolist()
        [1.0, 2.0, 1.0, 4.0]
    """
    missing = np.flatnonzero(np.isnan(values))
    if not len(missing):
        return values
    values = values.copy()
    if fill == "zero":
        values[missing] = 0.0
    elif fill == "linear":
        known = np.flatnonzero(~np.isnan(values))
        values[missing] = np.interp(missing, known, values[known])
    else:
        back = season if fill == "season" and season > 1 else 1
        for step in missing:
            values[step] = values[step - back] if step >= back else values[step - 1]
    return values
