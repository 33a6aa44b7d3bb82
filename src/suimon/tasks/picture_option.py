"""The option of tasks that draw what they predict; no torch is imported here."""

from pydantic import BaseModel, ConfigDict, Field


class PictureOption(BaseModel):
    """What ``suimon predict`` takes for tasks whose predictions can be drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str | None = Field(
        default=None,
        description="Draw what is predicted into this PNG file: of image rows originals beside "
        "what was completed, or what was sampled, the first 64; of series the first 6.",
    )
