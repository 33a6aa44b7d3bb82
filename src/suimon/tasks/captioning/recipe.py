"""The rule that chooses the options a user left out, from the data.

1. **Size**: one layer of 256, an embedding of 64; the words of captions are few.
2. **Dropout**: 0.1 on the image's places and on what the head reads.
3. **Batch**: some thirty batches an epoch, so that a small set is not learnt in a few steps.
4. **Budget**: where none is given, so many epochs that about :data:`STEPS` steps are taken, but
   :data:`FEWEST_EPOCHS` at least and :data:`MOST_EPOCHS` at most.
5. **Forget bias**: 1 for an LSTM, which should begin by remembering (Jozefowicz et al., 2015).

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from suimon.tasks.captioning.config import CaptioningConfig
from suimon.training.config import BUDGETS, TrainingConfig
from suimon.training.options import parse_options

BATCHES_AN_EPOCH = 30
SMALLEST_BATCH, LARGEST_BATCH = 8, 32
FEWEST_EPOCHS, MOST_EPOCHS = 5, 100
STEPS = 1800
FORGET_BIAS = 1.0


@dataclass(frozen=True)
class Choice:
    """Complete options, and those of them that the rule chose, by name."""

    config: CaptioningConfig
    training: TrainingConfig
    chosen: dict[str, Any]


def choose(config: CaptioningConfig, training: TrainingConfig, captions: int) -> Choice:
    """Fill in what was left out; see the module's description for the rule.

    Args:
        config: the task's options; ``None`` is left out.
        training: the loop's options; those not in ``model_fields_set`` were left out.
        captions: how many there are to learn from.
    """
    architecture: dict[str, Any] = {
        "layers": 1,
        "hidden": 256,
        "embedding": 64,
        "dropout": 0.1,
        "input_dropout": 0.0,
    }
    if config.cell == "lstm":
        architecture["forget_bias"] = FORGET_BIAS
    new_config = {n: v for n, v in architecture.items() if getattr(config, n) is None}
    rows = 2 ** round(math.log2(max(1, captions / BATCHES_AN_EPOCH)))
    given_loop = training.model_fields_set
    loop: dict[str, Any] = {
        "batch_size": min(LARGEST_BATCH, max(SMALLEST_BATCH, rows)),
        "learning_rate": 2e-3,
    }
    if not given_loop.intersection(BUDGETS):
        rows = training.batch_size if "batch_size" in given_loop else loop["batch_size"]
        wanted = round(STEPS * rows / max(1, captions))
        loop["epochs"] = min(MOST_EPOCHS, max(FEWEST_EPOCHS, wanted))
    new_training = {n: v for n, v in loop.items() if n not in given_loop}
    given = [c.model_dump(exclude_unset=True, exclude_none=True) for c in (config, training)]
    return Choice(
        parse_options(CaptioningConfig, given[0] | new_config),
        parse_options(TrainingConfig, given[1] | new_training),
        {**new_config, **new_training},
    )
