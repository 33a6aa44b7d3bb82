"""Forecasts from many origins, in the units of the data: all rows at once, or a closed loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from suimon.tasks.forecasting.data import Array, Flat, Origins, Preprocessing
from suimon.tasks.forecasting.model import Forecast, ForecastNetwork
from suimon.tasks.forecasting.windows import Reading, Window, gather, inputs_of

ROWS = 256  # windows side by side
PATHS = 100  # that a closed loop is followed along, for its quantiles


@dataclass(frozen=True)
class Forecasts:
    """Forecasts from N origins, F rows ahead.

    Attributes:
        point: ``(N, F)``.
        quantiles: ``(N, F, Q)``, in the order that they were asked for.
    """

    point: Array
    quantiles: Array


def forecasts(
    network: ForecastNetwork,
    read: Preprocessing,
    flat: Flat,
    origins: Origins,
    reading: Reading,
    *,
    horizon: int,
    wanted: Sequence[float] = (),
    recursive: bool = False,
) -> Forecasts:
    """Forecast from each origin.

    A closed loop feeds back its own point forecasts; for its quantiles it is followed along
    :data:`PATHS` ways that are drawn from what the head says, always the same ones.

    Args:
        network: trained, in evaluation mode.
        read: how the series are read.
        flat: the series; their rows ahead must be among it.
        origins: N of them.
        reading: what the network reads.
        horizon: F.
        wanted: Q quantiles, each between 0 and 1.
        recursive: whether the network forecasts one row, which is fed back.
    """
    found = []
    wide = replace(reading, horizon=max(horizon, reading.horizon))
    for start in range(0, len(origins), ROWS):
        window = gather(flat, origins.take(slice(start, start + ROWS)), wide)
        if recursive:
            found.append(_closed_loop(network, window, reading, horizon, wanted))
        else:
            found.append(_at_once(network, window, reading, horizon, wanted))
    shape = (0, horizon)
    point = np.concatenate([np.empty(shape), *(each.point for each in found)])
    quantiles = np.concatenate(
        [np.empty((*shape, len(wanted))), *(each.quantiles for each in found)]
    )
    return Forecasts(read.restored(point), read.restored(quantiles))


def _at_once(
    network: ForecastNetwork,
    window: Window,
    reading: Reading,
    horizon: int,
    wanted: Sequence[float],
) -> Forecasts:
    found, level = _forward(network, window, reading)
    scale, level = window.scales[:, None], level[:, None]  # (N, 1)
    point = _numpy(found.point).T * scale + level
    if not wanted:
        return Forecasts(point[:, :horizon], np.empty((*point[:, :horizon].shape, 0)))
    quantiles = _numpy(network.quantiles(found, wanted)).transpose(1, 0, 2)  # (N, F, Q)
    quantiles = quantiles * scale[..., None] + level[..., None]
    return Forecasts(point[:, :horizon], quantiles[:, :horizon])


def _closed_loop(
    network: ForecastNetwork,
    window: Window,
    reading: Reading,
    horizon: int,
    wanted: Sequence[float],
) -> Forecasts:
    point = _followed(network, window, reading, horizon, None)
    if not wanted:
        return Forecasts(point, np.empty((*point.shape, 0)))
    repeated = Window(*(np.repeat(part, PATHS, axis=0) for part in vars(window).values()))
    drawn = torch.Generator().manual_seed(0)
    paths = _followed(network, repeated, reading, horizon, drawn)
    paths = paths.reshape(len(point), PATHS, horizon)
    return Forecasts(point, np.quantile(paths, list(wanted), axis=1).transpose(1, 2, 0))


def _followed(
    network: ForecastNetwork,
    window: Window,
    reading: Reading,
    horizon: int,
    drawn: torch.Generator | None,
) -> Array:
    """``(N, F)``: each row is read as if it had been seen; its point, or a draw around it."""
    values = window.values
    for ahead in range(horizon):
        seen = replace(
            window,
            values=values[:, ahead:],
            shared=window.shared[:, ahead : ahead + reading.context + 1],
        )
        found, level = _forward(network, seen, reading)
        relative = found.point
        if drawn is not None:
            z = torch.randn(found.point.shape, generator=drawn)
            relative = network.head.at(*found, z.to(found.point.device))
        following = _numpy(relative)[0] * window.scales + level
        values = np.concatenate([values, following[:, None]], axis=1)
    return values[:, reading.reach :]


def _forward(network: ForecastNetwork, window: Window, reading: Reading) -> tuple[Forecast, Array]:
    rows = reading.context + reading.horizon
    window = replace(window, shared=window.shared[:, :rows])
    inputs, level = inputs_of(window, reading)
    device = next(network.parameters()).device
    with torch.inference_mode():
        return network(inputs.to(device)), level


def _numpy(tensor: Tensor) -> Array:
    return tensor.double().cpu().numpy()
