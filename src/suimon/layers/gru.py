"""The GRU layer: a drop-in for ``torch.nn.GRU``, with the variants that it refuses."""

from typing import Unpack

import torch

from suimon.cells import GRUCell
from suimon.layers.around import around
from suimon.layers.recurrent import Recurrent
from suimon.layers.regularisation import BeyondTorch


class GRU(Recurrent):
    """Gated recurrent units over whole sequences.

    The equations are those of :class:`~suimon.cells.gru.GRUCell`; the arguments up to ``dtype``,
    the parameters' names, the initial draws and what is returned are those of ``torch.nn.GRU``,
    and weights load both ways. Call it as :class:`Recurrent` is called:
    ``output, h_n = gru(input, h_0, lengths=…, reset=…)``.

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
        reset_after: True as in ``torch.nn``; False as first published.
        layer_norm: normalise inside the cell.
        beyond: see :class:`~suimon.layers.regularisation.BeyondTorch`.

    Raises:
        ConfigError: where an argument is out of its range.

    Example:
        >>> gru = GRU(3, 5, bidirectional=True)
        >>> output, h_n = gru(torch.zeros(7, 4, 3), lengths=[2, 7, 0, 1])
        >>> output.shape, h_n.shape
        (torch.Size([7, 4, 10]), torch.Size([2, 4, 5]))
    """

    mode = "GRU"
    state_as_torch = True

    @around(GRUCell)
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
        *,
        reset_after: bool = True,
        layer_norm: bool = False,
        **beyond: Unpack[BeyondTorch],
    ) -> None:
        self.bias = bias
        self.proj_size = 0
