from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import suimon
from suimon import Forecaster
from suimon.errors import ConfigError, DataError, NotFittedError


def quick(**arguments) -> Forecaster:
    given = {"horizon": 3, "hidden_size": 8, "known": ["promotion"], "steps": 10}
    return Forecaster(**{**given, **arguments})


def quicker(**arguments) -> Forecaster:
    """Nothing is left to be chosen among linear paths."""
    path = {"transform": "none", "difference": "season", "linear_lags": 7, "ridge": 0.1}
    return quick(options=path, steps=3, **arguments)


@pytest.fixture(scope="module")
def fitted():
    from tests.tasks.forecasting.conftest import shops

    return quick().fit(shops(90).filter(pl.col("ds") < pl.date(2024, 3, 25)))  # 84 rows each


def future(frame: pl.DataFrame, rows: int) -> pl.DataFrame:
    """The values of the last rows of each series left empty."""
    ends = frame["ds"].unique().sort()[-rows]
    return frame.with_columns(pl.when(pl.col("ds") < ends).then("y").alias("y"))


def test_weeks_and_promotions_are_forecast(fitted, some_shops):
    found = fitted.predict(level=[80, 90], X=future(some_shops, 3))
    assert found.columns == [
        *("unique_id", "ds", "suimon"),
        *("suimon-lo-80", "suimon-hi-80", "suimon-lo-90", "suimon-hi-90"),
    ]
    joined = found.join(some_shops, on=["unique_id", "ds"])
    assert len(joined) == 6
    errors = (joined["suimon"] - joined["y"]).abs() / joined["y"]
    assert errors.max() < 0.1
    ordered = ("suimon-lo-90", "suimon-lo-80", "suimon-hi-80", "suimon-hi-90")
    for low, high in pairwise(ordered):
        assert (found[low] < found[high]).all()


def test_the_known_future_counts(fitted, some_shops):
    given = future(some_shops, 3)
    without = given.with_columns(
        pl.when(pl.col("y").is_null()).then(0.0).otherwise("promotion").alias("promotion")
    )
    with_it = without.with_columns(
        pl.when(pl.col("y").is_null()).then(1.0).otherwise("promotion").alias("promotion")
    )
    lift = fitted.predict(X=with_it)["suimon"] / fitted.predict(X=without)["suimon"]
    assert lift.to_list() == pytest.approx([1.3] * 6, abs=0.12)


def test_pandas_comes_back_as_pandas_and_says_the_same(fitted, some_shops):
    given = future(some_shops, 3)
    frame = pd.DataFrame({name: given[name].to_list() for name in given.columns})
    frame["ds"] = pd.to_datetime(frame["ds"])
    found = fitted.predict(X=frame)
    assert isinstance(found, pd.DataFrame)
    assert str(found["ds"].dtype).startswith("datetime64")
    np.testing.assert_allclose(found["suimon"], fitted.predict(X=given)["suimon"])


def test_cross_validation_forecasts_from_rolling_origins(some_shops):
    model = quick()
    found = model.cross_validation(some_shops, n_windows=3, step_size=2, level=[80])
    assert not hasattr(model, "model_")
    assert found.columns[:5] == ["unique_id", "ds", "cutoff", "y", "suimon"]
    assert len(found) == 2 * 3 * 3
    ahead = (found["ds"] - found["cutoff"]).dt.total_days()
    assert sorted(set(ahead)) == [1, 2, 3]
    assert sorted(set(found["cutoff"].to_list())) == [
        some_shops["ds"][90 - 3 - 2 * n - 1] for n in (2, 1, 0)
    ]
    joined = found.join(some_shops, on=["unique_id", "ds"], suffix="-given")
    assert (joined["y"] == joined["y-given"]).all()
    with pytest.raises(DataError, match="the first of 50 windows begins 150 before"):
        model.cross_validation(some_shops, n_windows=50)


def test_what_was_not_to_be_expected_is_flagged(fitted, some_shops):
    rows = some_shops.with_row_index()
    broken = rows.with_columns(
        pl.when(pl.col("index") == 70).then(pl.col("y") * 4).otherwise("y").alias("y")
    ).drop("index")
    found = fitted.anomalies(broken, level=99.9)
    flagged = found.filter((pl.col("unique_id") == "a") & pl.col("anomaly"))
    assert some_shops["ds"][70] in flagged["ds"].to_list()
    before = found.filter((pl.col("unique_id") == "a") & (pl.col("ds") < some_shops["ds"][70]))
    assert before["anomaly"].mean() < 0.2


def test_rows_held_out_are_forecast_from_those_before_them(some_shops):
    rows = some_shops.sort("ds", "unique_id")
    split = TimeSeriesSplit(2, test_size=2 * 3)
    expected = []
    for learnt, held_out in split.split(rows):
        found = quicker().fit(rows[learnt]).predict(X=rows[: held_out[-1] + 1].with_columns(
            pl.when(pl.int_range(pl.len()) < held_out[0]).then("y").alias("y")
        ))  # fmt: skip
        truth = rows[held_out].join(found, on=["unique_id", "ds"])
        week_ago = rows.with_columns(pl.col("ds").dt.offset_by("7d"), naive="y")
        truth = truth.join(week_ago.drop("y", "promotion"), on=["unique_id", "ds"])
        errors = [(truth["y"] - truth[name]).abs().mean() for name in ("suimon", "naive")]
        expected.append(1 - errors[0] / errors[1])
    assert cross_val_score(quicker(), rows, cv=split).tolist() == pytest.approx(expected)
    frame = pd.DataFrame({name: rows[name].to_list() for name in rows.columns})
    assert cross_val_score(quicker(), frame, cv=split).tolist() == pytest.approx(expected)


def test_series_held_out_are_forecast_from_their_own_past(some_shops):
    a, b = (some_shops.filter(pl.col("unique_id") == name) for name in "ab")
    names = some_shops["unique_id"]
    split = GroupKFold(2)
    scores = cross_val_score(quicker(), some_shops, groups=names, cv=split, error_score="raise")
    of_a, of_b = quicker().fit(a), quicker().fit(b)
    assert sorted(scores) == sorted([of_a.score(b), of_b.score(a)])
    found = of_a.evaluate(b)  # the last horizon
    assert of_a.score(b) == 1 - found["mae"] / found["seasonal_naive"]["mae"]


def test_a_search_chooses_what_forecasts_best(some_shops):
    rows = some_shops.sort("ds", "unique_id")
    split = TimeSeriesSplit(2, test_size=2 * 6)
    search = GridSearchCV(
        quicker(known=()), {"known": [(), ("promotion",)]}, cv=split, error_score="raise"
    ).fit(rows)
    assert search.best_params_ == {"known": ("promotion",)}
    assert len(search.best_estimator_.predict(X=future(some_shops, 3))) == 6


def test_the_last_step_of_a_pipeline(some_shops):
    doubled = FunctionTransformer(lambda frame: frame.with_columns(pl.col("y") * 2))
    made = Pipeline([("double", doubled), ("forecast", quicker())]).fit(some_shops)
    given = future(some_shops, 3)
    alone = quicker().fit(some_shops).predict(X=given)
    assert made.predict(given)["suimon"].to_list() == pytest.approx(
        (2 * alone["suimon"]).to_list(), rel=1e-3
    )
    assert 0 < made.score(some_shops) <= 1


def test_rows_behind_a_gap_are_scored_too(some_shops):
    days = some_shops["ds"].unique().sort()
    rows = some_shops.drop("promotion")
    model = quicker(known=()).fit(rows.filter(pl.col("ds") < days[80]))
    behind = rows.filter(pl.col("ds") >= days[82])
    assert -1 < model.score(behind) < 1
    with_promotion = quicker().fit(some_shops.filter(pl.col("ds") < days[80]))
    with pytest.raises(DataError, match="goes on 2 rows behind its past, and a covariate"):
        with_promotion.score(some_shops.filter(pl.col("ds") >= days[82]))
    with pytest.raises(DataError, match="no series has more than 2 rows to judge, and a forecast"):
        model.score(rows.filter((pl.col("ds") >= days[80]) & (pl.col("ds") < days[82])))
    with pytest.raises(DataError, match="series 'a' has 3 rows, which do not go on behind what"):
        model.score(rows.filter(pl.col("ds") < days[3]))


@pytest.mark.parametrize("head", ["quantile", "gaussian"])
def test_intervals_of_a_random_walk_grow_with_the_root_of_the_step(head):
    walk = np.random.RandomState(0).randn(2000).cumsum()
    path = {"transform": "none", "difference": "last", "linear_lags": 1, "ridge": 0.1}
    model = quick(horizon=4, known=(), season=1, options={**path, "head": head})
    found = model.fit(pl.DataFrame({"ds": np.arange(2000), "y": walk})).predict(level=[80, 95])
    for level, z in ((80, 1.2816), (95, 1.9600)):
        width = found[f"suimon-hi-{level}"] - found[f"suimon-lo-{level}"]
        expected = 2 * z * np.sqrt(np.arange(1, 5))
        np.testing.assert_allclose(width, expected, rtol=0.15)


@pytest.mark.parametrize("known", [(), ("promotion",)])
def test_each_row_is_judged_by_the_forecast_of_the_row_before(known, some_shops):
    model = quicker(known=known).fit(some_shops)
    found = model.anomalies(level=90)
    assert len(found) == 2 * (90 - model.model_.reading.reach)
    days = some_shops["ds"].unique().sort()
    for day in (days[70], days[89]):
        given = some_shops.filter(pl.col("ds") <= day).with_columns(
            pl.when(pl.col("ds") < day).then("y").alias("y")
        )
        if known:  # a forecast takes the horizon's: two more, which tell the next row nothing
            more = [pl.col("ds").dt.offset_by(f"{n}d") for n in (1, 2)]
            last = given.filter(pl.col("ds") == day)
            given = pl.concat([given, *(last.with_columns(each) for each in more)])
        single = model.predict(1, X=given, level=[90])
        of_day = found.filter(pl.col("ds") == day)
        for name in ("suimon", "suimon-lo-90", "suimon-hi-90"):
            assert of_day[name].to_list() == pytest.approx(single[name].to_list(), rel=1e-4)


def test_the_conventions_of_scikit_learn(fitted, some_shops):
    copied = clone(quick(season=7))
    assert copied.get_params()["season"] == 7
    assert 0 < fitted.score(some_shops) <= 1
    errors = fitted.evaluate(some_shops, last=5)
    assert errors["origins"] == 2 * 3
    assert errors["mae"] < errors["seasonal_naive"]["mae"]


def test_saved_and_loaded(fitted, some_shops, tmp_path):
    fitted.save(tmp_path / "run")
    again = Forecaster.load(tmp_path / "run")
    assert (again.horizon, again.steps, tuple(again.known)) == (3, 10, ("promotion",))
    given = future(some_shops, 3)
    assert again.predict(X=given).equals(fitted.predict(X=given))
    assert suimon.load(tmp_path / "run").horizon == 3
    with pytest.raises(ConfigError, match="keeps no series: give the table as X"):
        again.predict()


def test_recursive_forecasts_go_as_far_as_asked(some_shops):
    model = quick(options={"strategy": "recursive"}, known=(), horizon=2).fit(some_shops)
    found = model.predict(9, level=[80])
    assert len(found) == 18
    assert (found["suimon-lo-80"] < found["suimon-hi-80"]).all()
    one = model.predict(1)["suimon"]
    assert one.to_list() == pytest.approx(found["suimon"].gather([0, 9]).to_list())
    # The loop feeds back what it said: seen as values, the first forecasts lead to the same next.
    said = found.filter(pl.col("ds") == found["ds"].min())
    fed = pl.concat(
        [
            some_shops.select("unique_id", "ds", "y"),
            said.select("unique_id", "ds", pl.col("suimon").alias("y")),
        ]
    )
    following = model.predict(1, X=fed)["suimon"].to_list()
    assert following == pytest.approx(found["suimon"].gather([1, 10]).to_list(), rel=1e-5)


@pytest.mark.parametrize("head", ["quantile", "gaussian"])
@pytest.mark.parametrize("difference", ["none", "last", "season"])
def test_a_constant_shift_and_scale_of_a_series_shift_and_scale_its_forecasts(
    head, difference, some_shops
):
    one = some_shops.filter(pl.col("unique_id") == "a").drop("unique_id")
    other = one.with_columns(pl.col("y") * 50 - 3000)
    options = {"head": head, "difference": difference, "transform": "none"}
    given = {"options": options, "known": (), "steps": 3}
    found = [quick(**given).fit(frame).predict(level=[80]) for frame in (one, other)]
    for name in ("suimon", "suimon-lo-80", "suimon-hi-80"):
        expected = (found[0][name] * 50 - 3000).to_list()
        assert found[1][name].to_list() == pytest.approx(expected, rel=1e-3, abs=2.0)


@pytest.mark.parametrize(
    ("change", "arguments", "error", "message"),
    [
        (lambda f: f.head(6), {"known": ()}, DataError, "has 6 rows, of which 3 validate"),
        (lambda f: f, {"horizon": 45}, DataError, "series 'a' has 90 rows"),
        (lambda f: f, {"season": 1, "options": {"difference": "season"}}, ConfigError, "no season"),
        (lambda f: f.with_columns(-pl.col("y")), {"options": {"transform": "log"}}, ConfigError,
         "series 'a' has values of zero or below"),
        (lambda f: f, {"options": {"context": 80}}, DataError, "a window takes 80 and the horizon"),
        (lambda f: f, {"options": {"past": ["promotion"], "strategy": "recursive"}, "known": ()},
         ConfigError, "leave past out"),
        (lambda f: f, {"options": {"valid_rows": 1}}, ConfigError, "less than the horizon, 3"),
        (lambda f: f, {"known": ["promo"]}, DataError, "no column 'promo'; did you"),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_is_refused(some_shops, change, arguments, error, message):
    with pytest.raises(error, match=message):
        quick(**arguments).fit(change(some_shops))


def test_what_cannot_be_forecast_is_refused(fitted, some_shops):
    with pytest.raises(NotFittedError, match="call fit first"):
        quick().predict()
    with pytest.raises(DataError, match="series 'a' has no 'promotion' at 2024-03-25"):
        fitted.predict()
    with pytest.raises(ConfigError, match="horizon = 4, but 3 rows ahead were trained for"):
        fitted.predict(4, X=future(some_shops, 4))
    with pytest.raises(ConfigError, match="level = 100: give a percentage"):
        fitted.predict(level=[100], X=future(some_shops, 3))
    with pytest.raises(DataError, match="rows before the first forecast, and the network reads"):
        fitted.predict(X=future(some_shops.filter(pl.col("ds") > pl.date(2024, 3, 20)), 3))
    with pytest.raises(ConfigError, match="last = 2 is less than the horizon, 3"):
        fitted.evaluate(some_shops, last=2)
