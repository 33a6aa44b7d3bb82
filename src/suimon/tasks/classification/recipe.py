"""The rule that chooses the options a user left out, from the data.

1. **Size**: texts of words take an embedding and one layer; numbers and characters, which say
   less at each step, a wider layer.
2. **Cell**: a GRU for series, an LSTM for all else.
3. **Dropout**: the fewer the sequences, the sooner they are learnt by heart. Of a closed
   vocabulary, whose words are all met again and again, none is dropped, for each may decide.
4. **Batch**: some thirty batches an epoch, so that a small set is not learnt in a few steps; of
   videos no more than have about :data:`FRAMES_A_BATCH` frames.
5. **Budget**: where none is given, so many epochs that about as many steps are taken as
   :data:`SIZES` has, within the bounds of :data:`PACE`.
6. **Averaging**: of words, which are soon learnt by heart, a running mean of the weights is kept.
7. **Branch**: twice as many places as the training texts have units.
8. **Forget bias**: 1 for an LSTM, which should begin by remembering (Jozefowicz et al., 2015).
9. **Precision**: see :func:`~suimon.tasks.precision.fastest_precision`; of series, in whose numbers
   the last digits may decide, fp32.

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from suimon.tasks.choosing import Choice, Pace, completed, forget_bias, left_out, with_chosen
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.precision import fastest_precision
from suimon.training.config import TrainingConfig

PACE = Pace(
    batches_an_epoch=30, smallest_batch=8, largest_batch=64, fewest_epochs=5, most_epochs=100
)
FRAMES_A_BATCH = 512  # of videos, whose frames take time and memory each
FEWEST_VIDEOS = 4  # in a batch, however long they are
FEWEST_PLACES, MOST_PLACES = 2**10, 2**20


@dataclass(frozen=True)
class Size:
    """One row of the table of network sizes.

    Attributes:
        hidden: hidden units of each direction.
        embedding: width of a unit's vector, for texts.
        dropout: on the output of each layer and of the pooling.
        input_dropout: on what the first layer reads.
        learning_rate: highest learning rate.
        steps: about how many to take where no budget is given.
        averaging: of the weights.
        consistency: pull of two readings of a text towards each other.
        cell: the recurrent cell.
    """

    hidden: int
    embedding: int
    dropout: float
    input_dropout: float
    learning_rate: float
    steps: int
    averaging: float = 0.0
    consistency: float = 0.0
    cell: str = "lstm"


# Words measured on the development split of sst2: input dropout 0.3 was 0.02 worse, attention and
# mean pooling 0.01 to 0.04, an embedding of 300 0.01 to 0.02. Without consistency the loss rose
# after five of nine epochs, and those with the lowest were 0.01 to 0.02 worse than the last.
# Series by cross-validation within the training parts of ECG200, BasicMotions and SyntheticControl:
# an LSTM with dropout 0.3 was right in 0.79, 0.925 and 0.927, the GRU in 0.88, 0.975 and 0.957.
SIZES = {
    "words": Size(128, 64, 0.5, 0.5, 2e-3, 1000, 0.99, 1.0),
    "letters": Size(192, 64, 0.4, 0.1, 2e-3, 3000),
    "images": Size(128, 0, 0.3, 0.0, 2e-3, 3000),
    "series": Size(128, 0, 0.5, 0.1, 2e-3, 3000, cell="gru"),
    "frames": Size(128, 0, 0.3, 0.0, 2e-3, 1500),
    "video": Size(128, 0, 0.3, 0.0, 1e-3, 600),
}


def choose(
    config: ClassificationConfig,
    training: TrainingConfig,
    kind: str,
    sequences: int,
    steps: int = 0,
    *,
    closed: bool = False,
) -> Choice[ClassificationConfig]:
    """Fill in what was left out; see the module's description for the rule.

    Args:
        config: the task's options; ``None`` is left out.
        training: the loop's options; those not in ``model_fields_set`` were left out.
        kind: ``text``, ``series``, ``image``, ``audio`` or ``video``.
        sequences: how many there are to learn from.
        steps: how long they are together.
        closed: whether they are texts of words that are all met again and again.
    """
    of_text = "words" if config.units == "words" else "letters"
    rows = {"text": of_text, "audio": "frames", "image": "images"}
    size = SIZES[rows.get(kind, kind)]
    architecture: dict[str, Any] = {
        "cell": size.cell,
        "layers": 1,
        "hidden": size.hidden,
        "dropout": size.dropout,
        "input_dropout": size.input_dropout,
        "consistency": size.consistency,
    }
    if closed:
        architecture |= {"input_dropout": 0.0, "consistency": 0.0}
    if kind == "text":
        architecture["embedding"] = size.embedding
    if config.branch != "none":
        architecture["branch_places"] = places_for(steps)
    architecture |= forget_bias(config.cell or size.cell)
    chosen = left_out(config, architecture)
    pace = pace_of_videos(steps / max(1, sequences)) if kind == "video" else PACE
    loop = pace.options(
        training,
        sequences,
        size.steps,
        learning_rate=size.learning_rate,
        averaging=size.averaging,
    )
    if kind != "series":
        loop["precision"] = fastest_precision(with_chosen(config, chosen), training)
    return completed(config, training, chosen, loop)


def pace_of_videos(frames: float) -> Pace:
    """Smaller batches the more frames a video has on the mean."""
    most = 2 ** int(math.log2(max(1.0, FRAMES_A_BATCH / max(1.0, frames))))
    largest = min(PACE.largest_batch, max(FEWEST_VIDEOS, most))
    return replace(PACE, largest_batch=largest, smallest_batch=min(PACE.smallest_batch, largest))


def places_for(steps: int) -> int:
    """Rows of the branch's table: a power of two, twice ``steps`` or more within bounds."""
    return min(MOST_PLACES, max(FEWEST_PLACES, 2 ** max(0, 2 * steps - 1).bit_length()))
