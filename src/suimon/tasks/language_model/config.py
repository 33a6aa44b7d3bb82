"""Every option of the language-model task. Flags, forms and tables are made from this class."""

from pydantic import Field

from suimon.tasks.description import FILES, TaskDescription
from suimon.tasks.network_options import NetworkOptions
from suimon.tasks.text_options import (
    EmbeddingWidth,
    EncodingOption,
    UnitName,
    VocabularySize,
    WordSplitter,
)


class LanguageModelConfig(NetworkOptions):
    """What the network reads and how it is built.

    ``None`` means: chosen by the rule of :mod:`suimon.tasks.language_model.recipe` from the
    corpus and the budget, printed, and kept in ``config.toml``.
    """

    units: UnitName = Field(
        default="chars",
        description="What one step reads: Unicode characters, bytes, words, or BPE sub-words.",
    )
    words: WordSplitter = Field(
        default="whitespace",
        description="How units=words finds words: at white space, with punctuation marks as words "
        "of their own, or by a Japanese analyser (sudachi or janome, from the extra text-ja).",
    )
    vocabulary: VocabularySize = None
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
        json_schema_extra=FILES,
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
    embedding: EmbeddingWidth = None
    tie_weights: bool = Field(
        default=False, description="Use one matrix for the embedding and the output layer."
    )


DESCRIPTION = TaskDescription(
    name="language_model",
    command="text",
    summary="Learn a text and write like it.",
    example="suimon train text example/tales.txt --out runs/tales --minutes 3",
    config=LanguageModelConfig,
    chosen=(
        *("layers", "hidden", "embedding", "dropout", "input_dropout", "forget_bias"),
        *("tbptt_steps", "batch_size", "optimizer", "learning_rate", "precision"),
    ),
    measures="loss (mean nats a unit), bits per character, perplexity and counts",
    evaluating=EncodingOption,
)
