"""How the rules of all tasks fill in the options that a user left out.

What to choose, each task's ``recipe`` says; here is what left out means, and what a number of
examples means for batch size and passes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from suimon.training.config import BUDGETS, TrainingConfig
from suimon.training.options import parse_options

Config = TypeVar("Config", bound=BaseModel)

FORGET_BIAS = 1.0


@dataclass(frozen=True)
class Choice(Generic[Config]):
    """Complete options.

    Attributes:
        config: the task's.
        training: the loop's.
        chosen: the options that the rule chose, by name.
    """

    config: Config
    training: TrainingConfig
    chosen: dict[str, Any]


@dataclass(frozen=True)
class Pace:
    """How large batches are, and how often the data is passed over.

    Attributes:
        batches_an_epoch: about so many, so that a small set is not learnt in a few steps.
        smallest_batch: examples of a batch at least, however few there are.
        largest_batch: and at most.
        fewest_epochs: at least, where no budget is given.
        most_epochs: and at most.
    """

    batches_an_epoch: int
    smallest_batch: int
    largest_batch: int
    fewest_epochs: int
    most_epochs: int

    def options(
        self, training: TrainingConfig, examples: int, steps: float, **others: Any
    ) -> dict[str, Any]:
        """The loop's batch size, other options, and, where no budget is given, epochs.

        Args:
            training: the loop's options; those not in ``model_fields_set`` were left out.
            examples: how many there are to learn from.
            steps: about how many to take where no budget is given.
            others: options that do not hang on the number of examples.

        Example:
            >>> pace = Pace(30, 8, 64, 5, 100)
            >>> pace.options(TrainingConfig(), 1000, 3000, learning_rate=0.01)
            {'batch_size': 32, 'learning_rate': 0.01, 'epochs': 96}
        """
        rows = 2 ** round(math.log2(max(1, examples / self.batches_an_epoch)))
        rows = min(self.largest_batch, max(self.smallest_batch, rows))
        loop = {"batch_size": rows, **others}
        if not has_budget(training):
            rows = training.batch_size if "batch_size" in training.model_fields_set else rows
            wanted = round(steps * rows / max(1, examples))
            loop["epochs"] = min(self.most_epochs, max(self.fewest_epochs, wanted))
        return loop


def has_budget(training: TrainingConfig) -> bool:
    """Whether a user said how long to train."""
    return not training.model_fields_set.isdisjoint(BUDGETS)


def forget_bias(cell: str) -> dict[str, float]:
    """1 for an LSTM, which should begin by remembering (Jozefowicz et al., 2015)."""
    return {"forget_bias": FORGET_BIAS} if cell == "lstm" else {}


def left_out(config: BaseModel, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values whose option of the task is ``None``."""
    return {name: value for name, value in values.items() if getattr(config, name) is None}


def with_chosen(options: Config, chosen: Mapping[str, Any]) -> Config:
    """What was given of the options, and what was chosen."""
    given = options.model_dump(exclude_unset=True, exclude_none=True)
    return parse_options(type(options), {**given, **chosen})


def completed(
    config: Config, training: TrainingConfig, chosen: Mapping[str, Any], loop: Mapping[str, Any]
) -> Choice[Config]:
    """Fill in what was left out.

    Args:
        config: the task's options.
        training: the loop's options; those not in ``model_fields_set`` were left out.
        chosen: values for those of the task's options that were left out.
        loop: values for the loop's options; those that were given stay.
    """
    new = {name: value for name, value in loop.items() if name not in training.model_fields_set}
    return Choice(with_chosen(config, chosen), with_chosen(training, new), {**chosen, **new})
