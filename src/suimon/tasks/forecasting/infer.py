"""A trained forecaster at work: forecast, judge, find what was not to be expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.data.series import Panel
from suimon.data.series.tables import read_panel
from suimon.errors import ConfigError, DataError
from suimon.tasks.forecasting.config import DESCRIPTION, ForecastingConfig
from suimon.tasks.forecasting.data import (
    Array,
    Flat,
    Measured,
    Origins,
    Preprocessing,
    columns_of,
    flatten,
)
from suimon.tasks.forecasting.judging import judged
from suimon.tasks.forecasting.metrics import levels_of
from suimon.tasks.forecasting.model import ForecastNetwork
from suimon.tasks.forecasting.objective import network_for, reading_for
from suimon.tasks.forecasting.rolling import Forecasts, forecasts
from suimon.tasks.forecasting.train import one_path
from suimon.tasks.loading import opened, options_of, take_weights
from suimon.training.run_directory import RunDirectory

LEVEL, ANOMALY_LEVEL = 80.0, 99.0


class TrainedForecaster:
    """A network, how it reads series, and the options it was made with.

    Args:
        network: the trained network; put into evaluation mode, its refitted linear path in use.
        preprocessing: of the series.
        config: complete options.

    Attributes:
        notices: what was found in the last table that was read, a line each.
    """

    def __init__(
        self, network: ForecastNetwork, preprocessing: Preprocessing, config: ForecastingConfig
    ) -> None:
        self.network = network.eval()
        self.network.in_use = True
        self.preprocessing = preprocessing
        self.config = config
        self.reading = reading_for(config)
        self.notices: tuple[str, ...] = ()

    @property
    def horizon(self) -> int:
        """Rows ahead that it was trained for."""
        assert self.config.horizon is not None
        return self.config.horizon

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's series into the network's input, JSON-able."""
        return self.preprocessing.state()

    def read(self, paths: Sequence[str | Path]) -> Panel:
        """The series of a table, read as those of the training were.

        Raises:
            DataError: the table cannot be used.
        """
        options = columns_of(self.config) | {"freq": self.frequency, "season": self.season}
        panel = read_panel(one_path(paths), **options, encoding=self.config.encoding)
        self.notices = panel.notices
        return panel

    @property
    def season(self) -> int:
        """Rows of a season."""
        return self.preprocessing.season

    @property
    def frequency(self) -> str:
        """The name of the frequency."""
        return self.preprocessing.frequency.name

    def flat(
        self,
        panel: Panel,
        future: int,
        before: npt.NDArray[np.int64],
        *,
        repeat_known: bool = False,
    ) -> Flat:
        """The series as the network reads them.

        Args:
            panel: the series.
            future: rows behind the last value that are needed.
            before: ``(S,)``, the rows that a series is measured by which was not in training.
            repeat_known: whether known covariates that end too early go on as they last were.

        Raises:
            DataError: a series is too short, or a known covariate is not known for the future.
        """
        for series, rows in zip(panel.series, before, strict=True):
            if rows < self.reading.reach:
                raise DataError(
                    f"series {series.name!r} has {rows:,} rows before the first forecast, and the "
                    f"network reads {self.reading.reach}: give more of its past, or leave it out"
                )
        measured: list[Measured] = [
            self.preprocessing.of(series, int(rows))
            for series, rows in zip(panel.series, before, strict=True)
        ]
        return flatten(
            panel,
            self.preprocessing,
            future,
            measured,
            repeat_known=repeat_known,
        )

    def rolled(
        self, flat: Flat, origins: Origins, horizon: int, wanted: Sequence[float] = ()
    ) -> Forecasts:
        """Forecasts from some origins, see :func:`~suimon.tasks.forecasting.rolling.forecasts`.

        Raises:
            ConfigError: the horizon is longer than what was trained for.
        """
        recursive = self.config.strategy == "recursive"
        if horizon > self.horizon and not recursive:
            raise ConfigError(
                f"horizon = {horizon}, but {self.horizon} rows ahead were trained for: train with "
                "a longer --horizon, or with --strategy recursive"
            )
        return forecasts(
            self.network,
            self.preprocessing,
            flat,
            origins,
            self.reading,
            horizon=horizon,
            wanted=wanted,
            recursive=recursive,
        )

    def forecast(
        self, panel: Panel, level: Sequence[float] = (LEVEL,), horizon: int | None = None
    ) -> dict[str, Any]:
        """The rows behind the last value of each series.

        Args:
            panel: the series.
            level: percent of the intervals.
            horizon: rows ahead; ``None``: as trained.

        Returns:
            Columns, a row for each series and each row ahead: ``unique_id``, ``step`` (the row's
            number in its series), ``suimon``, and for each level ``suimon-lo-80``,
            ``suimon-hi-80``.

        Raises:
            ConfigError: a level is none, or the horizon is too long.
            DataError: a series is too short, or a known covariate is not known for the future.
        """
        checked_levels(level)
        horizon = horizon or self.horizon
        lengths = np.array([len(series) for series in panel.series])
        flat = self.flat(panel, max(horizon, self.reading.horizon), lengths)
        origins = Origins(np.arange(len(lengths)), lengths)
        found = self.rolled(flat, origins, horizon, levels_of(level))
        names = [series.name for series in panel.series for _ in range(horizon)]
        steps = (lengths[:, None] + np.arange(horizon)).ravel()
        return {"unique_id": names, "step": steps, **columns(found, level)}

    def anomalies(self, panel: Panel, level: float = ANOMALY_LEVEL) -> dict[str, Any]:
        """Every row that can be forecast, and whether it lies outside of what was.

        Args:
            panel: the series.
            level: percent of the interval, from the row before, outside of which a value is
                flagged.

        Returns:
            Columns: ``unique_id``, ``step``, ``y``, ``suimon``, its interval, ``anomaly``. A row
            that was filled in is not flagged, its ``y`` is NaN.
        """
        checked_levels([level])
        lengths = np.array([len(series) for series in panel.series])
        # Of what is forecast only the next row counts, whose own covariates are there.
        flat = self.flat(panel, self.reading.horizon, lengths, repeat_known=True)
        reach = np.full_like(lengths, self.reading.reach)
        origins = flat.origins(self.reading.reach, 1, reach, lengths)
        found = self.rolled(flat, origins, 1, levels_of([level]))
        at = flat.starts[origins.series] + origins.rows
        y = np.where(flat.observed[at], self.preprocessing.restored(flat.values[at]), np.nan)
        low, high = found.quantiles[:, 0, 0], found.quantiles[:, 0, 1]
        return {
            "unique_id": [panel.series[n].name for n in origins.series],
            "step": origins.rows,
            "y": y,
            **columns(found, [level]),
            "anomaly": (y < low) | (y > high),
        }

    def predictions(
        self,
        paths: Sequence[str | Path],
        *,
        level: Sequence[float] = (),
        horizon: int | None = None,
        anomalies: bool = False,
        picture: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """What the network says of the series of a table, as the command line prints it.

        Args:
            paths: one table, as in training; with known covariates it also has the rows ahead,
                their values left empty.
            level: see :class:`~suimon.tasks.forecasting.config.PredictionOptions`, as the others.
            horizon: likewise.
            anomalies: likewise.
            picture: likewise.

        Returns:
            A dict a row of :meth:`forecast` or :meth:`anomalies`, with ``ds`` in place of ``step``.

        Raises:
            DataError: the table cannot be used.
            ConfigError: an option is wrong.
        """
        panel = self.read(paths)
        if anomalies:
            found = self.anomalies(panel, max(level, default=ANOMALY_LEVEL))
        else:
            found = self.forecast(panel, level or (LEVEL,), horizon)
        if picture is not None:
            from suimon.tasks.forecasting.picture import draw

            draw(panel, found, picture)
        yield from rows_of(panel, found)

    @staticmethod
    def header(found: Mapping[str, Any]) -> str:
        """The names above the lines of :meth:`line`."""
        return ",".join(found)

    @staticmethod
    def line(found: Mapping[str, Any]) -> str:
        """One of :meth:`predictions` as a line of CSV."""
        return ",".join(_cell(value) for value in found.values())

    def evaluate(self, paths: Sequence[str | Path], *, last: int | None = None) -> dict[str, Any]:
        """How good forecasts of the last rows of each series are; see
        :func:`suimon.tasks.forecasting.judging.judged`.

        Args:
            paths: one table, as in training.
            last: how many rows; ``None``: the horizon.

        Raises:
            DataError: the table cannot be used, or a series is too short.
            ConfigError: ``last`` is shorter than the horizon.
        """
        panel = self.read(paths)
        return {**judged(self, panel, last or self.horizon), "notices": list(panel.notices)}


def columns(found: Forecasts, level: Sequence[float]) -> dict[str, Array]:
    """Forecasts as columns, a row for each origin and row ahead."""
    named = {"suimon": found.point.ravel()}
    for n, each in enumerate(level):
        named[f"suimon-lo-{each:g}"] = found.quantiles[..., n].ravel()
        named[f"suimon-hi-{each:g}"] = found.quantiles[..., len(level) + n].ravel()
    return named


def checked_levels(level: Sequence[float]) -> None:
    """Refuse what is no percentage of an interval.

    Raises:
        ConfigError: one is not between 0 and 100.
    """
    for each in level:
        if not 0 < each < 100:
            raise ConfigError(f"level = {each:g}: give a percentage between 0 and 100, such as 80")


def rows_of(panel: Panel, found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Columns as rows, with times as they are written in place of steps."""
    by_name = {series.name: series for series in panel.series}
    for values in zip(*found.values(), strict=True):
        row = dict(zip(found, values, strict=True))
        (when,) = panel.times(by_name[row["unique_id"]], [row.pop("step")])
        rest = {name: _plain(value) for name, value in row.items() if name != "unique_id"}
        yield {"unique_id": row["unique_id"], "ds": when, **rest}


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python, NaN as nothing."""
    if isinstance(value, np.bool_):
        return bool(value)
    return None if np.isnan(value) else float(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n\r') else text


def load(run: RunDirectory | str | Path) -> TrainedForecaster:
    """The trained forecaster of a run: its best weights, or the last where none are best yet.

    Args:
        run: the directory.

    Raises:
        CheckpointError: there is no run, it is another task's, a newer suimon's, or damaged.
        ConfigError: its ``config.toml`` was given a value that cannot work.
    """
    directory = opened(run, DESCRIPTION.name)
    config = options_of(directory, DESCRIPTION)
    preprocessing = Preprocessing.from_state(directory.preprocess())
    network = network_for(config, preprocessing)
    take_weights(network, directory)
    return TrainedForecaster(network, preprocessing, config)
