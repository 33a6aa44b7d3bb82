"""What the network is trained for: the surprise at the label of each step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from suimon.data.batch import SequenceBatch
from suimon.data.labelled.batches import SequenceBatches
from suimon.data.tagged import TaggedSequences
from suimon.tasks.from_language_model import LanguageModelStart
from suimon.tasks.tagging.config import DESCRIPTION, TaggingConfig
from suimon.tasks.tagging.data import Examples, Preprocessing
from suimon.tasks.tagging.judging import cross_entropy, judged
from suimon.tasks.tagging.model import TaggingNetwork, build_network
from suimon.training.config import TrainingConfig
from suimon.training.protocol import CarriedState, Evaluation, LossTerms

UNITS = {"text": "word", "series": "step", "audio": "frame"}


class Tagging:
    """Tagging as the training loop sees it.

    The loss of a step is ``-w log p(tag | x_1 … x_T)`` in nats, w the weight of its tag, 1 on the
    mean of the training steps; with a random field that of a sequence, shared among its steps.

    Args:
        config: complete options.
        training: complete options of the loop; batch size and seed are read here.
        preprocessing: what was learnt of the data before.
        train: what to learn from.
        valid: what to judge by,
        judged: the same as it was read.
        start: the language model that the network begins with.
    """

    name = DESCRIPTION.name

    def __init__(
        self,
        config: TaggingConfig,
        training: TrainingConfig,
        preprocessing: Preprocessing,
        train: Examples,
        valid: Examples,
        judged: TaggedSequences,
        start: LanguageModelStart | None = None,
    ) -> None:
        self.start = start
        self.config = config
        self.training = training
        self.preprocessing = preprocessing
        self.train = train
        self.valid = valid
        self.judged = judged
        self.unit = UNITS[preprocessing.kind]
        self.evaluation_tokens = valid.steps
        self.weights: Tensor | None = None
        if config.class_weights == "balanced":
            counts = sum(np.bincount(t, minlength=len(preprocessing.tags)) for t in train.tags)
            rarity = train.steps / (len(preprocessing.tags) * np.maximum(counts, 1))
            self.weights = torch.from_numpy(rarity).float()

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's sequence into the network's input."""
        return self.preprocessing.state()

    def build_model(self) -> TaggingNetwork:
        """A fresh network for these tags."""
        network = network_for(self.config, self.preprocessing)
        if self.start is not None and network.embedding is not None:
            self.start.give(network.embedding, network.recurrent)
        return network

    def batches(self, rank: int, world_size: int) -> SequenceBatches:
        """This process's share of the training sequences."""
        return SequenceBatches(
            self.train.sequences,
            self.train.tags,
            self.training.batch_size,
            self.preprocessing.pad,
            seed=self.training.seed,
            rank=rank,
            world_size=world_size,
        )

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: CarriedState) -> LossTerms:
        """Weighted cross-entropy of one batch; nothing is carried from one to the next."""
        assert batch.targets is not None
        assert batch.lengths is not None
        count = int(batch.lengths.sum())
        if self.config.output == "crf":
            nats = model(batch.inputs, batch.lengths, batch.targets)
            return LossTerms(nats.sum(), count)
        logits = model(batch.inputs, batch.lengths)
        weights = None if self.weights is None else self.weights.to(logits.device)
        return LossTerms(cross_entropy(logits, batch.targets, weights), count)

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The validation sequences."""
        found = judged(model, self.valid, self.judged, self.preprocessing, self.config)
        return Evaluation(found.loss, found.metrics)


def network_for(config: TaggingConfig, read: Preprocessing) -> TaggingNetwork:
    """A fresh network that reads and tags what ``read`` describes."""
    return build_network(
        config,
        tags=len(read.tags),
        vocabulary=None if read.words is None else read.words.size,
        letters=0 if read.letters is None else read.letters.size + 1,
        channels=read.channels,
    )
