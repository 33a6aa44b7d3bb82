"""How values are transformed, and what the linear path reads: what forecasts best is chosen.

Every candidate is fitted in closed form on the training rows, and judged by its forecasts of the
validation rows in the user's own units: root mean square error over seasonal-naive's error in the
training rows, the mean over the series. Where all values are above zero, that times the mean
relative error, ``2 |y - f| / (|y| + |f|)``: of many series the first is about those that hardly
leave their season, the second about those that vary by a multiple, and a transform must not serve
the ones at the cost of the others.

Source: errors of both kinds judged together: S. Makridakis and others (2020), The M4 Competition:
    there by the mean of their ratios to a naive forecast's, here by their product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from suimon.data.series import Panel
from suimon.tasks.forecasting.data import Array, Flat, Origins, Preprocessing, flatten
from suimon.tasks.forecasting.linear import LinearPath, Moments, moments
from suimon.tasks.forecasting.windows import Reading, batch_of, gather, inputs_of, levels

RIDGES: Final = (1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0, 10.0, 100.0)
MOST_TRIED: Final = 12_000
MOST_FITTED: Final = 100_000
MOST_JUDGED: Final = 2_000
CHUNK: Final = 1_000
MOST_LAGS: Final = 512


@dataclass(frozen=True)
class Linear:
    """One candidate.

    Attributes:
        log: whether logarithms are forecast.
        difference: ``none``, ``last`` or ``season``.
        lags: last differences read.
        ridge: penalty.
        error: see the module's description.
    """

    log: bool
    difference: str
    lags: int
    ridge: float
    error: float = np.inf


@dataclass(frozen=True)
class Split:
    """Which rows of each series are learnt from, and which validate.

    Attributes:
        lengths: ``(S,)``, all rows.
        valid: rows at the end of each that validate.
    """

    lengths: np.ndarray
    valid: int

    @property
    def train(self) -> np.ndarray:
        """``(S,)``, rows to learn from."""
        return self.lengths - self.valid

    def learnt(self, flat: Flat, reading: Reading) -> Origins:
        """Origins whose horizons lie in the training rows."""
        return flat.origins(reading.reach, reading.horizon, np.zeros_like(self.lengths), self.train)

    def judged(self, flat: Flat, reading: Reading) -> Origins:
        """Origins whose horizons lie in the validation rows."""
        return flat.origins(reading.reach, reading.horizon, self.train, self.lengths)


def select(
    panel: Panel,
    readers: Sequence[Preprocessing],
    split: Split,
    *,
    horizon: int,
    most_lags: int,
    lags: int | None,
    ridge: float | None,
) -> Linear:
    """The best candidate.

    Args:
        panel: the series.
        readers: a way of transforming each, with its scales.
        split: of the rows.
        horizon: F.
        most_lags: how far to look back at most.
        lags: the only number of lags to try; ``None``: several.
        ridge: the only penalty to try; ``None``: several.
    """
    naive = _naive_errors(panel, split, readers[0].season)
    candidates = (
        candidate
        for read in readers
        for candidate in _judged(panel, read, split, naive, horizon, most_lags, lags, ridge)
    )
    return min(candidates, key=lambda candidate: candidate.error)


def _judged(
    panel: Panel,
    read: Preprocessing,
    split: Split,
    naive: Array,
    horizon: int,
    most_lags: int,
    lags: int | None,
    ridge: float | None,
) -> Iterator[Linear]:
    back = {"none": 0, "last": 1, "season": read.season}[read.difference]
    longest = lags or max(min(most_lags - back, MOST_LAGS), 1)
    flat = flatten(panel, read, 0, [read.measured[str(s.name)] for s in panel.series])
    reading = reading_of(longest + back, horizon, read.difference)
    path = LinearPath(horizon, longest, read.difference, season=read.season, known=len(read.known))
    learnt = split.learnt(flat, reading).thinned(MOST_TRIED)
    judged = split.judged(flat, reading).thinned(MOST_JUDGED)
    if not len(learnt) or not len(judged):
        return
    path.effect.copy_(effects(flat, split.train, read.season))
    found = moments(parts(flat, learnt, reading, path))
    judge = _Judge(panel, flat, judged, reading, path, read, naive)
    for count in [longest] if lags else lag_counts(longest, read.season):
        for penalty in [ridge] if ridge else RIDGES:
            error = judge.error(*found.solve(penalty, count))
            yield Linear(read.log, read.difference, count, penalty, error)


def reading_of(context: int, horizon: int, difference: str) -> Reading:
    """What a linear path reads: values alone."""
    return Reading(context, horizon, level="mean" if difference == "none" else "last")


def lag_counts(longest: int, season: int) -> list[int]:
    """Numbers of lags to try: some that grow by a third, and whole seasons."""
    found = {longest, *(n for n in (season, 2 * season, 7 * season, 14 * season) if n <= longest)}
    count = 1.0
    while count < longest:
        found.add(int(count))
        count = max(count + 1, count * 4 / 3)
    return sorted(found)


def parts(
    flat: Flat, origins: Origins, reading: Reading, path: LinearPath
) -> Iterator[tuple[Tensor, Tensor]]:
    """Features and targets of a linear path, some windows at a time.

    Where a value was missing, what fills it is learnt as if it had been seen.
    """
    for start in range(0, len(origins), CHUNK):
        window = gather(flat, origins.take(slice(start, start + CHUNK)), reading)
        inputs, level = inputs_of(window, reading)
        values = inputs[: reading.context, :, 0]
        known = inputs[..., inputs.shape[-1] - path.known :]
        targets = (window.targets - level[:, None]) / window.scales[:, None]
        yield (
            path.features(values, known),
            torch.from_numpy(targets).float() - path.reference(values, known).T,
        )


class _Judge:
    """Errors of candidates on the validation rows."""

    def __init__(
        self,
        panel: Panel,
        flat: Flat,
        origins: Origins,
        reading: Reading,
        path: LinearPath,
        read: Preprocessing,
        naive: Array,
    ) -> None:
        window = gather(flat, origins, reading)
        batch = batch_of(flat, origins, reading)
        values = batch.inputs[: reading.context, :, 0]
        known = batch.inputs[..., batch.inputs.shape[-1] - path.known :]
        self.features = path.features(values, known).double()
        self.reference = path.reference(values, known).T.double()
        self.read = read
        self.level = torch.from_numpy(levels(window.values, reading)).unsqueeze(1)
        self.scale = torch.from_numpy(window.scales).unsqueeze(1)
        self.truth = torch.from_numpy(
            np.where(window.counted, read.restored(window.targets), np.nan)
        )
        self.naive = torch.from_numpy(naive[origins.series]).unsqueeze(1)
        self.series = torch.from_numpy(origins.series)
        self.relative = all((series.values > 0).all() for series in panel.series)

    def error(self, weight: Tensor, bias: Tensor) -> float:
        """See the module's description."""
        relative = self.features[:, : weight.shape[1]] @ weight.T + bias + self.reference
        transformed = relative * self.scale + self.level
        # An overflow is the error of a candidate that cannot be meant.
        found = transformed.clamp_max(300.0).exp() if self.read.log else transformed
        error = (found - self.truth).abs()
        scaled = float(self._of_series(((error / self.naive) ** 2).nanmean(dim=1)).sqrt().mean())
        if not self.relative:
            return scaled
        size = (found.abs() + self.truth.abs()) / 2
        return scaled * float(self._of_series((error / size).nanmean(dim=1)).mean())

    def _of_series(self, each: Tensor) -> Tensor:
        """Means over the windows of each series that has any, of ``(N,)`` with NaN."""
        seen = ~each.isnan()
        sums = torch.zeros(int(self.series.max()) + 1, dtype=torch.float64)
        counts = sums.scatter_add(0, self.series[seen], torch.ones_like(each[seen]))
        sums = sums.scatter_add(0, self.series[seen], each[seen])
        return sums[counts > 0] / counts[counts > 0]


def _naive_errors(panel: Panel, split: Split, season: int) -> Array:
    """``(S,)``, mean absolute error of seasonal-naive in the training rows, never zero."""
    found = []
    for series, rows in zip(panel.series, split.train, strict=True):
        values = series.values[:rows]
        back = season if len(values) > season else 1
        error = np.abs(values[back:] - values[:-back]).mean() if len(values) > back else 0.0
        found.append(max(float(error), 1e-6 * float(np.abs(values).max()), 1e-9))
    return np.array(found)


def effects(flat: Flat, rows: np.ndarray, season: int) -> Tensor:
    """What a unit of each known covariate adds to the values, ``(K,)``, by least squares.

    Both are taken from season to season (from row to row, where there is none), so that neither
    level nor season passes for an effect.

    Args:
        flat: the series.
        rows: ``(S,)``, how many rows of each to learn from.
        season: rows of a season.
    """
    gram, cross = np.zeros((flat.known, flat.known)), np.zeros(flat.known)
    for start, end, scale in zip(flat.starts, rows, flat.scales, strict=True):
        if not flat.known or end <= season:
            continue
        known = flat.covariates[start : start + end, : flat.known].astype(np.float64)
        values = flat.values[start : start + end] / scale
        known, values = known[season:] - known[:-season], values[season:] - values[:-season]
        known, values = known - known.mean(axis=0), values - values.mean()
        gram += known.T @ known
        cross += known.T @ values
    least = 1e-6 * max(float(np.trace(gram)), 1e-6)  # covariates may say the same, or nothing
    return torch.from_numpy(np.linalg.solve(gram + least * np.eye(flat.known), cross))


def fit(path: LinearPath, flat: Flat, split: Split, reading: Reading, ridge: float) -> Moments:
    """Give a linear path the weights of a ridge regression; what it was solved from is returned.

    Args:
        path: its buffers are filled.
        flat: the series.
        split: whose training rows are learnt from.
        reading: of the network, so that windows that it cannot read are not learnt from.
        ridge: the penalty.
    """
    path.effect.copy_(effects(flat, split.train, path.season))
    origins = split.learnt(flat, reading).thinned(MOST_FITTED)
    found = moments(parts(flat, origins, reading, path))
    weight, bias = found.solve(ridge)
    path.weight.copy_(weight)
    path.bias.copy_(bias)
    return found
