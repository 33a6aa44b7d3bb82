"""The options about validation that several tasks have; no torch is imported here."""

from typing import Annotated

from pydantic import Field

from suimon.tasks.description import FILES

ValidFiles = Annotated[
    tuple[str, ...],
    Field(
        description="Validate on these files instead of a share of the data.",
        json_schema_extra=FILES,
    ),
]
