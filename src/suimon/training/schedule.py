"""The learning rate as a function of how much of the run is done, and of the validation loss."""

import math
from dataclasses import dataclass
from typing import Any

from suimon.training.config import TrainingConfig


@dataclass
class Schedule:
    """Linear warm-up from zero, then a cosine, steps down at plateaus, or a constant.

    With progress ``p`` from 0 to 1, warm-up share ``w``, highest rate ``r`` and final share ``f``::

        p < w                 r * p / w
        cosine                r * (f + (1 - f) * (1 + cos(pi * (p - w) / (1 - w))) / 2)
        plateau               r * max(f, plateau_factor ** times without improvement)
        constant              r

    Source: the cosine is Loshchilov and Hutter (2017), SGDR, equation 5, without restarts.

    Attributes:
        config: the options.
        factor: what plateaus have multiplied the rate by.
        best: lowest validation loss that the plateau rule saw.
        stale: evaluations since it, or since the rate was last lowered.
    """

    config: TrainingConfig
    factor: float = 1.0
    best: float | None = None
    stale: int = 0

    def learning_rate(self, progress: float) -> float:
        """The rate to use now."""
        config = self.config
        if progress < config.warmup_fraction:
            # Never quite zero: under a budget in time, the first steps have no progress yet.
            return config.learning_rate * max(progress / config.warmup_fraction, 1e-3)
        if config.schedule == "cosine":
            final = config.final_learning_rate_fraction
            after = (progress - config.warmup_fraction) / max(1 - config.warmup_fraction, 1e-9)
            share = final + (1 - final) * (1 + math.cos(math.pi * after)) / 2
            return config.learning_rate * share
        return config.learning_rate * self.factor

    def observe(self, loss: float) -> None:
        """Take note of a validation loss; only the plateau schedule acts on it."""
        if self.config.schedule != "plateau":
            return
        if self.best is None or loss < self.best:
            self.best, self.stale = loss, 0
            return
        self.stale += 1
        if self.stale >= self.config.plateau_patience:
            lower = self.factor * self.config.plateau_factor
            self.factor = max(lower, self.config.final_learning_rate_fraction)
            self.stale = 0

    def state_dict(self) -> dict[str, Any]:
        """What plateaus have done so far."""
        return {"factor": self.factor, "best": self.best, "stale": self.stale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        self.factor, self.best, self.stale = state["factor"], state["best"], state["stale"]
