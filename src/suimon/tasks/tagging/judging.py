"""What a trained network says of sequences: their best tags, and how good these are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.data.batch import IGNORED_TARGET
from suimon.data.labelled.batches import in_order
from suimon.data.tagged import Segment, TaggedSequences
from suimon.data.tagged.segments import segments_of
from suimon.tasks.tagging.config import TaggingConfig
from suimon.tasks.tagging.crf import viterbi
from suimon.tasks.tagging.data import Examples, Preprocessing
from suimon.tasks.tagging.model import TaggingNetwork
from suimon.tasks.tagging.schemes import allowed, entity_scores, scheme_of

ROWS = 64  # sequences side by side where nothing is learnt


@dataclass(frozen=True)
class Judgement:
    """What a network says of tagged sequences.

    Attributes:
        nats: summed ``-log`` probability of the true tags.
        steps: how many there are.
        metrics: ``accuracy``, the share of steps; of entities ``f1``, ``precision``, ``recall``; of
            recordings ``exact``, the share whose segments have the right labels in the right order.
    """

    nats: float
    steps: int
    metrics: dict[str, float]

    @property
    def loss(self) -> float:
        """Mean nats a step."""
        return self.nats / max(self.steps, 1)


def judged(
    model: nn.Module,
    examples: Examples,
    data: TaggedSequences,
    read: Preprocessing,
    config: TaggingConfig,
) -> Judgement:
    """What a network says of tagged sequences; see :class:`Judgement`."""
    assert data.tags is not None
    found, nats = tagged(model, examples, read)
    steps = examples.steps
    right = sum(
        read.plain(a) == read.plain(b)
        for some, others in zip(found, data.tags, strict=True)
        for a, b in zip(some, others, strict=True)
    )
    metrics = {"accuracy": right / max(steps, 1)}
    # Where tags say entities but keep to no scheme (IOB1), these are counted all the same.
    if read.kind == "text" and scheme_of(read.tags) != "plain":
        metrics |= entity_scores(data.tags, found)
    if data.segments is not None:
        strings = [[each.label for each in found_segments(tags, read, config)] for tags in found]
        truth = [[each.label for each in some] for some in data.segments]
        metrics["exact"] = sum(map(list.__eq__, strings, truth)) / max(len(truth), 1)
    return Judgement(nats, steps, metrics)


def found_segments(
    tags: Sequence[str], read: Preprocessing, config: TaggingConfig
) -> tuple[Segment, ...]:
    """The segments that a recording's tags say, short ones dropped."""
    assert read.spectrum is not None
    return segments_of(
        tags, read.spectrum.seconds_a_frame, marked=read.marked, shortest=config.shortest / 1000
    )


def tagged(
    network: nn.Module, examples: Examples, read: Preprocessing
) -> tuple[list[list[str]], float]:
    """The best tags of each whole sequence, and the nats of the true ones, 0 where not known.

    Tags are the best together of all that keep to the scheme
    (:func:`~suimon.tasks.tagging.schemes.may_follow`): of a random field by what it learnt; of
    recordings those of the highest Σ log p(y_t | x) + log p(y_t | y_{t-1}), the latter as they
    follow each other in training, so that one doubtful frame begins no segment; else those of the
    highest Σ log p(y_t | x).

    Source: for recordings H. Bourlard and N. Morgan (1994), Connectionist Speech Recognition: A
        Hybrid Approach; here without the division by the tags' shares.
    """
    assert isinstance(network, TaggingNetwork)
    parts: list[list[str]] = [[] for _ in examples.sequences]
    nats = 0.0
    rules = allowed(read.tags, read.scheme)
    for batch in _batches(network, examples, read):
        logits = network(batch.inputs, batch.lengths).float()  # (T, B, C)
        if examples.tags:
            nats += _nats(network, logits, batch)
        if network.crf is None and read.scheme == "plain" and not read.follows:
            best = logits.argmax(dim=-1)
        else:
            scores = logits.log_softmax(dim=-1) if network.crf is None else logits
            best = viterbi(scores, batch.lengths, *_transitions(network, rules, read, logits))
        for row, part in enumerate(batch.numbers):
            length = int(batch.lengths[row])
            parts[part] = [read.tags[tag] for tag in best[:length, row].tolist()]
    return joined(parts, examples.owners), nats


def probabilities(
    network: nn.Module, examples: Examples, read: Preprocessing
) -> list[npt.NDArray[np.float64]]:
    """The probability of each tag at each step, ``(T, C)`` for each whole sequence."""
    assert isinstance(network, TaggingNetwork)
    parts: list[Any] = [None] * len(examples)
    for batch in _batches(network, examples, read):
        logits = network(batch.inputs, batch.lengths).float()
        if network.crf is None:
            shares = logits.softmax(dim=-1)
        else:
            shares = network.crf.marginals(logits, batch.lengths)
        for row, part in enumerate(batch.numbers):
            parts[part] = shares[: int(batch.lengths[row]), row].cpu().numpy()
    whole: list[list[Any]] = [[] for _ in range(int(examples.owners[-1]) + 1)]
    for part, owner in zip(parts, examples.owners.tolist(), strict=True):
        whole[owner].append(part)
    return [np.concatenate(some) for some in whole]


def joined(parts: Sequence[list[str]], owners: npt.NDArray[np.int64]) -> list[list[str]]:
    """Parts one behind the other, as their owners say."""
    whole: list[list[str]] = [[] for _ in range(int(owners[-1]) + 1 if len(owners) else 0)]
    for part, owner in zip(parts, owners.tolist(), strict=True):
        whole[owner] += part
    return whole


class _Part(NamedTuple):
    """Some parts of sequences side by side, on the network's device.

    ``numbers`` are theirs, ``(B,)``; ``inputs`` and ``targets`` ``(T, B, …)``; ``lengths``
    ``(B,)``.
    """

    numbers: list[int]
    inputs: Tensor
    targets: Tensor
    lengths: Tensor


def _batches(network: nn.Module, examples: Examples, read: Preprocessing) -> Iterator[_Part]:
    """The parts of sequences, the shortest first; nothing is learnt."""
    device = next(network.parameters()).device
    unknown = [np.zeros(0, np.int64)] * len(examples)
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            parts = in_order(examples.sequences, examples.tags or unknown, ROWS, read.pad)
            for chosen, batch in parts:
                assert batch.targets is not None
                assert batch.lengths is not None
                inputs, targets = batch.inputs.to(device), batch.targets.to(device)
                yield _Part(chosen.tolist(), inputs, targets, batch.lengths)
    finally:
        network.train(was_training)


def _nats(network: TaggingNetwork, logits: Tensor, batch: _Part) -> float:
    """Summed ``-log`` probability of a batch's true tags."""
    if network.crf is None:
        return float(cross_entropy(logits, batch.targets))
    return float(network.crf(logits, batch.targets, batch.lengths).sum())


def _transitions(
    network: TaggingNetwork, rules: tuple[Tensor, ...], read: Preprocessing, logits: Tensor
) -> list[Tensor]:
    """What each tag behind each, at the beginning and at the end is worth; -inf where forbidden."""
    worth = [torch.zeros(rule.shape) for rule in rules]
    if network.crf is not None:
        worth = [network.crf.transitions, network.crf.starts, network.crf.ends]
    elif read.follows:
        worth[0] = torch.tensor(read.follows)
    return [
        each.to(logits.device).masked_fill(~rule.to(logits.device), -torch.inf)
        for each, rule in zip(worth, rules, strict=True)
    ]


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Summed nats of ``(T, B, C)`` scores; padding is left out."""
    flat = logits.float().flatten(0, 1)
    return F.cross_entropy(
        flat, targets.flatten(), weights, reduction="sum", ignore_index=IGNORED_TARGET
    )
