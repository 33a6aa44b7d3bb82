"""The values of options about texts that several tasks have; no torch is imported here."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

UnitName = Literal["chars", "bytes", "words", "bpe"]
WordSplitter = Literal["whitespace", "marks", "sudachi", "janome"]


class EncodingOption(BaseModel):
    """What ``suimon evaluate`` takes for tasks that read texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: str | None = Field(
        default=None, description="How the files are written (default: as in training)."
    )
