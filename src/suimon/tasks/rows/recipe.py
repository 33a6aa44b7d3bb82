"""The rule that chooses the options a user left out, from the images.

1. **Size**: one layer of 256, whatever the images.
2. **Rows ahead**: all of the lower half, so that it is said at once and no error is read again;
   one for a mixture, whose rows are drawn one upon another. Measured on fashion-mnist, 600 steps
   of 64: squared error of lower halves 0.0368 for 14 rows ahead, 0.0377 for one, read again.
3. **Batch**: some thirty batches an epoch, 64 images at most.
4. **Budget**: where none is given, so many epochs that about :data:`STEPS` steps are taken, within
   the bounds of :data:`PACE`.
5. **Forget bias**: 1 for an LSTM, which should begin by remembering (Jozefowicz et al., 2015).

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

from typing import Any

from suimon.data.images import ImageForm
from suimon.tasks.choosing import Choice, Pace, completed, forget_bias, left_out
from suimon.tasks.rows.config import RowsConfig
from suimon.training.config import TrainingConfig

PACE = Pace(
    batches_an_epoch=30, smallest_batch=8, largest_batch=64, fewest_epochs=2, most_epochs=100
)
STEPS = 2500


def choose(
    config: RowsConfig, training: TrainingConfig, form: ImageForm, images: int
) -> Choice[RowsConfig]:
    """Fill in what was left out; see the module's description for the rule.

    Args:
        config: the task's options; ``None`` is left out.
        training: the loop's options; those not in ``model_fields_set`` were left out.
        form: size and colours of the images.
        images: how many there are to learn from.
    """
    architecture: dict[str, Any] = {
        "layers": 1,
        "hidden": 256,
        "dropout": 0.0,
        "ahead": 1 if config.output == "mixture" else form.height - form.height // 2,
        **forget_bias(config.cell),
    }
    loop = PACE.options(training, images, STEPS, learning_rate=4e-3)
    return completed(config, training, left_out(config, architecture), loop)
