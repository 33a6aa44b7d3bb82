"""A generator of images in three lines, after scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suimon.data.images import ImageForm, Images
from suimon.errors import ShapeError
from suimon.tasks.estimator import Estimator, sklearn_tags
from suimon.tasks.image_arrays import as_images
from suimon.tasks.rows.config import DESCRIPTION, RowsConfig
from suimon.tasks.rows.data import LEVELS
from suimon.tasks.rows.infer import TrainedRowGenerator
from suimon.tasks.rows.model import RowNetwork
from suimon.tasks.rows.objective import DrawingRows, upper_half
from suimon.tasks.rows.train import make_plan
from suimon.tasks.run_maker import Plan
from suimon.training.observers import Observer

Floats = npt.NDArray[np.float32]


class RowGenerator(Estimator):
    """Learns to draw images row by row: completes them from their first rows, and samples.

    The constructor only keeps its arguments, so that ``sklearn.base.clone`` works; :meth:`fit`
    checks them. ``None`` is chosen by the rule of :mod:`suimon.tasks.rows.recipe`.

    Args:
        cell: the name of any of the :mod:`~suimon.cells`, e.g. ``lstm``.
        hidden_size: hidden units of each layer.
        num_layers: recurrent layers.
        output: ``mse``, ``bernoulli`` or ``mixture``; from the last two images can be drawn.
        ahead: rows predicted from each state.
        learning_rate: highest learning rate.
        epochs: passes over the training images.
        options: any further options by name, those of
            :class:`~suimon.tasks.rows.config.RowsConfig` and
            :class:`~suimon.training.config.TrainingConfig`, e.g. ``{"components": 16}``.
        random_state: decides the validation split, the first weights, the order and dropout.

    Attributes:
        model_: the :class:`~suimon.tasks.rows.infer.TrainedRowGenerator`.
        config_: its complete options.
        training_: the loop's complete options.
        loss_: validation loss of the weights that were kept.
        step_: the optimiser step that these weights are of.
        history_: a dict an evaluation, as in ``metrics.jsonl``.

    Example:
        >>> X = np.zeros((40, 6, 4))
        >>> X[::2, :, :2] = 1
        >>> generator = RowGenerator(hidden_size=16, epochs=60).fit(X)
        >>> generator.predict(X[:2, :3]).round().mean(axis=1).tolist()
        [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """

    ARGUMENTS: ClassVar[Mapping[str, str]] = {
        "cell": "cell",
        "hidden_size": "hidden",
        "num_layers": "layers",
        "output": "output",
        "ahead": "ahead",
        "learning_rate": "learning_rate",
    }
    CONFIG = RowsConfig
    TASK = DESCRIPTION.name

    def __init__(
        self,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int | None = None,
        *,
        output: str = "mse",
        ahead: int | None = None,
        learning_rate: float | None = None,
        epochs: int = 10,
        options: Mapping[str, Any] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.output = output
        self.ahead = ahead
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.options = options
        self.random_state = random_state

    def fit(
        self, X: npt.ArrayLike, y: object = None, *, observers: Sequence[Observer] = ()
    ) -> Self:
        """Learn to draw such images; what was learnt before is forgotten.

        Args:
            X: ``(N, height, width)`` grey or ``(N, height, width, 3)``; numbers in 0 to 1, which
                are kept in 256 levels, or bytes.
            y: not read.
            observers: told about the progress, see :mod:`suimon.training.observers`.

        Raises:
            ConfigError: an option is out of range or unknown.
            ShapeError: X is not images.
            DataError: there is one image only.
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        images = as_images(X)
        config, training = self._parsed({"epochs": self.epochs})
        return self._train(make_plan(images, None, config, training), observers)

    def predict(self, X: npt.ArrayLike) -> Floats:
        """Whole images from their first rows.

        Args:
            X: ``(N, rows given, width)``, or with colours ``(N, rows given, width, 3)``.

        Returns:
            As X with all rows, in 0 to 1.

        Raises:
            NotFittedError: before :meth:`fit`.
            ShapeError: X is not images, or not as wide, or has as many rows as an image.
        """
        model = self._fitted()
        form = model.preprocessing.form
        given = as_images(X)
        if (given.form.width, given.form.channels) != (form.width, form.channels) or (
            given.form.height >= form.height
        ):
            raise ShapeError(f"X has images of {given.form}; give fewer rows of those of {form}")
        rows = _stacked(given).reshape(len(given), given.form.height, -1)
        return _as_given(model.completed(rows), form)

    def sample(self, count: int, seed: int = 0) -> Floats:
        """Images drawn by chance, in 0 to 1: ``(count, height, width)`` or with 3 colours.

        Raises:
            NotFittedError: before :meth:`fit`.
            ConfigError: the output is ``mse``, which says nothing of chance.
        """
        model = self._fitted()
        return _as_given(model.samples(count, seed), model.preprocessing.form)

    def score(self, X: npt.ArrayLike, y: object = None) -> float:
        """How much better lower halves are completed than by the mean image: 1 is perfect, 0 equal.

        ``1 - mse / mse of the mean image``. Raises as :meth:`predict`.
        """
        model = self._fitted()
        truth = _stacked(as_images(X))
        given = upper_half(model.preprocessing.form)
        rows = truth.reshape(len(truth), truth.shape[1], -1)
        error = np.square(model.completed(rows[:, :given]) - rows)[:, given:].mean()
        mean = np.array(model.preprocessing.mean_image, np.float32)
        return float(1 - error / np.square(mean - rows)[:, given:].mean())

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; only called where it is installed."""
        return sklearn_tags(targets=False, two_d_array=False, three_d_array=True)

    def _trained(self, plan: Plan[DrawingRows], network: RowNetwork) -> TrainedRowGenerator:
        return TrainedRowGenerator(network, plan.task.preprocessing, plan.task.config)


def _stacked(images: Images) -> Floats:
    """``(N, height, width, channels)`` in 0 to 1."""
    bytes_ = np.stack([images[n] for n in range(len(images))])
    return bytes_.astype(np.float32) / np.float32(LEVELS)


def _as_given(rows: Floats, form: ImageForm) -> Floats:
    """``(N, T, I)`` as ``(N, height, width)``, or with colours."""
    shape = (form.height, form.width, form.channels)[: 2 if form.channels == 1 else 3]
    return rows.reshape(len(rows), *shape)
