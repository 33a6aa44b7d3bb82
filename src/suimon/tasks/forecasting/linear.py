"""The linear path: last differences and known covariates to forecasts, by ridge regression."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LEAST_VARIANCE = 1e-8


class LinearPath(nn.Module):
    r"""Forecasts that are linear in what was last seen, beside which the network learns the rest.

    ::

        z_t    = x_t - sum_j B_j k_tj                    what the known covariates do is taken away
        d_t    = z_t - z_{t-s}                           difference season
                 z_t - z_W                               last
                 z_t - mean(z)                           none
        yhat_h = r_h + b_h + sum_{i<p} A_hi d_{t_i} + sum_j B_j k_{W+h,j}     and added again
        r_h    = z_{W+h-s} of the last season seen; z_W; mean(z)

    t_i are the last p rows that have a d which is not zero by definition.

    Shapes: W context, F horizon, N windows, p lags, K known covariates.

    The weights are buffers: ridge regression has found them, and gradients leave them alone.

    Args:
        horizon: F.
        lags: p.
        difference: ``none``, ``last`` or ``season``.
        season: s.
        known: K.

    Source: a linear path beside a recurrent one: G. Lai and others (2018), Modeling Long- and
        Short-Term Temporal Patterns with Deep Neural Networks (LSTNet), equation 8; here it is
        fitted first, in closed form, and the network learns what it leaves. Covariates taken away
        first: regression with autoregressive errors, as in R. Hyndman and G. Athanasopoulos,
        Forecasting: Principles and Practice, chapter 10.
    """

    weight: Tensor
    bias: Tensor
    effect: Tensor

    def __init__(
        self, horizon: int, lags: int, difference: str, *, season: int = 1, known: int = 0
    ) -> None:
        super().__init__()
        self.horizon, self.lags = horizon, lags
        self.difference, self.season, self.known = difference, season, known
        self.register_buffer("weight", torch.zeros(horizon, lags))
        self.register_buffer("bias", torch.zeros(horizon))
        self.register_buffer("effect", torch.zeros(known))

    @property
    def reach(self) -> int:
        """Rows of context that it reads."""
        return self.lags + {"none": 0, "last": 1, "season": self.season}[self.difference]

    def features(self, values: Tensor, known: Tensor) -> Tensor:
        """d, ``(N, p)``, the most recent first.

        Args:
            values: ``(W, N)``.
            known: ``(W + F, N, K)``.
        """
        z = self._without_effects(values, known)
        if self.difference == "season":
            left = z[self.season :] - z[: -self.season]
        elif self.difference == "last":
            left = z[:-1] - z[-1]
        else:
            left = z - z.mean(dim=0)
        return left[len(left) - self.lags :].flip(0).T

    def reference(self, values: Tensor, known: Tensor) -> Tensor:
        """What :meth:`features` add to, ``(F, N)``: r and the effects of the rows ahead."""
        z = self._without_effects(values, known)
        ahead = torch.arange(self.horizon)
        if self.difference == "season":
            reference = z[len(z) - self.season + ahead % self.season]
        else:
            level = z[-1] if self.difference == "last" else z.mean(dim=0)
            reference = level.expand(self.horizon, -1)
        return reference + known[len(values) :] @ self.effect if self.known else reference

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        """Forecasts ``(F, N)`` from ``(W, N)`` values and ``(W + F, N, K)`` known covariates."""
        linear = self.features(values, known) @ self.weight.T + self.bias  # (N, F)
        return self.reference(values, known) + linear.T

    def _without_effects(self, values: Tensor, known: Tensor) -> Tensor:
        return values - known[: len(values)] @ self.effect if self.known else values


@dataclass
class Moments:
    """Sums over windows, from which a ridge regression of any penalty is solved.

    Attributes:
        count: of windows.
        features: ``(P,)`` summed.
        targets: ``(F,)`` summed, squared too.
        squares: ``(F,)``.
        gram: ``(P, P)``.
        cross: ``(P, F)``.
    """

    count: int
    features: Tensor
    targets: Tensor
    squares: Tensor
    gram: Tensor
    cross: Tensor

    def solve(self, ridge: float, first: int | None = None) -> tuple[Tensor, Tensor]:
        """Weights ``(F, P)`` and bias ``(F,)``.

        ``min_A sum_n |t_n - b - A z_n|² + ridge * N * sum_i var(z_i) |A_i|²``

        Args:
            ridge: the penalty.
            first: only so many features, the first ones; ``None``: all.
        """
        gram, cross, total = self.gram[:first, :first], self.cross[:first], self.features[:first]
        mean, target = total / self.count, self.targets / self.count
        centred = gram - self.count * torch.outer(mean, mean)
        variance = centred.diagonal().clamp_min(0) + LEAST_VARIANCE * self.count
        matrix = centred + torch.diag(ridge * variance)
        weight = torch.linalg.solve(matrix, cross - self.count * torch.outer(mean, target)).T
        return weight, target - weight @ mean


def moments(parts: Iterable[tuple[Tensor, Tensor]]) -> Moments:
    """The moments of features ``(N, P)`` and targets ``(N, F)`` that come in parts."""
    found: Moments | None = None
    for features, targets in parts:
        z, t = features.double(), targets.double()
        part = Moments(len(z), z.sum(0), t.sum(0), (t**2).sum(0), z.T @ z, z.T @ t)
        if found is None:
            found = part
            continue
        for name, value in vars(part).items():
            setattr(found, name, getattr(found, name) + value)
    if found is None:
        raise ValueError("there are no windows to learn from")
    return found


def left_over(found: Moments, weight: Tensor, bias: Tensor) -> Tensor:
    """Root mean square of what a regression leaves of its targets, ``(F,)``."""
    n = found.count
    # E|t - Az - b|² from the sums alone.
    quadratic = ((weight @ found.gram) * weight).sum(dim=1)
    linear = (weight * found.cross.T).sum(dim=1)
    with_bias = 2 * bias * (weight @ found.features) + n * bias**2 - 2 * bias * found.targets
    total = found.squares - 2 * linear + quadratic + with_bias
    return (total / n).clamp_min(0).sqrt()
