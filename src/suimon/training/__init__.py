"""Training any task: the loop, truncated BPTT, optimisers, observers, checkpoints, processes.

Names are loaded when first used, so that the option classes come without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suimon.training.clock import process_start
    from suimon.training.config import TrainingConfig
    from suimon.training.interrupt import TrainingInterrupted
    from suimon.training.loop import Trainer, TrainingDivergedError, TrainingResult, train
    from suimon.training.metrics import read_metrics
    from suimon.training.options import accepted_range, parse_options
    from suimon.training.progress import progress_observer
    from suimon.training.run_directory import RunDirectory

_HOME = {
    "RunDirectory": "run_directory",
    "Trainer": "loop",
    "TrainingConfig": "config",
    "TrainingDivergedError": "loop",
    "TrainingInterrupted": "interrupt",
    "TrainingResult": "loop",
    "accepted_range": "options",
    "parse_options": "options",
    "process_start": "clock",
    "progress_observer": "progress",
    "read_metrics": "metrics",
    "train": "loop",
}

__all__ = [
    "RunDirectory",
    "Trainer",
    "TrainingConfig",
    "TrainingDivergedError",
    "TrainingInterrupted",
    "TrainingResult",
    "accepted_range",
    "parse_options",
    "process_start",
    "progress_observer",
    "read_metrics",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
