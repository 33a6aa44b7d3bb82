"""The MinLSTM layer: gates that look at the input alone, so that time can run in parallel."""

from typing import Unpack

import torch

from suimon.cells import MinLSTMCell
from suimon.layers.around import around
from suimon.layers.recurrent import Recurrent
from suimon.layers.regularisation import BeyondTorch


class MinLSTM(Recurrent):
    """The minimal LSTM over whole sequences, in the style of ``torch.nn``.

    The equations are those of :class:`~suimon.cells.minlstm.MinLSTMCell`. Call it as
    :class:`Recurrent` is called: ``output, h_n = layer(input, h_0, lengths=…, reset=…)``.

    Args:
        input_size: features of one step, I.
        hidden_size: width of the hidden state, H.
        num_layers: L.
        bias: whether there are biases.
        batch_first: sequences are ``(B, T, …)``.
        dropout: probability in [0, 1] of dropping units between layers, in training.
        bidirectional: read each sequence backwards too.
        device: where the weights live.
        dtype: type of the weights.
        beyond: see :class:`~suimon.layers.regularisation.BeyondTorch`; there is no recurrent
            product, so no recurrent dropout and no weight dropout.

    Raises:
        ConfigError: where an argument is out of its range.

    Example:
        >>> layer = MinLSTM(3, 5, num_layers=2, residual=True)
        >>> output, h_n = layer(torch.zeros(7, 4, 3))
        >>> output.shape, h_n.shape
        (torch.Size([7, 4, 5]), torch.Size([2, 4, 5]))
    """

    state_as_torch = True

    @around(MinLSTMCell)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **beyond: Unpack[BeyondTorch],
    ) -> None:
        self.bias = bias
