"""What one time step computes: one file a cell."""

from suimon.cells.base import Cell, RecurrentCell, State, Transition
from suimon.cells.elman import ElmanCell, ElmanState
from suimon.cells.gru import GRUCell, GRUState
from suimon.cells.jordan import JordanCell, JordanState
from suimon.cells.linear import Coefficients, LinearCell
from suimon.cells.lstm import LSTMCell, LSTMState
from suimon.cells.mingru import MinGRUCell, MinGRUState
from suimon.cells.minlstm import MinLSTMCell, MinLSTMState
from suimon.cells.registry import cell_class, cell_classes, cell_from_options

__all__ = [
    "Cell",
    "Coefficients",
    "ElmanCell",
    "ElmanState",
    "GRUCell",
    "GRUState",
    "JordanCell",
    "JordanState",
    "LSTMCell",
    "LSTMState",
    "LinearCell",
    "MinGRUCell",
    "MinGRUState",
    "MinLSTMCell",
    "MinLSTMState",
    "RecurrentCell",
    "State",
    "Transition",
    "cell_class",
    "cell_classes",
    "cell_from_options",
]
