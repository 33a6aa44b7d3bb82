import numpy as np
import pytest

from suimon.tasks.forecasting.metrics import (
    CRPS_QUANTILES,
    compared,
    coverage,
    crps,
    mase_scale,
    scores,
    seasonal_naive,
)

NAN = float("nan")


def test_errors_by_hand():
    truth = np.array([[1.0, 2.0], [10.0, NAN]])
    point = np.array([[2.0, 4.0], [6.0, 99.0]])
    found = scores(truth, point, np.array([0.5, 4.0]), np.array([0, 1]))
    assert found["mae"] == pytest.approx(7 / 3)
    assert found["mse"] == pytest.approx(21 / 3)
    assert found["rmse"] == pytest.approx(7**0.5)
    assert found["mase"] == pytest.approx(((1 + 2) / 2 / 0.5 + 4 / 4) / 2)
    assert found["smape"] == pytest.approx(200 * (1 / 3 + 2 / 6 + 4 / 16) / 3)
    assert np.isnan(mase_scale(np.array([1.0, 1, 1]), 1))
    assert mase_scale(np.array([1.0, NAN, 4.0, 6.0]), 1) == 2


def test_seasonal_naive_repeats_the_last_season():
    window = np.array([[1.0, 2, 3, 4, 5]])
    assert seasonal_naive(window, 3, 7).tolist() == [[3, 4, 5, 3, 4, 5, 3]]
    assert seasonal_naive(window, 1, 2).tolist() == [[5, 5]]


def test_crps_of_a_normal_distribution_is_its_closed_form():
    from statistics import NormalDist

    normal = NormalDist()
    quantiles = np.array([[[normal.inv_cdf(q) for q in CRPS_QUANTILES]]])
    for y in (0.0, 0.7, -1.5):
        closed = y * (2 * normal.cdf(y) - 1) + 2 * normal.pdf(y) - 1 / np.pi**0.5
        # Quantiles in place of all of them: exact but for the tails that they leave out.
        assert crps(np.array([[y]]), quantiles) == pytest.approx(closed, rel=0.06)
    # One without doubt has its absolute error.
    assert crps(np.array([[3.0]]), np.full((1, 1, 19), 1.0)) == pytest.approx(2.0)


def test_coverage_counts_what_was_observed():
    truth = np.array([[1.0, 2.0, NAN, 9.0]])
    assert coverage(truth, truth * 0, truth * 0 + 5) == pytest.approx(2 / 3)


def test_a_difference_is_told_from_chance():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(400, 3))
    ones = np.ones(400)
    series = np.zeros(400, np.int64)
    better = compared(truth, truth * 0.5, truth * 0, ones, series)
    assert better["verdict"] == "better"
    assert better["interval_95"][0] < better["difference"] < better["interval_95"][1] < 0
    assert compared(truth, truth * 0, truth * 0.5, ones, series)["verdict"] == "worse"
    noise = [truth + rng.normal(size=truth.shape) for _ in range(2)]
    assert compared(truth, *noise, ones, series)["verdict"] == "not distinguishable"


def test_the_interval_is_as_wide_as_that_of_independent_losses():
    rng = np.random.default_rng(1)
    losses = rng.normal(size=1000)
    truth = np.zeros((1000, 1))
    found = compared(truth, np.abs(losses)[:, None], truth, np.ones(1000), np.zeros(1000, np.int64))
    low, high = found["interval_95"]
    expected = 2 * 1.96 * np.abs(losses).std() / 1000**0.5
    assert high - low == pytest.approx(expected, rel=0.25)
