"""What the contract of tests/tasks/test_contract.py needs to know of this task."""

from pathlib import Path

from tests.tasks.contract import Contract
from tests.tasks.language_model.conftest import RAIN


def contract(folder: Path) -> Contract:
    """A text that repeats itself, and a network that can learn it by heart in a second."""
    path = folder / "rain.txt"
    path.write_text(RAIN)
    return Contract(
        paths=[path],
        config={"hidden": 32, "embedding": 16, "dropout": 0.0, "input_dropout": 0.1},
        training={"steps": 60, "batch_size": 8, "tbptt_steps": 16, "learning_rate": 0.02},
        overfitted=0.6,
        predict=lambda model: model.generate("the r", length=30, seed=1),
    )
