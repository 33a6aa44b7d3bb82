"""Cells whose recurrence is linear: what they have in common and what kernels ask of them."""

from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

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
