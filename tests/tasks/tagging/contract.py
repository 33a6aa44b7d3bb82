"""What the contract of tests/tasks/test_contract.py needs to know of this task."""

from pathlib import Path

from suimon.data.tagged import read_tagged
from tests.tasks.contract import Contract
from tests.tasks.tagging.conftest import conll, sentences


def contract(folder: Path) -> Contract:
    """Sentences with people and places, by words and letters, tags scored together."""
    path = folder / "people.conll"
    path.write_text(conll(sentences(60)))
    return Contract(
        paths=[path],
        config={"hidden": 12, "embedding": 8, "dropout": 0.1, "cell": "gru", "output": "crf"},
        training={"steps": 60, "batch_size": 8, "learning_rate": 0.02},
        overfitted=0.1,
        predict=lambda model: model.predict(read_tagged([path])),
    )
