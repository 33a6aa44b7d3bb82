"""Cells whose recurrence is linear: what they have in common and what kernels ask of them."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from suimon.cells.base import Transition
from suimon.errors import ConfigError
from suimon.shapes import LayerTrace, Weights


class Coefficients(NamedTuple):
    """The recurrence ``h_t = a_t * h_{t-1} + b_t`` of one step ``(B, H)`` or all ``(T, B, H)``.

    ``a`` is the share of the state that is kept, within (0, 1); ``b`` is what is added; ``gates``
    are the named gates they are made of, of the same shape.
    """

    a: Tensor
    b: Tensor
    gates: LayerTrace


@runtime_checkable
class LinearCell(Protocol):
    """A cell whose gates depend on the input alone.

    All of a sequence's coefficients are then one product, and the recurrence that is left is
    elementwise: a native kernel, or a parallel scan, runs it.
    """

    def coefficients(self, x: Tensor, weights: Weights) -> Coefficients:
        """For ``x`` of ``(B, I)`` or ``(T, B, I)``; pure."""
        ...


def linear_transition(
    self: Any,
    x_t: Tensor,
    state: Any,
    weights: Weights,
    recurrent_mask: Tensor | None = None,
) -> Transition:
    """One step of a linear cell by its coefficients; see :meth:`Cell.transition`.

    A :class:`LinearCell` takes it for its method: ``transition = linear_transition``.
    """
    if recurrent_mask is not None:
        raise ConfigError(f"recurrent_mask is given, but {self.kind} has no recurrent product")
    a_t, b_t, gates = self.coefficients(x_t, weights)
    h_t = a_t * state.h + b_t
    return Transition(h_t, self.State(h_t), {**gates, "h": h_t})
