"""The experiment: one measure, three writers."""

import random
import re
from dataclasses import dataclass

import torch

from suimon.lab.python_source.acceptance import ParsedShare, parsed_share
from suimon.lab.python_source.network_sampler import NetworkSampler
from suimon.lab.python_source.ngram import NGramModel
from suimon.tasks.language_model.infer import TrainedLanguageModel
from suimon.tasks.language_model.model import LanguageNetwork, build_network

CONTEXT = 1000
"""Characters of an unseen module that a network reads before it writes a function there."""

BLANK_LINE = "\n\n"
"""What it reads where no unseen module has a function so far from the beginning."""

ORDER = 5
FLOOR = 0.01
"""An n-gram model that writes no function at all is taken to write one in a hundred."""


@dataclass(frozen=True)
class Comparison:
    """Which share of their functions Python's parser accepts.

    Attributes:
        trained: of the network.
        untrained: of a network of the same shape whose weights were just drawn.
        ngram: of a 5-gram character model of the same text.
    """

    trained: ParsedShare
    untrained: ParsedShare
    ngram: ParsedShare

    @property
    def ratio(self) -> float:
        """How many times the n-gram model's share the network's is, that one floored at 1 %."""
        return self.trained.share / max(self.ngram.share, FLOOR)


def compare(
    model: TrainedLanguageModel,
    training_text: str,
    unseen_text: str,
    *,
    temperature: float = 0.5,
    count: int = 100,
    seed: int = 0,
) -> Comparison:
    """Let three models write functions alike and count them alike, by :func:`parsed_share`.

    A network reads what stands before a function of the unseen text and writes one in its place;
    it was trained on texts that go on, not on beginnings. An n-gram model looks at the last
    characters only, which are those of the prompt.

    Args:
        model: the trained network, of units ``chars``.
        training_text: all that it has learned from.
        unseen_text: modules that it has not learned from.
        temperature: of all three.
        count: functions of each.
        seed: the same functions for the same seed.
    """

    before = places(unseen_text, count, seed)

    def share_of(network: LanguageNetwork) -> ParsedShare:
        sampler = NetworkSampler(
            network, model.units, temperature=temperature, seed=seed, before=before
        )
        return parsed_share(sampler, training_text, count=count)

    grams = NGramModel(training_text, ORDER).sampler(temperature=temperature, seed=seed)
    return Comparison(
        trained=share_of(model.network),
        untrained=share_of(untrained_twin(model, seed)),
        ngram=parsed_share(grams, training_text, count=count),
    )


def places(text: str, count: int, seed: int) -> list[str]:
    """:data:`CONTEXT` characters before each of some functions of a text, ``def`` in column 0.

    At most ``count``, drawn without repeats; a blank line where there is no such function.
    """
    starts = [match.end() for match in re.finditer(r"\n(?=def )", text) if match.end() >= CONTEXT]
    chosen = random.Random(seed).sample(starts, min(count, len(starts)))
    return [text[start - CONTEXT : start] for start in chosen] or [BLANK_LINE]


def untrained_twin(model: TrainedLanguageModel, seed: int) -> LanguageNetwork:
    """A network of the model's shape with fresh weights; torch's own generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(model.config, model.units.size, model.units.unknown_id)
