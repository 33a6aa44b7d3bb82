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
def draw_tokens(
    scores: Any,
    uniform: list[float],
    *,
    temperature: float,
    top_k: int,
    top_p: float,
    never: int,
) -> list[int]: ...

class StepEngine:
    def __init__(self, precision: str, isa: str) -> None: ...
    def set_embedding(self, weight: Any) -> None: ...
    def add_layer(
        self,
        cell: str,
        units: int,
        ih: Any,
        ih_bias: Any,
        is_table: bool,
        hh: Any,
        hh_bias: Any,
        peephole: Any,
        adds_input: bool,
        projection: Any,
    ) -> None: ...
    def add_linear(self, weight: Any, bias: Any) -> None: ...
    def run(self, input: Any, h: Any, c: Any, scores: Any, threads: int) -> None: ...
    def write(
        self,
        scores: Any,
        h: Any,
        c: Any,
        uniform: list[float],
        *,
        temperature: float,
        top_k: int,
        top_p: float,
        never: int,
        threads: int,
    ) -> list[int]: ...
