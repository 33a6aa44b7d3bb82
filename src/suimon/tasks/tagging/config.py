"""Every option of the tagging task. Flags, forms and tables are made from this class."""

from typing import Literal

from pydantic import Field

from suimon.tasks.audio_options import AudioOptions
from suimon.tasks.description import FILES, TaskDescription
from suimon.tasks.network_options import NetworkOptions
from suimon.tasks.text_options import (
    EncodingOption,
    TextEncoding,
)
from suimon.tasks.validation_options import ValidFiles


class TaggingConfig(NetworkOptions, AudioOptions):
    """What the network reads, how it is built, and how tags are chosen.

    ``None`` means: chosen by the rule of :mod:`suimon.tasks.tagging.recipe` from the data and the
    budget, printed, and kept in ``config.toml``.
    """

    label: str | None = Field(
        default=None,
        description="The column of the labels: of words in columns its number from 1 on (left out: "
        "the last), else its name (left out: tags for lists of words, label for rows).",
    )
    text: str | None = Field(
        default=None,
        description="The column of the words: its number from 1 on (left out: the first), or the "
        "name of that of lists of words (left out: tokens).",
    )
    values: tuple[str, ...] = Field(
        default=(),
        description="Columns that hold numbers, joined by commas, a channel each; a row is a time "
        "step; t* names all that begin so.",
    )
    id: str | None = Field(
        default=None, description="With values: the column that says which rows belong together."
    )
    start: str = Field(
        default="start",
        description="With audio, where a row is a segment: the column of the seconds at which "
        "segments start.",
    )
    end: str = Field(
        default="end", description="With audio: the column of the seconds at which they end."
    )
    mark_beginnings: bool = Field(
        default=True,
        description="With audio: learn beginnings of segments as labels of their own, so that of "
        "two of one label, the one behind the other, both are found.",
    )
    shortest: float = Field(
        default=50.0,
        ge=0,
        le=60_000,
        description="With audio: drop predicted segments of fewer milliseconds.",
        json_schema_extra={"unit": "milliseconds"},
    )
    encoding: TextEncoding = "utf-8"
    lowercase: bool = Field(
        default=True,
        description="Read the capitals of words as small letters; characters keep theirs.",
    )
    vocabulary: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Most distinct words kept, the most frequent first (left out: all that occur "
        "twice, 30000 at most).",
    )
    characters: bool = Field(
        default=True,
        description="Read the letters of each word too, by a recurrent network of their own, so "
        "that words never met are known by their form.",
    )
    longest: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Steps read at once: a longer sequence is read in parts.",
    )
    valid_fraction: float = Field(
        default=0.1,
        gt=0.0,
        lt=1.0,
        description="Share of the sequences that is kept for validation.",
    )
    valid_files: ValidFiles = ()
    embedding: int | None = Field(
        default=None, ge=1, le=65_536, description="Width of the vector that stands for one word."
    )
    bidirectional: bool = Field(default=True, description="Read each sequence backwards too.")
    from_: str | None = Field(
        default=None,
        description="A run of suimon train text on the same or more text, whose units and layers "
        "are begun with.",
        json_schema_extra=FILES,
    )
    output: Literal["softmax", "crf"] = Field(
        default="softmax",
        description="How tags are chosen: each by itself, or all together by a conditional random "
        "field, which learns what follows what.",
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none",
        description="What an error costs: the same for all, or more for a rarer label.",
    )


DESCRIPTION = TaskDescription(
    name="tagging",
    command="tag",
    summary="Learn to give every step of a sequence a label.",
    example="suimon train tag example/people.conll --out runs/people",
    config=TaggingConfig,
    chosen=(
        *("layers", "hidden", "embedding", "dropout", "input_dropout", "forget_bias"),
        *("epochs", "batch_size", "learning_rate"),
    ),
    unused=("tbptt_steps",),
    data="Files with a word and its label a line, or a table: of lists of words and labels, of "
    "time steps (--values) or of segments of recordings (--audio).",
    learnt="labels, words or scales",
    predicts="a line a word with its tag, or a line a segment of a recording",
    measures="accuracy, and the F1 of entities or the share of recordings that are all right",
    predicting=EncodingOption,
    evaluating=EncodingOption,
)
