"""Cells over time: drop-ins for ``torch.nn``, and any cell in a stack."""

from suimon.layers.gru import GRU
from suimon.layers.lstm import LSTM
from suimon.layers.mingru import MinGRU
from suimon.layers.minlstm import MinLSTM
from suimon.layers.recurrent import Recurrent
from suimon.layers.regularisation import BeyondTorch
from suimon.layers.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN", "BeyondTorch", "MinGRU", "MinLSTM", "Recurrent"]
