"""From images to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suimon.data.images import Images
from suimon.errors import ConfigError
from suimon.tasks.rows.config import DESCRIPTION, RowsConfig
from suimon.tasks.rows.data import fitted, read, split
from suimon.tasks.rows.objective import DrawingRows
from suimon.tasks.rows.recipe import choose
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.training.config import TrainingConfig


def make_plan(
    images: Images, valid: Images | None, config: RowsConfig, training: TrainingConfig
) -> Plan[DrawingRows]:
    """Split the images where no validation images are given, and choose what was left out.

    Raises:
        DataError: there is one image only, or one that cannot be read.
        ConfigError: more rows are to be said ahead than an image has.
    """
    form = images.form
    if config.ahead is not None and config.ahead > form.height:
        raise ConfigError(
            f"ahead = {config.ahead}, and the images have {form.height} rows: give so many at most"
        )
    if valid is None:
        images, valid = split(images, config.valid_fraction, training.seed)
    choice = choose(config, training, form, len(images))
    task = DrawingRows(choice.config, choice.training, fitted(images), images, valid)
    amount = f"{len(images):,} images"
    there_is = f"{amount} of {form} to learn from, {len(valid):,} to validate on"
    return Plan(task, choice.config, choice.training, choice.chosen, amount, [there_is])


def _prepare(
    paths: Sequence[str | Path], config: RowsConfig, training: TrainingConfig
) -> Plan[DrawingRows]:
    images = read(paths, config)
    valid = read(config.valid_files, config, images.form) if config.valid_files else None
    return make_plan(images, valid, config, training)


RUNS = RunMaker(DESCRIPTION, _prepare)
train = RUNS.train
resume = RUNS.resume
