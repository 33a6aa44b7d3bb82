"""What the estimator's labels, of whatever type, are called where all labels are texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from suimon.errors import ConfigError, DataError
from suimon.tasks.classification.config import ClassificationConfig
from suimon.tasks.classification.noise import is_learnt
from suimon.tasks.classification.rejecting import REJECTED
from suimon.tasks.labels import listed


@dataclass(frozen=True)
class LabelNames:
    """What labels are called inside, where all are texts.

    Attributes:
        inside: of each distinct label of y: the number of its class, or "none of these".
        classes: the labels that are classes.
        rejected: what stands for none of them.
    """

    inside: list[str]
    classes: npt.NDArray[Any]
    rejected: Any

    @classmethod
    def of(cls, names: npt.NDArray[Any], config: ClassificationConfig, rejected: Any) -> Self:
        """Those of the distinct labels of y.

        Args:
            names: the distinct labels, sorted.
            config: says which of them is noise.
            rejected: what a user wants to stand for none of the classes, or ``None``.

        Raises:
            DataError: no label is the one that noise should have.
            ConfigError: a class has the label that stands for none of them.
        """
        noise = np.array([str(name) == config.noise_label for name in names])
        if config.noise_label is not None and not noise.any():
            raise DataError(
                f"no label of y is {config.noise_label!r}, which noise_label names; there are: "
                f"{listed(map(str, names))}"
            )
        classes = names[~noise]
        if rejected is None and noise.any():
            rejected = names[noise][0]
        elif rejected is None:
            rejected = -1 if names.dtype.kind in "biuf" else REJECTED
        if (is_learnt(config) or config.reject_below is not None) and rejected in classes.tolist():
            raise ConfigError(
                f"y has the label {rejected!r}, which predict gives where no class fits: give "
                "another one as reject_label"
            )
        numbers = (~noise).cumsum() - 1
        inside = [REJECTED if n else str(k) for n, k in zip(noise, numbers, strict=True)]
        return cls(inside, classes, rejected)

    @staticmethod
    def options(config: ClassificationConfig) -> ClassificationConfig:
        """The options with noise called as it is inside."""
        label = None if config.noise_label is None else REJECTED
        return config.model_copy(update={"noise_label": label})

    @staticmethod
    def outside(complete: Any, given: ClassificationConfig) -> Any:
        """Complete options with noise called as it was given."""
        return complete.model_copy(update={"noise_label": given.noise_label})
