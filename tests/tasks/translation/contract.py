"""What the contract of tests/tasks/test_contract.py needs to know of this task."""

from pathlib import Path

from suimon.data.pairs import SentencePairs
from tests.tasks.contract import Contract
from tests.tasks.translation.conftest import reversals


def contract(folder: Path) -> Contract:
    """Letters to be written in capitals and backwards."""
    pairs = reversals(200)
    path = folder / "reversals.txt"
    lines = zip(pairs.sources, pairs.targets or (), strict=True)
    path.write_text("".join(f"{source} > {target}\n" for source, target in lines))
    some = SentencePairs(["abcd", "ca", ""], None, lambda n: f"line {n}")

    def predict(model):
        return [(found.text, found.log_probability) for found in model.translate(some)]

    return Contract(
        paths=[path],
        config={"separator": ">", "hidden": 32, "embedding": 8, "dropout": 0.05, "cell": "gru"},
        training={"steps": 150, "batch_size": 32, "learning_rate": 0.02},
        overfitted=0.15,
        predict=predict,
    )
