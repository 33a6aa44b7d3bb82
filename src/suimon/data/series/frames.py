"""Tables of pandas and polars in, and tables of the same kind out, through narwhals."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from suimon.data.series.frequency import Times
from suimon.data.series.panel import Panel, Series
from suimon.data.series.times import COUNTED, written
from suimon.data.table_files import Table, polars
from suimon.errors import ConfigError


def narwhals() -> ModuleType:
    """The package that reads and makes tables of any kind.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import narwhals
    except ImportError:
        raise ConfigError(
            "tables of pandas and polars need narwhals; install with: pip install 'suimon[tables]'"
        ) from None
    return narwhals


def table_of(frame: Any) -> Table:
    """A data frame as a table.

    Raises:
        ConfigError: it is none, or it has no rows.
    """
    nw, pl = narwhals(), polars()
    try:
        read = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise ConfigError(
            f"a {type(frame).__name__} was given; give a data frame of pandas or polars"
        ) from None
    if not len(read):
        raise ConfigError("the table has no rows; give one with rows in it")

    def column(number: int) -> Any:
        values = read[:, number].to_list()
        missing = [value is None or value != value for value in values]  # NaN, NaT
        values = [None if no else value for no, value in zip(missing, values, strict=True)]
        return pl.Series(read.columns[number], values, strict=False)

    return Table("the table", tuple(read.columns), column)


class Like:
    """Makes tables of the kind that was given, with names and times of the same kinds.

    Args:
        frame: what was given.
        id: its column of names, if it has one.
        time: its column of times.
    """

    def __init__(self, frame: Any, id: str | None, time: str) -> None:
        nw = narwhals()
        read = nw.from_native(frame, eager_only=True)
        self._backend = nw.get_native_namespace(read)
        self._id, self._time = id, time
        self._time_type = read[time].dtype

    def table(self, panel: Panel, columns: Mapping[str, Any]) -> Any:
        """A table of columns with ``unique_id`` and ``step``, the number of a row in its series."""
        nw = narwhals()
        first = {series.name: series for series in panel.series}
        found: dict[str, Any] = {}
        for name, values in columns.items():
            if name == "unique_id":
                if self._id is not None:
                    found[self._id] = list(values)
            elif name in ("step", "cutoff"):
                times = _times(panel, first, columns["unique_id"], values)
                found[self._time if name == "step" else name] = self._like_given(times, panel.form)
            else:
                found[name] = np.asarray(values)
        return nw.from_dict(found, backend=self._backend).to_native()

    def _like_given(self, times: Times, form: str) -> Any:
        nw = narwhals()
        if form == COUNTED:
            return times
        if self._time_type == nw.Date:
            return [moment.item() for moment in times.astype("M8[s]").astype("M8[D]")]
        if self._time_type == nw.Datetime:
            return times.astype("M8[s]").astype("M8[us]")
        return written(times, form)


def _times(panel: Panel, first: Mapping[Any, Series], names: Any, steps: Any) -> Times:
    """The times of rows, each by its series' name and its number in it."""
    steps = np.asarray(steps, np.int64)
    names = np.array([str(name) for name in names])
    found = np.empty(len(steps), np.int64)
    for series in first.values():
        chosen = names == str(series.name)
        if chosen.any():
            found[chosen] = panel.frequency.after(series.first, steps[chosen])
    return found
