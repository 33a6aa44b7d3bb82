"""From labelled sequences to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from suimon.data.labelled import LabelledSequences
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.data import classes_of, examples, fitted, read, split
from suimon.tasks.classification.objective import Classifying
from suimon.tasks.classification.recipe import choose
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.training.config import TrainingConfig


def make_plan(
    data: LabelledSequences,
    valid: LabelledSequences | None,
    config: ClassificationConfig,
    training: TrainingConfig,
) -> Plan[Classifying]:
    """Split the data where no validation data is given, and choose what was left out.

    Raises:
        DataError: there is nothing to tell apart, or a class cannot be split.
        ConfigError: options contradict each other.
    """
    classes_of(data)
    if valid is None:
        data, valid = split(data, config.valid_fraction, training.seed)
    preprocessing = fitted(data, config)
    choice = choose(config, training, data.kind, len(data))
    learnt, judged = (examples(part, preprocessing) for part in (data, valid))
    task = Classifying(choice.config, choice.training, preprocessing, learnt, judged)
    counts = torch.from_numpy(learnt.labels).bincount().tolist()
    classes = ", ".join(
        f"{label} {count:,}" for label, count in zip(preprocessing.labels, counts, strict=False)
    )
    amount = f"{len(learnt):,} sequences"
    there_is = f"{amount} to learn from, {len(judged):,} to validate on; classes: {classes}"
    return Plan(task, choice.config, choice.training, choice.chosen, amount, [there_is])


def _prepare(
    paths: Sequence[str | Path], config: ClassificationConfig, training: TrainingConfig
) -> Plan[Classifying]:
    data = read(paths, config)
    valid = read(config.valid_files, config) if config.valid_files else None
    return make_plan(data, valid, config, training)


RUNS = RunMaker(DESCRIPTION, _prepare)
train = RUNS.train
resume = RUNS.resume
