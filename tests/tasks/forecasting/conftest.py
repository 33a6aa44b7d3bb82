"""Small series whose next values follow by rule."""

import math

import numpy as np
import polars as pl
import pytest


def shops(rows: int = 90) -> pl.DataFrame:
    """Two daily series of a week's season on unlike levels, lifted by a promotion."""
    days = np.datetime64("2024-01-01") + np.arange(rows)
    parts = []
    for name, level in (("a", 10.0), ("b", 1000.0)):
        promotion = (np.random.RandomState(0).rand(rows) < 0.25).astype(float)
        week = np.sin(2 * math.pi * np.arange(rows) / 7)
        y = level * (1 + 0.2 * week + 0.3 * promotion + 0.01 * np.cos(np.arange(rows) ** 2))
        parts.append(pl.DataFrame({"unique_id": name, "ds": days, "y": y, "promotion": promotion}))
    return pl.concat(parts)


@pytest.fixture
def some_shops() -> pl.DataFrame:
    return shops()
