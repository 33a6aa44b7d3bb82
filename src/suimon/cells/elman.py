"""The Elman network: the hidden state of one step is an input of the next."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from suimon.cells.base import Cell, Transition
from suimon.cells.normalisation import layer_norm
from suimon.cells.products import product_shapes
from suimon.cells.validation import check_choice, check_flag
from suimon.shapes import Weights

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu}


class ElmanState(NamedTuple):
    """``h``: the hidden state ``(B, H)``, which is also the output."""

    h: Tensor


class ElmanCell(Cell):
    """A fully connected recurrent layer, one step of it.

    Equations::

        a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
        h_t = phi(a_t)                                  phi: tanh or relu

    With ``layer_norm`` the sum of both products is normalised before the biases are added::

        a_t = LN(W_ih x_t + W_hh h_{t-1}; norm_gain) + b_ih + b_hh

    Shapes: ``weight_ih (H, I)``, ``weight_hh (H, H)``, ``bias_ih (H)``, ``bias_hh (H)``,
    ``norm_gain (H)``; gates of a trace: ``h``.

    Args:
        input_size: features of one step, I >= 1.
        hidden_size: width of the hidden state, H >= 1.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        bias: whether there are ``bias_ih`` and ``bias_hh``.
        layer_norm: normalise ``a_t`` over the H units.
        device: where the weights live.
        dtype: type of the weights.

    Raises:
        ConfigError: where an argument is out of its range.

    Initialisation: everything uniform in ±1/sqrt(H), the same draws as ``torch.nn.RNNCell``.

    Source: Elman (1990), "Finding structure in time"; layer norm as in Ba, Kiros and Hinton
    (2016), equation 4. Elman's units are logistic; tanh and relu, and two biases whose sum counts,
    are ``torch.nn``'s.

    Example:
        >>> cell = ElmanCell(3, 5)
        >>> output, state = cell.step(torch.zeros(2, 3), cell.initial_state(2))
        >>> output.shape
        torch.Size([2, 5])
    """

    kind = "elman"
    State = ElmanState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        nonlinearity: str = "tanh",
        bias: bool = True,
        layer_norm: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.nonlinearity = check_choice("nonlinearity", nonlinearity, tuple(NONLINEARITIES))
        self.bias = check_flag("bias", bias)
        self.layer_norm = check_flag("layer_norm", layer_norm)
        super().__init__(input_size, hidden_size, device=device, dtype=dtype)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every weight."""
        H = self.hidden_size
        shapes = product_shapes(H, self.bias, ih=self.input_size, hh=H)
        if self.layer_norm:
            shapes |= {"norm_gain": (H,)}
        return shapes

    def transition(
        self,
        x_t: Tensor,
        state: ElmanState,
        weights: Weights,
        recurrent_mask: Tensor | None = None,
    ) -> Transition:
        """One step by the equations above; see :meth:`Cell.transition`."""
        h = state.h if recurrent_mask is None else state.h * recurrent_mask
        b_ih, b_hh = weights.get("bias_ih"), weights.get("bias_hh")
        if self.layer_norm:
            products = F.linear(x_t, weights["weight_ih"]) + F.linear(h, weights["weight_hh"])
            bias = None if b_ih is None or b_hh is None else b_ih + b_hh
            a_t = layer_norm(products, weights["norm_gain"], bias)
        else:
            a_t = F.linear(x_t, weights["weight_ih"], b_ih) + F.linear(
                h, weights["weight_hh"], b_hh
            )
        h_t = NONLINEARITIES[self.nonlinearity](a_t)
        return Transition(h_t, ElmanState(h_t), {"h": h_t})
