"""What the estimators of all tasks share: scikit-learn's conventions about parameters."""

from __future__ import annotations

import inspect
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel

from suimon.errors import ConfigError, NotFittedError
from suimon.tasks.discovery import load
from suimon.tasks.loading import opened
from suimon.tasks.making_runs import TRAINING_TABLE, config_tables
from suimon.tasks.run_maker import Plan
from suimon.training.config import BUDGETS, TrainingConfig
from suimon.training.interrupt import TrainingInterrupted
from suimon.training.loop import TrainingResult
from suimon.training.loop import train as run_training
from suimon.training.metrics import METRICS_FILE, append_metrics, read_metrics
from suimon.training.observers import Observer
from suimon.training.options import near, parse_options
from suimon.training.run_directory import RunDirectory, SavedWeights


class Trained(Protocol):
    """What a task's ``load`` gives.

    Attributes:
        network: with its trained weights.
        config: complete options of the task.
    """

    network: Any
    config: Any

    def preprocess(self) -> dict[str, Any]:
        """All that turns a user's input into tensors, JSON-able."""
        ...


class Estimator(ABC):
    """The constructor's arguments as parameters, so that ``sklearn.base.clone`` works; save, load.

    A subclass' constructor only keeps its arguments, each under its own name; ``options`` and
    ``random_state`` are among them.
    """

    TASK: ClassVar[str]
    """The task's name in a run's manifest."""

    ARGUMENTS: ClassVar[Mapping[str, str]]
    """The constructor's arguments, in torch's words, and the options they set."""

    CONFIG: ClassVar[type[BaseModel]]
    """The class of the task's options."""

    options: Mapping[str, Any] | None
    random_state: int | None

    def save(self, directory: str | Path) -> Self:
        """Write a run directory, which :meth:`load` and the command line read.

        It holds the model and how it came about, but no checkpoint to go on training from.

        Raises:
            NotFittedError: before :meth:`fit`.
            ConfigError: there is something at that place already.
        """
        model = self._fitted()
        run = RunDirectory.create(
            directory,
            task=self.TASK,
            config=config_tables(self.TASK, self.config_, self.training_, ()),
            preprocess=model.preprocess(),
        )
        weights = {name: tensor.detach() for name, tensor in model.network.state_dict().items()}
        run.save_weights(SavedWeights(weights, self.step_, self.loss_, self._metrics))
        for row in self.history_:
            append_metrics(run.path / METRICS_FILE, row)
        return self

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """The estimator of a run directory, made by :meth:`save` or by the command line.

        Arguments that a run does not keep, such as how to search, have their defaults.

        Raises:
            CheckpointError: there is no run of this task there, or it is damaged.
        """
        run = opened(directory, cls.TASK)
        model = load(run.path)
        training = parse_options(TrainingConfig, run.config().get(TRAINING_TABLE, {}))
        estimator = cls(**cls._arguments(model.config, training))
        saved = run.weights()
        if training.epochs is not None and "epochs" in estimator.get_params():
            estimator.set_params(epochs=training.epochs)
        estimator._keep(model, training, saved.loss, saved.step, saved.metrics)
        estimator.history_ = read_metrics(run.path)
        return estimator

    def _train(self, plan: Plan[Any], observers: Sequence[Observer]) -> Self:
        """Learn what was planned.

        Raises:
            TrainingInterrupted: Ctrl-C; what was learnt until then is kept.
        """
        try:
            result = run_training(plan.task, plan.training, observers=observers)
        except TrainingInterrupted as stop:
            self._learnt(self._trained(plan, stop.result.model), plan.training, stop.result)
            raise
        self._learnt(self._trained(plan, result.model), plan.training, result)
        return self

    @abstractmethod
    def _trained(self, plan: Any, network: Any) -> Trained:
        """The trained model that a plan and the network it was carried out on make."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, as they were given."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Change the constructor's arguments, to be used by the next fit.

        Raises:
            ConfigError: there is no such argument.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ConfigError(f"{name} is no parameter; there are: {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        given = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def _parsed(self, budget: Mapping[str, Any]) -> tuple[Any, TrainingConfig]:
        """The arguments and a budget as the task's options and the loop's.

        Raises:
            ConfigError: one is unknown, out of range, or given where it does not belong.
        """
        options = dict(self.options or {})
        seed = secrets.randbits(32) if self.random_state is None else self.random_state
        for argument, option in {**self.ARGUMENTS, "random_state": "seed"}.items():
            if option in options:
                raise ConfigError(f"options has {option}; give it as {argument}")
            value = seed if argument == "random_state" else getattr(self, argument)
            if value is not None:
                options[option] = value
        for name in BUDGETS:
            if name in options:
                raise ConfigError(f"options has {name}; give it to fit: fit(…, {name}=…)")
        known = [*self.CONFIG.model_fields, *TrainingConfig.model_fields]
        for name in options:
            if name not in known:
                raise ConfigError(f"unknown option {name}{near(name, known)}")
        for_task = {n: v for n, v in options.items() if n in self.CONFIG.model_fields}
        for_loop = {n: v for n, v in options.items() if n not in for_task}
        for_loop |= {name: value for name, value in budget.items() if value is not None}
        return parse_options(self.CONFIG, for_task), parse_options(TrainingConfig, for_loop)

    def _learnt(self, model: Trained, training: TrainingConfig, result: TrainingResult) -> None:
        """Keep what training reached."""
        found = result.evaluation
        loss, metrics = (found.loss, found.metrics) if found else (None, {})
        self._keep(model, training, loss, result.best_step, metrics)
        self.history_ = result.history

    def _keep(
        self,
        model: Any,
        training: TrainingConfig,
        loss: float | None,
        step: int,
        metrics: Mapping[str, float],
    ) -> None:
        self.model_, self.config_, self.training_ = model, model.config, training
        self.loss_, self.step_, self._metrics = loss, step, metrics

    def _fitted(self) -> Any:
        """The trained model.

        Raises:
            NotFittedError: there is none yet.
        """
        if not hasattr(self, "model_"):
            raise NotFittedError(
                f"this {type(self).__name__} has learnt nothing yet: call fit first"
            )
        return self.model_

    @classmethod
    def _arguments(cls, config: BaseModel, training: TrainingConfig) -> dict[str, Any]:
        """Constructor arguments that describe these options."""
        both = {
            **training.model_dump(exclude_defaults=True),
            **config.model_dump(exclude_defaults=True),
        }
        arguments = {
            argument: getattr(config, option, None) for argument, option in cls.ARGUMENTS.items()
        }
        arguments |= {"learning_rate": training.learning_rate, "random_state": training.seed}
        named = {*cls.ARGUMENTS.values(), "seed", *BUDGETS}
        options = {name: value for name, value in both.items() if name not in named}
        return {**arguments, "options": options or None}


def sklearn_tags(*, targets: bool, **inputs: bool) -> Any:
    """What scikit-learn asks of an estimator that is neither classifier nor regressor.

    Args:
        targets: whether ``fit`` needs a ``y``.
        inputs: what X may be, by the names of ``sklearn.utils.InputTags``.
    """
    from sklearn.utils import InputTags, Tags, TargetTags

    return Tags(
        estimator_type=None,
        target_tags=TargetTags(required=targets),
        input_tags=InputTags(**inputs),
    )
