"""From labelled sequences to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from suimon.data.images.video import check_frames
from suimon.data.labelled import LabelledSequences
from suimon.data.text.units import Units
from suimon.data.text.units.words import WordUnits
from suimon.tasks.classification.beginning import from_run, with_vectors
from suimon.tasks.classification.beside import BagBeside
from suimon.tasks.classification.config import DESCRIPTION, ClassificationConfig
from suimon.tasks.classification.data import (
    Examples,
    classes_of,
    examples,
    fitted,
    read,
    split,
)
from suimon.tasks.classification.noise import check, is_learnt, with_noise, without_noise
from suimon.tasks.classification.objective import Classifying
from suimon.tasks.classification.recipe import choose
from suimon.tasks.classification.rejecting import REJECTED
from suimon.tasks.learnt_texts import LearntTexts
from suimon.tasks.run_maker import Companion, Plan, RunMaker
from suimon.training.config import TrainingConfig
from suimon.training.run_directory import RunDirectory

CLOSED = 0.001
"""Share of words met once below which a vocabulary counts as closed."""


def make_plan(
    data: LabelledSequences,
    valid: LabelledSequences | None,
    config: ClassificationConfig,
    training: TrainingConfig,
    run: RunDirectory | None = None,
) -> Plan[Classifying]:
    """Split the data where no validation data is given, and choose what was left out.

    Args:
        data: what to learn from, or to split.
        valid: what to validate on.
        config: the task's options.
        training: the loop's options.
        run: one that is gone on with.

    Raises:
        DataError: there is nothing to tell apart, or a class cannot be split.
        ConfigError: options contradict each other.
    """
    check(data, config)
    classes_of(without_noise(data, config)[0])
    if valid is None:
        data, valid = split(data, config.valid_fraction, training.seed)
    (data, noise), (valid, valid_noise) = (without_noise(part, config) for part in (data, valid))
    begun = from_run(config, data.kind, run)
    preprocessing = replace(fitted(data, begun.config, begun.units), noise=is_learnt(config))
    if run is None:
        begun = with_vectors(begun, preprocessing.units)
    learnt, judged = (examples(part, preprocessing) for part in (data, valid))
    steps = sum(map(len, learnt.sequences)) if data.kind in ("text", "video") else 0
    closed = config.from_ is None and is_closed(learnt, preprocessing.units)
    if preprocessing.noise:
        learnt, judged = with_noise(
            learnt, judged, (noise, valid_noise), preprocessing, config.noise, training.seed
        )
    if data.kind == "video":
        videos: list[Any] = [*learnt.sequences, *judged.sequences]
        check_frames(videos)
    choice = choose(begun.config, training, data.kind, len(learnt), steps, closed=closed)
    task = Classifying(
        choice.config, choice.training, preprocessing, learnt, judged, begun.beginning
    )
    counts = torch.from_numpy(learnt.labels).bincount(minlength=preprocessing.outputs).tolist()
    names = [*preprocessing.labels, *([REJECTED] if preprocessing.noise else [])]
    classes = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
    amount = f"{len(learnt):,} sequences"
    there_is = f"{amount} to learn from, {len(judged):,} to validate on; classes: {classes}"
    kept: list[Companion] = []
    if data.kind == "text":
        texts = cast("Sequence[str]", data.sequences)
        words, minutes = begun.config.words, choice.training.minutes
        kept = [
            LearntTexts(texts, begun.beginning.start),
            BagBeside(data, valid, preprocessing, words, minutes),
        ]
    return Plan(
        task,
        choice.config,
        choice.training,
        choice.chosen,
        amount,
        [there_is, *begun.notices],
        kept,
    )


def is_closed(learnt: Examples, units: Units | None) -> bool:
    """Whether hardly a word of the texts is one that is met once, as where a rule made them.

    Of texts that people write some hundredth of the words or more are.
    """
    if not isinstance(units, WordUnits):
        return False
    words = sum(map(len, learnt.sequences))
    rare = sum(int((text == units.unknown_id).sum()) for text in learnt.sequences)
    return rare < CLOSED * words


def _prepare(
    paths: Sequence[str | Path],
    config: ClassificationConfig,
    training: TrainingConfig,
    run: RunDirectory | None = None,
) -> Plan[Classifying]:
    data = read(paths, config)
    valid = read(config.valid_files, config, form=data.form) if config.valid_files else None
    return make_plan(data, valid, config, training, run)


RUNS = RunMaker(DESCRIPTION, _prepare, starts=True)
train = RUNS.train
resume = RUNS.resume
