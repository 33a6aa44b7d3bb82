"""Options about recordings that several tasks have; no torch is imported here."""

from pydantic import BaseModel, ConfigDict, Field


class AudioOptions(BaseModel):
    """Where recordings are named, and how they become sequences of frames."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    audio: str | None = Field(
        default=None,
        description="The column that names recordings, by their paths from the table's folder.",
    )
    bands: int = Field(
        default=40, ge=1, le=1024, description="Mel bands that a recording's frames have."
    )
    window: float = Field(
        default=25.0,
        gt=0,
        le=10_000,
        description="Milliseconds of a recording that a frame sees.",
        json_schema_extra={"unit": "milliseconds"},
    )
    hop: float = Field(
        default=10.0,
        gt=0,
        le=10_000,
        description="Milliseconds from one frame of a recording to the next.",
        json_schema_extra={"unit": "milliseconds"},
    )
