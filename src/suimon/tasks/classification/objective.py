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
from suimon.tasks.classification.beginning import Beginning
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.data import Examples, Preprocessing
from suimon.tasks.classification.model import ClassificationNetwork, build_network
from suimon.tasks.classification.rejecting import (
    REJECT_BELOW,
    among_classes,
    best_threshold,
    rejected,
)
from suimon.training.config import TrainingConfig
from suimon.training.protocol import CarriedState, Evaluation, LossTerms

NOISE_REJECTED = "noise_rejected"
"""The name of the share of noise that is found to be none of the classes."""


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
    1 on the mean of the training sequences. A branch learns as if it were alone, and so do the
    recurrent layers beside it (the loss is the mean of both), for else the quicker one would leave
    the other nothing to learn; evaluated is the mean of their scores.

    With consistency α each sequence is read twice, other units dropped, by p and by q. The loss is
    then the mean of both readings', and ``α/4 (KL(p‖q) + KL(q‖p))`` more.

    Source: X. Liang and others (2021), R-Drop: Regularized Dropout for Neural Networks,
        equation 3, halved.

    Args:
        config: complete options.
        training: complete options of the loop; batch size and seed are read here.
        preprocessing: what was learnt of the data before.
        train: what to learn from.
        valid: what to judge by.
        beginning: what the network is given before it is trained.
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
        beginning: Beginning | None = None,
    ) -> None:
        self.beginning = beginning or Beginning()
        self.config = config
        self.training = training
        self.preprocessing = preprocessing
        self.train = train
        self.valid = valid
        self.evaluation_tokens = len(valid)
        self.weights: Tensor | None = None
        if config.class_weights == "balanced":
            counts = np.bincount(train.labels, minlength=preprocessing.outputs)
            rarity = len(train) / (len(counts) * np.maximum(counts, 1))
            self.weights = torch.from_numpy(rarity).float()

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's sequence into the network's input."""
        return self.preprocessing.state()

    def build_model(self) -> ClassificationNetwork:
        """A fresh network for these classes."""
        network = network_for(self.config, self.preprocessing)
        self.beginning.give(network, self.train.sequences, self.train.labels)
        return network

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
        assert batch.lengths is not None
        count, inputs, lengths = len(batch.targets), batch.inputs, batch.lengths
        pull = self.config.consistency or 0.0
        readings = 2 if pull else 1
        if readings == 2:
            inputs, lengths = torch.cat([inputs, inputs], dim=1), torch.cat([lengths, lengths])
        logits = model(inputs, lengths, apart=True).float()  # (S, R*B, C), R readings
        weights = None if self.weights is None else self.weights.to(logits.device)
        targets = batch.targets.repeat(len(logits) * readings)
        total = F.cross_entropy(logits.flatten(0, 1), targets, weights, reduction="sum") / readings
        if readings == 2:
            total = total + pull / 2 * disagreement(*logits[0].chunk(2))
        return LossTerms(total / len(logits), count)

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The validation sequences, each class' errors counted alike; the loss is with noise."""
        shares = probabilities(model, self.valid.sequences, self.preprocessing)
        classes = len(self.preprocessing.labels)
        own = self.valid.labels < classes  # all but noise
        labels = self.valid.labels[own]
        found = judgement(among_classes(shares[own], classes), labels)
        metrics = {"accuracy": found.accuracy, "macro_f1": found.macro_f1}
        if self.config.reject_below == "auto":
            metrics[REJECT_BELOW] = best_threshold(shares[own, :classes], labels)
        if self.preprocessing.noise:
            away = rejected(shares, classes, 0.0)
            metrics |= {"coverage": 1.0 - float(away[own].mean())}
            metrics |= {NOISE_REJECTED: float(away[~own].mean())} if not own.all() else {}
        return Evaluation(judgement(shares, self.valid.labels).loss, metrics)


def network_for(config: ClassificationConfig, read: Preprocessing) -> ClassificationNetwork:
    """A fresh network that reads and tells apart what ``read`` describes."""
    return build_network(
        config,
        classes=read.outputs,
        vocabulary=None if read.units is None else read.units.size,
        channels=read.channels,
        form=read.form if read.kind == "video" else None,
    )


def disagreement(first: Tensor, second: Tensor) -> Tensor:
    """Mean of ``KL(p‖q)`` and ``KL(q‖p)``, summed over rows of logits ``(B, C)``."""
    p, q = first.log_softmax(dim=-1), second.log_softmax(dim=-1)
    return ((p.exp() - q.exp()) * (p - q)).sum() / 2


def judgement(shares: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Judgement:
    """What probabilities ``(N, C)`` are worth where the labels are ``(N,)``."""
    classes = shares.shape[1]
    pairs = labels * classes + shares.argmax(axis=1)
    confusion = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    of_truth = shares[np.arange(len(shares)), labels]
    nats = -np.log(np.maximum(of_truth, np.finfo(np.float64).tiny)).sum()
    return Judgement(float(nats), confusion)


def probabilities(
    model: nn.Module, sequences: list[npt.NDArray] | Any, read: Preprocessing
) -> npt.NDArray[np.float64]:
    """The probability of each class, ``(N, C)``; no gradients, the model left in its mode.

    Where noise is learnt, ``(N, C+1)``: the last is that of noise.
    """
    device = next(model.parameters()).device
    shares = np.empty((len(sequences), read.outputs))
    labels = np.zeros(len(sequences), np.int64)  # unknown, and not read
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for chosen, batch in in_order(sequences, labels, read.rows(sequences), read.pad):
                logits = model(batch.inputs.to(device), batch.lengths)
                shares[chosen] = logits.double().softmax(dim=-1).cpu().numpy()
    finally:
        model.train(was_training)
    return shares
