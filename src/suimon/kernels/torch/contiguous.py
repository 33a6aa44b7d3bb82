"""Weights laid end to end in memory, which is how cuDNN wants them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from suimon.cells import Cell, ElmanCell, GRUCell, LSTMCell

CUDNN_MODES = {ElmanCell: "RNN_", LSTMCell: "LSTM", GRUCell: "GRU"}


def flatten_weights(cell: Cell, weights: Sequence[Tensor | None]) -> None:
    """Move one cell's ``weights`` into one block, in place, where cuDNN is to run them.

    Elsewhere, and for cells or weights that cuDNN does not take, it does nothing.
    """
    if type(cell) not in CUDNN_MODES or len(weights) != len(cell.parameter_shapes()):
        return
    tensors = [weight for weight in weights if isinstance(weight, Tensor) and weight.is_cuda]
    apart = len({tensor.data_ptr() for tensor in tensors}) == len(weights)
    alike = len({tensor.dtype for tensor in tensors}) == 1
    if not (apart and alike and torch.backends.cudnn.is_acceptable(tensors[0])):
        return
    from torch.backends.cudnn import rnn

    mode = CUDNN_MODES[type(cell)] + getattr(cell, "nonlinearity", "").upper()
    with torch.cuda.device_of(tensors[0]), torch.no_grad():
        torch._cudnn_rnn_flatten_weight(  # pyright: ignore
            tensors,
            len(tensors),
            cell.input_size,
            rnn.get_cudnn_mode(mode),
            cell.hidden_size,
            getattr(cell, "proj_size", 0),
            1,
            False,
            False,
        )
