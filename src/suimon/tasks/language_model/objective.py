"""What the network is trained for and judged by: the surprise at each next unit, in nats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suimon.data.batch import IGNORED_TARGET, SequenceBatch
from suimon.data.text import Split, TextPart, TokenStreams, evaluation_windows
from suimon.inference import StepEngine
from suimon.tasks.language_model.config import DESCRIPTION, LanguageModelConfig
from suimon.tasks.language_model.data import UNIT_NAMES, preprocess_of
from suimon.tasks.language_model.model import LanguageNetwork, build_network
from suimon.training.config import TrainingConfig
from suimon.training.protocol import CarriedState, Evaluation, LossTerms

CONTEXT = 64  # units a row reads before its first target, so as not to be judged on a cold start
CONTEXT_SHARE = 16  # a row is this many times longer than its context: what reading it may cost
MOST_ROWS = 128  # beyond, matrix products gain no more
LOGITS_A_CALL = 2**21  # (T, B, V) numbers held at once


@dataclass(frozen=True)
class Surprise:
    """How well a network foretells a text: sums, from which every mean follows.

    Attributes:
        nats: total cross-entropy.
        units: targets it sums over.
        characters: characters of the original text that these targets cover.
    """

    nats: float
    units: int
    characters: int

    @property
    def loss(self) -> float:
        """Mean nats a unit."""
        return self.nats / self.units

    @property
    def perplexity(self) -> float:
        """``exp(loss)``: the even choices that would be as hard to guess among."""
        return math.exp(self.loss) if self.loss < 700 else math.inf  # past that a float overflows

    @property
    def bits_per_char(self) -> float:
        """Bits a character of the original text, whatever the units."""
        return self.nats / math.log(2) / max(self.characters, 1)


class LanguageModelling:
    """Next-unit prediction as the training loop sees it.

    The loss of a window is ``-sum log p(w_{t+1} | w_1 … w_t)`` in nats, what came before reaching
    it through the carried state, the gradient through this window alone (truncated
    backpropagation through time).

    Args:
        config: complete options.
        training: complete options of the loop; batch size, window and seed are read here.
        split: the text in two parts.
    """

    name = DESCRIPTION.name

    def __init__(self, config: LanguageModelConfig, training: TrainingConfig, split: Split) -> None:
        self.config = config
        self.training = training
        self.split = split
        self.unit = UNIT_NAMES[config.units]
        self.evaluation_tokens = len(split.valid) - 1

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's text into tokens."""
        return preprocess_of(self.split.train.corpus.units, self.config)

    def build_model(self) -> LanguageNetwork:
        """A fresh network for this vocabulary."""
        units = self.split.train.corpus.units
        return build_network(self.config, units.size, units.unknown_id)

    def batches(self, rank: int, world_size: int) -> TokenStreams:
        """This process's rows of the training text."""
        return TokenStreams(
            self.split.train.tokens,
            self.training.batch_size,
            self.training.tbptt_steps,
            seed=self.training.seed,
            rank=rank,
            world_size=world_size,
        )

    def loss(self, model: nn.Module, batch: SequenceBatch, carried: CarriedState) -> LossTerms:
        """Cross-entropy of one window, going on from the window before."""
        assert batch.targets is not None
        logits, state = model(batch.inputs, carried)
        return LossTerms(cross_entropy_sum(logits, batch.targets), batch.targets.numel(), state)

    def evaluate(self, model: nn.Module) -> Evaluation:
        """The validation text, up to its limit, each unit but the first a target exactly once."""
        surprise = measure_surprise(model, self.split.valid)
        metrics = {"bits_per_char": surprise.bits_per_char, "perplexity": surprise.perplexity}
        return Evaluation(surprise.loss, metrics)


def cross_entropy_sum(logits: Tensor, targets: Tensor) -> Tensor:
    """Summed ``-log softmax(logits)[target]`` in nats, at least in float32.

    Args:
        logits: ``(T, B, V)``.
        targets: ``(T, B)`` int64; :data:`~suimon.data.batch.IGNORED_TARGET` is left out.
    """
    return F.cross_entropy(
        logits.flatten(0, 1).float(),  # (T*B, V)
        targets.flatten(),
        ignore_index=IGNORED_TARGET,
        reduction="sum",
    )


def measure_surprise(
    model: nn.Module | StepEngine, part: TextPart, rows: int | None = None
) -> Surprise:
    """How well a model foretells a text; no gradients, the model left in the mode it came in.

    Long texts are read in ``rows`` pieces side by side, each after the :data:`CONTEXT` units
    before it, which are read but not judged; so the result is that of one unbroken reading but
    for what a network remembers from farther back.

    Args:
        model: ``model(tokens (T, B), state) -> (logits (T, B, V), state)``.
        part: the text.
        rows: pieces read side by side; ``None``: as many as the text is long enough for.
    """
    tokens = part.tokens
    if rows is None:
        rows = min(MOST_ROWS, max(1, len(tokens) // (CONTEXT * CONTEXT_SHARE)))
    steps = max(1, LOGITS_A_CALL // (rows * part.corpus.units.size))
    steps = min(steps, max(1, 4096 // rows))  # larger windows only leave the cache
    device = next(model.parameters()).device
    was_training = getattr(model, "training", False)  # an engine never is
    model.eval()
    nats, state = 0.0, None
    try:
        with torch.inference_mode():
            for batch in evaluation_windows(tokens, rows, steps, context=CONTEXT):
                assert batch.targets is not None
                logits, state = model(batch.inputs.to(device), state)
                nats += cross_entropy_sum(logits, batch.targets.to(device)).item()
    finally:
        if isinstance(model, nn.Module):
            model.train(was_training)
    return Surprise(nats, len(tokens) - 1, part.target_characters)
