"""suimon: recurrent neural networks you can train, look inside and ship.

Everything most users need, under one name each; it is imported when it is first used, so that
``import suimon`` alone costs no torch.

>>> import suimon
>>> suimon.LSTM(3, 5).hidden_size
5
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suimon.cells import (
        ElmanCell,
        GRUCell,
        JordanCell,
        LSTMCell,
        MinGRUCell,
        MinLSTMCell,
    )
    from suimon.errors import (
        BackendError,
        CheckpointError,
        ConfigError,
        DataError,
        NotFittedError,
        ShapeError,
        SuimonError,
    )
    from suimon.layers import GRU, LSTM, RNN, MinGRU, MinLSTM, Recurrent
    from suimon.tasks import load
    from suimon.tasks.captioning.estimator import Captioner
    from suimon.tasks.classification.estimator import SequenceClassifier
    from suimon.tasks.forecasting.estimator import Forecaster
    from suimon.tasks.language_model.estimator import LanguageModel
    from suimon.tasks.rows.estimator import RowGenerator
    from suimon.tasks.tagging.estimator import SequenceTagger
    from suimon.tasks.translation.estimator import Translator

__version__ = "0.1.0"

_HOMES = {
    "suimon.cells": (
        "ElmanCell", "GRUCell", "JordanCell", "LSTMCell", "MinGRUCell", "MinLSTMCell",
    ),
    "suimon.errors": (
        "BackendError", "CheckpointError", "ConfigError", "DataError", "NotFittedError",
        "ShapeError", "SuimonError",
    ),
    "suimon.layers": ("GRU", "LSTM", "RNN", "MinGRU", "MinLSTM", "Recurrent"),
    "suimon.tasks": ("load",),
    "suimon.tasks.captioning.estimator": ("Captioner",),
    "suimon.tasks.classification.estimator": ("SequenceClassifier",),
    "suimon.tasks.forecasting.estimator": ("Forecaster",),
    "suimon.tasks.language_model.estimator": ("LanguageModel",),
    "suimon.tasks.rows.estimator": ("RowGenerator",),
    "suimon.tasks.tagging.estimator": ("SequenceTagger",),
    "suimon.tasks.translation.estimator": ("Translator",),
}  # fmt: skip

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "BackendError",
    "Captioner",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "ElmanCell",
    "Forecaster",
    "GRUCell",
    "JordanCell",
    "LSTMCell",
    "LanguageModel",
    "MinGRU",
    "MinGRUCell",
    "MinLSTM",
    "MinLSTMCell",
    "NotFittedError",
    "Recurrent",
    "RowGenerator",
    "SequenceClassifier",
    "SequenceTagger",
    "ShapeError",
    "SuimonError",
    "Translator",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import a public name's home when the name is first read."""
    for module, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(module), name)
            globals()[name] = value  # found at once from now on
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
