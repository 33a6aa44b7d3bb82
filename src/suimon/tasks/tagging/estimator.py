"""A tagger in three lines, after scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suimon.data.tagged import TaggedSequences
from suimon.errors import DataError, ShapeError
from suimon.tasks.estimator import Estimator, sklearn_tags
from suimon.tasks.number_sequences import as_number_sequences, as_text, place
from suimon.tasks.run_maker import Plan
from suimon.tasks.tagging.config import DESCRIPTION, TaggingConfig
from suimon.tasks.tagging.infer import TrainedTagger
from suimon.tasks.tagging.model import TaggingNetwork
from suimon.tasks.tagging.objective import Tagging
from suimon.tasks.tagging.train import make_plan
from suimon.training.observers import Observer

Inputs = Sequence[Sequence[str]] | Sequence[npt.NDArray] | Sequence[Sequence[Any]]
"""Sentences as lists of words, or N sequences of numbers, ``(T,)`` or ``(T, I)`` each."""


class SequenceTagger(Estimator):
    """Learns to give every step of a sequence a label: words, or numbers in one channel or more.

    The constructor only keeps its arguments, so that ``sklearn.base.clone`` works; :meth:`fit`
    checks them. ``None`` is chosen by the rule of :mod:`suimon.tasks.tagging.recipe`.

    Args:
        cell: the name of any of the :mod:`~suimon.cells`, e.g. ``lstm``.
        hidden_size: hidden units of each direction of each layer.
        num_layers: recurrent layers.
        bidirectional: whether sequences are read backwards too.
        output: ``softmax`` or ``crf``.
        learning_rate: highest learning rate.
        epochs: passes over the training sequences; the weights of the lowest loss are kept.
        options: any further options by name, those of
            :class:`~suimon.tasks.tagging.config.TaggingConfig` and
            :class:`~suimon.training.config.TrainingConfig`, e.g. ``{"characters": False}``.
        random_state: decides the validation split, the first weights, the order and dropout.

    Attributes:
        classes_: the labels in the order of :meth:`predict_proba`'s columns.
        model_: the :class:`~suimon.tasks.tagging.infer.TrainedTagger`.
        config_: its complete options.
        training_: the loop's complete options.
        loss_: validation loss of the weights that were kept, in nats a step.
        step_: the optimiser step that these weights are of.
        history_: a dict an evaluation, as in ``metrics.jsonl``.

    Example:
        >>> X = [["see", "Spot", "run"], ["Spot", "runs"], ["run", "Rex"], ["Rex", "sees"]] * 10
        >>> y = [["V", "N", "V"], ["N", "V"], ["V", "N"], ["N", "V"]] * 10
        >>> SequenceTagger(hidden_size=8, epochs=12).fit(X, y).predict([["see", "Rex"]])
        [['V', 'N']]
    """

    ARGUMENTS: ClassVar[Mapping[str, str]] = {
        "cell": "cell",
        "hidden_size": "hidden",
        "num_layers": "layers",
        "bidirectional": "bidirectional",
        "output": "output",
        "learning_rate": "learning_rate",
    }
    CONFIG = TaggingConfig
    TASK = DESCRIPTION.name

    def __init__(
        self,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int | None = None,
        *,
        bidirectional: bool = True,
        output: str = "softmax",
        learning_rate: float | None = None,
        epochs: int = 20,
        options: Mapping[str, Any] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.output = output
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.options = options
        self.random_state = random_state

    def fit(
        self,
        X: Inputs,
        y: Sequence[Sequence[Any]],
        *,
        observers: Sequence[Observer] = (),
    ) -> Self:
        """Learn to tag; what was learnt before is forgotten.

        Args:
            X: N sequences, see :data:`Inputs`.
            y: N lists of labels, one a step.
            observers: told about the progress, see :mod:`suimon.training.observers`.

        Raises:
            ConfigError: an option is out of range or unknown.
            ShapeError: X and y do not fit each other, or X is neither words nor numbers.
            DataError: there is nothing to tell apart.
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        config, training = self._parsed({"epochs": self.epochs})
        rows: Sequence[Any] = X
        lengths = [(len(row), len(tags)) for row, tags in zip(rows, y, strict=False)]
        wrong = [n for n, (steps, tags) in enumerate(lengths) if steps != tags]
        if len(X) != len(y) or wrong:
            where = f"X[{wrong[0]}] has {lengths[wrong[0]]} steps and labels" if wrong else ""
            raise ShapeError(
                f"X has {len(X)} sequences and y {len(y)}"
                + (f", and {where}" if where else "")
                + ": give each step of each sequence one label"
            )
        for n, row in enumerate(y):
            for step, tag in enumerate(row):
                if tag is None or tag != tag:  # NaN
                    raise DataError(f"y[{n}] has {tag} at step {step}, which is no label: give one")
        names, numbers = np.unique([tag for tags in y for tag in tags], return_inverse=True)
        tags = np.split(numbers, np.cumsum([len(tags) for tags in y])[:-1])
        self.classes_ = names
        if names.dtype.kind == "U":
            data = as_sequences(X, [[str(tag) for tag in row] for row in y])
        else:  # any other kind comes back as it was given
            data = as_sequences(X, [[str(n) for n in row.tolist()] for row in tags])
        return self._train(make_plan(data, None, config, training), observers)

    def predict(self, X: Inputs) -> list[list[Any]]:
        """The best labels of each sequence, one a step.

        Raises:
            NotFittedError: before :meth:`fit`.
            ShapeError: X is neither words nor numbers.
            DataError: X is of another kind than what was learnt from.
        """
        found = self._fitted().predict(as_sequences(X))
        known = dict(zip(map(str, self.classes_), self.classes_.tolist(), strict=True))
        return [[known[tag] for tag in tags] for tags in found]

    def predict_proba(self, X: Inputs) -> list[npt.NDArray[np.float64]]:
        """The probability of each label at each step, ``(T, C)``. Raises as :meth:`predict`."""
        model = self._fitted()
        shares = model.predict_proba(as_sequences(X))
        order = [model.tags.index(str(name)) for name in self.classes_]
        return [row[:, order] for row in shares]

    def score(self, X: Inputs, y: Sequence[Sequence[Any]]) -> float:
        """The share of steps whose label is found. Raises as :meth:`predict`."""
        pairs = [
            (a, b)
            for some, others in zip(self.predict(X), y, strict=True)
            for a, b in zip(some, others, strict=True)
        ]
        return sum(a == b for a, b in pairs) / max(len(pairs), 1)

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """As for any estimator; the ``classes_`` are strings."""
        estimator = super().load(directory)
        estimator.classes_ = np.array(estimator.model_.tags)
        return estimator

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; only called where it is installed."""
        return sklearn_tags(targets=True, two_d_array=False, three_d_array=True, string=True)

    def _trained(self, plan: Plan[Tagging], network: TaggingNetwork) -> TrainedTagger:
        """The tagger with the labels as they were given."""
        tags = plan.task.preprocessing.tags
        if self.classes_.dtype.kind != "U":
            tags = tuple(str(self.classes_[int(n)]) for n in tags)
        return TrainedTagger(network, plan.task.preprocessing.renamed(tags), plan.task.config)


def as_sequences(X: Inputs, tags: Sequence[Sequence[str]] | None = None) -> TaggedSequences:
    """Words or numbers as one kind of sequences.

    Raises:
        ShapeError: they are neither.
    """
    if len(X) == 0:
        raise ShapeError("X has no sequence: give one or more")
    for n, row in enumerate(X):
        if isinstance(row, str):
            raise ShapeError(f"{place(n)} is {row!r:.60}, one text: give a list of its words")
        if not len(row):  # pyright: ignore[reportArgumentType]
            raise DataError(f"{place(n)} has no step: leave it out")
    if isinstance(X[0][0], str):  # pyright: ignore[reportIndexIssue]
        words = [tuple(_words(row, n)) for n, row in enumerate(X)]
        return TaggedSequences("text", words, tags, place)
    rows = as_number_sequences(X, "words")
    return TaggedSequences("series", rows, tags, place)


def _words(row: Any, n: int) -> Iterator[str]:
    for step, word in enumerate(row):
        if not as_text(word, f"{place(n)}, step {step}"):
            raise DataError(f"{place(n)}, step {step} is an empty word: leave it out")
        yield word
