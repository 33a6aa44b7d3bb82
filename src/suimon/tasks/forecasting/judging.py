"""Forecasts from every origin of the last rows of series, beside what costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from suimon.data.series import Panel
from suimon.errors import ConfigError, DataError
from suimon.tasks.forecasting.data import Array, Flat, Origins
from suimon.tasks.forecasting.metrics import (
    CRPS_QUANTILES,
    compared,
    coverage,
    crps,
    levels_of,
    mase_scale,
    scores,
    seasonal_naive,
)

if TYPE_CHECKING:
    from suimon.tasks.forecasting.infer import TrainedForecaster

COVERED = (80.0, 95.0)
PART = 4_096  # origins whose quantiles are held at a time


def judged(model: TrainedForecaster, panel: Panel, last: int) -> dict[str, Any]:
    """Forecasts from every row whose horizon lies in the last rows of each series.

    Args:
        model: what forecasts.
        panel: the series.
        last: how many rows of each are forecast; those before are what MASE is scaled by.

    Returns:
        As :func:`judged_behind`, and ``last``.

    Raises:
        ConfigError: ``last`` is shorter than the horizon.
        DataError: a series is too short.
    """
    if last < model.horizon:
        raise ConfigError(
            f"last = {last} is less than the horizon, {model.horizon}: give that or more"
        )
    for series in panel.series:
        if len(series) <= last:
            raise DataError(
                f"series {series.name!r} has {len(series):,} rows, and the last {last:,} are to be "
                "forecast: give more of its past, or a smaller --last"
            )
    before = np.array([len(series) - last for series in panel.series])
    return judged_behind(model, panel, before) | {"last": last}


def judged_behind(
    model: TrainedForecaster, panel: Panel, before: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Forecasts from every row whose horizon lies behind the first rows of each series.

    Args:
        model: what forecasts.
        panel: the series.
        before: ``(S,)``, how many rows of each are its past, which MASE is scaled by.

    Returns:
        ``mae``, ``mse``, ``rmse``, ``mase`` (``None`` where seasonal-naive is never wrong),
        ``smape`` (in percent), ``crps``; ``coverage``, the share of values within the intervals of
        80 and 95 %; the same errors of ``seasonal_naive`` (the last season again) and ``naive``
        (the last value again);
        ``against_seasonal_naive`` and ``against_naive``, see
        :func:`~suimon.tasks.forecasting.metrics.compared`; ``mse_standardised``, the squared
        errors by the variance of each series' training rows (``standardised_by``); counts; and
        ``network_share``, how far the network is trusted beside its linear path.

    Raises:
        DataError: there are too few rows to forecast from, or to forecast.
    """
    horizon = model.horizon
    flat = model.flat(panel, 0, before)
    origins = flat.origins(model.reading.reach, horizon, before, flat.lengths)
    if not len(origins):
        most = int((flat.lengths - before).max())
        raise DataError(
            f"no series has more than {most:,} rows to judge, and a forecast is {horizon} long: "
            "give more rows, or train with a shorter horizon"
        )
    truth = _truth(panel, flat, origins, horizon)
    if not np.isfinite(truth).any():
        raise DataError("no value to be forecast was observed: there is nothing to judge")
    point, probabilistic = _rolled(model, flat, origins, truth)
    result = probabilistic | _compared_to_naive(model, panel, flat, before, origins, truth, point)
    result |= _standardised(model, panel, before, truth, point, origins)
    return result | {
        "series": len(panel.series),
        "origins": len(origins),
        "values": int(np.isfinite(truth).sum()),
        "horizon": horizon,
        "season": model.season,
        "network_share": float(model.network.trust),
    }


def _compared_to_naive(
    model: TrainedForecaster,
    panel: Panel,
    flat: Flat,
    before: npt.NDArray[np.int64],
    origins: Origins,
    truth: Array,
    point: Array,
) -> dict[str, Any]:
    """Errors of point forecasts, those of forecasts that cost nothing, and what lies between."""
    of_series = [
        mase_scale(np.where(s.observed, s.values, np.nan)[:end], model.season)
        for s, end in zip(panel.series, before, strict=True)
    ]
    scales = np.array(of_series)[origins.series]
    result: dict[str, Any] = scores(truth, point, scales, origins.series)
    naives = {"seasonal_naive": model.season, "naive": 1}
    for name, back in naives.items():
        other = _naive(model, flat, origins, back, truth.shape[1])
        errors = scores(truth, other, scales, origins.series)
        # A forecast without doubt: its score is its absolute error.
        result[name] = {**errors, "crps": errors["mae"]}
        result[f"against_{name}"] = compared(truth, point, other, scales, origins.series)
    if np.isnan(result["mase"]):  # no series moves from season to season
        for errors in (result, *(result[name] for name in naives)):
            errors["mase"] = None
    return result


def _rolled(
    model: TrainedForecaster, flat: Flat, origins: Origins, truth: Array
) -> tuple[Array, dict[str, Any]]:
    """Point forecasts ``(N, F)``; CRPS and coverage, of which the quantiles are not kept."""
    wanted = [*CRPS_QUANTILES, *levels_of(COVERED)]
    points, total, inside = [], 0.0, np.zeros(len(COVERED))
    for start in range(0, len(origins), PART):
        part = slice(start, start + PART)
        found = model.rolled(flat, origins.take(part), truth.shape[1], wanted)
        points.append(found.point)
        seen = np.isfinite(truth[part]).sum()
        ends = found.quantiles[..., len(CRPS_QUANTILES) :]
        total += seen * crps(truth[part], found.quantiles[..., : len(CRPS_QUANTILES)])
        for n in range(len(COVERED)):
            low, high = ends[..., n], ends[..., len(COVERED) + n]
            inside[n] += seen * coverage(truth[part], low, high)
    count = np.isfinite(truth).sum()
    shares = dict(zip((f"{level:g}" for level in COVERED), (inside / count).tolist(), strict=True))
    return np.concatenate(points), {"crps": float(total / count), "coverage": shares}


def _truth(panel: Panel, flat: Flat, origins: Origins, horizon: int) -> Array:
    """``(N, F)``, NaN where nothing was observed; as given, not through the transform."""
    given = np.concatenate([np.where(s.observed, s.values, np.nan) for s in panel.series])
    at = flat.starts[origins.series] + origins.rows
    return given[at[:, None] + np.arange(horizon)]


def _naive(
    model: TrainedForecaster, flat: Flat, origins: Origins, back: int, horizon: int
) -> Array:
    at = flat.starts[origins.series] + origins.rows
    back = back if int(origins.rows.min()) >= back else 1
    window = flat.values[at[:, None] + np.arange(-back, 0)]
    return model.preprocessing.restored(seasonal_naive(window, back, horizon))


def _standardised(
    model: TrainedForecaster,
    panel: Panel,
    before: npt.NDArray[np.int64],
    truth: Array,
    point: Array,
    origins: Origins,
) -> dict[str, Any]:
    """Squared errors by the variance of the rows that were learnt from, and what that was."""
    measured = [
        model.preprocessing.of(series, int(rows))
        for series, rows in zip(panel.series, before, strict=True)
    ]
    variances = np.array([found.deviation**2 for found in measured])[origins.series]
    squares = (truth - point) ** 2 / variances[:, None]
    by: dict[str, Any] = {
        "rows": "the training rows of each series, those of validation not counted in; of a series "
        "that was not in training, its rows before the last"
    }
    if len(measured) == 1:
        by = {
            "mean": measured[0].mean,
            "deviation": measured[0].deviation,
            "rows": measured[0].rows,
        }
    return {"mse_standardised": float(np.nanmean(squares)), "standardised_by": by}
