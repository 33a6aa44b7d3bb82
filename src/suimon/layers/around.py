"""The constructor that the layers in ``torch.nn``'s style share: it passes their arguments on."""

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar, cast

from suimon.cells import Cell
from suimon.layers.recurrent import Recurrent

Constructor = TypeVar("Constructor", bound=Callable[..., None])


def around(cell: type[Cell]) -> Callable[[Constructor], Constructor]:
    """Have the ``__init__`` of a :class:`Recurrent` build its stack of ``cell`` before its body.

    The signature is written out in each layer, for ``torch.nn`` has its arguments in another
    order in each. Every argument goes where its name is known: to the cell what the cell takes,
    to :class:`Recurrent` all else. What is left for the body is to keep what ``torch.nn`` shows.

    Args:
        cell: class of the cells. ``__init__`` takes its options by their names, the options of
            :class:`Recurrent` by theirs, and ``**beyond``.
    """
    of_cell = {*cell.option_names, "device", "dtype"} - {"input_size"}  # Recurrent's to give

    def decorate(init: Constructor) -> Constructor:
        signature = inspect.signature(init)

        @wraps(init)
        def build(self: Recurrent, *positional: Any, **named: Any) -> None:
            given = signature.bind(self, *positional, **named)
            given.apply_defaults()
            options = dict(given.arguments)
            del options["self"]
            beyond = options.pop("beyond")
            make_cell = partial(cell, **{n: options.pop(n) for n in of_cell & options.keys()})
            Recurrent.__init__(self, make_cell, **options, **beyond)
            init(self, *positional, **named)

        return cast(Constructor, build)

    return decorate
