"""Every option of the task on image rows. Flags, forms and tables are made from this class."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from suimon.tasks.description import TaskDescription
from suimon.tasks.image_options import ImageOptions
from suimon.tasks.network_options import NetworkOptions
from suimon.tasks.picture_option import PictureOption
from suimon.tasks.validation_options import ValidFiles


class RowsConfig(NetworkOptions, ImageOptions):
    """How images are read, what is said of a row, and how the network is built.

    ``None`` means: chosen by the rule of :mod:`suimon.tasks.rows.recipe` from the data, printed,
    and kept in ``config.toml``.
    """

    output: Literal["mse", "bernoulli", "mixture"] = Field(
        default="mse",
        description="What is said of a row: its mean alone; each pixel's chance to be white; or a "
        "mixture of whole rows, each pixel a discretised logistic. Images can be drawn from the "
        "last two.",
    )
    components: int = Field(
        default=8, ge=1, le=256, description="Rows that are mixed, for output mixture."
    )
    ahead: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Rows predicted from each state: the next one, and so many after it less one.",
    )
    valid_fraction: float = Field(
        default=0.05,
        gt=0.0,
        lt=1.0,
        description="Share of the images that is kept for validation.",
    )
    valid_files: ValidFiles = ()


GIVEN = "Rows of each image that are shown; the others are completed (left out: the upper half)."


class RowsPredicting(PictureOption):
    """What ``suimon predict`` takes of a run on image rows."""

    given: int | None = Field(default=None, ge=1, le=1024, description=GIVEN)
    sample: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Draw so many whole images instead; no INPUT is read.",
    )
    sample_seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="The same samples for the same seed."
    )


class RowsEvaluating(BaseModel):
    """What ``suimon evaluate`` takes of a run on image rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    given: int | None = Field(default=None, ge=1, le=1024, description=GIVEN)


DESCRIPTION = TaskDescription(
    name="rows",
    command="rows",
    summary="Learn to complete images row by row.",
    example="suimon train rows example/shapes.idx3 --out runs/shapes",
    config=RowsConfig,
    chosen=(
        *("layers", "hidden", "dropout", "forget_bias", "ahead"),
        *("epochs", "batch_size", "learning_rate"),
    ),
    unused=("tbptt_steps",),
    data="An IDX file of images, or image files and folders with all that is in them.",
    learnt="size and mean image",
    predicts="a line an image: the error of what it completed, and where the image stands",
    measures="the squared error of what it completes, beside that of repeating the last row shown",
    predicting=RowsPredicting,
    evaluating=RowsEvaluating,
)
