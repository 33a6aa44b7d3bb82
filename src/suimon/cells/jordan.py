"""The Jordan network: the output of one step is an input of the next."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from suimon.cells.base import Cell, Transition
from suimon.cells.products import product_shapes
from suimon.cells.validation import check_choice, check_flag, check_size
from suimon.shapes import Weights

OUTPUT_NONLINEARITIES = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda v: v,
}


class JordanState(NamedTuple):
    """``y``: the previous output ``(B, O)``, all that the network remembers."""

    y: Tensor


class JordanCell(Cell):
    """One step of a network whose output is fed back.

    Equations::

        h_t = tanh(W_ih x_t + b_ih + W_hh y_{t-1} + b_hh)
        y_t = phi(W_hy h_t + b_hy)                      phi: tanh, sigmoid or identity

    The hidden layer ``h_t`` is within a step; only ``y_t``, O numbers, reaches the next one.

    Shapes: ``weight_ih (H, I)``, ``weight_hh (H, O)``, ``bias_ih (H)``, ``bias_hh (H)``,
    ``weight_hy (O, H)``, ``bias_hy (O)``; gates of a trace: ``h y``.

    Args:
        input_size: features of one step, I >= 1.
        hidden_size: width of the hidden layer, H >= 1.
        output_size: width of the output and so of the memory, O >= 1; ``None``: H.
        output_nonlinearity: ``"tanh"``, ``"sigmoid"`` or ``"identity"``; with identity the
            output is unbounded and may grow from step to step.
        bias: whether there are biases.
        device: where the weights live.
        dtype: type of the weights.

    Raises:
        ConfigError: where an argument is out of its range.

    Initialisation: everything uniform in ±1/sqrt(H), as ``torch.nn.RNNCell`` and in its order,
    then ``weight_hy`` and ``bias_hy``.

    Source: Jordan (1986), "Serial order: a parallel distributed processing approach". His state
    units also keep a decaying share of their own past, ``s_t = mu*s_{t-1} + y_{t-1}``; here
    mu = 0, the form that textbooks set beside Elman's. The mask of recurrent dropout acts on
    ``y_{t-1}``.

    Example:
        >>> cell = JordanCell(3, 5, output_size=2)
        >>> output, state = cell.step(torch.zeros(4, 3), cell.initial_state(4))
        >>> state.y.shape
        torch.Size([4, 2])
    """

    kind = "jordan"
    State = JordanState
    output_field = "y"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        output_nonlinearity: str = "tanh",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        width = hidden_size if output_size is None else check_size("output_size", output_size)
        self.output_width = width
        self.output_nonlinearity = check_choice(
            "output_nonlinearity", output_nonlinearity, tuple(OUTPUT_NONLINEARITIES)
        )
        self.bias = check_flag("bias", bias)
        super().__init__(input_size, hidden_size, device=device, dtype=dtype)

    def state_sizes(self) -> dict[str, int]:
        """Width of ``y``, O."""
        return {"y": self.output_width}

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every weight."""
        H, O = self.hidden_size, self.output_width
        hidden = product_shapes(H, self.bias, ih=self.input_size, hh=O)
        return hidden | product_shapes(O, self.bias, hy=H)

    def transition(
        self,
        x_t: Tensor,
        state: JordanState,
        weights: Weights,
        recurrent_mask: Tensor | None = None,
    ) -> Transition:
        """One step by the equations above; see :meth:`Cell.transition`."""
        y = state.y if recurrent_mask is None else state.y * recurrent_mask
        from_x = F.linear(x_t, weights["weight_ih"], weights.get("bias_ih"))
        from_y = F.linear(y, weights["weight_hh"], weights.get("bias_hh"))
        h_t = torch.tanh(from_x + from_y)
        phi = OUTPUT_NONLINEARITIES[self.output_nonlinearity]
        y_t = phi(F.linear(h_t, weights["weight_hy"], weights.get("bias_hy")))
        return Transition(y_t, JordanState(y_t), {"h": h_t, "y": y_t})
