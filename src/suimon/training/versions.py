"""The version of what a run directory holds, and the refusal of later ones. No torch is here."""

from pathlib import Path
from typing import Any

from suimon.errors import CheckpointError

FORMAT_VERSION = 1
"""Version of the run directory and of every file in it; a higher one is refused."""


def refuse_newer(path: Path, version: Any) -> None:
    """Refuse what a later suimon wrote.

    Raises:
        CheckpointError: ``version`` is not one that this suimon reads.
    """
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version}, and this suimon reads up to {FORMAT_VERSION}: "
            "upgrade suimon"
        )
