"""A language model in three lines, after scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from suimon.tasks.estimator import Estimator
from suimon.tasks.language_model.config import DESCRIPTION, LanguageModelConfig
from suimon.tasks.language_model.data import read_path_or_text
from suimon.tasks.language_model.infer import TrainedLanguageModel
from suimon.tasks.language_model.model import LanguageNetwork
from suimon.tasks.language_model.objective import LanguageModelling
from suimon.tasks.language_model.train import make_plan
from suimon.tasks.language_model.writing import Piece
from suimon.tasks.run_maker import Plan
from suimon.training.observers import Observer


class LanguageModel(Estimator):
    """Learns a text, and writes like it.

    The constructor only keeps its arguments, so that ``sklearn.base.clone`` works; :meth:`fit`
    checks them. ``None`` is chosen by the rule of :mod:`suimon.tasks.language_model.recipe`.

    Args:
        cell: the name of any of the :mod:`~suimon.cells`, e.g. ``lstm``.
        hidden_size: hidden units of each layer.
        num_layers: recurrent layers.
        units: what one step reads: ``chars``, ``bytes``, ``words`` or ``bpe``.
        learning_rate: highest learning rate.
        options: any further options by name, those of
            :class:`~suimon.tasks.language_model.config.LanguageModelConfig` and
            :class:`~suimon.training.config.TrainingConfig`, e.g. ``{"dropout": 0.3}``.
        random_state: decides the first weights, the order of the data and dropout.

    Attributes:
        model_: the :class:`~suimon.tasks.language_model.infer.TrainedLanguageModel`.
        config_: its complete options.
        training_: the loop's complete options.
        loss_: validation loss of the weights that were kept, in nats a unit; ``None`` where
            training was interrupted before the first evaluation.
        step_: the optimiser step that these weights are of.
        history_: a dict an evaluation, as in ``metrics.jsonl``.

    Example:
        >>> text = "the rain in spain stays mainly in the plain. " * 20
        >>> model = LanguageModel(hidden_size=16, num_layers=1).fit(text, steps=2)
        >>> len(model.generate("the ", length=10, seed=1))
        10
    """

    ARGUMENTS: ClassVar[Mapping[str, str]] = {
        "cell": "cell",
        "hidden_size": "hidden",
        "num_layers": "layers",
        "units": "units",
        "learning_rate": "learning_rate",
    }
    CONFIG = LanguageModelConfig
    TASK = DESCRIPTION.name

    def __init__(
        self,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int | None = None,
        *,
        units: str = "chars",
        learning_rate: float | None = None,
        options: Mapping[str, Any] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.units = units
        self.learning_rate = learning_rate
        self.options = options
        self.random_state = random_state

    def fit(
        self,
        path_or_text: str | Path,
        *,
        minutes: float | None = None,
        epochs: int | None = None,
        steps: int | None = None,
        observers: Sequence[Observer] = (),
    ) -> Self:
        """Learn a text; what was learnt before is forgotten.

        Args:
            path_or_text: a ``pathlib.Path``, or a string that names an existing file or folder,
                is read; any other string is the text itself.
            minutes: train for so long; without any budget: 10.
            epochs: or for so many passes over the text.
            steps: or for so many optimiser steps.
            observers: told about the progress, see :mod:`suimon.training.observers`.

        Raises:
            ConfigError: an option is out of range or unknown.
            DataError: the text cannot be used, or a string looks like a file that is not there.
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        budget = {"minutes": minutes, "epochs": epochs, "steps": steps}
        config, training = self._parsed(budget)
        plan = make_plan(read_path_or_text(path_or_text, config), config, training)
        return self._train(plan, observers)

    def generate(self, prompt: str = "", **options: Any) -> str:
        """What the model writes after a prompt, without the prompt.

        Options (``length``, ``temperature``, ``top_k``, ``top_p``, ``until``, ``seed``,
        ``precision``) as for
        :meth:`~suimon.tasks.language_model.infer.TrainedLanguageModel.stream`; what of the prompt
        the model never saw, :meth:`unknown` tells.

        Raises:
            NotFittedError: before :meth:`fit`.
            ConfigError: an option is out of range.
            BackendError: this network or machine cannot run in that precision.
        """
        return self._fitted().generate(prompt, **options)

    def stream(self, prompt: str = "", **options: Any) -> Iterator[Piece]:
        """As :meth:`generate`, in pieces as they are written."""
        return self._fitted().stream(prompt, **options)

    def unknown(self, text: str) -> dict[str, int]:
        """What of a text is outside the vocabulary, and how often it occurs."""
        return self._fitted().unknown(text)

    def score(self, text: str) -> float:
        """Mean log-probability of a text's units, in nats: negative loss, the higher the better.

        Raises:
            NotFittedError: before :meth:`fit`.
            DataError: the text is too short: nothing follows anything.
        """
        return self._fitted().score(text)

    def bits_per_char(self, text: str) -> float:
        """Bits a character of a text, comparable between units; the lower the better."""
        return self._fitted().bits_per_char(text)

    def _trained(
        self, plan: Plan[LanguageModelling], network: LanguageNetwork
    ) -> TrainedLanguageModel:
        return TrainedLanguageModel(network, plan.task.split.train.corpus.units, plan.task.config)
