"""What binding.cpp exposes. An array is a contiguous CPU tensor, or its DLPack capsule."""

from typing import Any

def instruction_sets() -> list[str]: ...
def multiplies_bf16(isa: str) -> bool: ...
def pages(bytes: int) -> Any: ...
def linear_recurrence_forward(
    a: Any, b: Any, h_0: Any, h: Any, restart: Any = None, *, threads: int, isa: str
) -> None: ...
def linear_recurrence_backward(
    a: Any,
    h_0: Any,
    h: Any,
    grad_h: Any,
    grad_a: Any,
    grad_b: Any,
    grad_h_0: Any,
    restart: Any = None,
    *,
    threads: int,
    isa: str,
) -> None: ...
def sequence_forward(
    cell: str,
    arrays: dict[str, Any],
    *,
    units: int,
    reverse: bool,
    threads: int,
    isa: str,
) -> None: ...
def sequence_backward(
    cell: str,
    arrays: dict[str, Any],
    *,
    units: int,
    reverse: bool,
    threads: int,
    isa: str,
) -> None: ...
