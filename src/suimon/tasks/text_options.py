"""The values of options about texts that several tasks have; no torch is imported here."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

UnitName = Literal["chars", "bytes", "words", "bpe"]
WordSplitter = Literal["whitespace", "marks", "sudachi", "janome"]

# Types with their bounds and descriptions, so that each task's class says where an option stands
# among the others and what its default is.
MarkedWords = Annotated[
    WordSplitter,
    Field(
        description="How units=words finds words: with punctuation marks as words of their own, at "
        "white space alone, or by a Japanese analyser (sudachi or janome, from the extra text-ja)."
    ),
]
Lowercase = Annotated[bool, Field(description="Read capitals as small letters.")]
VocabularySize = Annotated[
    int | None,
    Field(
        ge=2,
        le=1_000_000,
        description="Most distinct units kept, the most frequent first (left out: all "
        "characters, 30000 words, 4096 sub-words).",
    ),
]
EmbeddingWidth = Annotated[
    int | None,
    Field(ge=1, le=65_536, description="Width of the vector that stands for one unit."),
]
TextEncoding = Annotated[str, Field(description="Character encoding of texts and tables.")]


class EncodingOption(BaseModel):
    """What ``suimon predict`` and ``suimon evaluate`` take for tasks that read texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: str | None = Field(
        default=None, description="How the files are written (default: as in training)."
    )
