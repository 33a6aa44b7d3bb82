"""What the contract of tests/tasks/test_contract.py needs to know of this task."""

from pathlib import Path

from suimon.data.labelled import read_labelled
from tests.tasks.classification.conftest import waves
from tests.tasks.contract import Contract


def contract(folder: Path) -> Contract:
    """Slow and fast waves of unequal length, which a small network can learn in a second."""
    path = folder / "waves.ts"
    path.write_text(waves(60))
    return Contract(
        paths=[path],
        config={"hidden": 16, "dropout": 0.1, "input_dropout": 0.0},
        training={"steps": 60, "batch_size": 8, "learning_rate": 0.02, "averaging": 0.8},
        overfitted=0.1,
        predict=lambda model: model.predict(read_labelled([path])),
    )
