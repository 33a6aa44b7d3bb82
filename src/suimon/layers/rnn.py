"""The Elman layer: a drop-in for ``torch.nn.RNN``."""

from typing import Unpack

import torch

from suimon.cells import ElmanCell
from suimon.layers.around import around
from suimon.layers.recurrent import Recurrent
from suimon.layers.regularisation import BeyondTorch


class RNN(Recurrent):
    """Elman networks over whole sequences.

    The equations are those of :class:`~suimon.cells.elman.ElmanCell`; the arguments up to
    ``dtype``, the parameters' names, the initial draws and what is returned are those of
    ``torch.nn.RNN``, and weights load both ways. Call it as :class:`Recurrent` is called:
    ``output, h_n = rnn(input, h_0, lengths=…, reset=…)``.

    Args:
        input_size: features of one step, I.
        hidden_size: width of the hidden state, H.
        num_layers: L.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        bias: whether there are biases.
        batch_first: sequences are ``(B, T, …)``.
        dropout: probability in [0, 1] of dropping units between layers, in training.
        bidirectional: read each sequence backwards too.
        device: where the weights live.
        dtype: type of the weights.
        layer_norm: normalise inside the cell.
        beyond: see :class:`~suimon.layers.regularisation.BeyondTorch`.

    Raises:
        ConfigError: where an argument is out of its range.

    Example:
        >>> rnn = RNN(3, 5, nonlinearity="relu")
        >>> output, h_n = rnn(torch.zeros(7, 3))
        >>> output.shape, h_n.shape
        (torch.Size([7, 5]), torch.Size([1, 5]))
    """

    state_as_torch = True

    @around(ElmanCell)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        layer_norm: bool = False,
        **beyond: Unpack[BeyondTorch],
    ) -> None:
        self.nonlinearity = nonlinearity
        self.mode = f"RNN_{nonlinearity.upper()}"
        self.bias = bias
        self.proj_size = 0
