"""The state that truncated backpropagation carries from one window to the next."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from suimon.errors import CheckpointError
from suimon.training.protocol import CarriedState


def map_tensors(change: Callable[[Tensor], Tensor], nest: CarriedState) -> CarriedState:
    """The same nest of tuples, named tuples, lists and dicts with every tensor changed."""
    if nest is None:
        return None
    if isinstance(nest, Tensor):
        return change(nest)
    if isinstance(nest, dict):
        return {name: map_tensors(change, part) for name, part in nest.items()}
    if isinstance(nest, list):
        return [map_tensors(change, part) for part in nest]
    if isinstance(nest, tuple):
        parts = (map_tensors(change, part) for part in nest)
        return type(nest)(*parts) if hasattr(nest, "_fields") else tuple(parts)
    raise TypeError(f"a carried state is a nest of tensors; it holds a {type(nest).__name__}")


def tensors_of(nest: CarriedState) -> list[Tensor]:
    """Every tensor of the nest, in :func:`map_tensors`'s order."""
    found: list[Tensor] = []
    map_tensors(lambda tensor: found.append(tensor) or tensor, nest)
    return found


def detach(nest: CarriedState) -> CarriedState:
    """Cut the gradient between two windows.

    Each tensor is copied into storage of its own. A view would keep its window's whole output
    alive, and would start at another address than the copy that a checkpoint restores: the same
    numbers at another alignment add up differently.
    """
    return map_tensors(lambda tensor: tensor.detach().clone(), nest)


def restart_rows(nest: CarriedState, restart: Tensor | None) -> CarriedState:
    """Zero the rows of a state whose sequence starts anew.

    Args:
        nest: every tensor ``(…, B, S)``.
        restart: ``(B,)`` bool, or ``None`` for no row.
    """
    if nest is None or restart is None:
        return nest
    return map_tensors(lambda tensor: tensor.masked_fill(restart[:, None], 0), nest)


def rebuilt(form: CarriedState, tensors: list[Tensor]) -> CarriedState:
    """A nest of the form of another with other tensors in it, such as a checkpoint's.

    Raises:
        CheckpointError: the form has another number of tensors, or they differ in shape or dtype.
    """
    expected = [(tensor.shape, tensor.dtype) for tensor in tensors_of(form)]
    if expected != [(tensor.shape, tensor.dtype) for tensor in tensors]:
        raise CheckpointError(
            "the checkpoint's carried state does not fit the model: resume with the batch size, "
            "model and precision that the run was started with"
        )
    supply: Iterator[Any] = iter(tensors)
    return map_tensors(lambda _: next(supply), form)
