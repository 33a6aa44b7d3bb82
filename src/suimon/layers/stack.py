"""Layers one above the other: the one loop over depth."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from suimon.cells import State
from suimon.shapes import LayerTrace


class LayerResult(NamedTuple):
    """What one layer gives: its output ``(T, B, D*P)``, and each direction's state and trace."""

    output: Tensor
    states: list[State]
    traces: list[LayerTrace | None]


class StackResult(NamedTuple):
    """The top layer's output ``(T, B, D*P)``; states and traces ``[layer][direction]``."""

    output: Tensor
    states: list[list[State]]
    traces: list[list[LayerTrace | None]]


def run_stack(
    layers: Sequence[Callable[[Tensor], LayerResult]],
    x: Tensor,
    *,
    dropout: float = 0.0,
    norms: Sequence[Callable[[Tensor], Tensor]] = (),
    residual: bool = False,
) -> StackResult:
    """Feed each layer with what the one below gives.

    Equations, for layer k of L, x_0 the input::

        y_k     = layer_k(norm_k(x_k))                  no norm for k = 0
        y_k     = dropout(y_k)                          not for k = L - 1
        x_{k+1} = y_k + x_k  with residual and k > 0,   else y_k

    Args:
        layers: what each layer computes from ``(T, B, I)``, bottom first.
        x: the input ``(T, B, I)``.
        dropout: probability in [0, 1]; 0 in evaluation.
        norms: one for each layer but the first, or none.
        residual: whether the sums above are taken.
    """
    states, traces = [], []
    for k, layer in enumerate(layers):
        done = layer(norms[k - 1](x) if norms and k > 0 else x)
        y = done.output
        if dropout > 0.0 and k < len(layers) - 1:
            y = F.dropout(y, dropout)
        x = y + x if residual and k > 0 else y
        states.append(done.states)
        traces.append(done.traces)
    return StackResult(x, states, traces)
