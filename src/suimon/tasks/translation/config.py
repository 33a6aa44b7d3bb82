"""Every option of the translation task. Flags, forms and tables are made from this class."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from suimon.tasks.description import FILES, TaskDescription
from suimon.tasks.network_options import NetworkOptions
from suimon.tasks.text_options import (
    EmbeddingWidth,
    EncodingOption,
    TextEncoding,
    WordSplitter,
)

SideUnits = Literal["words", "chars", "bpe"]


class TranslationConfig(NetworkOptions):
    """What the network reads and writes, and how it is built.

    ``None`` means: chosen by the rule of :mod:`suimon.tasks.translation.recipe` from the data and
    the budget, printed, and kept in ``config.toml``.
    """

    source: str | None = Field(
        default=None, description="The column of a table that holds the sources (else the first)."
    )
    target: str | None = Field(
        default=None, description="The column that holds the targets (else the second)."
    )
    separator: str | None = Field(
        default=None,
        description="What stands between source and target in a file of lines, e.g. _.",
    )
    encoding: TextEncoding = "utf-8"
    source_units: SideUnits | None = Field(
        default=None, description="What one step of a source is."
    )
    target_units: SideUnits | None = Field(
        default=None, description="What one step of a target is."
    )
    source_vocabulary: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000,
        description="Most distinct units of sources kept, the most frequent first.",
    )
    target_vocabulary: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000,
        description="Most distinct units of targets kept, the most frequent first.",
    )
    source_words: WordSplitter = Field(
        default="marks",
        description="How units words are found in sources: with punctuation marks as words of "
        "their own, at white space alone, or by a Japanese analyser.",
    )
    target_words: WordSplitter = Field(
        default="marks", description="How units words are found in targets."
    )
    joint_units: bool = Field(
        default=False, description="Find the sub-words of bpe in sources and targets together."
    )
    lowercase_source: bool = Field(
        default=True, description="Read capitals of sources as small letters."
    )
    lowercase_target: bool = Field(default=False, description="Learn to write small letters only.")
    longest: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Most units of a source or target; a longer one is refused.",
    )
    valid_fraction: float = Field(
        default=0.05,
        gt=0.0,
        lt=1.0,
        description="Share of the distinct sources that is kept for validation.",
    )
    valid_files: tuple[str, ...] = Field(
        default=(),
        description="Validate on these files, named as the data is, instead of a share of it.",
        json_schema_extra=FILES,
    )
    embedding: EmbeddingWidth = None
    bidirectional: bool = Field(default=True, description="Read each source backwards too.")
    from_: str | None = Field(
        default=None,
        description="A run of suimon train text in the language of the sources, whose units and "
        "layers the encoder begins with.",
        json_schema_extra=FILES,
    )
    from_target: str | None = Field(
        default=None,
        description="A run of suimon train text in the language of the targets, whose units and "
        "layers the decoder begins with.",
        json_schema_extra=FILES,
    )
    attention: Literal["additive", "multiplicative", "none"] = Field(
        default="additive",
        description="How the decoder looks at the source: by scores of a small network (Bahdanau), "
        "by products (Luong), or not at all.",
    )
    input_feeding: bool = Field(
        default=False,
        description="Let each step see what attention gave the one before; training then goes "
        "step by step, and is slower.",
    )
    tie_weights: bool = Field(
        default=False,
        description="One matrix for the decoder's embedding and its output layer.",
    )
    label_smoothing: float | None = Field(
        default=None,
        ge=0.0,
        lt=1.0,
        description="Share of the target's probability that is spread over all units.",
    )
    teacher_forcing_ratio: float = Field(
        default=1.0,
        ge=0.0,
        le=1.0,
        description="Share of steps that read the true unit before them, once the schedule has "
        "ended; the others read what the network held likeliest. Below 1 training goes step by "
        "step.",
    )
    teacher_forcing_epochs: int = Field(
        default=10,
        ge=0,
        le=1_000_000,
        description="Epochs over which that share falls in a straight line from 1 to the ratio.",
    )


class SearchOptions(BaseModel):
    """How a translation is looked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beam: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Hypotheses held at once by beam search; 1 takes the likeliest unit each time.",
    )
    length_penalty: float = Field(
        default=1.0,
        ge=0.0,
        le=10.0,
        description="The higher, the longer are the translations preferred.",
    )
    replace_unknown: bool = Field(
        default=True,
        description="Write for an unknown word the word of the source that attention looked at "
        "most (units words, with attention); else no unknown word is written.",
    )


class PredictingOptions(SearchOptions, EncodingOption):
    """What ``suimon predict`` takes for a translation."""

    alignment: bool = Field(
        default=False,
        description="Show beside each translation which source unit each of its units comes from, "
        "as SOURCE-TARGET pairs of numbers from 0; --json has the whole matrix.",
    )


class EvaluatingOptions(SearchOptions, EncodingOption):
    """What ``suimon evaluate`` takes for a translation."""


DESCRIPTION = TaskDescription(
    name="translation",
    command="translate",
    summary="Learn to turn one sequence of units into another.",
    example="suimon train translate example/dates.tsv --out runs/dates",
    config=TranslationConfig,
    chosen=(
        *("source_units", "target_units", "source_vocabulary", "target_vocabulary"),
        *("layers", "hidden", "embedding", "dropout", "input_dropout", "label_smoothing"),
        *("forget_bias", "epochs", "batch_size", "learning_rate", "precision"),
    ),
    unused=("tbptt_steps",),
    data="Two parallel files SOURCE TARGET, or one file: a table, or lines cut by --separator.",
    learnt="units or sentences",
    predicts="a line for each line: what it makes of it",
    measures="BLEU, chrF, the share of targets found exactly, and the loss",
    predicting=PredictingOptions,
    evaluating=EvaluatingOptions,
)
