"""What the network is trained for and judged by: the surprise at each unit of a caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from suimon.data.batch import IGNORED_TARGET, SequenceBatch
from suimon.data.labelled.batches import in_order, padded_tokens
from suimon.tasks.captioning.config import DESCRIPTION, CaptioningConfig
from suimon.tasks.captioning.data import CaptionBatches, Examples, Preprocessing
from suimon.tasks.captioning.model import CaptioningNetwork, build_network
from suimon.training.config import TrainingConfig
from suimon.training.protocol import CarriedState, Evaluation, LossTerms

ROWS = 128  # captions side by side where nothing is learnt


@dataclass(frozen=True)
class Surprise:
    """How well a network foretells captions, each unit given the true ones before it.

    Attributes:
        loss: mean nats a unit, ends included.
        accuracy: the share of units that was held likeliest.
    """

    loss: float
    accuracy: float


class Captioning:
    """Captioning as the training loop sees it.

    The loss of a caption is ``-sum over t of log p(y_t | y_1 … y_{t-1}, picture)`` in nats, its end
    included.

    Args:
        config: complete options.
        training: complete options of the loop; batch size and seed are read here.
        preprocessing: what was learnt of the data before.
        train: what to learn from.
        valid: what to judge by.
    """

    name = DESCRIPTION.name
    unit = "token"

    def __init__(
        self,
        config: CaptioningConfig,
        training: TrainingConfig,
        preprocessing: Preprocessing,
        train: Examples,
        valid: Examples,
    ) -> None:
        self.config = config
        self.training = training
        self.preprocessing = preprocessing
        self.train = train
        self.valid = valid
        self.evaluation_tokens = sum(map(len, valid.tokens))

    def preprocess(self) -> dict[str, Any]:
        """All that turns pictures into the network's input and its output into captions."""
        return self.preprocessing.state()

    def build_model(self) -> CaptioningNetwork:
        """A fresh network for these pictures and units."""
        return network_for(self.config, self.preprocessing)

    def batches(self, rank: int, world_size: int) -> CaptionBatches:
        """This process's share of the training captions."""
        return CaptionBatches(
            self.train,
            self.training.batch_size,
            seed=self.training.seed,
            rank=rank,
            world_size=world_size,
        )

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: CarriedState) -> LossTerms:
        """Cross-entropy of one batch; nothing is carried from one to the next."""
        assert batch.targets is not None
        logits = model(batch.inputs, batch.targets)
        targets = batch.targets[batch.targets != IGNORED_TARGET]
        return LossTerms(F.cross_entropy(logits.float(), targets, reduction="sum"), len(targets))

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The validation captions."""
        found = surprise(model, self.valid)
        return Evaluation(found.loss, {"token_accuracy": found.accuracy})


def network_for(config: CaptioningConfig, read: Preprocessing) -> CaptioningNetwork:
    """A fresh network that reads and writes what ``read`` describes."""
    return build_network(config, form=read.form, units=read.units.size)


def surprise(model: nn.Module, captions: Examples) -> Surprise:
    """How well a network foretells captions; no gradients, the model left in its mode."""
    device = next(model.parameters()).device
    nats, right, units = 0.0, 0, 0
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            numbers = np.arange(len(captions))
            for _, plain in in_order(captions.tokens, numbers, ROWS, padded_tokens):
                batch = captions.with_pictures(plain)
                assert batch.targets is not None
                targets = batch.targets.to(device)
                logits = model(batch.inputs.to(device), targets)
                expected = targets[targets != IGNORED_TARGET]
                nats += F.cross_entropy(logits.float(), expected, reduction="sum").item()
                right += int((logits.argmax(dim=-1) == expected).sum())
                units += len(expected)
    finally:
        model.train(was_training)
    return Surprise(nats / max(units, 1), right / max(units, 1))
