"""What ``print(layer)`` says: the sizes, then every option that is not at its default."""

import inspect
from collections.abc import Mapping
from typing import Any

from suimon.cells import Cell, RecurrentCell

TORCH_DEFAULTS: Mapping[str, Any] = {
    "proj_size": 0,
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
}
"""What ``torch.nn`` shows, in its order."""

BEYOND_DEFAULTS: Mapping[str, Any] = {
    "recurrent_dropout": 0.0,
    "weight_dropout": 0.0,
    "zoneout": None,
    "norm_between": False,
    "residual": False,
    "checkpoint_time": None,
    "backend": "auto",
}


def describe(cell: RecurrentCell, options: Mapping[str, Any]) -> str:
    """A layer's line: ``torch.nn``'s where nothing goes beyond it.

    Args:
        cell: the first cell; a built-in one tells its own options.
        options: the layer's options by name.
    """
    own, own_defaults = {}, {}
    if isinstance(cell, Cell):
        parameters = inspect.signature(type(cell).__init__).parameters
        own = {n: v for n, v in cell.options().items() if n not in ("input_size", "hidden_size")}
        own_defaults = {name: parameters[name].default for name in own}
    defaults = {**TORCH_DEFAULTS, **own_defaults, **BEYOND_DEFAULTS}
    values = {**defaults, **own, **options}
    differing = [f"{n}={values[n]}" for n, default in defaults.items() if values[n] != default]
    return ", ".join([str(cell.input_size), str(cell.hidden_size), *differing])
