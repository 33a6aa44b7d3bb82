"""From captioned images to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suimon.data.images import ImageForm
from suimon.data.images.captions import Captioned, form_of_pictures
from suimon.tasks.captioning.config import DESCRIPTION, CaptioningConfig
from suimon.tasks.captioning.data import examples, fitted, read, split
from suimon.tasks.captioning.objective import Captioning
from suimon.tasks.captioning.recipe import choose
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.training.config import TrainingConfig


def make_plan(
    data: Captioned, valid: Captioned | None, config: CaptioningConfig, training: TrainingConfig
) -> Plan[Captioning]:
    """Split the images where no validation data is given, and choose what was left out.

    Raises:
        DataError: there is one image only, one cannot be read, or a caption is too long.
        ConfigError: options contradict each other.
    """
    if valid is None:
        data, valid = split(data, config.valid_fraction, training.seed)
    preprocessing = fitted(data, config)
    choice = choose(config, training, len(data))
    learnt, judged = (examples(part, preprocessing, config.longest) for part in (data, valid))
    task = Captioning(choice.config, choice.training, preprocessing, learnt, judged)
    amount = f"{len(learnt):,} captions"
    form = preprocessing.form
    what = (
        f"images of {form}" if isinstance(form, ImageForm) else f"{form[0]} features of {form[1]}"
    )
    there_is = (
        f"{amount} in {preprocessing.units.size:,} units to learn from, {len(judged):,} to "
        f"validate on; {what}"
    )
    return Plan(task, choice.config, choice.training, choice.chosen, amount, [there_is])


def _prepare(
    paths: Sequence[str | Path], config: CaptioningConfig, training: TrainingConfig
) -> Plan[Captioning]:
    data = read(paths, config)
    form = form_of_pictures(data.pictures)
    valid = read(config.valid_files, config, form) if config.valid_files else None
    return make_plan(data, valid, config, training)


RUNS = RunMaker(DESCRIPTION, _prepare)
train = RUNS.train
resume = RUNS.resume
