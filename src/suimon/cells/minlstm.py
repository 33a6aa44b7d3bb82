"""The minimal LSTM: input and forget gates that look at the input alone and share one unit."""

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


class MinLSTMState(NamedTuple):
    """``h``: the hidden state ``(B, H)``, which is also the output."""

    h: Tensor


class MinLSTMCell(Cell):
    """One step of a minLSTM with normalised gates.

    Equations, gates in stored order i, f, g (``*`` is elementwise)::

        i~_t = sigmoid(W_ii x_t + b_ii)
        f~_t = sigmoid(W_if x_t + b_if)
        g_t  = W_ig x_t + b_ig                          candidate
        i_t  = i~_t / (i~_t + f~_t)                     input: the share overwritten
        f_t  = f~_t / (i~_t + f~_t)                     forget: the share kept
        h_t  = f_t * h_{t-1} + i_t * g_t

    The shares add up to 1. They are computed as ``f_t = sigmoid(log f~_t - log i~_t)``, which
    holds where both gates are so closed that the quotient would be 0/0. Nothing of ``h_{t-1}``
    enters a product, so there is no ``weight_hh`` and nothing for a recurrent mask to act on.

    Shapes: ``weight_ih (3*H, I)``, ``bias_ih (3*H)``; gates of a trace: ``i f g h``, i and f
    being the normalised ones, which act.

    Args:
        input_size: features of one step, I >= 1.
        hidden_size: width of the hidden state, H >= 1.
        bias: whether there is ``bias_ih``.
        device: where the weights live.
        dtype: type of the weights.

    Raises:
        ConfigError: where an argument is out of its range.

    Initialisation: uniform in ±1/sqrt(I), the same draws as ``torch.nn.Linear(I, 3*H)``, which
    is what the authors use, rows in our gate order.

    Source: Feng et al. (2024), "Were RNNs all we needed?", section 3.2, the version normalised to
    be independent of time. The candidate stays linear as in that section, see
    :class:`~suimon.cells.mingru.MinGRUCell`.

    Example:
        >>> cell = MinLSTMCell(3, 5)
        >>> cell.coefficients(torch.zeros(7, 2, 3), cell.weights()).b.shape
        torch.Size([7, 2, 5])
    """

    kind = "minlstm"
    State = MinLSTMState

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
        return product_shapes(3 * self.hidden_size, self.bias, ih=self.input_size)

    def coefficients(self, x: Tensor, weights: Weights) -> Coefficients:
        """``a = f`` and ``b = i * g`` of one step ``(B, I)`` or a sequence ``(T, B, I)``."""
        from_x = F.linear(x, weights["weight_ih"], weights.get("bias_ih"))
        i_pre, f_pre, g = from_x.chunk(3, dim=-1)  # each (…, B, H)
        log_odds = F.logsigmoid(f_pre) - F.logsigmoid(i_pre)
        f, i = torch.sigmoid(log_odds), torch.sigmoid(-log_odds)
        return Coefficients(f, i * g, {"i": i, "f": f, "g": g})

    transition = linear_transition
