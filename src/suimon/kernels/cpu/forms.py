"""How the native kernel sees each cell: its sums, what it keeps of a step, and its weights."""

from dataclasses import dataclass
from functools import cache

from torch import Tensor

from suimon.cells import Cell, ElmanCell, GRUCell, LSTMCell

RESET_FIRST = "gru reset first"


@dataclass(frozen=True)
class Form:
    """One cell as ``src/sequence.h`` names its parts.

    Attributes:
        name: what the binding calls the cell.
        gates: G, blocks of rows in ``weight_ih`` and ``weight_hh``.
        from_x: which of these blocks each of the first G sums adds up with x.
        first_from_h: the first of the G sums that the recurrent product adds to, in stored order.
        sums: Z, what a unit adds up before its activations.
        kept: names of what is kept of each step for backward, ``None`` where no trace has it.
        carry: the field of the state that the units themselves start from; ``None`` for Elman,
            whose state enters by the recurrent product alone.
    """

    name: str
    gates: int
    from_x: tuple[int, ...]
    first_from_h: int
    sums: int
    kept: tuple[str | None, ...]
    carry: str | None

    @property
    def blocks_in_tile(self) -> int:
        """Blocks of units whose sums the kernel works out together."""
        return 4 if self.sums == 1 else 1

    @property
    def resets_first(self) -> bool:
        """Whether it is the GRU that resets h before its product."""
        return self.name == RESET_FIRST

    def sums_first(self, rows: Tensor) -> Tensor:
        """``(G, …)`` in stored order to the order of the first G sums."""
        return rows if self.from_x == tuple(range(self.gates)) else rows[list(self.from_x)]

    def stored_first(self, rows: Tensor) -> Tensor:
        """Undo :meth:`sums_first`."""
        if self.from_x == tuple(range(self.gates)):
            return rows
        return rows[[self.from_x.index(gate) for gate in range(self.gates)]]


def form_of(cell: Cell) -> Form | None:
    """The form of a cell; ``None`` where there is no native kernel for it."""
    if type(cell) is ElmanCell:
        return _same_sums(f"elman {cell.nonlinearity}", 1, ("h",), None)
    if type(cell) is LSTMCell:
        name = "lstm"
        if not cell.forget_gate:
            name = "lstm no forget gate"
        elif cell.coupled:
            name = "lstm coupled"
        forget = "f" if cell.forget_gate else None
        return _same_sums(name, len(cell.stored_gates), ("i", forget, "g", "o"), "c")
    if type(cell) is GRUCell:
        return _gru("gru" if cell.reset_after else RESET_FIRST)
    return None


@cache
def _gru(name: str) -> Form:
    """Sums n r z m: m, with h alone, is what the reset gate multiplies."""
    return Form(name, 3, (2, 0, 1), 1, 4, ("r", "z", "n", None), "h")


@cache
def _same_sums(name: str, gates: int, kept: tuple[str | None, ...], carry: str | None) -> Form:
    """A cell that adds the products with x and with h to the same sums."""
    return Form(name, gates, tuple(range(gates)), 0, gates, kept, carry)
