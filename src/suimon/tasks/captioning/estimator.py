"""A captioner in three lines, after scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suimon.data.images import ImageForm
from suimon.data.images.captions import Captioned, Pictures
from suimon.errors import ShapeError
from suimon.tasks.captioning.config import DESCRIPTION, CaptioningConfig
from suimon.tasks.captioning.infer import BEAM, TrainedCaptioner
from suimon.tasks.captioning.model import CaptioningNetwork
from suimon.tasks.captioning.objective import Captioning
from suimon.tasks.captioning.train import make_plan
from suimon.tasks.estimator import Estimator, sklearn_tags
from suimon.tasks.image_arrays import as_features, as_images
from suimon.tasks.run_maker import Plan
from suimon.training.observers import Observer


class Captioner(Estimator):
    """Learns to describe images in a sentence.

    The constructor only keeps its arguments, so that ``sklearn.base.clone`` works; :meth:`fit`
    checks them. ``None`` is chosen by the rule of :mod:`suimon.tasks.captioning.recipe`.

    Args:
        cell: the name of any of the :mod:`~suimon.cells`, e.g. ``lstm``.
        hidden_size: hidden units of each layer of the decoder.
        num_layers: its recurrent layers.
        attention: ``none``, ``additive``, ``multiplicative`` or ``scaled``, over places of the
            image.
        features: whether X holds features that another network has made of images.
        learning_rate: highest learning rate.
        epochs: passes over the training captions.
        options: any further options by name, those of
            :class:`~suimon.tasks.captioning.config.CaptioningConfig` and
            :class:`~suimon.training.config.TrainingConfig`, e.g. ``{"dropout": 0.1}``.
        random_state: decides the validation split, the first weights, the order and dropout.

    Attributes:
        model_: the :class:`~suimon.tasks.captioning.infer.TrainedCaptioner`.
        config_: its complete options.
        training_: the loop's complete options.
        loss_: validation loss of the weights that were kept, in nats a unit.
        step_: the optimiser step that these weights are of.
        history_: a dict an evaluation, as in ``metrics.jsonl``.

    Example:
        >>> X = np.zeros((40, 8, 8, 3))
        >>> X[::2] = 1
        >>> y = ["a white square", "a black one"] * 20
        >>> Captioner(hidden_size=16, epochs=20, learning_rate=0.01).fit(X, y).predict(X[:2])
        ['a white square', 'a black one']
    """

    ARGUMENTS: ClassVar[Mapping[str, str]] = {
        "cell": "cell",
        "hidden_size": "hidden",
        "num_layers": "layers",
        "attention": "attention",
        "learning_rate": "learning_rate",
    }
    CONFIG = CaptioningConfig
    TASK = DESCRIPTION.name

    def __init__(
        self,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int | None = None,
        *,
        attention: str = "scaled",
        features: bool = False,
        learning_rate: float | None = None,
        epochs: int = 20,
        options: Mapping[str, Any] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.attention = attention
        self.features = features
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.options = options
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,
        y: Sequence[str | Sequence[str]],
        *,
        observers: Sequence[Observer] = (),
    ) -> Self:
        """Learn to describe images; what was learnt before is forgotten.

        Args:
            X: images ``(N, height, width)`` or ``(N, height, width, 3)``, bytes or numbers in 0 to
                1; or features ``(N, M)`` or ``(N, S, M)``, of S places.
            y: N captions, or for an image a list of several.
            observers: told about the progress, see :mod:`suimon.training.observers`.

        Raises:
            ConfigError: an option is out of range or unknown.
            ShapeError: X is not images or features, or y does not fit it.
            DataError: there is one image only, or a caption is empty or too long.
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        data = self._captioned(X, y)
        config, training = self._parsed({"epochs": self.epochs})
        return self._train(make_plan(data, None, config, training), observers)

    def predict(self, X: npt.ArrayLike, beam: int = BEAM) -> list[str]:
        """A sentence for each image.

        Raises:
            NotFittedError: before :meth:`fit`.
            ShapeError: X is not images or features of the form learnt from.
        """
        model = self._fitted()
        return [found.text for found in model.captions(self._pictures(X), beam=beam)]

    def score(self, X: npt.ArrayLike, y: Sequence[str | Sequence[str]]) -> float:
        """The share of images whose sentence is one of their captions.

        Raises as :meth:`predict` and :meth:`fit`.
        """
        data = self._captioned(X, y)
        read, known = self._fitted().preprocessing, data.references()
        right = [
            text in [read.as_written(caption) for caption in known[n]]
            for n, text in enumerate(self.predict(X))
        ]
        return sum(right) / len(right)

    @classmethod
    def load(cls, directory: Any) -> Self:
        """As for any estimator."""
        estimator = super().load(directory)
        estimator.features = isinstance(estimator.model_.preprocessing.form, tuple)
        return estimator

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; only called where it is installed."""
        return sklearn_tags(targets=True, two_d_array=self.features, three_d_array=True)

    def _trained(self, plan: Plan[Captioning], network: CaptioningNetwork) -> TrainedCaptioner:
        return TrainedCaptioner(network, plan.task.preprocessing, plan.task.config)

    def _pictures(self, X: npt.ArrayLike) -> Pictures:
        form = self._fitted().preprocessing.form
        return as_images(X, form) if isinstance(form, ImageForm) else as_features(X, form)

    def _captioned(self, X: npt.ArrayLike, y: Sequence[str | Sequence[str]]) -> Captioned:
        pictures = as_features(X) if self.features else as_images(X)
        if len(y) != len(pictures):
            raise ShapeError(f"y has {len(y)} captions; give {len(pictures)}, one an image")
        captions: list[str] = []
        picture_of: list[int] = []
        for n, given in enumerate(y):
            several = [given] if isinstance(given, str) else given
            several = list(several) if isinstance(several, Iterable) else []
            if not several or not all(isinstance(text, str) and text.strip() for text in several):
                raise ShapeError(f"y[{n}] is {given!r:.60}; give a caption, or a list of some")
            captions += several
            picture_of += [n] * len(several)
        return Captioned(pictures, captions, np.array(picture_of, np.int64))
