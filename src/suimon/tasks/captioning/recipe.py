"""The rule that chooses the options a user left out, from the data.

1. **Size**: one layer of 256, an embedding of 64; the words of captions are few.
2. **Dropout**: 0.1 on the image's places and on what the head reads.
3. **Batch**: some thirty batches an epoch, so that a small set is not learnt in a few steps.
4. **Budget**: where none is given, so many epochs that about :data:`STEPS` steps are taken, within
   the bounds of :data:`PACE`.
5. **Warm-up**: over a tenth of it. Each word must learn at once where to look and what to see
   there. Where the first steps are large, a word that needs finer features than its neighbour
   looks away from the things before their places tell it anything, to where no gradient brings it
   back: after 700 steps on drawn scenes, 14 of them warm-up, 0.45 of the shapes of unseen ones
   were right (a guess: 0.33), and with 210 of warm-up 0.79.
6. **Forget bias**: 1 for an LSTM, which should begin by remembering (Jozefowicz et al., 2015).

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

from typing import Any

from suimon.tasks.captioning.config import CaptioningConfig
from suimon.tasks.choosing import Choice, Pace, completed, forget_bias, left_out
from suimon.training.config import TrainingConfig

PACE = Pace(
    batches_an_epoch=30, smallest_batch=8, largest_batch=32, fewest_epochs=5, most_epochs=100
)
STEPS = 2000
WARMUP = 0.1


def choose(
    config: CaptioningConfig, training: TrainingConfig, captions: int
) -> Choice[CaptioningConfig]:
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
        **forget_bias(config.cell),
    }
    loop = PACE.options(training, captions, STEPS, learning_rate=2e-3, warmup_fraction=WARMUP)
    return completed(config, training, left_out(config, architecture), loop)
