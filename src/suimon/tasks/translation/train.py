"""From pairs of texts to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from suimon.data.pairs import SentencePairs
from suimon.data.text.overlap import fingerprints, met
from suimon.data.text.units import Units
from suimon.errors import ConfigError
from suimon.tasks.from_language_model import LanguageModelStart
from suimon.tasks.learnt_texts import LEARNT_TARGETS, LearntTexts
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.tasks.translation.config import DESCRIPTION, SideUnits, TranslationConfig
from suimon.tasks.translation.data import Preprocessing, examples, fitted, read, split
from suimon.tasks.translation.objective import Translating
from suimon.tasks.translation.recipe import choose
from suimon.training.config import TrainingConfig
from suimon.training.run_directory import RunDirectory


def make_plan(
    pairs: SentencePairs,
    valid: SentencePairs | None,
    config: TranslationConfig,
    training: TrainingConfig,
    run: RunDirectory | None = None,
) -> Plan[Translating]:
    """Split the pairs where no validation data is given, and choose what was left out.

    Args:
        pairs: what to learn from, or to split.
        valid: what to validate on.
        config: the task's options.
        training: the loop's options.
        run: one that is gone on with.

    Raises:
        DataError: there is one distinct source only, or a text is empty or too long.
        ConfigError: options contradict each other.
    """
    if valid is None:
        pairs, valid = split(pairs, config.valid_fraction, training.seed)
    config, starts, units = _begun(config, run)
    choice = choose(config, training, pairs)
    preprocessing = fitted(pairs, choice.config, *units)
    learnt, judged = (examples(part, preprocessing) for part in (pairs, valid))
    task = Translating(choice.config, choice.training, preprocessing, learnt, judged, *starts)
    amount = f"{len(learnt):,} pairs"
    vocabularies = [
        f"{side.units.size:,} {kind}"
        for side, kind in (
            (preprocessing.source, choice.config.source_units),
            (preprocessing.target, choice.config.target_units),
        )
    ]
    notices = [
        f"{amount} to learn from, {len(judged):,} to validate on; "
        f"from {vocabularies[0]} to {vocabularies[1]}"
    ]
    learnt_from = fingerprints(pairs.sources, marks=True)
    if known := int(met(valid.sources, learnt_from, marks=True).sum()):
        notices.append(f"{known:,} of the sources to validate on are among those to learn from")
    kept = [LearntTexts(pairs.sources, starts[0], marks=True)]
    if starts[1] is not None:
        kept.append(LearntTexts([], starts[1], marks=True, file=LEARNT_TARGETS))
    return Plan(task, choice.config, choice.training, choice.chosen, amount, notices, kept)


def _begun(
    config: TranslationConfig, run: RunDirectory | None
) -> tuple[TranslationConfig, list[LanguageModelStart | None], list[Units | None]]:
    """The options with those that language models decide; these, and the units, side by side.

    Of a run that is gone on with only the units are needed, which it has.
    """
    starts: list[LanguageModelStart | None] = []
    units: list[Units | None] = []
    for side, path in (("source", config.from_), ("target", config.from_target)):
        start, known = None, None
        if path is not None and config.joint_units:
            raise ConfigError(
                f"joint_units finds units anew, and those of {path} are taken over: leave one out"
            )
        if path is not None and run is not None:
            read = Preprocessing.from_state(run.preprocess())
            known = (read.source if side == "source" else read.target).units
        elif path is not None:
            start = LanguageModelStart.read(path)
            config = start.complete(config, side=side, kinds=get_args(SideUnits))
            known = start.units
        starts.append(start)
        units.append(known)
    return config, starts, units


def _prepare(
    paths: Sequence[str | Path],
    config: TranslationConfig,
    training: TrainingConfig,
    run: RunDirectory | None = None,
) -> Plan[Translating]:
    pairs = read(paths, config)
    valid = read(config.valid_files, config) if config.valid_files else None
    return make_plan(pairs, valid, config, training, run)


RUNS = RunMaker(DESCRIPTION, _prepare, starts=True)
train = RUNS.train
resume = RUNS.resume
