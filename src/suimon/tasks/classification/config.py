"""Every option of the classification task. Flags, forms and tables are made from this class."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from suimon.tasks.audio_options import AudioOptions
from suimon.tasks.description import FILES, TaskDescription
from suimon.tasks.image_options import ImageOptions
from suimon.tasks.network_options import CELL, CellName, NetworkOptions, canonical_cell
from suimon.tasks.text_options import (
    EmbeddingWidth,
    EncodingOption,
    Lowercase,
    MarkedWords,
    TextEncoding,
    UnitName,
    VocabularySize,
)
from suimon.tasks.validation_options import ValidFiles

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]


class ClassificationConfig(NetworkOptions, AudioOptions, ImageOptions):
    """What the network reads, how it is built, and what it is told of the classes.

    ``None`` means: chosen by the rule of :mod:`suimon.tasks.classification.recipe` from the
    data and the budget, printed, and kept in ``config.toml``.
    """

    cell: Annotated[CellName | None, BeforeValidator(canonical_cell)] = Field(
        default=None, description=CELL
    )
    label: str | None = Field(
        default=None, description="The column of a table that holds the labels."
    )
    text: str | None = Field(default=None, description="The column that holds texts.")
    values: tuple[str, ...] = Field(
        default=(),
        description="Columns that hold numbers, joined by commas: single numbers are the time "
        "steps of one channel, lists of numbers are a channel each; t* names all that begin so.",
    )
    pixels: bool = Field(
        default=False, description="Read an image pixel by pixel instead of row by row."
    )
    encoding: TextEncoding = "utf-8"
    units: UnitName = Field(default="words", description="What one step of a text is.")
    words: MarkedWords = "marks"
    lowercase: Lowercase = True
    vocabulary: VocabularySize = None
    longest: int = Field(
        default=2000,
        ge=1,
        le=1_000_000,
        description="Steps read of a sequence; of a longer one its beginning and its end.",
    )
    valid_fraction: float = Field(
        default=0.1,
        gt=0.0,
        lt=1.0,
        description="Share of the sequences of each class that is kept for validation.",
    )
    valid_files: ValidFiles = ()
    embedding: EmbeddingWidth = None
    bidirectional: bool = Field(default=True, description="Read each sequence backwards too.")
    pooling: Literal["last", "mean", "max", "attention"] = Field(
        default="max",
        description="What becomes of the outputs of all steps: the last one of each direction, "
        "their mean, their maximum, or a weighted mean whose weights are learnt.",
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none",
        description="What an error costs: the same for all, or more for a rarer class.",
    )
    branch: Literal["none", "bag-of-words"] = Field(
        default="none",
        description="A second way from a text to the scores beside the recurrent layers: which "
        "units and pairs of neighbours it has, by naive Bayes with learnt trust.",
    )
    branch_places: int | None = Field(
        default=None,
        ge=2,
        le=2**24,
        description="Rows of the branch's table, a power of two; units and pairs share them.",
    )
    consistency: float | None = Field(
        default=None,
        ge=0.0,
        le=100.0,
        description="Each text is read twice at a step, other units dropped, and the two answers "
        "are pulled together so strongly (R-drop); 0: it is read once.",
    )
    weighting: Literal["none", "tfidf"] = Field(
        default="none",
        description="Whether a unit's vector is multiplied by its inverse document frequency, so "
        "that rare units say more.",
    )
    vectors: str | None = Field(
        default=None,
        description="A text file of word vectors (word2vec, GloVe; gzip too) to begin with; it "
        "decides the embedding's width.",
        json_schema_extra=FILES,
    )
    from_: str | None = Field(
        default=None,
        description="A run of suimon train text on the same or more text, whose units and layers "
        "are begun with.",
        json_schema_extra=FILES,
    )
    noise: float = Field(
        default=0.0,
        ge=0.0,
        le=10.0,
        description='Noise is learnt as one more class, "none of these": so many sequences of it '
        "for each one learnt from, made by the data's own statistics, others in each pass; 0: "
        "none.",
    )
    noise_label: str | None = Field(
        default=None,
        description='The label of sequences that are noise: they are learnt as "none of these".',
    )
    reject_below: Literal["auto"] | Probability | None = Field(
        default=None,
        description='Give no label, but "none of these", below this probability; auto finds on '
        "the validation data the one that parts errors from right answers best.",
    )


class ClassificationEvaluating(EncodingOption):
    """What ``suimon evaluate`` takes for a classifier."""

    picture: str | None = Field(
        default=None, description="Draw the confusion matrix into this PNG file."
    )


DESCRIPTION = TaskDescription(
    name="classification",
    command="classify",
    summary="Learn to give a whole sequence one label.",
    example="suimon train classify example/reviews.csv --label stars --text review "
    "--out runs/reviews",
    config=ClassificationConfig,
    chosen=(
        *("cell", "layers", "hidden", "embedding", "dropout", "input_dropout", "forget_bias"),
        *("consistency", "branch_places", "epochs", "batch_size", "learning_rate", "averaging"),
        "precision",
    ),
    unused=("tbptt_steps",),
    data="A table, an archive of series, a folder with one sub-folder a class (texts, "
    "recordings, images or folders of frames), or IDX images.",
    learnt="classes, units or scales",
    predicts="a line a sequence: its label, how probable it is, and where it stands",
    measures="accuracy, macro-F1, loss and the confusion matrix",
    predicting=EncodingOption,
    evaluating=ClassificationEvaluating,
)
