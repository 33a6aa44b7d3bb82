"""Every option of the forecasting task. Flags, forms and tables are made from this class."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from suimon.tasks.description import TaskDescription
from suimon.tasks.network_options import NetworkOptions
from suimon.tasks.picture_option import PictureOption


class ForecastingConfig(NetworkOptions):
    """What is forecast from what, and how the network is built.

    ``None`` means: chosen by the rule of :mod:`suimon.tasks.forecasting.recipe` from the data,
    printed, and kept in ``config.toml``.
    """

    horizon: int | None = Field(
        default=None, ge=1, le=10_000, description="Rows ahead to forecast; it must be given."
    )
    id: str | None = Field(
        default=None,
        description="The column of the series' names (left out: unique_id, if there is one).",
    )
    time: str | None = Field(default=None, description="The column of times (left out: ds).")
    target: str | None = Field(
        default=None, description="The column of what is forecast (left out: y)."
    )
    known: tuple[str, ...] = Field(
        default=(),
        description="Columns of numbers that are known for the future too, joined by commas.",
    )
    past: tuple[str, ...] = Field(
        default=(), description="Columns of numbers known up to the present, joined by commas."
    )
    freq: str | None = Field(
        default=None,
        description="Span between two rows, such as h, 15min, D, B, W, M, Q, Y; count: rows follow "
        "each other whatever their dates (left out: inferred).",
    )
    season: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Rows of one season, 1 for none (left out: the usual one of the frequency).",
    )
    fill: Literal["season", "last", "linear", "zero", "refuse"] = Field(
        default="last",
        description="What stands for a missing value: the last one, that of a season before, a "
        "line between its neighbours (which looks ahead), or zero; or the data is refused.",
    )
    time_format: str | None = Field(
        default=None,
        description="How dates are written, such as %d-%m-%y (left out: inferred).",
    )
    encoding: str = Field(default="utf-8", description="Character encoding of text tables.")
    strategy: Literal["direct", "recursive"] = Field(
        default="direct",
        description="All rows of the horizon at once, or one after the other, each forecast being "
        "fed back as if it had been seen.",
    )
    head: Literal["quantile", "gaussian"] = Field(
        default="quantile", description="What is said of how sure a forecast is."
    )
    transform: Literal["none", "log"] | None = Field(
        default=None, description="Forecast the values, or their logarithms."
    )
    difference: Literal["none", "last", "season"] | None = Field(
        default=None,
        description="What values are taken relative to: the mean of the window, its last value, "
        "or the value a season before each.",
    )
    context: int | None = Field(
        default=None, ge=2, le=100_000, description="Rows that the network reads of the past."
    )
    segment: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Rows of the context that each step of the recurrent layers reads at once.",
    )
    linear_lags: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Last differences that the linear path, beside the network, reads.",
    )
    ridge: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="Penalty of the linear path's weights, in variances of what it reads.",
    )
    lags: tuple[int, ...] | None = Field(
        default=None, description="Each step also reads the value so many rows before."
    )
    rolling: tuple[int, ...] | None = Field(
        default=None, description="Each step also reads the mean of so many rows up to it."
    )
    calendar: bool = Field(
        default=True,
        description="Read where each row stands in its day, week and year, as far as "
        "the training rows go through these twice.",
    )
    valid_rows: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Rows at the end of each series to validate on.",
    )
    refit: bool = Field(
        default=True,
        description="Forecast with a linear path fitted on all rows, those of validation too.",
    )


class PredictionOptions(PictureOption):
    """What ``suimon predict`` takes of forecasts."""

    level: tuple[float, ...] = Field(
        default=(), description="Percent of an interval beside each forecast (default: 80)."
    )
    horizon: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Rows ahead (default: as trained; more only of a recursive model).",
    )
    anomalies: bool = Field(
        default=False,
        description="Go through the rows given instead, and flag those outside of what was "
        "forecast for them a row before (by the widest --level; default: 99).",
    )


class EvaluationOptions(BaseModel):
    """What ``suimon evaluate`` takes of forecasts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    last: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Forecast from every row whose horizon lies in the last so many rows of each "
        "series (default: the horizon, so from one row).",
    )


DESCRIPTION = TaskDescription(
    name="forecasting",
    command="forecast",
    summary="Learn to forecast one series or thousands.",
    example="suimon train forecast example/shops.csv --horizon 14 --known promotion "
    "--out runs/shops",
    config=ForecastingConfig,
    chosen=(
        *("season", "transform", "difference", "context", "segment", "linear_lags"),
        *("ridge", "lags", "rolling", "valid_rows", "layers", "hidden", "dropout", "forget_bias"),
        *("epochs", "steps", "batch_size", "learning_rate", "weight_decay"),
    ),
    unused=("tbptt_steps",),
    data="A table: CSV, TSV, JSON lines or Parquet, a row a time (or a row a series).",
    learnt="series",
    predicts="the table of forecasts as CSV",
    measures="errors beside those of seasonal-naive",
    predicting=PredictionOptions,
    evaluating=EvaluationOptions,
)
