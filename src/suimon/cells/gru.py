"""The gated recurrent unit: a state that each step keeps or overwrites, unit by unit."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from suimon.cells.base import Cell, Transition
from suimon.cells.normalisation import layer_norm
from suimon.cells.products import product_shapes
from suimon.cells.validation import check_flag
from suimon.shapes import Weights


class GRUState(NamedTuple):
    """``h``: the hidden state ``(B, H)``, which is also the output."""

    h: Tensor


class GRUCell(Cell):
    """One step of a GRU.

    Equations, gates in stored order r, z, n (``*`` is elementwise)::

        r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)          reset
        z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)          update: the share kept
        n_t = tanh(W_in x_t + b_in + r_t * (W_hn h_{t-1} + b_hn))     reset_after=True
        n_t = tanh(W_in x_t + b_in + W_hn (r_t * h_{t-1}) + b_hn)     reset_after=False
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}

    With ``layer_norm`` each product (``W_i x_t`` and ``W_h h_{t-1}``) is normalised before its
    bias is added: the 2H rows of r and z together, and the H rows of n by themselves.

    Shapes: ``weight_ih (3*H, I)``, ``weight_hh (3*H, H)``, ``bias_ih (3*H)``, ``bias_hh (3*H)``,
    ``norm_ih_gain (3*H)``, ``norm_hh_gain (3*H)``; gates of a trace: ``r z n h``.

    Args:
        input_size: features of one step, I >= 1.
        hidden_size: width of the hidden state, H >= 1.
        bias: whether there are ``bias_ih`` and ``bias_hh``.
        reset_after: True as in ``torch.nn`` and cuDNN; False as first published.
        layer_norm: normalise the products.
        device: where the weights live.
        dtype: type of the weights.

    Raises:
        ConfigError: where an argument is out of its range.

    Initialisation: everything uniform in ±1/sqrt(H), the same draws as ``torch.nn.GRUCell``.

    Source: Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder for
    statistical machine translation", equations 5-8, which are ``reset_after=False`` with z the
    share kept, as here (Chung et al. 2014 swap z and 1 - z). Layer norm: Ba, Kiros and Hinton
    (2016), supplementary material; its biases are ``bias_ih`` and ``bias_hh`` here.

    Example:
        >>> cell = GRUCell(3, 5, reset_after=False)
        >>> output, state = cell.step(torch.zeros(2, 3), cell.initial_state(2))
        >>> state.h.shape
        torch.Size([2, 5])
    """

    kind = "gru"
    State = GRUState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        reset_after: bool = True,
        layer_norm: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.bias = check_flag("bias", bias)
        self.reset_after = check_flag("reset_after", reset_after)
        self.layer_norm = check_flag("layer_norm", layer_norm)
        super().__init__(input_size, hidden_size, device=device, dtype=dtype)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every weight."""
        H, rows = self.hidden_size, 3 * self.hidden_size
        shapes = product_shapes(rows, self.bias, ih=self.input_size, hh=H)
        if self.layer_norm:
            shapes |= {"norm_ih_gain": (rows,), "norm_hh_gain": (rows,)}
        return shapes

    def transition(
        self,
        x_t: Tensor,
        state: GRUState,
        weights: Weights,
        recurrent_mask: Tensor | None = None,
    ) -> Transition:
        """One step by the equations above; see :meth:`Cell.transition`."""
        h = state.h if recurrent_mask is None else state.h * recurrent_mask
        gates_part, candidate_part = (
            slice(0, 2 * self.hidden_size),
            slice(2 * self.hidden_size, None),
        )
        if self.reset_after and not self.layer_norm:
            # One product for all three blocks: it is what this form of the GRU was made for.
            from_x = F.linear(x_t, weights["weight_ih"], weights.get("bias_ih"))
            from_h = F.linear(h, weights["weight_hh"], weights.get("bias_hh"))
            x_r, x_z, x_n = from_x.chunk(3, dim=-1)  # each (B, H)
            h_r, h_z, h_n = from_h.chunk(3, dim=-1)
            r_t = torch.sigmoid(x_r + h_r)
            n_t = torch.tanh(x_n + r_t * h_n)
            z_t = torch.sigmoid(x_z + h_z)
        else:
            x_rz = self._product(x_t, weights, "ih", gates_part)
            h_rz = self._product(h, weights, "hh", gates_part)
            r_t, z_t = torch.sigmoid(x_rz + h_rz).chunk(2, dim=-1)  # each (B, H)
            x_n = self._product(x_t, weights, "ih", candidate_part)
            if self.reset_after:
                n_t = torch.tanh(x_n + r_t * self._product(h, weights, "hh", candidate_part))
            else:
                n_t = torch.tanh(x_n + self._product(r_t * h, weights, "hh", candidate_part))
        # The carry is h_{t-1} itself: a recurrent mask acts on the products alone.
        h_t = (1 - z_t) * n_t + z_t * state.h
        return Transition(h_t, GRUState(h_t), {"r": r_t, "z": z_t, "n": n_t, "h": h_t})

    def _product(self, v: Tensor, weights: Weights, source: str, rows: slice) -> Tensor:
        """``W v + b``, normalised where the cell does so, for some rows of the weights."""
        matrix, bias = weights[f"weight_{source}"][rows], weights.get(f"bias_{source}")
        bias = None if bias is None else bias[rows]
        if not self.layer_norm:
            return F.linear(v, matrix, bias)
        return layer_norm(F.linear(v, matrix), weights[f"norm_{source}_gain"][rows], bias)
