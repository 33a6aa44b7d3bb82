"""Checks of a cell's constructor arguments and of the shapes that enter a step."""

import math
from typing import Any

from torch import Tensor

from suimon.errors import ConfigError, ShapeError


def check_size(name: str, value: Any) -> int:
    """``value`` where it is an integer of at least 1, else :class:`ConfigError`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} is {value!r}; it must be an integer of at least 1")
    return value


def check_flag(name: str, value: Any) -> bool:
    """``value`` where it is True or False, else :class:`ConfigError`."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} is {value!r}; it must be True or False")
    return value


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """``value`` where it is one of ``choices``, else :class:`ConfigError`."""
    if value not in choices:
        raise ConfigError(f"{name} is {value!r}; it must be one of {', '.join(choices)}")
    return value


def check_number(name: str, value: Any) -> float:
    """``value`` as a float where it is a finite number, else :class:`ConfigError`."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise ConfigError(f"{name} is {value!r}; it must be a finite number")
    return float(value)


def check_step_shapes(cell: Any, x_t: Tensor, state: Any) -> None:
    """Raise :class:`ShapeError` unless ``x_t`` is ``(B, I)`` and each field of state ``(B, S)``."""
    kind = type(cell).__name__
    if x_t.dim() != 2 or x_t.shape[1] != cell.input_size:
        raise ShapeError(
            f"x_t has shape {tuple(x_t.shape)}; {kind}.step takes one step of a batch, "
            f"(B, {cell.input_size})"
        )
    sizes = cell.state_sizes()
    if getattr(state, "_fields", None) != tuple(sizes):
        raise ShapeError(
            f"state is a {type(state).__name__}; {kind}.step takes the {cell.State.__name__} "
            f"that initial_state(batch_size) gives"
        )
    for name, value in zip(sizes, state, strict=True):
        expected = (x_t.shape[0], sizes[name])
        if value.shape != expected:
            raise ShapeError(f"state.{name} has shape {tuple(value.shape)}; expected {expected}")
