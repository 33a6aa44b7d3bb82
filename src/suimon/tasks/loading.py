"""From a run directory to a trained network: what the ``infer`` modules of all tasks share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from suimon.errors import CheckpointError
from suimon.tasks.description import TaskDescription
from suimon.training.options import parse_options
from suimon.training.run_directory import RunDirectory, SavedWeights


def opened(run: RunDirectory | str | Path, task: str) -> RunDirectory:
    """The directory of a run of one task.

    Raises:
        CheckpointError: there is no run, it is another task's, or a newer suimon's.
    """
    directory = run if isinstance(run, RunDirectory) else RunDirectory.open(run)
    if directory.task != task:
        raise CheckpointError(
            f"{directory.path} is a run of the task {directory.task!r}, not {task!r}"
        )
    return directory


def options_of(run: RunDirectory, description: TaskDescription) -> Any:
    """A task's options in a run's ``config.toml``, of the class that the description names.

    Raises:
        ConfigError: one was given a value that cannot work.
    """
    return parse_options(description.config, run.config().get(description.name, {}))


def take_weights(network: nn.Module, run: RunDirectory) -> SavedWeights:
    """Give a network the weights of a run: the best, or the last where none are best yet.

    Returns:
        What was given, with what it reached.

    Raises:
        CheckpointError: they are missing, damaged, or do not fit the network.
    """
    saved = run.weights()
    try:
        network.load_state_dict(saved.tensors)
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights in {run.path} do not fit its config.toml: undo the change there "
            f"({' '.join(str(error).split())[:200]})"
        ) from error
    return saved
