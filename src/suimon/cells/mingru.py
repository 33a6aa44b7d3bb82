"""The minimal GRU: gates that look at the input alone, so that time can run in parallel."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from suimon.cells.base import Cell
from suimon.cells.linear import Coefficients, linear_transition
from suimon.cells.products import product_shapes
from suimon.cells.validation import check_flag
from suimon.shapes import Weights


class MinGRUState(NamedTuple):
    """``h``: the hidden state ``(B, H)``, which is also the output."""

    h: Tensor


class MinGRUCell(Cell):
    """One step of a minGRU.

    Equations, gates in stored order z, n (``*`` is elementwise)::

        z_t = sigmoid(W_iz x_t + b_iz)                  update: the share overwritten
        n_t = W_in x_t + b_in                           candidate
        h_t = (1 - z_t) * h_{t-1} + z_t * n_t

    Note that z is the share overwritten, as the paper has it; in the GRU here it is the share
    kept. Nothing of ``h_{t-1}`` enters a product, so there is no ``weight_hh`` and nothing for a
    recurrent mask to act on.

    Shapes: ``weight_ih (2*H, I)``, ``bias_ih (2*H)``; gates of a trace: ``z n h``.

    Args:
        input_size: features of one step, I >= 1.
        hidden_size: width of the hidden state, H >= 1.
        bias: whether there is ``bias_ih``.
        device: where the weights live.
        dtype: type of the weights.

    Raises:
        ConfigError: where an argument is out of its range.

    Initialisation: uniform in ±1/sqrt(I), the same draws as ``torch.nn.Linear(I, 2*H)``, which
    is what the authors use.

    Source: Feng et al. (2024), "Were RNNs all we needed?", section 3.1. Their training code works
    in logarithms and therefore makes the candidate positive; the recurrence is evaluated directly
    here, so that the candidate stays linear as in their section 3.

    Example:
        >>> cell = MinGRUCell(3, 5)
        >>> cell.coefficients(torch.zeros(7, 2, 3), cell.weights()).a.shape
        torch.Size([7, 2, 5])
    """

    kind = "mingru"
    State = MinGRUState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.bias = check_flag("bias", bias)
        super().__init__(input_size, hidden_size, device=device, dtype=dtype)

    @property
    def initial_bound(self) -> float:
        """1/sqrt(I): all weights are read by the input."""
        return 1.0 / math.sqrt(self.input_size)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every weight."""
        return product_shapes(2 * self.hidden_size, self.bias, ih=self.input_size)

    def coefficients(self, x: Tensor, weights: Weights) -> Coefficients:
        """``a = 1 - z`` and ``b = z * n`` of one step ``(B, I)`` or a sequence ``(T, B, I)``."""
        from_x = F.linear(x, weights["weight_ih"], weights.get("bias_ih"))
        z_pre, n = from_x.chunk(2, dim=-1)  # each (…, B, H)
        z = torch.sigmoid(z_pre)
        return Coefficients(1 - z, z * n, {"z": z, "n": n})

    transition = linear_transition
