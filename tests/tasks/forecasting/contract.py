"""What the contract of tests/tasks/test_contract.py needs to know of this task."""

from pathlib import Path

from tests.tasks.contract import Contract
from tests.tasks.forecasting.conftest import shops


def contract(folder: Path) -> Contract:
    """Weeks with promotions, which a small network can learn in a second."""
    path = folder / "shops.csv"
    shops().write_csv(path)
    return Contract(
        paths=[path],
        config={"horizon": 3, "known": ["promotion"], "hidden": 8, "cell": "gru", "context": 16},
        training={"steps": 40, "batch_size": 16, "learning_rate": 0.01},
        overfitted=2.0,
        predict=lambda model: model.evaluate([path])["mae"],
    )
