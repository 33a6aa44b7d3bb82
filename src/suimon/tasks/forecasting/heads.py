"""What a network says of how sure it is: quantiles, or a Gaussian."""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

QUANTILES: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99)
OUTLIER: Final = 3.0
"""Errors beyond so many deviations pull on a quantile head's point by their sign alone."""

WIDEST: Final = 3.0
"""A network makes an interval at most e**3 times as wide or narrow as the linear path leaves it."""


class QuantileHead(nn.Module):
    r"""A point, and quantiles around it whose order holds by construction.

    ::

        q_k = y + c (m + sum of gaps from the median to k),   gap_k = s (z_{k+1} - z_k) exp(a_k)

    y is the point, s the deviation that the linear path leaves, z the quantiles of a standard
    normal distribution, m and a_k outputs, c a factor found on the validation rows.

    Loss, each term in units of s: Huber's of the point, and the mean of the pinball losses of the
    quantiles, whose gradient does not reach the point.

    Source: pinball: R. Koenker and G. Bassett (1978), Regression Quantiles.
    """

    outputs = 1 + len(QUANTILES)  # the point, the median's offset, a gap less than quantiles

    def spread(self, raw: Tensor, deviation: Tensor) -> Tensor:
        """What :meth:`at` and :meth:`loss` need besides the point.

        Args:
            raw: ``(F, N, outputs - 1)``.
            deviation: ``(F, 1)``, s.

        Returns:
            ``(F, N, Q)``, the quantiles of :data:`QUANTILES` relative to the point.
        """
        normal = [NormalDist().inv_cdf(q) for q in QUANTILES]
        steps = torch.tensor(normal, dtype=raw.dtype, device=raw.device).diff()
        gaps = steps * raw[..., 1:].clamp(-WIDEST, WIDEST).exp()  # (F, N, Q - 1)
        middle = len(QUANTILES) // 2
        below = -gaps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        above = gaps[..., middle:].cumsum(-1)
        offsets = torch.cat([below, torch.zeros_like(raw[..., :1]), above], dim=-1)
        return (offsets + raw[..., :1]) * deviation.unsqueeze(-1)

    def at(self, point: Tensor, spread: Tensor, z: Tensor) -> Tensor:
        """``(F, N)``, the quantiles where a standard normal distribution has ``z``, ``(F, N)``.

        Between those learnt, and beyond them, linear in z.
        """
        knots = torch.tensor([NormalDist().inv_cdf(q) for q in QUANTILES], dtype=spread.dtype)
        knots = knots.to(spread.device)
        upper = torch.searchsorted(knots, z.contiguous()).clamp(1, len(knots) - 1)
        share = (z - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
        low = spread.gather(-1, (upper - 1).unsqueeze(-1)).squeeze(-1)
        high = spread.gather(-1, upper.unsqueeze(-1)).squeeze(-1)
        return point + low + share * (high - low)

    def loss(self, point: Tensor, spread: Tensor, targets: Tensor, deviation: Tensor) -> Tensor:
        """``(F, N)``."""
        error = (targets - point) / deviation
        huber = F.huber_loss(error, torch.zeros_like(error), reduction="none", delta=OUTLIER)
        left = (error.detach() - (spread / deviation.unsqueeze(-1)).movedim(-1, 0)).movedim(0, -1)
        levels = torch.tensor(QUANTILES, dtype=left.dtype, device=left.device)
        pinball = torch.maximum(levels * left, (levels - 1) * left)
        return huber + pinball.mean(dim=-1)


class GaussianHead(nn.Module):
    """A point and a deviation around it, ``c s exp(a)``; see :class:`QuantileHead` for c and s.

    Loss: ``-log N(target; point, deviation²)`` in nats, of targets in units of s.
    """

    outputs = 2

    def spread(self, raw: Tensor, deviation: Tensor) -> Tensor:
        """``(F, N, 1)`` deviations."""
        return raw.clamp(-WIDEST, WIDEST).exp() * deviation.unsqueeze(-1)

    def at(self, point: Tensor, spread: Tensor, z: Tensor) -> Tensor:
        """``(F, N)``, the quantiles where a standard normal distribution has ``z``."""
        return point + spread.squeeze(-1) * z

    def loss(self, point: Tensor, spread: Tensor, targets: Tensor, deviation: Tensor) -> Tensor:
        """``(F, N)``."""
        return F.gaussian_nll_loss(
            point / deviation,
            targets / deviation,
            (spread.squeeze(-1) / deviation) ** 2,
            full=True,
            reduction="none",
        )


HEADS: Final = {"quantile": QuantileHead, "gaussian": GaussianHead}
