"""Every option of the captioning task. Flags, forms and tables are made from this class."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from suimon.tasks.description import FILES, TaskDescription
from suimon.tasks.image_options import ImageOptions
from suimon.tasks.network_options import NetworkOptions
from suimon.tasks.text_options import (
    EmbeddingWidth,
    EncodingOption,
    Lowercase,
    MarkedWords,
    UnitName,
    VocabularySize,
)


class CaptioningConfig(NetworkOptions, ImageOptions):
    """How images and captions are read, and how the network is built.

    ``None`` means: chosen by the rule of :mod:`suimon.tasks.captioning.recipe` from the data,
    printed, and kept in ``config.toml``.
    """

    encoding: str = Field(default="utf-8", description="Character encoding of captions.csv.")
    units: UnitName = Field(default="words", description="What captions are written in.")
    words: MarkedWords = "marks"
    lowercase: Lowercase = True
    vocabulary: VocabularySize = None
    longest: int = Field(
        default=200, ge=1, le=10_000, description="Units of a caption; longer ones are refused."
    )
    valid_fraction: float = Field(
        default=0.1,
        gt=0.0,
        lt=1.0,
        description="Share of the images that is kept for validation.",
    )
    valid_files: tuple[str, ...] = Field(
        default=(),
        description="Validate on this folder instead of a share of the data.",
        json_schema_extra=FILES,
    )
    embedding: EmbeddingWidth = None
    attention: Literal["none", "additive", "multiplicative", "scaled"] = Field(
        default="scaled",
        description="Whether each unit looks at places of the image, and how they are scored: by a "
        "small network (additive), by products (multiplicative), or by products over the root of "
        "their width (scaled).",
    )


BEAM = "Hypotheses held at once by beam search; 1 takes the likeliest unit each time."


class CaptioningPredicting(BaseModel):
    """What ``suimon predict`` takes of a run of captioning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beam: int = Field(default=5, ge=1, le=1000, description=BEAM)


class CaptioningEvaluating(EncodingOption):
    """What ``suimon evaluate`` takes of a run of captioning."""

    beam: int = Field(default=5, ge=1, le=1000, description=BEAM)


DESCRIPTION = TaskDescription(
    name="captioning",
    command="caption",
    summary="Learn to describe images in a sentence.",
    example="suimon train caption example/scenes --out runs/scenes",
    config=CaptioningConfig,
    chosen=(
        *("layers", "hidden", "embedding", "dropout", "input_dropout", "forget_bias"),
        *("epochs", "batch_size", "learning_rate", "warmup_fraction"),
    ),
    unused=("tbptt_steps",),
    data="A folder of images, or of .npy features, with captions.csv: columns image and caption.",
    learnt="units or images",
    predicts="a line an image: its path and a sentence",
    measures="the share of images whose sentence is one of theirs word for word, BLEU and loss",
    predicting=CaptioningPredicting,
    evaluating=CaptioningEvaluating,
)
