"""The network: a linear path, recurrent layers for what it leaves, and a head for the doubt."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.errors import ConfigError
from suimon.layers import Recurrent
from suimon.tasks.forecasting.config import ForecastingConfig
from suimon.tasks.forecasting.heads import HEADS, GaussianHead, QuantileHead
from suimon.tasks.forecasting.linear import LinearPath
from suimon.tasks.stack import build_stack

STEP_WIDTH = 16  # of what one row ahead is told of the past


class Forecast(NamedTuple):
    """What the network says, in its own units.

    Attributes:
        point: ``(F, N)``.
        spread: ``(F, N, Q)``, what the head needs besides it.
    """

    point: Tensor
    spread: Tensor


class ForecastNetwork(nn.Module):
    r"""The next rows of series from a window of their past.

    ::

        h_W    = stack(X_1 … X_K)                    recurrent layers over the context, (N, P)
        u_h    = tanh(C_h h_W + D f_h + c)           a row ahead, told of the past and of itself
        o_h    = O u_h + o                           point and spread, zero at the beginning
        yhat_h = linear_h + g s_h o_h0               g: how far the network is trusted

    X_k are the channels of S rows that follow each other, up to the row before the first to
    forecast. With S = 1 the layers go from row to row; with S the rows of a season they go from
    season to season, and what happened weeks ago is few steps away.
    f_h is what is known of row h: calendar, covariates. s_h is the deviation that the linear path
    leaves of row h. g is 1 in training; in use it is the one that fits the validation rows best,
    by least squares, less its standard error, between 0 and 1: where there is nothing to learn,
    the network does no harm.

    Shapes: W context, S segment, K = W // S, F horizon, N windows, C channels, J of them known of
        the future too.

    Args:
        recurrent: the stack, for inputs of S C numbers.
        linear: fitted, see :class:`~suimon.tasks.forecasting.linear.LinearPath`.
        head: for the spread.
        context: W.
        channels: C.
        shared: J.
        segment: S.
        dropout: on the stack's output.

    Source: segments as steps: S. Lin and others (2023), SegRNN: Segment Recurrent Neural Network
        for Long-Term Time Series Forecasting; a row ahead told of the past and of itself: R. Wen
        and others (2017), A Multi-Horizon Quantile Recurrent Forecaster; g: D. Wolpert (1992),
        Stacked generalization.
    """

    deviation: Tensor
    channel_deviation: Tensor
    trust: Tensor
    widening: Tensor

    def __init__(
        self,
        recurrent: Recurrent,
        linear: LinearPath,
        head: QuantileHead | GaussianHead,
        *,
        context: int,
        channels: int,
        shared: int,
        segment: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.context, self.shared, self.dropout = context, shared, dropout
        self.segment = segment
        self.linear = linear
        self.refitted = LinearPath(
            linear.horizon,
            linear.lags,
            linear.difference,
            season=linear.season,
            known=linear.known,
        )
        self.in_use = False
        self.recurrent = recurrent
        self.head = head
        self.steps = nn.Linear(recurrent.output_size, linear.horizon * STEP_WIDTH)
        self.future = nn.Linear(shared, STEP_WIDTH, bias=False) if shared else None
        self.out = nn.Linear(STEP_WIDTH, head.outputs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("deviation", torch.ones(linear.horizon, 1))
        self.register_buffer("channel_deviation", torch.ones(channels))
        self.register_buffer("trust", torch.ones(()))
        self.register_buffer("widening", torch.ones(()))

    def forward(self, inputs: Tensor) -> Forecast:
        """Forecasts.

        Args:
            inputs: ``(W + F, N, C)``, see :func:`suimon.tasks.forecasting.windows.inputs_of`.
        """
        path = self.refitted if self.in_use else self.linear
        known = inputs[..., inputs.shape[-1] - path.known :]
        with torch.autocast(inputs.device.type, enabled=False):
            linear = path(inputs[: self.context, :, 0], known)  # (F, N)
        raw = self._raw(inputs / self.channel_deviation)
        trust, widening = (1.0, 1.0) if self.training else (self.trust, self.widening)
        spread = self.head.spread(raw[..., 1:].float(), self.deviation)
        return Forecast(linear + trust * self.deviation * raw[..., 0], widening * spread)

    def _raw(self, x: Tensor) -> Tensor:
        """``(F, N, outputs)``."""
        first = self.context % self.segment  # rows too few to be a segment are not read
        segments = x[first : self.context].unflatten(0, (-1, self.segment))  # (K, S, N, C)
        states, _ = self.recurrent(segments.transpose(1, 2).flatten(2))
        last = F.dropout(states[-1], self.dropout, self.training)  # (N, P)
        told = self.steps(last).unflatten(1, (-1, STEP_WIDTH)).transpose(0, 1)  # (F, N, ·)
        if self.future is not None:
            told = told + self.future(x[self.context :, :, x.shape[-1] - self.shared :])
        return self.out(told.tanh())

    def quantiles(self, found: Forecast, wanted: Sequence[float]) -> Tensor:
        """``(F, N, len(wanted))`` of a forecast."""
        normal = [NormalDist().inv_cdf(q) for q in wanted]
        each = [self.head.at(*found, torch.full_like(found.point, z)) for z in normal]
        return torch.stack(each, dim=-1)


def build_network(
    config: ForecastingConfig, *, season: int, channels: int, shared: int, known: int
) -> ForecastNetwork:
    """A fresh network from flat options; its linear path is all zeros.

    Args:
        config: complete options.
        season: rows of a season.
        channels: C.
        shared: J.
        known: covariates that are known for the future.

    Raises:
        ConfigError: an option is missing, or they contradict each other.
    """
    sizes = (config.horizon, config.context, config.linear_lags, config.hidden, config.layers)
    if None in sizes or config.difference is None:
        raise ConfigError("horizon, context, linear_lags, hidden, layers or difference is not set")
    horizon, context, lags, hidden, layers = (size for size in sizes if size is not None)
    ahead = 1 if config.strategy == "recursive" else horizon
    linear = LinearPath(ahead, lags, config.difference, season=season, known=known)
    if context < linear.reach:
        raise ConfigError(
            f"context = {context} is shorter than what the linear path reads, {linear.reach} rows: "
            "give a longer one, or fewer linear_lags"
        )
    segment = config.segment or 1
    if context < segment:
        raise ConfigError(
            f"segment = {segment} is longer than the context, {context} rows: give a shorter one"
        )
    return ForecastNetwork(
        build_stack(config, segment * channels, hidden, layers),
        linear,
        HEADS[config.head](),
        context=context,
        channels=channels,
        shared=shared,
        segment=segment,
        dropout=config.dropout or 0.0,
    )
