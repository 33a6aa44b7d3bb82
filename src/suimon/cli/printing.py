"""Where a command's words go: results to standard output, everything else to standard error."""

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def is_first_process() -> bool:
    """Whether this process speaks: under torchrun only the one of rank 0 does."""
    return os.environ.get("RANK", "0") == "0"


def notice(text: str) -> None:
    """Say something that is not the command's result."""
    if is_first_process():
        print(text, file=sys.stderr, flush=True)


def result(text: str) -> None:
    """Print the command's result, or a line of it."""
    if is_first_process():
        print(text, flush=True)


def result_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print the command's result as one line of JSON; a number that is not finite is ``null``."""
    result(json.dumps(_finite(value), ensure_ascii=False, default=str, allow_nan=False))


def _finite(value: Any) -> Any:
    """``value`` with every infinity and NaN, which JSON does not have, as ``None``."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
