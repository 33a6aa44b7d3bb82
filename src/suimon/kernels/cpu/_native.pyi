"""What binding.cpp exposes. An array is a contiguous CPU tensor, or its DLPack capsule."""

from typing import Any

def instruction_sets() -> list[str]: ...
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
