"""The rule that chooses the options a user left out, from the data.

1. **Size**: words take an embedding; what is learnt of numbers and frames is all in the layer.
2. **Batch**: some thirty batches an epoch, so that a small set is not learnt in a few steps.
3. **Budget**: where none is given, so many epochs that about as many steps are taken as
   :data:`SIZES` has, but :data:`FEWEST_EPOCHS` at least and :data:`MOST_EPOCHS` at most.
4. **Forget bias**: 1 for an LSTM, which should begin by remembering (Jozefowicz et al., 2015).

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from suimon.tasks.tagging.config import TaggingConfig
from suimon.training.config import BUDGETS, TrainingConfig
from suimon.training.options import parse_options

BATCHES_AN_EPOCH = 30
SMALLEST_BATCH = 8
FEWEST_EPOCHS, MOST_EPOCHS = 5, 100
FORGET_BIAS = 1.0


@dataclass(frozen=True)
class Size:
    """One row of the table of network sizes.

    Attributes:
        hidden: hidden units of each direction.
        embedding: width of a word's vector, for texts.
        dropout: on the output of each layer.
        input_dropout: on what the first layer reads.
        largest_batch: most sequences side by side.
        learning_rate: highest learning rate.
        steps: about how many to take where no budget is given.
    """

    hidden: int
    embedding: int
    dropout: float
    input_dropout: float
    largest_batch: int
    learning_rate: float
    steps: int


# Frames measured on strings of spoken digits: without input dropout they are learnt by heart.
SIZES = {
    "text": Size(128, 100, 0.5, 0.3, 32, 2e-3, 1000),
    "series": Size(128, 0, 0.2, 0.0, 32, 2e-3, 1500),
    "audio": Size(128, 0, 0.4, 0.2, 16, 2e-3, 1500),
}
"""By the kind of sequences."""


@dataclass(frozen=True)
class Choice:
    """Complete options, and those of them that the rule chose, by name."""

    config: TaggingConfig
    training: TrainingConfig
    chosen: dict[str, Any]


def choose(config: TaggingConfig, training: TrainingConfig, kind: str, sequences: int) -> Choice:
    """Fill in what was left out; see the module's description for the rule.

    Args:
        config: the task's options; ``None`` is left out.
        training: the loop's options; those not in ``model_fields_set`` were left out.
        kind: ``text``, ``series`` or ``audio``.
        sequences: how many there are to learn from.
    """
    size = SIZES[kind]
    architecture: dict[str, Any] = {
        "layers": 1,
        "hidden": size.hidden,
        "dropout": size.dropout,
        "input_dropout": size.input_dropout,
    }
    if kind == "text":
        architecture["embedding"] = size.embedding
    if config.cell == "lstm":
        architecture["forget_bias"] = FORGET_BIAS
    new_config = {n: v for n, v in architecture.items() if getattr(config, n) is None}
    rows = 2 ** round(math.log2(max(1, sequences / BATCHES_AN_EPOCH)))
    given_loop = training.model_fields_set
    loop: dict[str, Any] = {
        "batch_size": min(size.largest_batch, max(SMALLEST_BATCH, rows)),
        "learning_rate": size.learning_rate,
    }
    if not given_loop.intersection(BUDGETS):
        rows = training.batch_size if "batch_size" in given_loop else loop["batch_size"]
        wanted = round(size.steps * rows / max(1, sequences))
        loop["epochs"] = min(MOST_EPOCHS, max(FEWEST_EPOCHS, wanted))
    new_training = {n: v for n, v in loop.items() if n not in given_loop}
    given = [c.model_dump(exclude_unset=True, exclude_none=True) for c in (config, training)]
    return Choice(
        parse_options(TaggingConfig, given[0] | new_config),
        parse_options(TrainingConfig, given[1] | new_training),
        {**new_config, **new_training},
    )
