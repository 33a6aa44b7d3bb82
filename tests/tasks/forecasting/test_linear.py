import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge

from suimon.tasks.forecasting.data import Flat
from suimon.tasks.forecasting.linear import LinearPath, left_over, moments
from suimon.tasks.forecasting.selection import effects


def test_a_ridge_regression_as_scikit_learn_solves_it():
    rng = np.random.default_rng(0)
    z, t = rng.normal(size=(50, 6)), rng.normal(size=(50, 2))
    z = (z - z.mean(0)) / z.std(0)  # of variance 1, so that the penalties are the same
    halves = [(torch.tensor(z[rows]), torch.tensor(t[rows])) for rows in (slice(20), slice(20, 50))]
    found = moments(halves)
    for penalty, peer in ((0.3, Ridge(alpha=0.3 * 50)), (1e-12, LinearRegression())):
        weight, bias = found.solve(penalty)
        peer.fit(z, t)
        np.testing.assert_allclose(weight, peer.coef_, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(bias, peer.intercept_, rtol=1e-5, atol=1e-7)
        left = np.sqrt(((t - peer.predict(z)) ** 2).mean(0))
        np.testing.assert_allclose(left_over(found, weight, bias), left, rtol=1e-5)
    weight, bias = found.solve(0.3, 2)
    peer = Ridge(alpha=0.3 * 50).fit(z[:, :2], t)
    np.testing.assert_allclose(weight, peer.coef_, rtol=1e-5)


@pytest.mark.parametrize("difference", ["none", "last", "season"])
def test_the_equations_of_the_path(difference):
    W, F, p, s, K = 9, 5, 3, 4, 2
    path = LinearPath(F, p, difference, season=s, known=K).double()
    torch.nn.init.normal_(path.weight)
    torch.nn.init.normal_(path.bias)
    torch.nn.init.normal_(path.effect)
    x, k = torch.randn(W, 1, dtype=torch.double), torch.randn(W + F, 1, K, dtype=torch.double)
    found = path(x, k)
    z = x[:, 0] - (k[:W, 0] * path.effect).sum(1)
    for h in range(F):
        reference, left = z.mean(), z - z.mean()
        if difference == "last":
            reference, left = z[-1], z[:-1] - z[-1]
        if difference == "season":
            reference, left = z[W - s * math.ceil((h + 1) / s) + h], z[s:] - z[:-s]
        total = reference + path.bias[h] + (k[W + h, 0] * path.effect).sum()
        total = total + sum(path.weight[h, i] * left[len(left) - 1 - i] for i in range(p))
        torch.testing.assert_close(found[h, 0], total)
    assert path.reach <= W


def test_effects_of_covariates_are_found_beside_level_season_and_trend():
    rng = np.random.RandomState(0)
    known = rng.rand(60, 2).astype(np.float32)
    season = np.tile([5.0, -1.0, 3.0, 0.0], 15)
    values = 100 + 0.5 * np.arange(60) + season + known @ np.array([4.0, -2.0])
    flat = Flat(
        values=values,
        observed=np.ones(60, bool),
        covariates=known,
        calendar=np.zeros((60, 0), np.float32),
        starts=np.array([0]),
        lengths=np.array([60]),
        scales=np.array([2.0]),
        known=2,
    )
    found = effects(flat, np.array([50]), season=4)
    np.testing.assert_allclose(found, [2.0, -1.0], atol=1e-4)
