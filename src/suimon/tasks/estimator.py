"""What the estimators of all tasks share: scikit-learn's conventions about parameters."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel

from suimon.errors import ConfigError
from suimon.training.config import BUDGETS, TrainingConfig
from suimon.training.options import near, parse_options


class Estimator:
    """The constructor's arguments as parameters, so that ``sklearn.base.clone`` works.

    A subclass' constructor only keeps its arguments, each under its own name; ``options`` and
    ``random_state`` are among them.
    """

    ARGUMENTS: ClassVar[Mapping[str, str]]
    """The constructor's arguments, in torch's words, and the options they set."""

    CONFIG: ClassVar[type[BaseModel]]
    """The class of the task's options."""

    options: Mapping[str, Any] | None
    random_state: int | None

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
