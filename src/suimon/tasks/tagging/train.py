"""From tagged sequences to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suimon.data.tagged import TaggedSequences
from suimon.tasks.labels import listed
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.tasks.tagging.config import DESCRIPTION, TaggingConfig
from suimon.tasks.tagging.data import fitted, read, split, tags_of
from suimon.tasks.tagging.objective import UNITS, Tagging
from suimon.tasks.tagging.recipe import choose
from suimon.training.config import TrainingConfig


def make_plan(
    data: TaggedSequences,
    valid: TaggedSequences | None,
    config: TaggingConfig,
    training: TrainingConfig,
) -> Plan[Tagging]:
    """Split the data where no validation data is given, and choose what was left out.

    Raises:
        DataError: there is nothing to tell apart, or nothing to validate on.
        ConfigError: options contradict each other.
    """
    tags_of(data)
    if valid is None:
        data, valid = split(data, config.valid_fraction, training.seed)
    preprocessing = fitted(data, config)
    learnt, judged = preprocessing.examples(data), preprocessing.examples(valid)
    choice = choose(config, training, data.kind, len(learnt))
    task = Tagging(choice.config, choice.training, preprocessing, learnt, judged, valid)
    names = dict.fromkeys(map(preprocessing.plain, preprocessing.tags))
    amount = f"{len(data):,} sequences"
    there_is = (
        f"{amount} of {learnt.steps:,} {UNITS[data.kind]}s to learn from, {len(valid):,} to "
        f"validate on; {len(names)} labels: {listed(names)}"
    )
    return Plan(task, choice.config, choice.training, choice.chosen, amount, [there_is])


def _prepare(
    paths: Sequence[str | Path], config: TaggingConfig, training: TrainingConfig
) -> Plan[Tagging]:
    data = read(paths, config)
    valid = None
    if config.valid_files:
        valid = read(config.valid_files, config, spectrum=data.spectrum)
    return make_plan(data, valid, config, training)


RUNS = RunMaker(DESCRIPTION, _prepare)
train = RUNS.train
resume = RUNS.resume
