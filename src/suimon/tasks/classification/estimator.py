"""A classifier in three lines, after scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suimon.data.images import ImageForm
from suimon.data.labelled import LabelledSequences
from suimon.errors import ShapeError
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.infer import TrainedClassifier
from suimon.tasks.classification.label_names import LabelNames
from suimon.tasks.classification.model import ClassificationNetwork
from suimon.tasks.classification.objective import Classifying
from suimon.tasks.classification.rejecting import REJECTED, threshold_of
from suimon.tasks.classification.train import make_plan
from suimon.tasks.estimator import Estimator
from suimon.tasks.image_arrays import as_videos
from suimon.tasks.labels import distinct
from suimon.tasks.number_sequences import as_number_sequences, as_text, place
from suimon.tasks.run_maker import Plan
from suimon.training.config import TrainingConfig
from suimon.training.observers import Observer

Inputs = Sequence[str] | Sequence[npt.ArrayLike] | npt.NDArray
"""Texts; sequences of numbers: ``(N, T)``, ``(N, T, I)``, or N of ``(T,)`` or ``(T, I)``; videos:
N arrays ``(T, height, width)`` or ``(T, height, width, 3)``, bytes or numbers from 0 to 1."""


class SequenceClassifier(Estimator):
    """Learns to tell sequences apart: texts, numbers in one channel or more, or videos.

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
            :class:`~suimon.training.config.TrainingConfig`, e.g. ``{"dropout": 0.3}``, or
            ``{"branch": "bag-of-words", "from_": "runs/text"}``. A label of y that ``noise_label``
            names is no class: its sequences are learnt as noise.
        random_state: decides the validation split, the first weights, the order, dropout and noise.
        reject_below: :meth:`predict` gives no class below this probability; ``"auto"`` finds one on
            the validation data.
        noise: learn noise as "none of these": so many sequences of it for each of X.
        reject_label: what :meth:`predict` gives then. ``None``: the ``noise_label`` where there is
            one, else "none of these" where labels are texts, and -1 where they are numbers.

    Attributes:
        classes_: the labels in the order of :meth:`predict_proba`'s columns.
        reject_label_: what :meth:`predict` gives where none of them fits.
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
        "reject_below": "reject_below",
        "noise": "noise",
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
        reject_below: float | str | None = None,
        noise: float = 0.0,
        reject_label: Any = None,
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
        self.reject_below = reject_below
        self.noise = noise
        self.reject_label = reject_label

    def fit(self, X: Inputs, y: npt.ArrayLike, *, observers: Sequence[Observer] = ()) -> Self:
        """Learn to tell sequences apart; what was learnt before is forgotten.

        Args:
            X: N sequences, see :data:`Inputs`.
            y: N labels.
            observers: told about the progress, see :mod:`suimon.training.observers`.

        Raises:
            ConfigError: an option is out of range or unknown, or a class has the label that stands
                for none of them.
            ShapeError: X and y do not fit each other, or X is none of :data:`Inputs`.
            DataError: there is nothing to tell apart, or a class with one sequence.
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        config, training = self._parsed({"epochs": self.epochs})
        data = as_sequences(X)
        names, numbers = distinct(y, len(data))
        named = LabelNames.of(names, config, self.reject_label)
        data = replace(data, labels=tuple(named.inside[number] for number in numbers))
        plan = make_plan(data, None, named.options(config), training)
        self.classes_, self.reject_label_ = named.classes, named.rejected
        return self._train(replace(plan, config=named.outside(plan.config, config)), observers)

    def predict_proba(self, X: Inputs) -> npt.NDArray[np.float64]:
        """The probability of each class, ``(N, C)`` in the order of ``classes_``.

        Where noise was learnt, what lacks to 1 is the probability that it is none of them.

        Raises:
            NotFittedError: before :meth:`fit`.
            ShapeError: X is none of :data:`Inputs`.
            DataError: X is of another kind than what was learnt from.
        """
        return self._judged(X)[0][:, : len(self.classes_)]

    def predict(self, X: Inputs) -> npt.NDArray:
        """The likeliest label of each sequence, ``(N,)``, or :attr:`reject_label_`.

        Raises as :meth:`predict_proba`.
        """
        shares, rejected = self._judged(X)
        labels = self.classes_[shares[:, : len(self.classes_)].argmax(axis=1)]
        if not rejected.any():
            return labels
        return np.where(rejected, np.asarray(self.reject_label_), labels)

    def score(self, X: Inputs, y: npt.ArrayLike) -> float:
        """The share of sequences whose label is found, :attr:`reject_label_` where none fits.

        Raises as :meth:`predict_proba`.
        """
        return float((self.predict(X) == np.asarray(y)).mean())

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """As for any estimator; the ``classes_`` are strings."""
        estimator = super().load(directory)
        estimator.classes_ = np.array(estimator.model_.labels)
        estimator.reject_label_ = estimator.config_.noise_label or REJECTED
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
        config: Any = plan.config
        return TrainedClassifier(network, preprocessing, config)

    def _keep(
        self,
        model: TrainedClassifier,
        training: TrainingConfig,
        loss: float | None,
        step: int,
        metrics: Mapping[str, float],
    ) -> None:
        model.reject_below = threshold_of(model.config.reject_below, metrics)
        super()._keep(model, training, loss, step, metrics)

    def _judged(self, X: Inputs) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        model: TrainedClassifier = self._fitted()
        return model.judged(as_sequences(X, form=model.preprocessing.form))


def as_sequences(X: Inputs, form: ImageForm | None = None) -> LabelledSequences:
    """Texts, numbers or videos as one kind of sequences.

    Args:
        X: see :data:`Inputs`.
        form: of videos, what their frames are brought to; ``None``: what the first has.

    Raises:
        ShapeError: they are none of these.
    """
    if len(X) == 0:
        raise ShapeError("X has no sequence: give one or more")
    if isinstance(X[0], str):
        texts = [as_text(text, place(n)) for n, text in enumerate(X)]
        return LabelledSequences("text", texts, None, place)
    if getattr(X[0], "ndim", 0) > 2:
        videos = as_videos(X, form)  # type: ignore[arg-type]
        return LabelledSequences("video", videos, None, place, form=videos.images.form)
    rows = as_number_sequences(X, "a text")
    return LabelledSequences("series", rows, None, place)
