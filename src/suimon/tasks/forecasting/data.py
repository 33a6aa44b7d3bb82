"""From series to what the network reads: transformed values, their scale, further channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.data.series import Frequency, Panel, Series
from suimon.data.series.frequency import calendar
from suimon.data.series.frequency import state as frequency_state
from suimon.data.series.tables import read_panel
from suimon.errors import CheckpointError, DataError
from suimon.tasks.forecasting.config import ForecastingConfig

Array = npt.NDArray[np.float64]
LEAST_SHARE = 1e-3  # of the deviation, where a series hardly leaves its season
LEAST = 1e-9  # a series that does not move is not blown up


@dataclass(frozen=True)
class Measured:
    """What was measured of the training rows of one series.

    Attributes:
        scale: deviation of its differences after the transform; values are divided by it.
        mean: of its values as given.
        deviation: likewise.
        rows: how many these were.
    """

    scale: float
    mean: float
    deviation: float
    rows: int

    def state(self) -> list[float]:
        """As ``preprocess.json`` holds it."""
        return [self.scale, self.mean, self.deviation, self.rows]


@dataclass(frozen=True)
class Preprocessing:
    """All that turns a user's series into the network's input, and its output into forecasts.

    Attributes:
        frequency: of all series.
        season: rows of a season.
        log: whether the network sees logarithms.
        difference: ``none``, ``last`` or ``season``.
        known: names of the covariates that are known for the future.
        past: names of those that are not.
        cycles: of the calendar that are read.
        centre: mean of each covariate, the known ones first.
        spread: deviation of each.
        measured: of each series learnt from, by its name as text.
    """

    frequency: Frequency
    season: int
    log: bool
    difference: str
    known: tuple[str, ...]
    past: tuple[str, ...]
    cycles: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    measured: Mapping[str, Measured]

    def state(self) -> dict[str, Any]:
        """What ``preprocess.json`` holds."""
        return {
            "frequency": frequency_state(self.frequency),
            "season": self.season,
            "log": self.log,
            "difference": self.difference,
            "known": list(self.known),
            "past": list(self.past),
            "cycles": list(self.cycles),
            "centre": list(self.centre),
            "spread": list(self.spread),
            "measured": {name: found.state() for name, found in self.measured.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Preprocessing:
        """What :meth:`state` described.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            return cls(
                frequency=Frequency(**state["frequency"]),
                measured={name: Measured(*found) for name, found in state["measured"].items()},
                season=state["season"],
                log=state["log"],
                difference=state["difference"],
                known=tuple(state["known"]),
                past=tuple(state["past"]),
                cycles=tuple(state["cycles"]),
                centre=tuple(state["centre"]),
                spread=tuple(state["spread"]),
            )
        except (KeyError, TypeError) as error:
            raise CheckpointError(
                f"preprocess.json does not fit ({error}); the run is not a forecasting one"
            ) from None

    def transformed(self, values: Array, name: object) -> Array:
        """Values as the network sees them, before level and scale.

        Raises:
            DataError: a logarithm is to be taken of what is not above zero.
        """
        if not self.log:
            return values
        if (values <= 0).any():
            row = int(np.argmax(values <= 0))
            raise DataError(
                f"series {name!r} has {values[row]:g} at its row {row + 1}, and the network was "
                "trained on logarithms: train anew with --transform none"
            )
        return np.log(values)

    def restored(self, transformed: Array) -> Array:
        """Back from :meth:`transformed`."""
        return np.exp(transformed) if self.log else transformed

    def measure(self, series: Series, rows: int) -> Measured:
        """The first rows of a series, measured."""
        values = series.values[:rows]
        scale = scale_of(self.transformed(values, series.name), self.difference, self.season)
        return Measured(scale, float(values.mean()), max(float(values.std()), LEAST), rows)

    def of(self, series: Series, rows: int) -> Measured:
        """What was measured of a series in training; of one not seen there, of its first rows."""
        found = self.measured.get(str(series.name))
        return found or self.measure(series, rows)


def scale_of(values: Array, difference: str, season: int) -> float:
    """The root mean square of what is left of a series after its differences.

    Seasonal ones, where there is a season, whatever the network reads: what a series does beside
    its season is what has to be forecast, and so each of many counts alike.
    """
    deviation = float(values.std())
    if 1 < season < len(values):
        left = values[season:] - values[:-season]
    elif difference == "none" or len(values) < 2:
        left = values - values.mean()
    else:
        left = values[1:] - values[:-1]
    scale = float(np.sqrt((left**2).mean()))
    # A series that repeats itself exactly still needs a scale for what may come.
    return max(scale, LEAST_SHARE * deviation, 1e-6 * float(np.abs(values).max()), LEAST)


@dataclass(frozen=True)
class Flat:
    """All series one behind the other, so that any windows are gathered at once.

    Attributes:
        values: ``(N,)`` transformed, NaN in the future.
        observed: ``(N,)``.
        covariates: ``(N, K)`` standardised, the known ones first, 0 where not known.
        calendar: ``(N, 2*cycles)``.
        starts: ``(S,)``, where each series begins.
        lengths: ``(S,)``, rows whose value is there.
        scales: ``(S,)``.
        known: how many covariates are known for the future.
    """

    values: Array
    observed: npt.NDArray[np.bool_]
    covariates: npt.NDArray[np.float32]
    calendar: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    scales: Array
    known: int

    def origins(
        self, reach: int, horizon: int, first: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
    ) -> Origins:
        """Every row from which to forecast.

        Args:
            reach: rows that must be there before it.
            horizon: rows from it on.
            first: ``(S,)``, the first row of each series that may be forecast.
            end: ``(S,)``, the row up to which horizons must lie.
        """
        low = np.maximum(first, reach)
        counts = np.maximum(end - horizon - low + 1, 0)
        series = np.repeat(np.arange(len(counts)), counts)
        before = np.cumsum(counts) - counts
        rows = np.arange(len(series)) - before[series] + low[series]
        return Origins(series, rows)


@dataclass(frozen=True)
class Origins:
    """Rows from which to forecast.

    Attributes:
        series: ``(N,)``, the number of the series.
        rows: ``(N,)``, the first row to forecast, counted in its series.
    """

    series: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: npt.NDArray[np.int64] | slice) -> Origins:
        """Some of them."""
        return Origins(self.series[chosen], self.rows[chosen])

    def thinned(self, most: int) -> Origins:
        """At most so many, evenly spaced."""
        if len(self) <= most:
            return self
        return self.take(np.linspace(0, len(self) - 1, most).astype(np.int64))


def flatten(
    panel: Panel,
    read: Preprocessing,
    future: int,
    measured: Sequence[Measured],
    *,
    repeat_known: bool = False,
) -> Flat:
    """The series of a panel, each with so many rows of its future behind.

    Args:
        panel: the series.
        read: how they are read.
        future: rows behind the last value whose calendar and known covariates are needed.
        measured: of each series.
        repeat_known: whether known covariates that end too early go on as they last were.

    Raises:
        DataError: a known covariate is not known for the future.
    """
    names = (*read.known, *read.past)
    order = [panel.covariates.index(name) for name in names]
    values, observed, covariates, dates = [], [], [], []
    for series in panel.series:
        length = len(series) + future
        values.append(read.transformed(series.values, series.name))
        values.append(np.full(future, np.nan))
        observed += [series.observed, np.zeros(future, bool)]
        if len(series.covariates) < length and read.known and not repeat_known:
            raise _unknown(series, panel, read, length)
        covariates.append(_covariates(series, order, len(read.known), length))
        times = panel.frequency.after(series.first, np.arange(length))
        dates.append(calendar(times, read.cycles))
    lengths = np.array([len(series) for series in panel.series])
    joined = np.concatenate(covariates)
    centre, spread = np.array(read.centre), np.array(read.spread)
    return Flat(
        values=np.concatenate(values),
        observed=np.concatenate(observed),
        covariates=np.nan_to_num((joined - centre) / spread).astype(np.float32),
        calendar=np.concatenate(dates),
        starts=np.cumsum(lengths + future) - lengths - future,
        lengths=lengths,
        scales=np.array([found.scale for found in measured]),
        known=len(read.known),
    )


def _covariates(series: Series, order: list[int], known: int, length: int) -> Array:
    """``(length, K)``, NaN where the future of a past covariate is asked for."""
    rows = np.minimum(np.arange(length), len(series.covariates) - 1)
    found = series.covariates[rows][:, order]
    found[len(series) :, known:] = np.nan
    return found


def _unknown(series: Series, panel: Panel, read: Preprocessing, length: int) -> DataError:
    (when,) = panel.times(series, [len(series.covariates)])
    return DataError(
        f"series {series.name!r} has no {read.known[0]!r} at {when}: a forecast needs the known "
        f"covariates of {length - len(series)} rows behind the last value; add these rows, their "
        "values left empty"
    )


def read(path: str | Path, config: ForecastingConfig) -> Panel:
    """The series of a table, by the columns that the options name."""
    return read_panel(path, **columns_of(config), encoding=config.encoding)


def columns_of(config: ForecastingConfig) -> dict[str, Any]:
    """How to find series in a table."""
    taken = ("id", "time", "target", "freq", "season", "fill", "time_format")
    return {
        **{name: getattr(config, name) for name in taken},
        "covariates": (*split_names(config.known), *split_names(config.past)),
    }


def split_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names that were given several times, or joined by commas."""
    return tuple(name.strip() for several in names for name in several.split(","))
