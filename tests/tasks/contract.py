"""What a task gives to be held to the contract: its folder of tests has ``contract.py``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Contract:
    """A tiny fixture of one task.

    Attributes:
        paths: the data.
        config: the task's options.
        training: the loop's options, with a budget in steps.
        overfitted: the validation loss that the budget reaches at most.
        predict: something that a loaded model says, comparable by ``==``.
    """

    paths: list[Path]
    config: dict[str, Any]
    training: dict[str, Any]
    overfitted: float
    predict: Callable[[Any], Any]
