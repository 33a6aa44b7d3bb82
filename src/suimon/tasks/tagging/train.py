"""From tagged sequences to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suimon.data.tagged import TaggedSequences
from suimon.data.text.units.words import WordUnits
from suimon.errors import ConfigError
from suimon.tasks.from_language_model import LanguageModelStart
from suimon.tasks.labels import listed
from suimon.tasks.learnt_texts import LearntTexts
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.tasks.tagging.config import DESCRIPTION, TaggingConfig
from suimon.tasks.tagging.data import Preprocessing, fitted, read, sentences, split, tags_of
from suimon.tasks.tagging.objective import UNITS, Tagging
from suimon.tasks.tagging.recipe import choose
from suimon.training.config import TrainingConfig
from suimon.training.run_directory import RunDirectory


def make_plan(
    data: TaggedSequences,
    valid: TaggedSequences | None,
    config: TaggingConfig,
    training: TrainingConfig,
    run: RunDirectory | None = None,
) -> Plan[Tagging]:
    """Split the data where no validation data is given, and choose what was left out.

    Args:
        data: what to learn from, or to split.
        valid: what to validate on.
        config: the task's options.
        training: the loop's options.
        run: one that is gone on with.

    Raises:
        DataError: there is nothing to tell apart, or nothing to validate on.
        ConfigError: options contradict each other, or the layers of the run to begin with.
        CheckpointError: there is no such run of a language model.
    """
    tags_of(data)
    if valid is None:
        data, valid = split(data, config.valid_fraction, training.seed)
    start, words = None, None
    if config.from_ is not None and data.kind != "text":
        raise ConfigError(
            f"from {config.from_} is for words, and the data is {data.kind}: leave it out"
        )
    if config.from_ is not None and run is not None:
        words = Preprocessing.from_state(run.preprocess()).words
    elif config.from_ is not None:
        start = LanguageModelStart.read(config.from_)
        config = start.complete(config, kinds=(WordUnits.kind,))
        words = WordUnits.from_state(start.units.state())
    preprocessing = fitted(data, config, words)
    learnt, judged = preprocessing.examples(data), preprocessing.examples(valid)
    choice = choose(config, training, data.kind, len(learnt))
    task = Tagging(choice.config, choice.training, preprocessing, learnt, judged, valid, start)
    names = dict.fromkeys(map(preprocessing.plain, preprocessing.tags))
    amount = f"{len(data):,} sequences"
    there_is = (
        f"{amount} of {learnt.steps:,} {UNITS[data.kind]}s to learn from, {len(valid):,} to "
        f"validate on; {len(names)} labels: {listed(names)}"
    )
    kept = [LearntTexts(sentences(data), start)] if data.kind == "text" else []
    return Plan(task, choice.config, choice.training, choice.chosen, amount, [there_is], kept)


def _prepare(
    paths: Sequence[str | Path],
    config: TaggingConfig,
    training: TrainingConfig,
    run: RunDirectory | None = None,
) -> Plan[Tagging]:
    data = read(paths, config)
    valid = None
    if config.valid_files:
        valid = read(config.valid_files, config, spectrum=data.spectrum)
    return make_plan(data, valid, config, training, run)


RUNS = RunMaker(DESCRIPTION, _prepare, starts=True)
train = RUNS.train
resume = RUNS.resume
