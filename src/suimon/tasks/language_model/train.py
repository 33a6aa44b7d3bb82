"""From a text to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suimon.data.text import Split
from suimon.tasks.language_model.config import DESCRIPTION, LanguageModelConfig
from suimon.tasks.language_model.data import UNIT_NAMES, read_paths
from suimon.tasks.language_model.objective import LanguageModelling
from suimon.tasks.language_model.recipe import CorpusFacts, choose
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.training.config import TrainingConfig


def make_plan(
    split: Split, config: LanguageModelConfig, training: TrainingConfig
) -> Plan[LanguageModelling]:
    """Choose what was left out for this text and budget; see :mod:`.recipe`."""
    facts = CorpusFacts(len(split.train), split.train.corpus.units.size)
    choice = choose(config, training, facts)
    split = Split(split.train, split.valid.head(choice.config.valid_limit))
    task = LanguageModelling(choice.config, choice.training, split)
    amount = f"{len(split.train):,} {UNIT_NAMES[config.units]}s"
    notices = [*split.train.corpus.notices, *unknown_notices(split)]
    return Plan(task, choice.config, choice.training, choice.chosen, amount, notices)


def unknown_notices(split: Split) -> list[str]:
    """A line where the validation text holds units that the vocabulary does not."""
    if not split.valid.unknown:
        return []
    share = split.valid.unknown / len(split.valid)
    return [
        f"{split.valid.unknown:,} units of the validation text ({share:.1%}) are outside the "
        "vocabulary and count as one unknown unit"
    ]


def _prepare(
    paths: Sequence[str | Path], config: LanguageModelConfig, training: TrainingConfig
) -> Plan[LanguageModelling]:
    return make_plan(read_paths(paths, config), config, training)


RUNS = RunMaker(DESCRIPTION, _prepare)
train = RUNS.train
resume = RUNS.resume
