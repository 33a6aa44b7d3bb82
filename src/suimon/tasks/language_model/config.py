"""Every option of the language-model task. Flags, forms and tables are made from this class."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from suimon.tasks.cell_names import cell_names
from suimon.tasks.description import TaskDescription

if TYPE_CHECKING:
    CellName = str
else:  # whatever cells there are
    CellName = Literal[*cell_names()]
UnitName = Literal["chars", "bytes", "words", "bpe"]
WordSplitter = Literal["whitespace", "sudachi", "janome"]


# Elman's network is also called rnn, as in torch.nn; config.toml of older runs calls it so.
_ACCEPTED = {"rnn": "elman", **{name.lower(): name for name in cell_names()}}


def _canonical_cell(value: Any) -> Any:
    """A cell's own name, however its letters are written."""
    return _ACCEPTED.get(value.lower(), value) if isinstance(value, str) else value


class LanguageModelConfig(BaseModel):
    """What the network reads and how it is built.

    ``None`` means: chosen by the rule of :mod:`suimon.tasks.language_model.recipe` from the
    corpus and the budget, printed, and kept in ``config.toml``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    units: UnitName = Field(
        default="chars",
        description="What one step reads: Unicode characters, bytes, words, or BPE sub-words.",
    )
    words: WordSplitter = Field(
        default="whitespace",
        description="How units=words finds words: at white space, or by a Japanese analyser "
        "(sudachi or janome, from the extra text-ja).",
    )
    vocabulary: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000,
        description="Most distinct units kept, the most frequent first (left out: all "
        "characters, 30000 words, 4096 sub-words).",
    )
    encoding: str = Field(
        default="utf-8", description="Character encoding of the text files (not for units=bytes)."
    )
    aozora: bool = Field(
        default=False,
        description="Strip Aozora Bunko ruby, editor's marks, header and colophon.",
    )
    valid_fraction: float = Field(
        default=0.1,
        gt=0.0,
        lt=1.0,
        description="Share of the text, its end, kept for validation.",
    )
    valid_files: tuple[str, ...] = Field(
        default=(),
        description="Files, folders or globs to validate on instead of a fraction of the text.",
    )
    valid_every: int | None = Field(
        default=None,
        ge=2,
        description="Validate on every so-manieth file instead: for 10 the 10th, the 20th, …",
    )
    valid_limit: int = Field(
        default=1_000_000,
        ge=2,
        le=1_000_000_000,
        description="Most units of the validation text that are measured while training, from its "
        "beginning, so that a long text is not trained less than it is measured; fewer for a short "
        "budget in minutes.",
    )
    cell: Annotated[CellName, BeforeValidator(_canonical_cell)] = Field(
        default="lstm",
        description="Recurrent cell; rnn is another name of elman.",
    )
    layers: int | None = Field(
        default=None, ge=1, le=64, description="Recurrent layers, one upon another."
    )
    hidden: int | None = Field(
        default=None, ge=1, le=65_536, description="Hidden units of each recurrent layer."
    )
    embedding: int | None = Field(
        default=None, ge=1, le=65_536, description="Width of the vector that stands for one unit."
    )
    dropout: float | None = Field(
        default=None,
        ge=0.0,
        lt=1.0,
        description="Dropout on each layer's output, the last one's too.",
    )
    input_dropout: float | None = Field(
        default=None, ge=0.0, lt=1.0, description="Dropout on the embedding's output."
    )
    recurrent_dropout: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Dropout on the hidden state inside the recurrence, one mask a window.",
    )
    weight_dropout: float = Field(
        default=0.0, ge=0.0, lt=1.0, description="Dropout on the hidden-to-hidden weights."
    )
    zoneout: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Chance that a state's unit keeps its previous value.",
    )
    tie_weights: bool = Field(
        default=False, description="Use one matrix for the embedding and the output layer."
    )
    layer_norm: bool = Field(
        default=False, description="Layer normalisation inside the cell, for one that takes it."
    )
    norm_between: bool = Field(default=False, description="Layer normalisation between layers.")
    residual: bool = Field(default=False, description="Add each layer's input to its output.")
    forget_bias: float | None = Field(
        default=None,
        ge=-10.0,
        le=10.0,
        description="Initial bias of the forget gate, for a cell that takes one.",
    )


DESCRIPTION = TaskDescription(
    name="language_model",
    command="text",
    summary="Learn a text and write like it.",
    example="suimon train text shakespeare.txt --out runs/shakespeare --minutes 3",
    config=LanguageModelConfig,
    chosen=(
        *("layers", "hidden", "embedding", "dropout", "input_dropout", "forget_bias"),
        *("tbptt_steps", "batch_size", "optimizer", "learning_rate", "precision"),
    ),
)
