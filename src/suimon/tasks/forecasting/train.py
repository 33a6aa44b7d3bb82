"""From a table of series to a run directory: read, choose what was left out, train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suimon.data.series import Panel
from suimon.errors import ConfigError, DataError
from suimon.tasks.forecasting.config import DESCRIPTION, ForecastingConfig
from suimon.tasks.forecasting.data import flatten, read
from suimon.tasks.forecasting.objective import Forecasting, reading_for
from suimon.tasks.forecasting.recipe import choose
from suimon.tasks.run_maker import Plan, RunMaker
from suimon.training.config import TrainingConfig


def make_plan(
    panel: Panel, config: ForecastingConfig, training: TrainingConfig
) -> Plan[Forecasting]:
    """Split the rows, and choose what was left out.

    Raises:
        DataError: a series is too short for the window.
        ConfigError: options contradict each other or the data.
    """
    choice, read_by, split = choose(panel, config, training)
    chosen = choice.config
    measured = [read_by.measured[str(series.name)] for series in panel.series]
    flat = flatten(panel, read_by, 0, measured)
    reading = reading_for(chosen)
    for n, series in enumerate(panel.series):
        if split.train[n] < reading.reach + reading.horizon:
            raise DataError(
                f"series {series.name!r} has {len(series):,} rows, of which {split.valid:,} "
                f"validate; a window takes {reading.reach} and the horizon {reading.horizon}: "
                "leave it out, or give a shorter --context or --horizon"
            )
    task = Forecasting(chosen, choice.training, read_by, flat, split)
    rows = sum(map(len, panel.series))
    one = "1 series" if len(panel.series) == 1 else f"{len(panel.series):,} series"
    amount = f"{one} of {rows:,} rows"
    there_is = (
        f"{amount}, a row each {panel.frequency.name}; {len(task.train):,} windows to learn from, "
        f"{len(task.valid):,} to validate on, in the last {split.valid:,} rows"
    )
    return Plan(
        task,
        chosen,
        choice.training,
        choice.chosen,
        amount,
        [*panel.notices, there_is],
    )


def _prepare(
    paths: Sequence[str | Path], config: ForecastingConfig, training: TrainingConfig
) -> Plan[Forecasting]:
    return make_plan(read(one_path(paths), config), config, training)


def one_path(paths: Sequence[str | Path]) -> str | Path:
    """The one table.

    Raises:
        DataError: there is none.
        ConfigError: there are several.
    """
    if not paths:
        raise DataError("name the table of the series")
    if len(paths) > 1:
        raise ConfigError(f"one table is read: leave out {paths[1]}, or join the tables")
    return paths[0]


RUNS = RunMaker(DESCRIPTION, _prepare)
train = RUNS.train
resume = RUNS.resume
