"""What the contract of tests/tasks/test_contract.py needs to know of this task."""

from pathlib import Path

from tests.tasks.captioning.conftest import write_folder
from tests.tasks.contract import Contract


def contract(folder: Path) -> Contract:
    """Four kinds of images, which a small network can learn in a second."""
    path = write_folder(folder / "pictures")
    return Contract(
        paths=[path],
        config={"hidden": 24, "dropout": 0.1, "attention": "additive", "valid_fraction": 0.3},
        training={"steps": 100, "batch_size": 8, "learning_rate": 0.01},
        overfitted=0.1,
        predict=lambda model: list(model.predictions([path])),
    )
