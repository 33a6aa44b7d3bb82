"""What a run on texts keeps beside its network: a bag of words, and which texts were learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from suimon.data.labelled import LabelledSequences
from suimon.data.text.overlap import fingerprints
from suimon.errors import ConfigError
from suimon.tasks.classification.bag_of_words import MOST_WORDS, WORDS_A_MINUTE, BagOfWords
from suimon.tasks.classification.data import Preprocessing, prepared
from suimon.tasks.classification.objective import Judgement, judgement
from suimon.tasks.learnt_texts import overlap
from suimon.tasks.making_runs import Notify
from suimon.training.run_directory import RunDirectory
from suimon.training.tensor_file import read_tensors, write_tensors

FILE = "beside.safetensors"
NAME = "bag_of_words"


@dataclass(frozen=True)
class Beside:
    """A bag of words, and the texts that were learnt from.

    Attributes:
        bag: ``None`` where scikit-learn was missing.
        learnt: fingerprints of the training texts; see :mod:`suimon.data.text.overlap`.
    """

    bag: BagOfWords | None
    learnt: npt.NDArray[np.uint64]

    def write(self, folder: Path) -> None:
        """Into a run's directory."""
        tensors = {"learnt": torch.from_numpy(self.learnt.view(np.int64))}
        tensors |= {} if self.bag is None else self.bag.tensors()
        write_tensors(folder / FILE, tensors, {"splitter": self.bag and self.bag.splitter})

    @classmethod
    def read(cls, folder: Path) -> Beside | None:
        """What :meth:`write` wrote; ``None`` where there is nothing.

        Raises:
            CheckpointError: the file is damaged.
        """
        if not (folder / FILE).exists():
            return None
        tensors, header = read_tensors(folder / FILE)
        learnt = tensors.pop("learnt").numpy().view(np.uint64)
        bag = BagOfWords.from_tensors(tensors, header["splitter"]) if tensors else None
        return cls(bag, learnt)

    def facts(self, data: LabelledSequences, read: Preprocessing) -> dict[str, Any]:
        """What ``suimon evaluate`` says beside the network: the bag's worth, and the overlap."""
        texts = [str(text) for text in data.sequences]
        facts = overlap(texts, self.learnt)
        if self.bag is not None:
            facts[NAME] = worth(judged_by_bag(self.bag, texts, read.numbers(data), read))
        return facts


@dataclass(frozen=True)
class Companion:
    """What is made beside the network, from the data that this learns from.

    Attributes:
        train: what to learn from.
        valid: what to judge by.
        read: how texts are prepared, and the classes.
        splitter: how texts are cut into words.
        earlier: fingerprints of texts that the network's start has learnt from.
        minutes: the budget, where it is one of time, of which the bag of words takes a share.
    """

    train: LabelledSequences
    valid: LabelledSequences
    read: Preprocessing
    splitter: str
    earlier: npt.NDArray[np.uint64]
    minutes: float | None = None

    def attend(self, run: RunDirectory, notify: Notify) -> dict[str, dict[str, float]]:
        """Leave :data:`FILE` in the run; what the bag of words reaches on the validation data."""
        beside = Beside.read(run.path)
        if beside is None:
            beside = self._made(notify)
            beside.write(run.path)
        if beside.bag is None:
            return {}
        texts = [str(text) for text in self.valid.sequences]
        labels = self.read.numbers(self.valid)
        reached = worth(judged_by_bag(beside.bag, texts, labels, self.read))
        listed = ", ".join(f"{name.replace('_', ' ')} {n:.4f}" for name, n in reached.items())
        notify(f"beside the network, a bag of words on the same validation texts: {listed}")
        return {NAME: reached}

    def _made(self, notify: Notify) -> Beside:
        own = fingerprints(str(text) for text in self.train.sequences)
        learnt = np.union1d(own, self.earlier)
        texts = _prepared([str(text) for text in self.train.sequences], self.read)
        most = MOST_WORDS
        if self.minutes is not None:
            most = min(most, int(self.minutes * WORDS_A_MINUTE))
        labels, classes = self.read.numbers(self.train), len(self.read.labels)
        try:
            bag = BagOfWords.fit(texts, labels, classes, self.splitter, most_words=most)
        except ConfigError as missing:
            notify(str(missing))
            bag = None
        return Beside(bag, learnt)


def judged_by_bag(
    bag: BagOfWords, texts: Sequence[str], labels: npt.NDArray[np.int64], read: Preprocessing
) -> Judgement:
    """What a bag of words says of labelled texts."""
    return judgement(bag.probabilities(_prepared(texts, read)), labels)


def worth(found: Judgement) -> dict[str, float]:
    """The two numbers that are compared with the network's."""
    return {"accuracy": found.accuracy, "macro_f1": found.macro_f1}


def _prepared(texts: Sequence[str], read: Preprocessing) -> list[str]:
    return [prepared(text, read.lowercase) for text in texts]
