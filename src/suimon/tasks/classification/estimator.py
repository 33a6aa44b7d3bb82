"""A classifier in three lines, after scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suimon.data.labelled import LabelledSequences
from suimon.errors import ShapeError
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.infer import TrainedClassifier
from suimon.tasks.classification.model import ClassificationNetwork
from suimon.tasks.classification.objective import Classifying
from suimon.tasks.classification.train import make_plan
from suimon.tasks.estimator import Estimator
from suimon.tasks.number_sequences import as_number_sequences, place
from suimon.tasks.run_maker import Plan
from suimon.training.observers import Observer

Inputs = Sequence[str] | Sequence[npt.ArrayLike] | npt.NDArray
"""Texts, or sequences of numbers: ``(N, T)``, ``(N, T, I)``, or N of ``(T,)`` or ``(T, I)``."""


class SequenceClassifier(Estimator):
    """Learns to tell sequences apart: texts, or numbers in one channel or more.

    The constructor only keeps its arguments, so that ``sklearn.base.clone`` works; :meth:`fit`
    checks them. ``None`` is chosen by the rule of :mod:`suimon.tasks.classification.recipe`.

    Args:
        cell: the name of any of the :mod:`~suimon.cells`, e.g. ``lstm``.
        hidden_size: hidden units of each direction of each layer.
        num_layers: recurrent layers.
        bidirectional: whether sequences are read backwards too.
        pooling: ``last``, ``mean``, ``max`` or ``attention``.
        learning_rate: highest learning rate.
        epochs: passes over the training sequences; those of the fewest errors in validation count.
        options: any further options by name, those of
            :class:`~suimon.tasks.classification.config.ClassificationConfig` and
            :class:`~suimon.training.config.TrainingConfig`, e.g. ``{"dropout": 0.3}``.
        random_state: decides the validation split, the first weights, the order and dropout.

    Attributes:
        classes_: the labels in the order of :meth:`predict_proba`'s columns.
        model_: the :class:`~suimon.tasks.classification.infer.TrainedClassifier`.
        config_: its complete options.
        training_: the loop's complete options.
        loss_: validation loss of the weights that were kept, in nats a sequence.
        step_: the optimiser step that these weights are of.
        history_: a dict an evaluation, as in ``metrics.jsonl``.

    Example:
        >>> X = np.concatenate([np.zeros((20, 5)), np.ones((20, 5))])
        >>> y = ["low"] * 20 + ["high"] * 20
        >>> SequenceClassifier(hidden_size=8, epochs=8).fit(X, y).predict(X[[0, 30]]).tolist()
        ['low', 'high']
    """

    ARGUMENTS: ClassVar[Mapping[str, str]] = {
        "cell": "cell",
        "hidden_size": "hidden",
        "num_layers": "layers",
        "bidirectional": "bidirectional",
        "pooling": "pooling",
        "learning_rate": "learning_rate",
    }
    CONFIG = ClassificationConfig
    TASK = DESCRIPTION.name

    def __init__(
        self,
        cell: str | None = None,
        hidden_size: int | None = None,
        num_layers: int | None = None,
        *,
        bidirectional: bool = True,
        pooling: str = "max",
        learning_rate: float | None = None,
        epochs: int = 20,
        options: Mapping[str, Any] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.options = options
        self.random_state = random_state

    def fit(self, X: Inputs, y: npt.ArrayLike, *, observers: Sequence[Observer] = ()) -> Self:
        """Learn to tell sequences apart; what was learnt before is forgotten.

        Args:
            X: N sequences, see :data:`Inputs`.
            y: N labels.
            observers: told about the progress, see :mod:`suimon.training.observers`.

        Raises:
            ConfigError: an option is out of range or unknown.
            ShapeError: X and y do not fit each other, or X is neither texts nor numbers.
            DataError: there is nothing to tell apart, or a class with one sequence.
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        labels = np.asarray(y)
        if labels.ndim != 1 or len(labels) != len(X):
            raise ShapeError(f"y has shape {labels.shape}; give {len(X)} labels, one a sequence")
        config, training = self._parsed({"epochs": self.epochs})
        names, numbers = np.unique(labels, return_inverse=True)
        data = as_sequences(X, tuple(str(number) for number in numbers))
        plan = make_plan(data, None, config, training)
        self.classes_ = names
        return self._train(plan, observers)

    def predict_proba(self, X: Inputs) -> npt.NDArray[np.float64]:
        """The probability of each class, ``(N, C)`` in the order of ``classes_``.

        Raises:
            NotFittedError: before :meth:`fit`.
            ShapeError: X is neither texts nor numbers.
            DataError: X is of another kind than what was learnt from.
        """
        return self._fitted().predict_proba(as_sequences(X))

    def predict(self, X: Inputs) -> npt.NDArray:
        """The likeliest label of each sequence, ``(N,)``. Raises as :meth:`predict_proba`."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: Inputs, y: npt.ArrayLike) -> float:
        """The share of sequences whose label is found. Raises as :meth:`predict_proba`."""
        return float((self.predict(X) == np.asarray(y)).mean())

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """As for any estimator; the ``classes_`` are strings."""
        estimator = super().load(directory)
        estimator.classes_ = np.array(estimator.model_.labels)
        return estimator

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a classifier; only called where it is installed."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(two_d_array=True, three_d_array=True, string=True),
        )

    def _trained(
        self, plan: Plan[Classifying], network: ClassificationNetwork
    ) -> TrainedClassifier:
        """The classifier with the labels as they were given."""
        named = [str(self.classes_[int(n)]) for n in plan.task.preprocessing.labels]
        preprocessing = plan.task.preprocessing.renamed(named)
        return TrainedClassifier(network, preprocessing, plan.task.config)


def as_sequences(X: Inputs, labels: tuple[str, ...] | None = None) -> LabelledSequences:
    """Texts or numbers as one kind of sequences.

    Raises:
        ShapeError: they are neither.
    """
    if len(X) == 0:
        raise ShapeError("X has no sequence: give one or more")
    if isinstance(X[0], str):
        return LabelledSequences("text", [str(text) for text in X], labels, place)
    rows = as_number_sequences(X, "a text")
    return LabelledSequences("series", rows, labels, place)
