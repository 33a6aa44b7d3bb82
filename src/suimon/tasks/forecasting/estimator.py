"""A forecaster in three lines, after scikit-learn's conventions and the table of the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suimon.data.series import Panel
from suimon.data.series.frames import Like, table_of
from suimon.data.series.tables import ID, TIME, panel_of
from suimon.errors import ConfigError, DataError
from suimon.tasks.estimator import Estimator, sklearn_tags
from suimon.tasks.forecasting.config import DESCRIPTION, ForecastingConfig
from suimon.tasks.forecasting.data import columns_of
from suimon.tasks.forecasting.infer import TrainedForecaster
from suimon.tasks.forecasting.judging import judged, judged_behind
from suimon.tasks.forecasting.model import ForecastNetwork
from suimon.tasks.forecasting.objective import Forecasting
from suimon.tasks.forecasting.train import make_plan
from suimon.tasks.run_maker import Plan
from suimon.training.observers import Observer


class Forecaster(Estimator):
    """Learns to forecast one series or thousands, all by one network.

    Tables are in long form, of pandas or polars: ``unique_id`` (where there are several series),
    ``ds``, ``y`` and covariates; forecasts come in a table of the same kind.

    The constructor only keeps its arguments, so that ``sklearn.base.clone`` works; :meth:`fit`
    checks them. ``None`` is chosen by the rule of :mod:`suimon.tasks.forecasting.recipe`.

    ``GridSearchCV`` and ``cross_val_score`` take the table as X and no y. Sort it by time and split
    it by ``TimeSeriesSplit``: rows that were held out are forecast from those before them, which
    :meth:`fit` saw. ``GroupKFold``, by the series' names, holds whole series out: their last rows
    are forecast from their own earlier ones.

    Args:
        horizon: rows ahead.
        cell: the name of any of the :mod:`~suimon.cells`, e.g. ``lstm``.
        hidden_size: hidden units of each layer.
        num_layers: recurrent layers.
        season: rows of a season, 1 for none; ``None``: the usual one of the frequency.
        freq: span between two rows, such as ``h`` or ``D``; ``None``: inferred.
        known: columns of numbers that are known for the future too.
        learning_rate: highest learning rate.
        steps: optimiser steps; ``None``: by the rule.
        options: any further options by name, those of
            :class:`~suimon.tasks.forecasting.config.ForecastingConfig` and
            :class:`~suimon.training.config.TrainingConfig`, e.g. ``{"strategy": "recursive"}``.
        random_state: decides the first weights, which windows are drawn, and dropout.

    Attributes:
        model_: the :class:`~suimon.tasks.forecasting.infer.TrainedForecaster`.
        config_: its complete options.
        training_: the loop's complete options.
        notices_: what was found in the table of the training, a line each.
        loss_: validation loss of the weights that were kept.
        step_: the optimiser step that these weights are of.
        history_: a dict an evaluation, as in ``metrics.jsonl``.

    Example:
        >>> import polars as pl
        >>> sales = pl.DataFrame({"ds": range(60), "y": [10.0, 20.0, 40.0] * 20})
        >>> forecasts = Forecaster(3, season=3, steps=5).fit(sales).predict(level=[90])
        >>> forecasts.columns
        ['ds', 'suimon', 'suimon-lo-90', 'suimon-hi-90']
        >>> forecasts["suimon"].round().to_list()
        [10.0, 20.0, 40.0]
    """

    ARGUMENTS: ClassVar[Mapping[str, str]] = {
        "horizon": "horizon",
        "cell": "cell",
        "hidden_size": "hidden",
        "num_layers": "layers",
        "season": "season",
        "freq": "freq",
        "known": "known",
        "learning_rate": "learning_rate",
    }
    CONFIG = ForecastingConfig
    TASK = DESCRIPTION.name
    _panel: Panel | None = None
    """What :meth:`fit` saw; a loaded estimator has none."""

    def __init__(
        self,
        horizon: int = 1,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int | None = None,
        *,
        season: int | None = None,
        freq: str | None = None,
        known: Sequence[str] = (),
        learning_rate: float | None = None,
        steps: int | None = None,
        options: Mapping[str, Any] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.horizon = horizon
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.season = season
        self.freq = freq
        self.known = known
        self.learning_rate = learning_rate
        self.steps = steps
        self.options = options
        self.random_state = random_state

    def fit(self, X: Any, y: None = None, *, observers: Sequence[Observer] = ()) -> Self:
        """Learn to forecast the series of a table; what was learnt before is forgotten.

        Args:
            X: the table.
            y: not used; what is forecast is a column of the table.
            observers: told about the progress, see :mod:`suimon.training.observers`.

        Raises:
            ConfigError: an option is out of range or unknown, or X is no table.
            DataError: the table cannot be used.
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        config, training = self._parsed({"steps": self.steps})
        panel = panel_of(table_of(X), **columns_of(config))
        plan = make_plan(panel, config, training)
        self.notices_ = list(panel.notices)
        self._train(plan, observers)
        self._panel, self._like = panel, self._kind_of(X)
        return self

    def predict(self, h: Any = None, *, level: Sequence[float] = (), X: Any = None) -> Any:
        """Forecasts of the rows behind the last value of each series.

        Args:
            h: rows ahead; ``None``: the horizon. More only of a recursive model. A table in its
                place is taken as X, for so a ``Pipeline`` gives it.
            level: percent of the intervals, e.g. ``[80, 90]``.
            X: the series to forecast, with the known covariates of their future, its values
                missing; ``None``: those of :meth:`fit`.

        Returns:
            A table of the kind that was given: ``unique_id``, ``ds``, ``suimon``, and for each
            level ``suimon-lo-80`` and ``suimon-hi-80``.

        Raises:
            NotFittedError: before :meth:`fit`.
            ConfigError: h is longer than what was trained for, or a level is none.
            DataError: a series is too short, or a known covariate is missing.
        """
        model = self._fitted()
        if h is not None and not isinstance(h, int | np.integer):
            h, X = None, h
        panel, like = self._given(X)
        return like.table(panel, model.forecast(panel, level, h))

    def cross_validation(
        self,
        X: Any,
        h: int | None = None,
        *,
        n_windows: int = 1,
        step_size: int | None = None,
        level: Sequence[float] = (),
        refit: bool = False,
    ) -> Any:
        """Forecasts from several origins of the past, by networks that had not seen what follows.

        The estimator itself stays as it is: copies of it learn.

        Args:
            X: the table.
            h: rows ahead; ``None``: the horizon.
            n_windows: how many origins of each series; the last one is h rows before its end.
            step_size: rows between two origins; ``None``: h.
            level: percent of the intervals.
            refit: whether a network is trained for each origin; else the one that is trained on
                the rows before the first origin forecasts from all of them.

        Returns:
            A table of the kind that was given: ``unique_id``, ``ds``, ``cutoff`` (the time of the
            last row that was seen), ``y``, ``suimon`` and the intervals.

        Raises:
            ConfigError, DataError: as :meth:`fit` and :meth:`predict`.
        """
        h = h or self.horizon
        step_size = step_size or h
        config, _ = self._parsed({"steps": self.steps})
        panel = panel_of(table_of(X), **columns_of(config))
        lengths = _lengths(panel)
        backs = [h + step_size * n for n in reversed(range(n_windows))]
        if (lengths <= backs[0]).any():
            n = int(lengths.argmin())
            raise DataError(
                f"series {panel.series[n].name!r} has {lengths[n]:,} rows, and the first of "
                f"{n_windows} windows begins {backs[0]:,} before its end: give fewer windows"
            )
        parts: list[dict[str, Any]] = []
        model = self._copy_learnt_from(_until(panel, lengths - backs[0]), h)
        for back in backs:
            if refit and back != backs[0]:
                model = self._copy_learnt_from(_until(panel, lengths - back), h)
            parts.append(_window(model, panel, lengths - back, h, level))
        joined: dict[str, Any] = {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }
        joined["unique_id"] = [name for part in parts for name in part["unique_id"]]
        return self._kind_of(X).table(panel, joined)

    def anomalies(self, X: Any = None, *, level: float = 99.0) -> Any:
        """Which rows lie outside of what was forecast for them a row before.

        Args:
            X: the table; ``None``: that of :meth:`fit`.
            level: percent of the interval.

        Returns:
            A table of the kind that was given: ``unique_id``, ``ds``, ``y``, ``suimon``, the
            interval, and ``anomaly``, true or false.

        Raises:
            NotFittedError: before :meth:`fit`.
            DataError: a series is too short.
        """
        model = self._fitted()
        panel, like = self._given(X)
        return like.table(panel, model.anomalies(panel, level))

    def evaluate(self, X: Any, *, last: int | None = None) -> dict[str, Any]:
        """Errors in the last rows of each series; see
        :func:`suimon.tasks.forecasting.judging.judged`.

        Raises:
            NotFittedError: before :meth:`fit`.
            ConfigError, DataError: as there.
        """
        model = self._fitted()
        panel, _ = self._given(X)
        return judged(model, panel, last or model.horizon)

    def score(self, X: Any, y: None = None) -> float:
        """One less the mean absolute error of forecasts over that of seasonal-naive.

        1 is perfect, 0 no better than seasonal-naive. What is forecast are the rows of X behind
        those that :meth:`fit` saw, from every row whose horizon lies among them; the rows before
        them need not be in X. Of a series that does not go on behind them, or was not there, and
        of any series where this estimator was loaded, it is the last horizon in X.

        Raises:
            NotFittedError: before :meth:`fit`.
            DataError: the rows are fewer than the horizon, or see :meth:`evaluate`.
        """
        model = self._fitted()
        panel, _ = self._given(X)
        found = judged_behind(model, *self._with_past(panel))
        return 1 - found["mae"] / max(found["seasonal_naive"]["mae"], 1e-12)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; only called where it is installed."""
        return sklearn_tags(targets=False, two_d_array=False)

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """As for any estimator; tables must then be given to :meth:`predict`."""
        estimator = super().load(directory)
        estimator.steps = estimator.training_.steps
        estimator.notices_ = []
        return estimator

    def _copy_learnt_from(self, panel: Panel, horizon: int) -> TrainedForecaster:
        """What a copy of this estimator learns of a panel, for that horizon at least."""
        copied = type(self)(**self.get_params())
        copied.set_params(horizon=max(horizon, self.horizon))
        config, training = copied._parsed({"steps": copied.steps})
        return copied._train(make_plan(panel, config, training), ()).model_

    def _with_past(self, panel: Panel) -> tuple[Panel, npt.NDArray[np.int64]]:
        """Series with the rows of the training before their own, and how many are their past.

        Raises:
            DataError: a series is not longer than the horizon.
        """
        learnt = {str(series.name): series for series in self._panel.series} if self._panel else {}
        joined, before = [], []
        for series in panel.series:
            past = learnt.get(str(series.name))
            offset, seen = 0, 0
            if past is not None:
                rows, regular = panel.frequency.rows_from(past.first, np.array([series.first]))
                offset, seen = int(rows[0]) if regular[0] else -1, len(past)
            if past is not None and offset >= 0 and offset + len(series) > seen:
                options = (self.config_.fill, self.model_.season)
                joined.append(series.behind(past, offset, *options) if offset else series)
                before.append(max(offset, seen))
                continue
            joined.append(series)
            before.append(len(series) - self.model_.horizon)
        wrong = next((n for n, rows in enumerate(before) if rows <= 0), None)
        if wrong is not None:
            raise DataError(
                f"series {panel.series[wrong].name!r} has {len(panel.series[wrong]):,} rows, which "
                "do not go on behind what was learnt: give its past too"
            )
        return replace(panel, series=tuple(joined)), np.array(before)

    def _given(self, X: Any) -> tuple[Panel, Like]:
        """The series of a table, or those of the training.

        Raises:
            ConfigError: there are none of the training.
        """
        if X is not None:
            config = self.config_.model_copy(
                update={"freq": self.model_.frequency, "season": self.model_.season}
            )
            return panel_of(table_of(X), **columns_of(config)), self._kind_of(X)
        if self._panel is None:
            raise ConfigError("a loaded forecaster keeps no series: give the table as X")
        return self._panel, self._like

    def _kind_of(self, X: Any) -> Like:
        options = self.options or {}
        columns_there = table_of(X).names
        id = options.get("id") or (ID if ID in columns_there else None)
        time = options.get("time") or (TIME if TIME in columns_there else columns_there[0])
        return Like(X, id, time)

    def _trained(self, plan: Plan[Forecasting], network: ForecastNetwork) -> TrainedForecaster:
        return TrainedForecaster(network, plan.task.preprocessing, plan.task.config)


def _lengths(panel: Panel) -> npt.NDArray[np.int64]:
    return np.array([len(series) for series in panel.series])


def _window(
    model: TrainedForecaster,
    panel: Panel,
    ends: npt.NDArray[np.int64],
    h: int,
    level: Sequence[float],
) -> dict[str, Any]:
    """Forecasts of the h rows behind the first ones of each series, beside what they came to."""
    found = model.forecast(_until(panel, ends), level, h)
    truth = [
        np.where(series.observed, series.values, np.nan)[end : end + h]
        for series, end in zip(panel.series, ends, strict=True)
    ]
    names = {name: found.pop(name) for name in ("unique_id", "step")}
    return {**names, "cutoff": np.repeat(ends - 1, h), "y": np.concatenate(truth), **found}


def _until(panel: Panel, ends: npt.NDArray[np.int64]) -> Panel:
    """The first rows of each series; the known covariates of later ones stay."""
    cut = [series.until(int(end)) for series, end in zip(panel.series, ends, strict=True)]
    return replace(panel, series=tuple(cut))
