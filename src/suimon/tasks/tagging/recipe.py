"""The rule that chooses the options a user left out, from the data.

1. **Size**: words take an embedding; what is learnt of numbers and frames is all in the layer.
2. **Batch**: some thirty batches an epoch, so that a small set is not learnt in a few steps.
3. **Budget**: where none is given, so many epochs that about as many steps are taken as
   :data:`SIZES` has, within the bounds of its :class:`~suimon.tasks.choosing.Pace`.
4. **Forget bias**: 1 for an LSTM, which should begin by remembering (Jozefowicz et al., 2015).

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from suimon.tasks.choosing import Choice, Pace, completed, forget_bias, left_out
from suimon.tasks.tagging.config import TaggingConfig
from suimon.training.config import TrainingConfig


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


def choose(
    config: TaggingConfig, training: TrainingConfig, kind: str, sequences: int
) -> Choice[TaggingConfig]:
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
    architecture |= forget_bias(config.cell)
    pace = Pace(
        batches_an_epoch=30,
        smallest_batch=8,
        largest_batch=size.largest_batch,
        fewest_epochs=5,
        most_epochs=100,
    )
    loop = pace.options(training, sequences, size.steps, learning_rate=size.learning_rate)
    return completed(config, training, left_out(config, architecture), loop)
