"""The rule that chooses the options a user left out, from the data.

1. **Units**: sub-words (bpe) where both sides have sentences; characters where one side mostly has
   a single stretch without blanks: dates, sums, names, or a language written without blanks.
2. **Vocabulary**: of bpe as many as :data:`PAIRS_A_SUBWORD` pairs each give, within limits; of
   words those that occur twice or more.
3. **Size, dropout, smoothing, learning rate**: by the units, from :data:`SIZES`.
4. **Batch**: some hundred batches an epoch, so that a small set is not learnt in a few steps.
5. **Budget**: where none is given, so many epochs that the steps grow as the square root of the
   pairs does, as :data:`SIZES` says: twice the pairs need more steps, but each fewer times.
6. **Precision**: see :func:`~suimon.tasks.precision.fastest_precision`.
7. **Forget bias**: 1 for an LSTM, which should begin by remembering (Jozefowicz et al., 2015).

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from suimon.data.pairs import SentencePairs
from suimon.tasks.choosing import Choice, Pace, completed, forget_bias, left_out
from suimon.tasks.precision import fastest_precision
from suimon.tasks.translation.config import TranslationConfig
from suimon.tasks.translation.data import words_met_again
from suimon.training.config import TrainingConfig

STRETCHES_OF_A_SENTENCE = 1.5  # on the mean; fewer, and it is none
PAIRS_A_SUBWORD = 6
FEWEST_SUBWORDS, MOST_SUBWORDS = 512, 16_384
LOOKED_AT = 10_000  # pairs


@dataclass(frozen=True)
class Size:
    """One row of the table of network sizes.

    Attributes:
        hidden: hidden units of each layer and direction.
        embedding: width of a unit's vector.
        dropout: on what attention looks at, and on the decoder's features.
        input_dropout: on what encoder and decoder read.
        label_smoothing: share of the target spread over all units.
        learning_rate: highest learning rate.
        largest_batch: pairs of a batch at most.
        steps: about how many to take where no budget is given, over the root of the pairs.
    """

    hidden: int
    embedding: int
    dropout: float
    input_dropout: float
    label_smoothing: float
    learning_rate: float
    largest_batch: int
    steps: int


# Measured on sums of two numbers, 500 steps: a rate of 0.004 left a validation loss of 1.14, 0.008
# one of 0.6 to 0.7, 0.015 one of 0.81; 256 hidden units and longer vectors gained nothing.
SIZES = {
    "chars": Size(128, 64, 0.1, 0.0, 0.0, 8e-3, 128, 40),
    "sentences": Size(384, 256, 0.5, 0.3, 0.1, 2e-3, 64, 50),
}


def choose(
    config: TranslationConfig, training: TrainingConfig, pairs: SentencePairs
) -> Choice[TranslationConfig]:
    """Fill in what was left out; see the module's description for the rule.

    Args:
        config: the task's options; ``None`` is left out.
        training: the loop's options; those not in ``model_fields_set`` were left out.
        pairs: to learn from.
    """
    new_config = _units(config, pairs)
    kinds = {config.source_units, config.target_units, *new_config.values()} & {"words", "bpe"}
    size = SIZES["sentences" if kinds else "chars"]
    new_config |= _vocabularies(config, new_config, pairs)
    architecture: dict[str, Any] = {
        "layers": 1,
        "hidden": size.hidden,
        "embedding": size.embedding,
        "dropout": size.dropout,
        "input_dropout": size.input_dropout,
        "label_smoothing": size.label_smoothing,
        **forget_bias(config.cell),
    }
    pace = Pace(
        batches_an_epoch=100,
        smallest_batch=16,
        largest_batch=size.largest_batch,
        fewest_epochs=3,
        most_epochs=200,
    )
    loop = pace.options(
        training,
        len(pairs),
        size.steps * math.sqrt(len(pairs)),
        learning_rate=size.learning_rate,
        precision=fastest_precision(config, training),
    )
    return completed(config, training, new_config | left_out(config, architecture), loop)


def _units(config: TranslationConfig, pairs: SentencePairs) -> dict[str, Any]:
    """The kinds of units that were left out."""
    assert pairs.targets is not None
    few = min(map(_stretches, (pairs.sources, pairs.targets)))
    kind = "chars" if few < STRETCHES_OF_A_SENTENCE else "bpe"
    names = ("source_units", "target_units")
    return {name: kind for name in names if getattr(config, name) is None}


def _stretches(texts: Sequence[str]) -> float:
    """On the mean, how many pieces without blanks a text has."""
    some = texts[:: -(-len(texts) // LOOKED_AT)]
    return sum(len(text.split()) for text in some) / len(some)


def _vocabularies(
    config: TranslationConfig, units: dict[str, Any], pairs: SentencePairs
) -> dict[str, Any]:
    """The sizes of the vocabularies that were left out."""
    assert pairs.targets is not None
    subwords = 2 ** round(math.log2(max(1, len(pairs) / PAIRS_A_SUBWORD)))
    subwords = min(MOST_SUBWORDS, max(FEWEST_SUBWORDS, subwords))
    chosen: dict[str, Any] = {}
    begun = {"source": config.from_, "target": config.from_target}
    for side, texts in (("source", pairs.sources), ("target", pairs.targets)):
        name = f"{side}_vocabulary"
        kind = units.get(f"{side}_units") or getattr(config, f"{side}_units")
        if begun[side] is not None or getattr(config, name) is not None or kind == "chars":
            continue
        if kind == "bpe":
            chosen[name] = subwords
        else:
            cut = getattr(config, f"{side}_words")
            chosen[name] = words_met_again(texts, cut, getattr(config, f"lowercase_{side}"))
    return chosen
