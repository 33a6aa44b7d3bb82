"""What is chosen for series whose nature is known."""

import numpy as np
import pytest

from suimon.data.series import Frequency, Panel, Series
from suimon.tasks.forecasting.config import ForecastingConfig
from suimon.tasks.forecasting.data import scale_of
from suimon.tasks.forecasting.recipe import choose
from suimon.training.config import TrainingConfig

HOURS = np.arange(24 * 12)
COUNTED = Frequency("counts", 1)


def panel(*series: np.ndarray) -> Panel:
    return Panel(
        tuple(
            Series(f"s{n}", 0, values, np.ones(len(values), bool), np.zeros((len(values), 0)))
            for n, values in enumerate(series)
        ),
        COUNTED,
        "count",
    )


def chosen(series: Panel, **options):
    choice, _, _ = choose(series, ForecastingConfig(season=24, **options), TrainingConfig())
    return choice


def noisy(seed: int, level: float, spread: float) -> np.ndarray:
    chance = np.random.RandomState(seed)
    day = np.sin(2 * np.pi * HOURS / 24)
    return level * np.exp(spread * (day + 0.7 * chance.randn(len(HOURS))))


def test_series_that_vary_by_a_multiple_are_forecast_by_their_logarithms():
    wild = panel(*(noisy(n, 20.0, 0.8) for n in range(3)))
    assert chosen(wild, horizon=24, ridge=0.1).config.transform == "log"
    below = panel(*(noisy(n, 20.0, 0.8) - 30 for n in range(3)))
    assert chosen(below, horizon=24, ridge=0.1).config.transform == "none"


def test_steps_read_seasons_where_seasons_are_forecast():
    path = {"transform": "none", "difference": "none", "linear_lags": 24, "ridge": 0.1}
    series = panel(*(noisy(n, 20.0, 0.1) for n in range(12)))
    whole = chosen(series, horizon=24, **path)
    assert (whole.config.segment, whole.config.lags) == (24, ())
    assert whole.training.steps == 1800
    rows = chosen(series, horizon=23, **path)
    assert (rows.config.segment, rows.config.lags, rows.training.steps) == (1, (24,), 600)
    assert chosen(series, horizon=24, strategy="recursive", **path).config.segment == 1
    assert chosen(panel(noisy(0, 20.0, 0.1)), horizon=24, **path).config.segment == 1
    assert chosen(series, horizon=24, segment=6, **path).config.segment == 6


@pytest.mark.parametrize("difference", ["none", "last", "season"])
def test_series_are_scaled_by_what_they_do_beside_their_season(difference):
    chance = np.random.RandomState(0)
    day = 100 * np.sin(2 * np.pi * np.arange(2400) / 24)
    noise = chance.randn(2400)
    assert scale_of(day + noise, difference, 24) == pytest.approx(2**0.5, rel=0.05)
    # Exactly repeated: the deviation of the season decides, 100 / sqrt(2).
    assert scale_of(day, difference, 24) == pytest.approx(0.0707, rel=0.01)
    assert scale_of(noise.cumsum(), "last", 1) == pytest.approx(1.0, rel=0.05)
