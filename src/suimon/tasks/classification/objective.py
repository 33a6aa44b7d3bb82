"""What the network is trained for and judged by: the surprise at each label, and who was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.data.batch import SequenceBatch
from suimon.data.labelled.batches import SequenceBatches, in_order
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.data import Examples, Preprocessing
from suimon.tasks.classification.model import ClassificationNetwork, build_network
from suimon.training.config import TrainingConfig
from suimon.training.protocol import CarriedState, Evaluation, LossTerms

ROWS = 128  # sequences side by side where nothing is learnt


@dataclass(frozen=True)
class Judgement:
    """What a network says of labelled sequences.

    Attributes:
        nats: summed ``-log`` probability of the true labels.
        confusion: ``(C, C)``, how many of class i were taken for class j.
    """

    nats: float
    confusion: npt.NDArray[np.int64]

    @property
    def loss(self) -> float:
        """Mean nats a sequence."""
        return self.nats / max(int(self.confusion.sum()), 1)

    @property
    def accuracy(self) -> float:
        """Share that was right."""
        return float(self.confusion.trace() / max(self.confusion.sum(), 1))

    @property
    def macro_f1(self) -> float:
        """Mean over the classes of 2*right/(members + taken for them); 0 for one never met."""
        met = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return float((2 * self.confusion.diagonal() / np.maximum(met, 1)).mean())


class Classifying:
    """Classification as the training loop sees it.

    The loss of a sequence is ``-w log p(label | x_1 … x_T)`` in nats, w the weight of its class,
    1 on the mean of the training sequences.

    Args:
        config: complete options.
        training: complete options of the loop; batch size and seed are read here.
        preprocessing: what was learnt of the data before.
        train: what to learn from.
        valid: what to judge by.
    """

    name = DESCRIPTION.name
    unit = "sequence"

    def __init__(
        self,
        config: ClassificationConfig,
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
        self.evaluation_tokens = len(valid)
        self.weights: Tensor | None = None
        if config.class_weights == "balanced":
            counts = np.bincount(train.labels, minlength=len(preprocessing.labels))
            rarity = len(train) / (len(counts) * np.maximum(counts, 1))
            self.weights = torch.from_numpy(rarity).float()

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's sequence into the network's input."""
        return self.preprocessing.state()

    def build_model(self) -> ClassificationNetwork:
        """A fresh network for these classes."""
        return network_for(self.config, self.preprocessing)

    def batches(self, rank: int, world_size: int) -> SequenceBatches:
        """This process's share of the training sequences."""
        return SequenceBatches(
            self.train.sequences,
            self.train.labels,
            self.training.batch_size,
            self.preprocessing.pad,
            seed=self.training.seed,
            rank=rank,
            world_size=world_size,
        )

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: CarriedState) -> LossTerms:
        """Weighted cross-entropy of one batch; nothing is carried from one to the next."""
        assert batch.targets is not None
        logits = model(batch.inputs, batch.lengths)
        weights = None if self.weights is None else self.weights.to(logits.device)
        total = F.cross_entropy(logits.float(), batch.targets, weights, reduction="sum")
        return LossTerms(total, len(batch.targets))

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The validation sequences, each class' errors counted alike."""
        found = judged(model, self.valid, self.preprocessing)
        return Evaluation(found.loss, {"accuracy": found.accuracy, "macro_f1": found.macro_f1})


def network_for(config: ClassificationConfig, read: Preprocessing) -> ClassificationNetwork:
    """A fresh network that reads and tells apart what ``read`` describes."""
    return build_network(
        config,
        classes=len(read.labels),
        vocabulary=None if read.units is None else read.units.size,
        channels=read.channels,
    )


def judged(model: nn.Module, examples: Examples, read: Preprocessing) -> Judgement:
    """What a network says of labelled sequences; see :class:`Judgement`."""
    shares = probabilities(model, examples.sequences, read)  # (N, C)
    classes = len(read.labels)
    pairs = examples.labels * classes + shares.argmax(axis=1)
    confusion = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    of_truth = shares[np.arange(len(shares)), examples.labels]
    nats = -np.log(np.maximum(of_truth, np.finfo(np.float64).tiny)).sum()
    return Judgement(float(nats), confusion)


def probabilities(
    model: nn.Module, sequences: list[npt.NDArray] | Any, read: Preprocessing
) -> npt.NDArray[np.float64]:
    """The probability of each class, ``(N, C)``; no gradients, the model left in its mode."""
    device = next(model.parameters()).device
    shares = np.empty((len(sequences), len(read.labels)))
    labels = np.zeros(len(sequences), np.int64)  # unknown, and not read
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for chosen, batch in in_order(sequences, labels, ROWS, read.pad):
                logits = model(batch.inputs.to(device), batch.lengths)
                shares[chosen] = logits.double().softmax(dim=-1).cpu().numpy()
    finally:
        model.train(was_training)
    return shares
