"""The rule that chooses the options a user left out, from the data.

1. **Validation**: a fifth of the shortest series' rows at the end of each, two horizons at least
   where that leaves two thirds to learn from.
2. **Transform, differences, lags and penalty of the linear path**: what forecasts the validation
   rows best; see :mod:`suimon.tasks.forecasting.selection`. Logarithms are tried where all
   values are above zero, seasonal differences where there is a season. A lone series is looked
   back at for half of its rows at most, many for three quarters of the shortest.
3. **Context**: what the linear path reads, or two seasons, or :data:`SHORT_CONTEXT` rows if that
   is more, as far as the series reach.
4. **Size and budget**: by the number of training windows, see :data:`SIZES`.
5. **Segment**: where a season or more is forecast at once, each step of the recurrent layers reads
   a season, and there are :data:`STEPS_OF_SEASONS` times as many optimiser steps; else a row.
6. **Forget bias**: 1 for an LSTM (Jozefowicz et al., 2015).

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from suimon.data.series import Panel
from suimon.data.series.frequency import calendar_cycles
from suimon.errors import ConfigError, DataError
from suimon.tasks.choosing import Choice, completed, forget_bias, has_budget, left_out
from suimon.tasks.forecasting.config import ForecastingConfig
from suimon.tasks.forecasting.data import Preprocessing, split_names
from suimon.tasks.forecasting.selection import Linear, Split, select
from suimon.training.config import TrainingConfig

SHORT_CONTEXT = 16
LONGEST_CONTEXT = 400
VALID_SHARE = 0.2
LOOKED_BACK, LOOKED_BACK_OF_MANY, MANY_SERIES = 0.5, 0.75, 10


@dataclass(frozen=True)
class Size:
    """One row of the table of network sizes.

    Attributes:
        windows: for so many training windows at least.
        hidden: hidden units.
        dropout: on the output of the layers.
        batch_size: windows a step.
        steps: where no budget is given.
        season: whether a step may read a whole season, or else, beside its row, the value of a
            season before and the mean of a season.
    """

    windows: int
    hidden: int
    dropout: float
    batch_size: int
    steps: int
    season: bool


SIZES = (
    Size(20_000, 64, 0.1, 64, 1000, True),
    Size(1_000, 32, 0.2, 64, 600, True),
    Size(0, 8, 0.3, 32, 200, False),
)
STEPS_OF_SEASONS = 3  # times as many where steps read seasons, which take a fraction of the time
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05


def choose(
    panel: Panel, config: ForecastingConfig, training: TrainingConfig
) -> tuple[Choice[ForecastingConfig], Preprocessing, Split]:
    """Fill in what was left out; see the module's description for the rule.

    Args:
        panel: the series.
        config: the task's options; ``None`` is left out.
        training: the loop's options; those not in ``model_fields_set`` were left out.

    Returns:
        The options, and what follows from them: how series are read, and which rows validate.

    Raises:
        ConfigError: there is no horizon, or an option does not fit the data.
        DataError: a series is too short.
    """
    ahead = _rows_at_once(config)
    assert config.horizon is not None
    season = config.season or panel.frequency.season
    lengths = np.array([len(series) for series in panel.series])
    split = Split(lengths, config.valid_rows or valid_rows(int(lengths.min()), config.horizon))
    room = int(split.train.min()) - ahead  # the longest reach that leaves a window to learn from
    _refuse_short(panel, split, config.horizon, room)
    readers = _readers(panel, config, split, season)
    best = _linear(panel, config, readers, split, ahead, room)
    read = next(r for r in readers if (r.log, r.difference) == (best.log, best.difference))
    window = _window(config, best, split, season, ahead, room)
    values: dict[str, Any] = {
        "season": season,
        "transform": "log" if best.log else "none",
        "difference": best.difference,
        "linear_lags": best.lags,
        "ridge": best.ridge,
        "context": window.context,
        "segment": window.segment,
        "lags": window.lags,
        "rolling": window.lags,
        "valid_rows": split.valid,
        "layers": 1,
        "hidden": window.size.hidden,
        "dropout": window.size.dropout,
        **forget_bias(config.cell),
    }
    loop = {
        "batch_size": window.size.batch_size,
        "learning_rate": LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
    }
    if not has_budget(training):
        loop["steps"] = window.size.steps * (STEPS_OF_SEASONS if window.segment > 1 else 1)
    return completed(config, training, left_out(config, values), loop), read, split


def _rows_at_once(config: ForecastingConfig) -> int:
    """How many rows ahead the network forecasts."""
    if config.horizon is None:
        raise ConfigError("how far ahead? give the rows to forecast, e.g. --horizon 12")
    ahead = 1 if config.strategy == "recursive" else config.horizon
    if ahead < config.horizon and config.past:
        raise ConfigError(
            "strategy recursive feeds forecasts back, and there are none of the columns of past: "
            "leave past out, or choose strategy direct"
        )
    return ahead


@dataclass(frozen=True)
class _Window:
    """What the network reads of the past, and its size."""

    context: int
    segment: int
    lags: tuple[int, ...]
    size: Size


def _window(
    config: ForecastingConfig, best: Linear, split: Split, season: int, ahead: int, room: int
) -> _Window:
    reach = best.lags + {"none": 0, "last": 1, "season": season}[best.difference]
    wanted = min(max(2 * season, SHORT_CONTEXT), LONGEST_CONTEXT)
    context = max(reach, min(wanted, room, int(split.train.min()) // 3))
    windows = int(np.maximum(split.train - context - ahead + 1, 0).sum())
    size = next(size for size in SIZES if windows >= size.windows)
    rows = config.context or context
    by_season = 1 < season <= ahead and 2 * season <= rows and size.season
    segment = config.segment or (season if by_season else 1)
    extra = size.season and segment == 1 and 1 < season <= room - context
    return _Window(context, segment, (season,) if extra else (), size)


def valid_rows(shortest: int, horizon: int) -> int:
    """Rows at the end of each series to validate on."""
    wanted = max(round(VALID_SHARE * shortest), 2 * horizon)
    return max(horizon, min(wanted, shortest // 3))


def _refuse_short(panel: Panel, split: Split, horizon: int, room: int) -> None:
    if split.valid < horizon:
        raise ConfigError(
            f"valid_rows = {split.valid} is less than the horizon, {horizon}: give that at least"
        )
    if room < 2:
        n = int(split.lengths.argmin())
        raise DataError(
            f"series {panel.series[n].name!r} has {split.lengths[n]:,} rows, of which "
            f"{split.valid:,} validate; a window takes 2 and the horizon, {horizon}, besides: give "
            "more rows, leave the series out, or forecast fewer ahead by --horizon"
        )


def _readers(
    panel: Panel, config: ForecastingConfig, split: Split, season: int
) -> list[Preprocessing]:
    """Every way of transforming that is open."""
    positive = all((series.values > 0).all() for series in panel.series)
    if config.transform == "log" and not positive:
        name = next(series.name for series in panel.series if (series.values <= 0).any())
        raise ConfigError(f"transform = log, but series {name!r} has values of zero or below")
    logs = [config.transform == "log"] if config.transform else [False, True][: 1 + positive]
    shortest = int(split.train.min())
    differences = ["none", "last"] + (["season"] if 1 < season < shortest // 2 else [])
    if config.difference == "season" and season == 1:
        raise ConfigError("difference = season, but there is no season: give one by --season")
    if config.difference:
        differences = [config.difference]
    known, past = split_names(config.known), split_names(config.past)
    order = [panel.covariates.index(name) for name in (*known, *past)]
    rows = np.concatenate(
        [s.covariates[:n] for s, n in zip(panel.series, split.train, strict=True)]
    )
    centre, spread = rows[:, order].mean(axis=0), rows[:, order].std(axis=0)
    empty = Preprocessing(
        frequency=panel.frequency,
        season=season,
        log=False,
        difference="none",
        known=known,
        past=past,
        cycles=calendar_cycles(panel.frequency, int(split.train.max())) if config.calendar else (),
        centre=tuple(centre.tolist()),
        spread=tuple(np.where(spread > 0, spread, 1.0).tolist()),
        measured={},
    )
    found = [replace(empty, log=log, difference=d) for log in logs for d in differences]
    return [
        replace(
            read,
            measured={
                str(series.name): read.measure(series, int(rows))
                for series, rows in zip(panel.series, split.train, strict=True)
            },
        )
        for read in found
    ]


def _linear(
    panel: Panel,
    config: ForecastingConfig,
    readers: list[Preprocessing],
    split: Split,
    ahead: int,
    room: int,
) -> Linear:
    if len(readers) == 1 and config.linear_lags and config.ridge:
        read = readers[0]
        return Linear(read.log, read.difference, config.linear_lags, config.ridge)
    # Windows must outnumber what is learnt of each, and those of many series do.
    share = LOOKED_BACK if len(panel.series) < MANY_SERIES else LOOKED_BACK_OF_MANY
    most = min(config.context or room, room, int(share * int(split.train.min())))
    return select(
        panel,
        readers,
        split,
        horizon=ahead,
        most_lags=most,
        lags=config.linear_lags,
        ridge=config.ridge,
    )
