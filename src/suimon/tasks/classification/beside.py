"""The bag of words that a run on texts keeps beside its network, to compare it with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from suimon.data.labelled import LabelledSequences
from suimon.errors import ConfigError
from suimon.tasks.classification.bag_of_words import MOST_WORDS, WORDS_A_MINUTE, BagOfWords
from suimon.tasks.classification.data import Preprocessing, prepared
from suimon.tasks.classification.objective import judgement
from suimon.tasks.making_runs import Notify
from suimon.training.run_directory import RunDirectory
from suimon.training.tensor_file import read_tensors, write_tensors

NAME = "bag_of_words"
FILE = f"{NAME}.safetensors"


@dataclass(frozen=True)
class BagBeside:
    """A bag of words that is made of the data that the network learns from.

    Attributes:
        train: what to learn from.
        valid: what to judge by.
        read: how texts are prepared, and the classes.
        splitter: how texts are cut into words.
        minutes: the budget, where it is one of time, of which the bag of words takes a share.
    """

    train: LabelledSequences
    valid: LabelledSequences
    read: Preprocessing
    splitter: str
    minutes: float | None = None

    def attend(self, run: RunDirectory, notify: Notify) -> dict[str, dict[str, float]]:
        """Leave :data:`FILE` in the run; what the bag of words reaches on the validation data.

        Where scikit-learn is missing there is none, and a line says so.
        """
        bag = read_bag(run.path)
        if bag is None:
            try:
                bag = self._made()
            except ConfigError as missing:
                notify(str(missing))
                return {}
            write_tensors(run.path / FILE, bag.tensors(), {"splitter": bag.splitter})
        reached = bag_facts(bag, self.valid, self.read)
        listed = ", ".join(f"{name.replace('_', ' ')} {n:.4f}" for name, n in reached.items())
        notify(f"beside the network, a bag of words on the same validation texts: {listed}")
        return {NAME: reached}

    def _made(self) -> BagOfWords:
        most = MOST_WORDS
        if self.minutes is not None:
            most = min(most, int(self.minutes * WORDS_A_MINUTE))
        labels, classes = self.read.numbers(self.train), len(self.read.labels)
        texts = _texts(self.train, self.read)
        return BagOfWords.fit(texts, labels, classes, self.splitter, most_words=most)


def read_bag(folder: Path) -> BagOfWords | None:
    """The bag of words that :class:`BagBeside` left in a run; ``None`` where there is none.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not (folder / FILE).exists():
        return None
    tensors, header = read_tensors(folder / FILE)
    return BagOfWords.from_tensors(tensors, header["splitter"])


def bag_facts(bag: BagOfWords, data: LabelledSequences, read: Preprocessing) -> dict[str, float]:
    """The two numbers that are compared with the network's."""
    found = judgement(bag.probabilities(_texts(data, read)), read.numbers(data))
    return {"accuracy": found.accuracy, "macro_f1": found.macro_f1}


def _texts(data: LabelledSequences, read: Preprocessing) -> list[str]:
    return [prepared(str(text), read.lowercase) for text in data.sequences]
