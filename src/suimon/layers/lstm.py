"""The LSTM layer: a drop-in for ``torch.nn.LSTM``, with the variants that it refuses."""

from typing import Unpack

import torch

from suimon.cells import LSTMCell
from suimon.layers.around import around
from suimon.layers.recurrent import Recurrent
from suimon.layers.regularisation import BeyondTorch


class LSTM(Recurrent):
    """Long short-term memory over whole sequences.

    The equations are those of :class:`~suimon.cells.lstm.LSTMCell`; the arguments up to
    ``dtype``, the parameters' names, the initial draws and what is returned are those of
    ``torch.nn.LSTM``, and weights load both ways. Call it as :class:`Recurrent` is called:
    ``output, (h_n, c_n) = lstm(input, (h_0, c_0), lengths=…, reset=…)``.

    Args:
        input_size: features of one step, I.
        hidden_size: number of memory cells, H.
        num_layers: L.
        bias: whether there are biases.
        batch_first: sequences are ``(B, T, …)``.
        dropout: probability in [0, 1] of dropping units between layers, in training.
        bidirectional: read each sequence backwards too.
        proj_size: width P of a projected output, 0 for none.
        device: where the weights live.
        dtype: type of the weights.
        peephole: let the gates see the memory cell.
        coupled: derive the forget gate from the input gate.
        forget_gate: False for the LSTM of 1997.
        forget_bias: the forget gate's bias at the start of training; ``None``: as drawn.
        layer_norm: normalise inside the cell.
        beyond: see :class:`~suimon.layers.regularisation.BeyondTorch`.

    Raises:
        ConfigError: where an argument is out of its range or contradicts another.

    Example:
        >>> lstm = LSTM(3, 5, num_layers=2, forget_bias=1.0)
        >>> output, (h_n, c_n) = lstm(torch.zeros(7, 4, 3))
        >>> output.shape, h_n.shape
        (torch.Size([7, 4, 5]), torch.Size([2, 4, 5]))
    """

    mode = "LSTM"
    state_as_torch = True

    @around(LSTMCell)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        peephole: bool = False,
        coupled: bool = False,
        forget_gate: bool = True,
        forget_bias: float | None = None,
        layer_norm: bool = False,
        **beyond: Unpack[BeyondTorch],
    ) -> None:
        self.bias = bias
        self.proj_size = proj_size
