"""What the contract of tests/tasks/test_contract.py needs to know of this task."""

from pathlib import Path

from tests.tasks.contract import Contract
from tests.tasks.rows.conftest import stripes, write_idx


def contract(folder: Path) -> Contract:
    """Moving stripes, which a small network can learn in a second."""
    path = write_idx(folder / "stripes.idx3", stripes(40))
    return Contract(
        paths=[path],
        config={"hidden": 24, "ahead": 3, "dropout": 0.1, "valid_fraction": 0.2},
        training={"steps": 100, "batch_size": 8, "learning_rate": 0.02},
        overfitted=0.06,  # the first row cannot be known, and the variance of a pixel is 0.098
        predict=lambda model: list(model.predictions([path])),
    )
