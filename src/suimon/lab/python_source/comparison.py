"""The experiment: one measure, three writers."""

from dataclasses import dataclass

import torch

from suimon.lab.python_source.acceptance import ParsedShare, parsed_share
from suimon.lab.python_source.network_sampler import NetworkSampler
from suimon.lab.python_source.ngram import NGramModel
from suimon.tasks.language_model.infer import TrainedLanguageModel
from suimon.tasks.language_model.model import LanguageNetwork, build_network

BLANK_LINE = "\n\n"
"""What stands before a function in the text, and is read by a network before each sample."""

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
    *,
    temperature: float = 0.5,
    count: int = 100,
    seed: int = 0,
) -> Comparison:
    """Let three models write functions alike and count them alike, by :func:`parsed_share`.

    Args:
        model: the trained network, of units ``chars``.
        training_text: all that it has learned from.
        temperature: of all three.
        count: functions of each.
        seed: the same functions for the same seed.
    """

    def share_of(network: LanguageNetwork) -> ParsedShare:
        sampler = NetworkSampler(
            network, model.units, temperature=temperature, seed=seed, before=BLANK_LINE
        )
        return parsed_share(sampler, training_text, count=count)

    grams = NGramModel(training_text, ORDER).sampler(temperature=temperature, seed=seed)
    return Comparison(
        trained=share_of(model.network),
        untrained=share_of(untrained_twin(model, seed)),
        ngram=parsed_share(grams, training_text, count=count),
    )


def untrained_twin(model: TrainedLanguageModel, seed: int) -> LanguageNetwork:
    """A network of the model's shape with fresh weights; torch's own generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(model.config, model.units.size, model.units.unknown_id)
