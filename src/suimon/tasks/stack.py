"""From flat options to the recurrent layers that they describe."""

import inspect
from functools import partial
from typing import Any

from suimon.cells import Cell, cell_class, cell_classes
from suimon.errors import ConfigError
from suimon.layers import Recurrent
from suimon.tasks.network_options import NetworkOptions

OPTIONS_OF_A_CELL = {"layer_norm": "give norm_between instead", "forget_bias": "leave it out"}
"""Options that only some cells' constructors take, and what to do where one does not."""


def build_stack(
    config: NetworkOptions,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    *,
    bidirectional: bool = False,
) -> Recurrent:
    """The recurrent layers that the options describe.

    Options that are off are not passed on, so that a cell which cannot have one is refused only
    where it was asked for.

    Raises:
        ConfigError: the cell cannot have an option.
    """
    wanted: dict[str, Any] = {
        "recurrent_dropout": config.recurrent_dropout,
        "weight_dropout": config.weight_dropout,
        "zoneout": config.zoneout,
        "norm_between": config.norm_between,
        "residual": config.residual,
        "bidirectional": bidirectional,
    }
    keywords = {name: value for name, value in wanted.items() if value}
    if num_layers > 1 and config.dropout:
        keywords["dropout"] = config.dropout
    make_cell = partial(
        cell_class(config.cell), hidden_size=hidden_size, **_options_of_the_cell(config)
    )
    return Recurrent(make_cell, num_layers, input_size=input_size, **keywords)


def _options_of_the_cell(config: NetworkOptions) -> dict[str, Any]:
    """Those of :data:`OPTIONS_OF_A_CELL` that were asked for; the constructors say who has them."""
    asked = {"layer_norm": config.layer_norm or None, "forget_bias": config.forget_bias}
    given = {name: value for name, value in asked.items() if value is not None}
    for name, value in given.items():
        takers = [kind for kind, cell in cell_classes().items() if _takes(cell, name)]
        if config.cell not in takers:
            raise ConfigError(
                f"{name} is {value}, but cell {config.cell} does not take it; "
                f"{OPTIONS_OF_A_CELL[name]}, or give cell {' or '.join(takers)}"
            )
    return given


def _takes(cell: type[Cell], option: str) -> bool:
    return option in inspect.signature(cell).parameters
