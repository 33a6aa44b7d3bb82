"""What the network is trained for and judged by: the error of its point and of its spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from suimon.data.batch import SequenceBatch
from suimon.tasks.forecasting.config import DESCRIPTION, ForecastingConfig
from suimon.tasks.forecasting.data import Flat, Origins, Preprocessing
from suimon.tasks.forecasting.linear import left_over
from suimon.tasks.forecasting.model import Forecast, ForecastNetwork, build_network
from suimon.tasks.forecasting.selection import Split, fit
from suimon.tasks.forecasting.windows import Reading, WindowBatches, batch_of
from suimon.training.config import TrainingConfig
from suimon.training.protocol import CarriedState, Evaluation, LossTerms

ROWS = 256  # windows side by side where nothing is learnt
MOST_JUDGED = 1_024
BLOCKS = 10
SAMPLED = 2_000  # windows from which the deviation of the channels is measured
LEAST_DEVIATION = 1e-3
WIDENINGS = np.geomspace(0.5, 4.0, 25)


class Forecasting:
    """Forecasting as the training loop sees it.

    Args:
        config: complete options.
        training: complete options of the loop; batch size and seed are read here.
        preprocessing: what was learnt of the series before.
        flat: the series.
        split: which of their rows validate.
    """

    name = DESCRIPTION.name
    unit = "value"

    def __init__(
        self,
        config: ForecastingConfig,
        training: TrainingConfig,
        preprocessing: Preprocessing,
        flat: Flat,
        split: Split,
    ) -> None:
        self.config = config
        self.training = training
        self.preprocessing = preprocessing
        self.flat = flat
        self.split = split
        self.reading = reading_for(config)
        self.train = split.learnt(flat, self.reading)
        self.valid = split.judged(flat, self.reading).thinned(MOST_JUDGED)
        self.evaluation_tokens = len(self.valid) * self.reading.horizon

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's series into the network's input."""
        return self.preprocessing.state()

    def build_model(self) -> ForecastNetwork:
        """A fresh network; its linear path is fitted, on the training rows and on all."""
        network = network_for(self.config, self.preprocessing)
        path, reading, ridge = network.linear, self.reading, self.config.ridge
        assert ridge is not None
        if network.trust.is_meta:
            return network
        found = fit(path, self.flat, self.split, reading, ridge)
        deviation = left_over(found, path.weight.double(), path.bias.double())
        network.deviation.copy_(deviation.clamp_min(LEAST_DEVIATION).unsqueeze(1))
        whole = Split(self.split.lengths, 0) if self.config.refit else self.split
        fit(network.refitted, self.flat, whole, reading, ridge)
        sample = batch_of(self.flat, self.train.thinned(SAMPLED), reading).inputs
        context = sample[: reading.context].flatten(0, 1)
        network.channel_deviation.copy_(context.std(dim=0).nan_to_num().clamp_min(LEAST_DEVIATION))
        return network

    def batches(self, rank: int, world_size: int) -> WindowBatches:
        """This process's share of the training windows."""
        return WindowBatches(
            self.flat,
            self.train,
            self.reading,
            self.training.batch_size,
            seed=self.training.seed,
            rank=rank,
            world_size=world_size,
        )

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: CarriedState) -> LossTerms:
        """The head's loss of one batch; nothing is carried from one to the next."""
        assert batch.targets is not None
        network: Any = getattr(model, "module", model)
        total, count = summed(network, model(batch.inputs), batch.targets)
        return LossTerms(total, count)

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The validation rows; how far the network is trusted, and how wide, is found first."""
        assert isinstance(model, ForecastNetwork)
        model.trust.fill_(1.0)
        model.widening.fill_(1.0)
        forecast, targets, linear = self._judged(model)
        added, left = (each - linear for each in (forecast.point, targets))
        model.trust.fill_(trusted_share(added / model.deviation, left / model.deviation))
        shifted = Forecast(linear + model.trust * (forecast.point - linear), forecast.spread)
        model.widening.fill_(_widening(model, shifted, targets))
        widened = Forecast(shifted.point, model.widening * shifted.spread)
        total, count = summed(model, widened, targets)
        seen = ~targets.isnan()
        mae = (widened.point - targets)[seen].abs().mean()
        before = (linear - targets)[seen].abs().mean()
        found = {
            "error": float(mae),
            "linear_error": float(before),
            "network_share": float(model.trust),
        }
        return Evaluation(float(total) / max(count, 1), found)

    def _judged(self, model: ForecastNetwork) -> tuple[Forecast, Tensor, Tensor]:
        """Forecasts, truth and what the linear path alone says, ``(F, N)`` each."""
        device = next(model.parameters()).device
        points, spreads, targets, linears = [], [], [], []
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                for start in range(0, len(self.valid), ROWS):
                    origins = self.valid.take(slice(start, start + ROWS))
                    batch = batch_of(self.flat, origins, self.reading)
                    assert batch.targets is not None
                    inputs = batch.inputs.to(device)
                    known = inputs[..., inputs.shape[-1] - model.linear.known :]
                    linears.append(model.linear(inputs[: model.context, :, 0], known))
                    found = model(inputs)
                    points.append(found.point.float())
                    spreads.append(found.spread)
                    targets.append(batch.targets.to(device))
        finally:
            model.train(was_training)
        joined = [torch.cat(each, dim=1) for each in (points, spreads, targets, linears)]
        return Forecast(joined[0], joined[1]), joined[2], joined[3]


def summed(network: ForecastNetwork, found: Forecast, targets: Tensor) -> tuple[Tensor, int]:
    """The head's loss over all targets that were observed, and how many these are."""
    seen = ~targets.isnan()
    filled = torch.where(seen, targets, found.point.detach())
    loss = network.head.loss(found.point, found.spread, filled, network.deviation)
    return (loss * seen).sum(), int(seen.sum())


def trusted_share(added: Tensor, left: Tensor) -> float:
    """How much of what the network adds to count on, from 0 to 1.

    The share that fits what the linear path leaves best by least squares, less its standard error,
    which is found by leaving out one of :data:`BLOCKS` stretches of the windows after another.

    Args:
        added: ``(F, N)``, of windows in the order of time.
        left: ``(F, N)``, NaN where nothing was observed.
    """
    seen = ~left.isnan()
    a, b = (torch.where(seen, each, 0.0).double() for each in (added, left))
    products, squares = (
        torch.stack([part.sum() for part in each.sum(dim=0).tensor_split(BLOCKS)])
        for each in (a * b, a * a)
    )
    if float(squares.sum()) <= 0:
        return 0.0
    rest = (squares.sum() - squares).clamp_min(torch.finfo(torch.float64).tiny)
    without = (products.sum() - products) / rest
    error = ((BLOCKS - 1) / BLOCKS * ((without - without.mean()) ** 2).sum()).sqrt()
    return float((products.sum() / squares.sum() - error).clamp(0.0, 1.0))


def _widening(network: ForecastNetwork, found: Forecast, targets: Tensor) -> float:
    """The factor on the spread of the lowest loss."""
    losses = [
        float(summed(network, Forecast(found.point, float(w) * found.spread), targets)[0])
        for w in WIDENINGS
    ]
    return float(WIDENINGS[int(np.argmin(losses))])


def reading_for(config: ForecastingConfig) -> Reading:
    """What the network reads around an origin; a recursive one forecasts a row at a time."""
    assert config.context is not None
    assert config.horizon is not None
    return Reading(
        config.context,
        1 if config.strategy == "recursive" else config.horizon,
        config.lags or (),
        config.rolling or (),
        level="mean" if config.difference == "none" else "last",
    )


def network_for(config: ForecastingConfig, read: Preprocessing) -> ForecastNetwork:
    """A fresh network for series that are read so; its linear path is all zeros."""
    shared = 2 * len(read.cycles) + len(read.known)
    reading = reading_for(config)
    return build_network(
        config,
        season=read.season,
        channels=reading.value_channels + len(read.past) + shared,
        shared=shared,
        known=len(read.known),
    )


def origins_at_end(flat: Flat) -> Origins:
    """The row behind the last value of each series."""
    return Origins(np.arange(len(flat.lengths)), flat.lengths)
