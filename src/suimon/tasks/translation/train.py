"""From pairs of texts to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suimon.data.pairs import SentencePairs
from suimon.data.text.overlap import fingerprints, met
from suimon.tasks.learnt_texts import LearntTexts
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.tasks.translation.config import DESCRIPTION, TranslationConfig
from suimon.tasks.translation.data import examples, fitted, read, split
from suimon.tasks.translation.objective import Translating
from suimon.tasks.translation.recipe import choose
from suimon.training.config import TrainingConfig


def make_plan(
    pairs: SentencePairs,
    valid: SentencePairs | None,
    config: TranslationConfig,
    training: TrainingConfig,
) -> Plan[Translating]:
    """Split the pairs where no validation data is given, and choose what was left out.

    Raises:
        DataError: there is one distinct source only, or a text is empty or too long.
        ConfigError: options contradict each other.
    """
    if valid is None:
        pairs, valid = split(pairs, config.valid_fraction, training.seed)
    choice = choose(config, training, pairs)
    preprocessing = fitted(pairs, choice.config)
    learnt, judged = (examples(part, preprocessing) for part in (pairs, valid))
    task = Translating(choice.config, choice.training, preprocessing, learnt, judged)
    amount = f"{len(learnt):,} pairs"
    units = [
        f"{side.units.size:,} {kind}"
        for side, kind in (
            (preprocessing.source, choice.config.source_units),
            (preprocessing.target, choice.config.target_units),
        )
    ]
    notices = [
        f"{amount} to learn from, {len(judged):,} to validate on; from {units[0]} to {units[1]}"
    ]
    learnt_from = fingerprints(pairs.sources, marks=True)
    if known := int(met(valid.sources, learnt_from, marks=True).sum()):
        notices.append(f"{known:,} of the sources to validate on are among those to learn from")
    companion = LearntTexts(pairs.sources, marks=True)
    return Plan(task, choice.config, choice.training, choice.chosen, amount, notices, companion)


def _prepare(
    paths: Sequence[str | Path], config: TranslationConfig, training: TrainingConfig
) -> Plan[Translating]:
    pairs = read(paths, config)
    valid = read(config.valid_files, config) if config.valid_files else None
    return make_plan(pairs, valid, config, training)


RUNS = RunMaker(DESCRIPTION, _prepare)
train = RUNS.train
resume = RUNS.resume
