"""Every cell of the registry, plain and with each of its switches thrown, for contract suites."""

import inspect
from typing import Any

import pytest
import torch

from suimon.cells import Cell, cell_classes, cell_from_options

I, H = 3, 4

# Combinations and values that throwing one switch at a time does not reach.
FURTHER: list[tuple[str, dict[str, Any]]] = [
    ("elman", {"nonlinearity": "relu"}),
    ("jordan", {"output_size": 2, "output_nonlinearity": "identity"}),
    ("lstm", {"proj_size": 2, "peephole": True}),
    ("lstm", {"peephole": True, "coupled": True, "layer_norm": True}),
    ("lstm", {"forget_gate": False, "peephole": True, "bias": False, "layer_norm": True}),
    ("gru", {"reset_after": False, "layer_norm": True}),
]


def variants() -> list[Any]:
    """``(kind, options)`` as pytest parameters with readable names."""
    cases: list[tuple[str, dict[str, Any]]] = []
    for kind, cls in cell_classes().items():
        cases.append((kind, {}))
        for name, parameter in inspect.signature(cls.__init__).parameters.items():
            if isinstance(parameter.default, bool):
                cases.append((kind, {name: not parameter.default}))
    return [
        pytest.param(kind, options, id=",".join([kind, *(f"{k}={v}" for k, v in options.items())]))
        for kind, options in cases + FURTHER
    ]


def make_cell(kind: str, options: dict[str, Any], dtype: torch.dtype = torch.float64) -> Cell:
    """A small cell none of whose weights has a special value (a gain of 1, a bias of 0)."""
    sizes = {"input_size": I, "hidden_size": H}
    cell = cell_from_options(kind, {**sizes, **options, "dtype": dtype})
    with torch.no_grad():
        for weight in cell.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return cell


def random_state(cell: Cell, batch_size: int, dtype: torch.dtype = torch.float64) -> Any:
    """A state that is not zero."""
    return cell.State(*(torch.randn_like(s) for s in cell.initial_state(batch_size, dtype=dtype)))
