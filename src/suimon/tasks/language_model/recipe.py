"""The rule that chooses the options a user left out, from the corpus and the budget.

It reads three numbers: how many units the training text has, how many of them the budget can
train on (for a budget in minutes, by the speed in :data:`SIZES`), and their ratio, the passes
over the text. Then:

1. **Size**: the first row of :data:`SIZES` for which there is both text enough and training
   enough. A wide network learns more from each unit, but takes longer to read it, and has the
   room to learn a small text by heart.
2. **Dropout**: by the passes over the text, from :data:`DROPOUTS`: what is read often is learnt
   by heart rather than understood, and by a wide network the sooner.
3. **Window and batch**: :data:`TBPTT_STEPS` steps by :data:`BATCH_SIZE` rows, fewer (a
   power of two) where the text is so short that a row would hold less than
   :data:`LEAST_WINDOWS` windows.
4. **Validation**: for a budget in minutes no more text is measured than :data:`VALID_SHARE` of
   what is trained on, or a short budget would be spent on measuring.
5. **Cell**: :data:`CELLS` says what is special of some cells; :data:`ANY_CELL` is for all others.
6. **Precision**: bf16 where training runs on a processor with AMX, which multiplies it at several
   times the speed of fp32, and a native kernel takes the whole stack in it, gates and states in
   fp32; else fp32. A cell with a linear recurrence stays in fp32: its gates would be rounded, and
   one near 1 is what it remembers by.
7. **Optimiser**: :data:`OPTIMIZER`, whose learning rates are those of the table; another one that
   was asked for takes :data:`OTHERS_RATE` of them.

Nothing that was given is changed, and all else keeps its default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from suimon.tasks.choosing import Choice, completed, left_out, with_chosen
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.precision import fastest_precision
from suimon.training.config import TrainingConfig


@dataclass(frozen=True)
class Size:
    """One row of the table of network sizes.

    Attributes:
        least_text: units of training text below which this row is not taken.
        least_training: units trained on, repeats counted, below which this row is not taken.
        units_per_minute: what it trains on in a minute on two processor cores, as an LSTM over
            characters.
        layers: recurrent layers.
        hidden: hidden units.
        embedding: width of a unit's vector.
        learning_rate: highest learning rate.
    """

    least_text: int
    least_training: int
    units_per_minute: int
    layers: int
    hidden: int
    embedding: int
    learning_rate: float


@dataclass(frozen=True)
class CellRule:
    """What is special of a cell.

    Attributes:
        least_layers: a cell whose gates see only the input needs depth to use what it remembers.
        forget_bias: the forget gate's bias at the start; ``None`` for a cell that takes none.
    """

    least_layers: int = 1
    forget_bias: float | None = None


SIZES = (
    #     text     training  a minute  layers hidden embed  learning rate
    Size(2_000_000, 30_000_000, 400_000, 2, 512, 128, 6e-3),
    Size(200_000, 1_000_000, 1_200_000, 1, 512, 128, 1e-2),
    Size(20_000, 250_000, 2_500_000, 1, 256, 128, 2e-2),
    Size(0, 0, 5_000_000, 1, 128, 64, 2e-2),
)

# With muon an LSTM of 512 units knows a million characters by heart after four passes: 1.089 nats
# there, 1.441 on unseen text. A dropout of 0.2 came to 1.428 after three passes, and 0.4 with 0.2
# on the input was 0.07 worse than 0.3. On 12,000 characters with 128 units it was best at 100.
DROPOUTS = (
    # passes over the text times hidden units / 128 from, dropout, input dropout
    (60.0, 0.4, 0.2),
    (10.0, 0.2, 0.0),
    (0.0, 0.0, 0.0),
)
DROPOUT_WIDTH = 128  # hidden units of the network that the passes in DROPOUTS are of

ANY_CELL = CellRule()
CELLS = {
    "lstm": CellRule(forget_bias=1.0),  # it should begin by remembering (Jozefowicz et al., 2015)
    "mingru": CellRule(least_layers=3),
    "minlstm": CellRule(least_layers=3),
}

# In three minutes of the demo's text an LSTM of 512 units came to 1.00 nats a character with muon
# and to 1.09 with adamw. The rates were measured on windows of 32 by 32: of 512 units the best was
# 0.02 for 800 windows and between 0.005 and 0.015 for 3,000, of 256 and 128 units 0.02 for 800.
OPTIMIZER = "muon"
OTHERS_RATE = 0.5  # the rate that adamw was tuned to, and muon's best is twice that or more

TBPTT_STEPS = 32  # a short budget gains more from twice the updates than from a longer reach
BATCH_SIZE = 32
VALID_SHARE = 0.3  # a tenth of the time, since measuring costs a third of learning
LEAST_WINDOWS = 4  # a row of fewer windows starts anew so often that it learns no context


@dataclass(frozen=True)
class CorpusFacts:
    """What the rule needs to know of the text.

    Attributes:
        units: units in the training split.
        vocabulary: distinct units.
    """

    units: int
    vocabulary: int


def choose(
    config: LanguageModelConfig, training: TrainingConfig, corpus: CorpusFacts
) -> Choice[LanguageModelConfig]:
    """Fill in what was left out; see the module's description for the rule.

    Args:
        config: the task's options; ``None`` is left out.
        training: the loop's options; those not in ``model_fields_set`` were left out.
        corpus: what is known of the text.
    """
    size, passes = _size_and_passes(config, training, corpus)
    cell = CELLS.get(config.cell, ANY_CELL)
    heart = passes * (config.hidden or size.hidden) / DROPOUT_WIDTH
    dropout, input_dropout = next(row[1:] for row in DROPOUTS if heart >= row[0])
    architecture = {
        "layers": max(size.layers, cell.least_layers),
        "hidden": size.hidden,
        "embedding": size.embedding,
        "dropout": dropout,
        "input_dropout": input_dropout,
    }
    if cell.forget_bias is not None:
        architecture["forget_bias"] = cell.forget_bias
    chosen = left_out(config, architecture)
    chosen |= _valid_limit(config, training, passes * corpus.units)
    given = "optimizer" in training.model_fields_set
    optimizer = training.optimizer if given else OPTIMIZER
    loop = {
        **_window(training, corpus.units),
        "optimizer": optimizer,
        "learning_rate": size.learning_rate * (1.0 if optimizer == OPTIMIZER else OTHERS_RATE),
        "precision": fastest_precision(with_chosen(config, chosen), training),
    }
    return completed(config, training, chosen, loop)


def _size_and_passes(
    config: LanguageModelConfig, training: TrainingConfig, corpus: CorpusFacts
) -> tuple[Size, float]:
    """The row of :data:`SIZES` to take, and the passes over the text that it makes."""
    for size in SIZES:
        trained = _units_trained(size, training, corpus)
        if corpus.units >= size.least_text and trained >= size.least_training:
            break
    hidden, layers = config.hidden or size.hidden, config.layers or size.layers
    # A size that was asked for reads the text at its own speed, by its share of multiplications.
    slower = (layers * hidden**2) / (size.layers * size.hidden**2)
    if training.minutes is not None:
        trained /= slower
    return size, trained / max(corpus.units, 1)


def _units_trained(size: Size, training: TrainingConfig, corpus: CorpusFacts) -> float:
    """How many units the budget trains on with a network of this size."""
    if training.steps is not None:
        return training.steps * training.batch_size * training.tbptt_steps
    if training.epochs is not None:
        return training.epochs * corpus.units
    assert training.minutes is not None, "TrainingConfig gives minutes where no budget is given"
    recurrent = 4 * size.hidden * (size.embedding + size.hidden) * size.layers
    with_output = recurrent + size.hidden * corpus.vocabulary  # multiplications a unit
    return training.minutes * size.units_per_minute * recurrent / with_output


def _valid_limit(
    config: LanguageModelConfig, training: TrainingConfig, trained: float
) -> dict[str, int]:
    """How much of the validation text to measure, where a short time makes it less than usual."""
    if training.minutes is None or "valid_limit" in config.model_fields_set:
        return {}
    measured = max(2, int(VALID_SHARE * trained))
    return {"valid_limit": measured} if measured < config.valid_limit else {}


def _window(training: TrainingConfig, units: int) -> dict[str, int]:
    """Steps and rows of a training window that a text of so many units fills often enough."""
    given = training.model_fields_set
    targets = max(1, units - 1)
    rows = training.batch_size if "batch_size" in given else 1
    steps = min(TBPTT_STEPS, max(1, targets // (rows * LEAST_WINDOWS)))
    if "tbptt_steps" in given:
        steps = training.tbptt_steps
    rows = min(BATCH_SIZE, max(1, targets // (steps * LEAST_WINDOWS)))
    return {
        "tbptt_steps": steps,
        "batch_size": 2 ** int(math.log2(rows)),  # shared evenly by any usual number of processes
    }
