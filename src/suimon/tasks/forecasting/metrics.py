"""How good forecasts are, beside those that cost nothing, and whether the difference is chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from suimon.tasks.forecasting.data import Array

Numbers = npt.NDArray[np.int64]
CRPS_QUANTILES: Final = tuple(round(0.05 * n, 2) for n in range(1, 20))
RESAMPLED: Final = 2_000


def mase_scale(values: Array, season: int) -> float:
    """Mean absolute error of seasonal-naive within a series, NaN where there is none.

    Source: R. Hyndman and A. Koehler (2006), Another look at measures of forecast accuracy.

    Args:
        values: ``(T,)``, the rows before what is judged; NaN where not observed.
        season: rows of a season.

    Example:
        >>> mase_scale(np.array([1.0, 2.0, 3.0, 5.0]), 2)
        2.5
    """
    if len(values) <= season:
        return float("nan")
    errors = np.abs(values[season:] - values[:-season])
    errors = errors[np.isfinite(errors)]
    return float(errors.mean()) if len(errors) and errors.mean() > 0 else float("nan")


def scores(truth: Array, point: Array, scales: Array, series: Numbers) -> dict[str, float]:
    """Errors of point forecasts.

    ``smape`` is the mean of ``200 |y - f| / (|y| + |f|)``, in percent, as in the M4 competition;
    ``mase`` the mean over the series of their mean absolute error by their scale.

    Args:
        truth: ``(N, F)``, NaN where nothing was observed.
        point: ``(N, F)``.
        scales: ``(N,)``, of :func:`mase_scale`; NaN where there is none.
        series: ``(N,)``, the number of each origin's series.
    """
    seen = np.isfinite(truth)
    errors = np.where(seen, truth - point, 0.0)
    count = max(int(seen.sum()), 1)
    size = np.where(seen, np.abs(truth) + np.abs(point), 0.0)
    relative = np.divide(np.abs(errors), size, out=np.zeros_like(size), where=size > 0)
    mse = float((errors**2).sum() / count)
    return {
        "mae": float(np.abs(errors).sum() / count),
        "mse": mse,
        "rmse": mse**0.5,
        "mase": _mean_over_series(np.abs(errors) / scales[:, None], seen, series),
        "smape": float(200 * relative.sum() / count),
    }


def crps(truth: Array, quantiles: Array) -> float:
    """Continuous ranked probability score: twice the mean pinball loss over the quantiles.

    Source: F. Laio and S. Tamea (2007), Verification tools for probabilistic forecasts, eq. 9,
        over :data:`CRPS_QUANTILES` in place of all.

    Args:
        truth: ``(N, F)``, NaN where nothing was observed.
        quantiles: ``(N, F, 19)``, those of :data:`CRPS_QUANTILES`.
    """
    seen = np.isfinite(truth)
    left = np.where(seen, truth, 0.0)[..., None] - quantiles
    levels = np.array(CRPS_QUANTILES)
    pinball = np.maximum(levels * left, (levels - 1) * left).mean(axis=-1)
    return float(2 * (pinball * seen).sum() / max(int(seen.sum()), 1))


def coverage(truth: Array, low: Array, high: Array) -> float:
    """The share of what was observed that lies within an interval."""
    seen = np.isfinite(truth)
    inside = (truth >= low) & (truth <= high) & seen
    return float(inside.sum() / max(int(seen.sum()), 1))


def seasonal_naive(window: Array, season: int, horizon: int) -> Array:
    """``(N, F)``, the last season seen, repeated; ``(N, W)`` windows of the past are given."""
    back = min(season, window.shape[1])
    return window[:, window.shape[1] - back + np.arange(horizon) % back]


def compared(
    truth: Array, point: Array, other: Array, scales: Array, series: Numbers
) -> dict[str, Any]:
    """Whether one forecast's absolute errors are smaller than another's, beyond chance.

    The loss of an origin is its mean absolute error over the horizon, by the scale of its series
    where that has one. Origins that follow each other share errors: the interval is from a
    bootstrap of moving blocks of them, a horizon long at least, always drawn alike.

    Source: H. Künsch (1989), The jackknife and the bootstrap for general stationary observations.

    Returns:
        ``difference``, the mean of ours less the other's (below zero is better), ``interval_95``
        (``None`` of one origin), and ``verdict``: ``better``, ``worse`` or ``not distinguishable``.
    """
    seen = np.isfinite(truth)
    ours, theirs = (np.abs(np.where(seen, truth - f, 0.0)).sum(axis=1) for f in (point, other))
    counts = seen.sum(axis=1)
    scale = np.where(np.isfinite(scales), scales, 1.0)
    used = counts > 0
    losses = (ours - theirs)[used] / counts[used] / scale[used]
    interval = _bootstrapped(losses, series[used], truth.shape[1])
    verdict = "not distinguishable"
    if interval is not None and not interval[0] <= 0 <= interval[1]:
        verdict = "better" if interval[1] < 0 else "worse"
    return {
        "difference": float(losses.mean()) if len(losses) else 0.0,
        "interval_95": interval,
        "verdict": verdict,
    }


def _bootstrapped(losses: Array, series: Numbers, horizon: int) -> list[float] | None:
    """The middle 95 % of the means of resampled blocks; ``None`` of a single loss."""
    n = len(losses)
    if n < 2:
        return None
    longest = int(np.bincount(series).max())
    block = min(longest, max(horizon, round(longest ** (1 / 3))))
    chance = np.random.RandomState(0)
    starts = np.arange(n)
    sums = np.cumsum(np.pad(np.tile(losses, 2), (1, 0)))  # blocks wrap around the end
    blocks = (sums[starts + block] - sums[starts]) / block
    means = [
        blocks[chance.randint(0, n, max(1, round(n / block)))].mean() for _ in range(RESAMPLED)
    ]
    return np.quantile(means, [0.025, 0.975]).tolist()


def _mean_over_series(values: Array, seen: Array, series: Numbers) -> float:
    seen = seen & np.isfinite(values)
    sums = np.bincount(series, np.where(seen, values, 0.0).sum(axis=1))
    counts = np.bincount(series, seen.sum(axis=1))
    with_any = counts > 0
    return float((sums[with_any] / counts[with_any]).mean()) if with_any.any() else float("nan")


def levels_of(level: Sequence[float]) -> list[float]:
    """The quantiles at both ends of intervals of so many percent, all the lower ones first."""
    return [*(0.5 - each / 200 for each in level), *(0.5 + each / 200 for each in level)]
