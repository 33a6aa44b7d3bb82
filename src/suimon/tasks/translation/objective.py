"""What the network is trained for and judged by: the surprise at each unit of the target."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from suimon.data.batch import IGNORED_TARGET, SequenceBatch
from suimon.tasks.from_language_model import LanguageModelStart
from suimon.tasks.translation.config import DESCRIPTION, TranslationConfig
from suimon.tasks.translation.data import Examples, PairBatches, Preprocessing
from suimon.tasks.translation.model import TranslationNetwork, build_network
from suimon.training.config import TrainingConfig
from suimon.training.protocol import CarriedState, Evaluation, LossTerms

ROWS = 128  # pairs side by side where nothing is learnt


@dataclass(frozen=True)
class Surprise:
    """How well a network foretells targets, each unit given the true ones before it.

    Attributes:
        nats: summed ``-log`` probability.
        right: units that were held likeliest.
        units: how many there are, ends included.
    """

    nats: float
    right: int
    units: int

    @property
    def loss(self) -> float:
        """Mean nats a unit."""
        return self.nats / max(self.units, 1)

    @property
    def perplexity(self) -> float:
        """``exp(loss)``."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def accuracy(self) -> float:
        """The share that was held likeliest."""
        return self.right / max(self.units, 1)


class Translating:
    """Translation as the training loop sees it.

    The loss of a target is ``-sum over t of log p(y_t | y_1 … y_{t-1}, x)`` in nats, its end
    included; with label smoothing e it is ``(1 - e)`` of that and e of the same mean over all units
    in place of ``y_t``. Validation is without smoothing, every unit given the true ones before it.

    Args:
        config: complete options.
        training: complete options of the loop; batch size and seed are read here.
        preprocessing: what was learnt of the data before.
        train: what to learn from.
        valid: what to judge by.
        start: the language model that the encoder begins with.
        target_start: that of the decoder.

    Source: label smoothing: C. Szegedy and others (2016), Rethinking the Inception Architecture for
        Computer Vision, section 7.
    """

    name = DESCRIPTION.name
    unit = "token"

    def __init__(
        self,
        config: TranslationConfig,
        training: TrainingConfig,
        preprocessing: Preprocessing,
        train: Examples,
        valid: Examples,
        start: LanguageModelStart | None = None,
        target_start: LanguageModelStart | None = None,
    ) -> None:
        self.start = start
        self.target_start = target_start
        self.config = config
        self.training = training
        self.preprocessing = preprocessing
        self.train = train
        self.valid = valid
        self.evaluation_tokens = int(valid.targets.lengths.sum())
        self._stream: PairBatches | None = None

    def preprocess(self) -> dict[str, Any]:
        """All that turns texts into the network's input and its output into texts."""
        return self.preprocessing.state()

    def build_model(self) -> TranslationNetwork:
        """A fresh network for these units."""
        network = network_for(self.config, self.preprocessing)
        if self.start is not None:
            self.start.give(network.embedding, network.encoder)
        if self.target_start is not None:
            self.target_start.give(network.decoder.embedding, network.decoder.recurrent)
        return network

    def batches(self, rank: int, world_size: int) -> PairBatches:
        """This process's share of the training pairs."""
        self._stream = PairBatches(
            self.train,
            self.training.batch_size,
            seed=self.training.seed,
            rank=rank,
            world_size=world_size,
        )
        return self._stream

    def teacher_forcing(self) -> float:
        """The share of steps that read the true unit before them, by how far training has come."""
        last, span = self.config.teacher_forcing_ratio, self.config.teacher_forcing_epochs
        passes = self._stream.passes if self._stream is not None else 0.0
        return 1.0 - (1.0 - last) * (min(1.0, passes / span) if span else 1.0)

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: CarriedState) -> LossTerms:
        """Cross-entropy of one batch; nothing is carried from one to the next."""
        assert batch.targets is not None
        logits = model(batch.inputs, batch.lengths, batch.targets, self.teacher_forcing())
        targets = batch.targets[batch.targets != IGNORED_TARGET]
        total = F.cross_entropy(
            logits.float(),
            targets,
            reduction="sum",
            label_smoothing=self.config.label_smoothing or 0.0,
        )
        return LossTerms(total, len(targets))

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The validation pairs."""
        found = surprise(model, self.valid)
        return Evaluation(
            found.loss, {"perplexity": found.perplexity, "token_accuracy": found.accuracy}
        )


def network_for(config: TranslationConfig, read: Preprocessing) -> TranslationNetwork:
    """A fresh network that reads and writes what ``read`` describes."""
    return build_network(
        config, source_units=read.source.units.size, target_units=read.target.units.size
    )


def surprise(model: nn.Module, pairs: Examples) -> Surprise:
    """How well a network foretells targets; no gradients, the model left in its mode."""
    device = next(model.parameters()).device
    nats, right, units = 0.0, 0, 0
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for chosen in pairs.by_length(ROWS):
                batch = pairs.batch(chosen)
                assert batch.targets is not None
                targets = batch.targets.to(device)
                logits = model(batch.inputs.to(device), batch.lengths, targets)
                expected = targets[targets != IGNORED_TARGET]
                nats += F.cross_entropy(logits.float(), expected, reduction="sum").item()
                right += int((logits.argmax(dim=-1) == expected).sum())
                units += len(expected)
    finally:
        model.train(was_training)
    return Surprise(nats, right, units)
