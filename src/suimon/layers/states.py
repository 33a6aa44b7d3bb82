"""The state that a layer is given and gives back, between torch's form and the cells'."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from suimon.cells import State
from suimon.errors import ShapeError
from suimon.layers.sequences import Sequences


def read_states(
    hx: Any, widths: dict[str, int], count: int, sequences: Sequences, dtype: torch.dtype | None
) -> list[tuple[Tensor, ...]]:
    """The fields of the state before the first step, for each layer and direction.

    Args:
        hx: a tensor where the state has one field, else a tuple of its fields; each
            ``(L*D, B, S)``, or ``(L*D, S)`` with an input without a batch axis.
        widths: state field to its width S.
        count: L*D.
        sequences: the input that the state belongs to.
        dtype: what each field must have; ``None``: anything.

    Raises:
        ShapeError: where the number of fields, a shape or a dtype is wrong.
    """
    fields = (hx,) if isinstance(hx, Tensor) else hx
    if not isinstance(fields, tuple | list) or len(fields) != len(widths):
        raise ShapeError(f"hx must be {_expected_form(widths)}, but it is {_form(hx)}")
    B = sequences.x.shape[1]
    per_field = []
    for (name, width), field in zip(widths.items(), fields, strict=True):
        expected = (count, width) if sequences.unbatched else (count, B, width)
        if not isinstance(field, Tensor):
            raise ShapeError(f"hx must be {_expected_form(widths)}, but it is {_form(hx)}")
        if tuple(field.shape) != expected:
            raise ShapeError(
                f"hx has {name}_0 of shape {tuple(field.shape)}; it must be {expected}"
            )
        if dtype is not None and field.dtype != dtype:
            raise ShapeError(
                f"hx has {name}_0 of dtype {field.dtype}; it must be {dtype} like the weights"
            )
        per_field.append(sequences.read_state(field).unbind(0))  # L*D of (B, S)
    return list(zip(*per_field, strict=True))


def join_states(states: Sequence[Sequence[State]], sequences: Sequences) -> State:
    """The cell's NamedTuple with fields ``(L*D, B, S)``, from states ``[layer][direction]``."""
    flat = [state for layer in states for state in layer]
    fields = (torch.stack(field) for field in zip(*flat, strict=True))
    return type(flat[0])(*(sequences.restore_state(field) for field in fields))


def _expected_form(widths: dict[str, int]) -> str:
    if len(widths) == 1:
        return "a tensor"
    return f"a tuple ({', '.join(f'{name}_0' for name in widths)})"


def _form(hx: Any) -> str:
    if isinstance(hx, tuple | list):
        return f"{len(hx)} of {', '.join(type(field).__name__ for field in hx)}"
    return f"a {type(hx).__name__}"
