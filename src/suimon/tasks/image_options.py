"""Options about images that several tasks have; no torch is imported here."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ImageOptions(BaseModel):
    """The one size and colour that images are brought to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: str | None = Field(
        default=None,
        description="Rows and columns that images are brought to, 28 or 28x20 (left out: the first "
        "image's, its longer side 64 at most; those of an IDX file stay).",
    )
    color: Literal["grey", "rgb"] | None = Field(
        default=None,
        description="Whether images are read in grey or in colours (left out: as the first one "
        "is).",
    )
