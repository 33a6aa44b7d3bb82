"""Long short-term memory: a cell that gates open to write to, keep and read from."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from suimon.cells.base import Cell, Transition
from suimon.cells.normalisation import layer_norm
from suimon.cells.products import product_shapes
from suimon.cells.validation import check_flag, check_number
from suimon.errors import ConfigError
from suimon.shapes import Weights


class LSTMState(NamedTuple):
    """``h``: the output ``(B, P)``, P = H without projection; ``c``: the memory cell ``(B, H)``."""

    h: Tensor
    c: Tensor


class LSTMCell(Cell):
    """One step of an LSTM, with the variants of the literature as options.

    Equations, gates in stored order i, f, g, o (``*`` is elementwise)::

        i_t = sigmoid(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi  [+ p_i * c_{t-1}])     input
        f_t = sigmoid(W_if x_t + b_if + W_hf h_{t-1} + b_hf  [+ p_f * c_{t-1}])     forget
        g_t =    tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)                        candidate
        c_t = f_t * c_{t-1} + i_t * g_t
        o_t = sigmoid(W_io x_t + b_io + W_ho h_{t-1} + b_ho  [+ p_o * c_t])         output
        h_t = [W_hr] (o_t * tanh(c_t))

    Variants:

    - ``forget_gate=False``: ``f_t = 1``, gates i, g, o: the LSTM as first published.
    - ``peephole=True``: the terms in ``p``; a gate sees its own unit's cell, the output gate the
      new one.
    - ``coupled=True``: ``f_t = 1 - i_t``, gates i, g, o: what is forgotten makes room for what is
      written.
    - ``layer_norm=True``: the products ``W_i x_t`` and ``W_h h_{t-1}`` are normalised, each over
      all its G*H rows, before their biases are added, and so is the cell where it is read:
      ``h_t = o_t * tanh(LN(c_t))``. The carried cell is not.
    - ``proj_size=P > 0``: ``W_hr`` projects the output to P < H numbers, which also recur.

    Shapes (G = 4, or 3 without a stored forget gate): ``weight_ih (G*H, I)``,
    ``weight_hh (G*H, P)``, ``bias_ih (G*H)``, ``bias_hh (G*H)``, ``weight_hr (P, H)``,
    ``peephole_i (H)``, ``peephole_f (H)``, ``peephole_o (H)``, ``norm_ih_gain (G*H)``,
    ``norm_hh_gain (G*H)``, ``norm_c_gain (H)``, ``norm_c_bias (H)``; gates of a trace:
    ``i f g o c h``, without ``f`` where there is no forget gate.

    Args:
        input_size: features of one step, I >= 1.
        hidden_size: number of memory cells, H >= 1.
        bias: whether there are ``bias_ih``, ``bias_hh`` and ``norm_c_bias``.
        forget_gate: False for the LSTM of 1997.
        peephole: let the gates see the memory cell.
        coupled: derive the forget gate from the input gate.
        layer_norm: normalise the products and the cell's reading.
        proj_size: 0 for none, else P, 1 <= P < H.
        forget_bias: the forget gate's bias at the start of training, e.g. 1.0 so that the cell
            begins by remembering; ``None`` leaves the uniform draw. Written into the stored
            weights (``bias_ih``, with 0 in ``bias_hh``), never added in a step.
        device: where the weights live.
        dtype: type of the weights.

    Raises:
        ConfigError: where an argument is out of its range or contradicts another.

    Initialisation: everything uniform in ±1/sqrt(H), the same draws as ``torch.nn.LSTMCell``
    (with ``proj_size`` as a one-layer ``torch.nn.LSTM``); peepholes are drawn after them, so that
    they change no other weight, from the same range: one connection a gate, it hardly adds to
    the H that the range was made for. Gains of the norms start at 1.

    Source: Hochreiter and Schmidhuber (1997), "Long short-term memory" (no forget gate; its
    squashing functions 4*sigmoid - 2 and 2*sigmoid - 1 are tanh here, and gradients are not
    truncated). Forget gate: Gers, Schmidhuber and Cummins (2000). Peepholes: Gers and Schmidhuber
    (2000). Coupled gates: Greff et al. (2017), CIFG. Layer norm: Ba, Kiros and Hinton (2016),
    supplementary equations 20-22; its b and two biases are one sum, ``bias_ih + bias_hh``.
    Projection: Sak, Senior and Beaufays (2014), the recurrent projection alone. Forget bias:
    Jozefowicz, Zaremba and Sutskever (2015).

    Example:
        >>> cell = LSTMCell(3, 5, peephole=True, forget_bias=1.0)
        >>> output, state = cell.step(torch.zeros(2, 3), cell.initial_state(2))
        >>> output.shape, state.c.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    kind = "lstm"
    State = LSTMState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        forget_gate: bool = True,
        peephole: bool = False,
        coupled: bool = False,
        layer_norm: bool = False,
        proj_size: int = 0,
        forget_bias: float | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.bias = check_flag("bias", bias)
        self.forget_gate = check_flag("forget_gate", forget_gate)
        self.peephole = check_flag("peephole", peephole)
        self.coupled = check_flag("coupled", coupled)
        self.layer_norm = check_flag("layer_norm", layer_norm)
        self.proj_size = _check_proj_size(proj_size, hidden_size)
        self.forget_bias = None if forget_bias is None else check_number("forget_bias", forget_bias)
        self._check_combination()
        super().__init__(input_size, hidden_size, device=device, dtype=dtype)

    def _check_combination(self) -> None:
        """Refuse options that exclude each other."""
        if self.coupled and not self.forget_gate:
            raise ConfigError(
                "coupled is True and forget_gate is False; a coupled forget gate is 1 - i, "
                "so give one of the two"
            )
        if self.forget_bias is None:
            return
        if not self.bias:
            raise ConfigError(
                f"forget_bias is {self.forget_bias} and bias is False; "
                f"give bias=True or leave forget_bias out"
            )
        if "f" not in self.stored_gates:
            raise ConfigError(
                f"forget_bias is {self.forget_bias}, but this cell stores no forget gate; "
                f"leave forget_bias out, or give forget_gate=True and coupled=False"
            )

    @property
    def stored_gates(self) -> tuple[str, ...]:
        """The gates that have rows in the weights, in order."""
        if self.forget_gate and not self.coupled:
            return ("i", "f", "g", "o")
        return ("i", "g", "o")

    def state_sizes(self) -> dict[str, int]:
        """Width of each field: ``h`` is P wide, ``c`` is H wide."""
        return {"h": self.proj_size or self.hidden_size, "c": self.hidden_size}

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every weight."""
        H, P = self.hidden_size, self.proj_size or self.hidden_size
        rows = len(self.stored_gates) * H
        shapes = product_shapes(rows, self.bias, ih=self.input_size, hh=P)
        if self.proj_size:
            shapes |= {"weight_hr": (P, H)}
        if self.peephole:
            shapes |= {f"peephole_{gate}": (H,) for gate in self.stored_gates if gate != "g"}
        if self.layer_norm:
            shapes |= {"norm_ih_gain": (rows,), "norm_hh_gain": (rows,), "norm_c_gain": (H,)}
            if self.bias:
                shapes |= {"norm_c_bias": (H,)}
        return shapes

    def initialise(self, weights: Weights) -> None:
        """Draw fresh values into ``weights`` in place, the forget bias included."""
        super().initialise(weights)
        if self.forget_bias is not None:
            H, f = self.hidden_size, self.stored_gates.index("f")
            rows = slice(f * H, (f + 1) * H)
            nn.init.constant_(weights["bias_ih"][rows], self.forget_bias)
            nn.init.constant_(weights["bias_hh"][rows], 0.0)

    def transition(
        self,
        x_t: Tensor,
        state: LSTMState,
        weights: Weights,
        recurrent_mask: Tensor | None = None,
    ) -> Transition:
        """One step by the equations above; see :meth:`Cell.transition`."""
        h = state.h if recurrent_mask is None else state.h * recurrent_mask
        from_x = self._product(x_t, weights, "ih")
        from_h = self._product(h, weights, "hh")
        blocks = (from_x + from_h).chunk(len(self.stored_gates), dim=-1)  # each (B, H)
        a_t = dict(zip(self.stored_gates, blocks, strict=True))
        if self.peephole:
            for gate in ("i", "f"):
                if gate in a_t:
                    a_t[gate] = a_t[gate] + weights[f"peephole_{gate}"] * state.c

        gates = {"i": torch.sigmoid(a_t["i"])}
        if "f" in a_t:
            gates["f"] = torch.sigmoid(a_t["f"])
        elif self.coupled:
            gates["f"] = 1 - gates["i"]
        gates["g"] = torch.tanh(a_t["g"])
        kept = gates["f"] * state.c if "f" in gates else state.c
        c_t = kept + gates["i"] * gates["g"]

        seen = a_t["o"] + weights["peephole_o"] * c_t if self.peephole else a_t["o"]
        gates["o"] = torch.sigmoid(seen)
        read = c_t
        if self.layer_norm:
            read = layer_norm(c_t, weights["norm_c_gain"], weights.get("norm_c_bias"))
        h_t = gates["o"] * torch.tanh(read)
        if self.proj_size:
            h_t = F.linear(h_t, weights["weight_hr"])  # (B, P)
        return Transition(h_t, LSTMState(h_t, c_t), {**gates, "c": c_t, "h": h_t})

    def _product(self, v: Tensor, weights: Weights, source: str) -> Tensor:
        """``W v + b`` for all gates, ``(B, G*H)``, normalised where the cell does so."""
        matrix, bias = weights[f"weight_{source}"], weights.get(f"bias_{source}")
        if not self.layer_norm:
            return F.linear(v, matrix, bias)
        return layer_norm(F.linear(v, matrix), weights[f"norm_{source}_gain"], bias)


def _check_proj_size(proj_size: Any, hidden_size: Any) -> int:
    """``proj_size`` where it is 0, or at least 1 and less than the hidden size."""
    whole = isinstance(proj_size, int) and not isinstance(proj_size, bool)
    # A hidden_size that is no number has its own message, later.
    if whole and (proj_size == 0 or 0 < proj_size < hidden_size):
        return proj_size
    raise ConfigError(
        f"proj_size is {proj_size!r}; it must be 0 for none, or an integer from 1 to "
        f"hidden_size - 1, here {hidden_size!r} - 1"
    )
