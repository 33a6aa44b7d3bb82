"""A translator in three lines, after scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suimon.data.pairs import SentencePairs
from suimon.errors import ShapeError
from suimon.tasks.estimator import Estimator, sklearn_tags
from suimon.tasks.number_sequences import place
from suimon.tasks.run_maker import Plan
from suimon.tasks.translation.config import DESCRIPTION, TranslationConfig
from suimon.tasks.translation.infer import BEAM, LENGTH_PENALTY, TrainedTranslator, Translation
from suimon.tasks.translation.model import TranslationNetwork
from suimon.tasks.translation.objective import Translating
from suimon.tasks.translation.scores import scored
from suimon.tasks.translation.train import make_plan
from suimon.training.observers import Observer


class Translator(Estimator):
    """Learns to turn one text into another: sentences, dates, sums, answers.

    The constructor only keeps its arguments, so that ``sklearn.base.clone`` works; :meth:`fit`
    checks them. ``None`` is chosen by the rule of :mod:`suimon.tasks.translation.recipe`.

    Args:
        cell: the name of any of the :mod:`~suimon.cells`, e.g. ``gru``.
        hidden_size: hidden units of each layer, and of each direction of the encoder.
        num_layers: recurrent layers of the encoder, and of the decoder.
        attention: ``additive``, ``multiplicative`` or ``none``.
        beam: hypotheses held at once when translating.
        length_penalty: the higher, the longer are the translations preferred.
        learning_rate: highest learning rate.
        epochs: passes over the training pairs.
        options: any further options by name, those of
            :class:`~suimon.tasks.translation.config.TranslationConfig` and
            :class:`~suimon.training.config.TrainingConfig`, e.g. ``{"source_units": "chars"}``.
        random_state: decides the validation split, the first weights, the order and dropout.

    Attributes:
        model_: the :class:`~suimon.tasks.translation.infer.TrainedTranslator`.
        config_: its complete options.
        training_: the loop's complete options.
        loss_: validation loss of the weights that were kept, in nats a unit.
        step_: the optimiser step that these weights are of.
        history_: a dict an evaluation, as in ``metrics.jsonl``.

    Example:
        >>> X = [letter * n for letter in "abc" for n in range(1, 9)]
        >>> y = [text.upper() for text in X]
        >>> translator = Translator(hidden_size=16, epochs=2).fit(X, y)
        >>> translator.predict(["aa"]).shape
        (1,)
    """

    ARGUMENTS: ClassVar[Mapping[str, str]] = {
        "cell": "cell",
        "hidden_size": "hidden",
        "num_layers": "layers",
        "attention": "attention",
        "learning_rate": "learning_rate",
    }
    CONFIG = TranslationConfig
    TASK = DESCRIPTION.name

    def __init__(
        self,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int | None = None,
        *,
        attention: str = "additive",
        beam: int = BEAM,
        length_penalty: float = LENGTH_PENALTY,
        learning_rate: float | None = None,
        epochs: int = 20,
        options: Mapping[str, Any] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.attention = attention
        self.beam = beam
        self.length_penalty = length_penalty
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.options = options
        self.random_state = random_state

    def fit(
        self, X: Sequence[str], y: Sequence[str], *, observers: Sequence[Observer] = ()
    ) -> Self:
        """Learn to turn texts into others; what was learnt before is forgotten.

        Args:
            X: N sources.
            y: N targets.
            observers: told about the progress, see :mod:`suimon.training.observers`.

        Raises:
            ConfigError: an option is out of range or unknown.
            ShapeError: X and y do not fit each other, or are no texts.
            DataError: a text is empty or too long, or all sources are the same.
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        pairs = SentencePairs(_texts("X", X), _texts("y", y), place)
        if len(pairs.sources) != len(y):
            raise ShapeError(f"y has {len(y)} targets; give {len(X)}, one a source")
        config, training = self._parsed({"epochs": self.epochs})
        return self._train(make_plan(pairs, None, config, training), observers)

    def predict(self, X: Sequence[str]) -> npt.NDArray[np.str_]:
        """The target found for each source, ``(N,)``.

        Raises:
            NotFittedError: before :meth:`fit`.
            ShapeError: X is no texts.
            DataError: a source is too long.
        """
        return np.array([found.text for found in self.translations(X)])

    def translations(self, X: Sequence[str]) -> list[Translation]:
        """As :meth:`predict`, with probabilities, units and alignments."""
        model: TrainedTranslator = self._fitted()
        sources = SentencePairs(_texts("X", X), None, place)
        return list(model.translate(sources, beam=self.beam, length_penalty=self.length_penalty))

    def score(self, X: Sequence[str], y: Sequence[str]) -> float:
        """How near the targets found are to the true ones: chrF by sacrebleu, from 0 to 1.

        Raises as :meth:`predict`, and ConfigError where sacrebleu is not installed.
        """
        expected = _texts("y", y)
        if len(expected) != len(X):
            raise ShapeError(f"y has {len(y)} targets; give {len(X)}, one a source")
        written = [str(text) for text in self.predict(X)]
        return scored(written, expected)["chrf"] / 100

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; only called where it is installed."""
        return sklearn_tags(targets=True, two_d_array=False, string=True)

    def _trained(self, plan: Plan[Translating], network: TranslationNetwork) -> TrainedTranslator:
        return TrainedTranslator(network, plan.task.preprocessing, plan.task.config)


def _texts(name: str, texts: Sequence[str]) -> list[str]:
    """Texts as plain strings.

    Raises:
        ShapeError: they are none.
    """
    for n, text in enumerate(texts):
        if not isinstance(text, str):
            raise ShapeError(f"{name}[{n}] is {text!r:.60}; give texts")
    if len(texts) == 0:
        raise ShapeError(f"{name} has no text: give one or more")
    return [str(text).strip() for text in texts]
