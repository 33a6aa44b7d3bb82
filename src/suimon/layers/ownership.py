"""The cells of a layer: made one a layer and direction, their weights given to the layer.

A built-in cell's weights belong to the layer, under torch's names (``weight_ih_l0``,
``weight_hh_l1_reverse`` …), and the cell stays as a template on the meta device that holds the
definition alone. A user's own cell keeps its weights and becomes a module of the layer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from suimon.cells import Cell, RecurrentCell, State
from suimon.errors import ConfigError

CellFactory = Callable[[int], RecurrentCell]
"""From the width of a layer's input to its cell."""

CELL_PARTS = ("input_size", "hidden_size", "initial_state", "step")
"""What makes a module a cell, see :class:`~suimon.cells.base.RecurrentCell`."""


@dataclass(frozen=True)
class Place:
    """Where a cell stands in a layer: which layer of the stack, and which direction.

    Attributes:
        layer: 0 to L - 1.
        direction: 0 forwards, 1 backwards.
        cell: the definition: a template, or a user's own cell.
        names: the cell's name of each weight to the layer's name of it; none for a user's cell.
    """

    layer: int
    direction: int
    cell: RecurrentCell
    names: dict[str, str]

    def weights(self, owner: nn.Module) -> dict[str, Tensor] | None:
        """The cell's weights as they are now: parametrised, swapped by torch.func, or plain."""
        if not isinstance(self.cell, Cell):
            return None
        return {name: getattr(owner, owned) for name, owned in self.names.items()}

    def initial_state(self, x: Tensor, dtype: torch.dtype) -> State:
        """The state that a sequence like ``x (T, B, I)`` starts from where none is given."""
        B = x.shape[1]
        if isinstance(self.cell, Cell):
            return self.cell.initial_state(B, device=x.device, dtype=dtype)
        return self.cell.initial_state(B)

    def state_of(self, fields: tuple[Tensor, ...]) -> State:
        """The cell's NamedTuple of these fields."""
        if isinstance(self.cell, Cell):
            return self.cell.State(*fields)
        return type(self.cell.initial_state(1))(*fields)


def output_width(cell: RecurrentCell) -> int:
    """Width of one step's output."""
    return getattr(cell, "output_size", cell.hidden_size)


def state_widths(cell: RecurrentCell) -> dict[str, int]:
    """State field to its width."""
    if isinstance(cell, Cell):
        return cell.state_sizes()
    return {name: field.shape[-1] for name, field in cell.initial_state(1)._asdict().items()}


def make_cells(
    cell: RecurrentCell | CellFactory, input_size: int | None, num_layers: int, directions: int
) -> list[list[RecurrentCell]]:
    """A cell for each layer and direction, drawing weights in torch's order.

    Args:
        cell: a cell, which becomes the first, or what makes one from the width of its input.
        input_size: width of the first layer's input; ``None``: the given cell's.
        num_layers: L, at least 1.
        directions: D, 1 or 2.

    Raises:
        ConfigError: where ``input_size`` is missing or contradicts the cell, or one instance of a
            user's cell is to serve in several places.
    """
    if isinstance(cell, RecurrentCell) and not isinstance(cell, type):
        first, make = cell, _twins_of(cell, num_layers * directions)
    else:
        first, make = None, _check_factory(cell)
    if first is not None and input_size not in (None, first.input_size):
        raise ConfigError(
            f"input_size is {input_size}, and the cell given has input_size "
            f"{first.input_size}; leave one out"
        )
    width = input_size if first is None else first.input_size
    if width is None:
        raise ConfigError("input_size is missing; a function that makes cells needs it")
    cells: list[list[RecurrentCell]] = []
    for layer in range(num_layers):
        row = [
            first if first is not None and layer == direction == 0 else make(width)
            for direction in range(directions)
        ]
        width = directions * output_width(row[0])
        cells.append(row)
    return cells


def _check_factory(value: Any) -> Any:
    """``value`` where it can make cells."""
    if isinstance(value, nn.Module) or not callable(value):
        lacks = [name for name in CELL_PARTS if not hasattr(value, name)]
        raise ConfigError(
            f"cell is a {type(value).__name__} without {', '.join(lacks)}; give a cell, which has "
            f"{', '.join(CELL_PARTS)}, or a function of input_size that makes one"
        )
    return value


def _twins_of(cell: RecurrentCell, places: int) -> CellFactory:
    """What makes further cells like ``cell``, for other widths of input."""
    if isinstance(cell, Cell):
        like = next(cell.parameters())
        options = {**cell.options(), "device": like.device, "dtype": like.dtype}
        return lambda width: type(cell)(**{**options, "input_size": width})
    if places > 1:
        raise ConfigError(
            f"cell is one {type(cell).__name__}, and {places} are needed (layers times "
            f"directions); give a function of input_size that makes one"
        )
    return lambda width: cell


def take_over(owner: nn.Module, cells: list[list[RecurrentCell]]) -> list[Place]:
    """Register the weights of built-in ``cells``, and user's cells themselves, with ``owner``."""
    places = []
    for layer, row in enumerate(cells):
        for direction, cell in enumerate(row):
            suffix = f"_l{layer}" + ("_reverse" if direction else "")
            if isinstance(cell, Cell):
                names = {name: name + suffix for name in cell.parameter_shapes()}
                for name, owned in names.items():
                    owner.register_parameter(owned, getattr(cell, name))
                template = type(cell)(**cell.options(), device="meta")
                places.append(Place(layer, direction, template, names))
            elif isinstance(cell, nn.Module):
                owner.add_module(f"cell{suffix}", cell)
                places.append(Place(layer, direction, cell, {}))
            else:
                raise ConfigError(f"cell makes a {type(cell).__name__}; it must be a torch module")
    return places
