import numpy as np
import pandas as pd
import pytest

from suimon.data.series.frequency import (
    calendar,
    calendar_cycles,
    infer_frequency,
    parse_frequency,
)
from suimon.errors import ConfigError, DataError


def seconds(index) -> np.ndarray:
    return np.asarray(index).astype("M8[s]").astype(np.int64)


@pytest.mark.parametrize(
    ("alias", "name", "season"),
    [
        ("h", "h", 24),
        ("15min", "15min", 96),
        ("2h", "2h", 12),
        ("D", "D", 7),
        ("B", "B", 5),
        ("W-SUN", "W", 52),
        ("MS", "M", 12),
        ("ME", "M", 12),
        ("QS", "Q", 4),
        ("YS", "Y", 1),
        ("s", "s", 60),
    ],
)
def test_as_pandas_makes_them(alias, name, season):
    index = pd.date_range("2021-01-31 00:00", periods=40, freq=alias)
    times = seconds(index)
    found = infer_frequency([times], dated=True)
    assert (found.name, found.season) == (name, season)
    assert parse_frequency(found.name) == found
    rows, regular = found.rows_from(times[0], times)
    assert regular.all()
    np.testing.assert_array_equal(rows, np.arange(40))
    np.testing.assert_array_equal(found.after(times[0], np.arange(40)), times)


def test_gaps_are_rows_that_are_passed_over():
    index = pd.date_range("2024-01-01", periods=30, freq="B").delete([4, 5, 11])
    found = infer_frequency([seconds(index)], dated=True)
    assert found.name == "B"
    rows, _ = found.rows_from(seconds(index)[0], seconds(index))
    assert sorted(set(range(30)) - set(rows.tolist())) == [4, 5, 11]


def test_counts_and_what_is_no_frequency():
    assert infer_frequency([np.array([1, 2, 4]), np.array([7, 8])], dated=False).every == 1
    assert infer_frequency([np.array([1750, 1760, 1790])], dated=False).name == "10count"
    with pytest.raises(DataError, match="no regular frequency"):
        infer_frequency([seconds(["2024-01-01", "2024-01-02", "2024-01-03T05:00"])], dated=True)
    with pytest.raises(DataError, match="no series has two rows"):
        infer_frequency([np.array([5])], dated=True)
    for name in ("fortnight", "0h", "-1D", ""):
        with pytest.raises(ConfigError, match="is no frequency; give s, min, h"):
            parse_frequency(name)


def test_the_calendar_is_the_same_at_the_same_hour_day_and_year():
    hours = seconds(pd.date_range("2024-02-01", periods=24 * 15, freq="h"))
    found = calendar(hours, ("day", "week", "year"))
    assert found.shape == (len(hours), 6)
    np.testing.assert_allclose(found[0, [0, 3]], [0, 1], atol=1e-6)  # midnight
    np.testing.assert_allclose(found[:, [0, 3]], np.roll(found[:, [0, 3]], 24, axis=0), atol=1e-6)
    week = found[:, [1, 4]]
    np.testing.assert_allclose(week[: 24 * 7], week[24 * 7 : 24 * 14], atol=1e-6)
    monday = seconds(["2024-02-05"])
    np.testing.assert_allclose(calendar(monday, ("week",))[0, 0], 0, atol=1e-6)
    assert calendar(np.arange(3), ()).shape == (3, 0)


@pytest.mark.parametrize(
    ("name", "rows", "cycles"),
    [
        ("h", 2 * 8_766, ("day", "week", "year")),
        ("h", 8_640, ("day", "week")),
        ("15min", 200, ("day",)),
        ("D", 100, ("week",)),
        ("M", 120, ("year",)),
        ("Y", 100, ()),
        ("count", 1000, ()),
    ],
)
def test_cycles_that_rows_go_through_twice(name, rows, cycles):
    assert calendar_cycles(parse_frequency(name), rows) == cycles
