"""The shape letters used by every docstring, comment and message, defined once.

========  =======================================================================
letter    meaning
========  =======================================================================
``B``     batch: independent sequences side by side
``T``     time: steps of the longest sequence
``I``     input: features of one step
``H``     hidden: width of the hidden state
``P``     projection: width of the output where ``proj_size`` is set, else ``H``
``L``     layers
``D``     directions: 2 for bidirectional, else 1
``G``     gates: blocks of ``H`` rows in a weight (4 LSTM, 3 GRU, 1 Elman)
``V``     vocabulary: distinct tokens
``F``     horizon: steps ahead of a forecast
========  =======================================================================

Sequences are time-major, ``(T, B, I)``, unless ``batch_first=True`` is asked for.
"""

from collections.abc import Mapping

from torch import Tensor

Weights = Mapping[str, Tensor]
"""The tensors of one cell by name, e.g. ``{"weight_ih": (G*H, I), "weight_hh": (G*H, H), …}``."""

LayerTrace = dict[str, Tensor]
"""What one layer did in one direction: gate or state name to its ``(T, B, H)`` values."""

Trace = list[list[LayerTrace]]
"""``trace[layer][direction]`` is the :data:`LayerTrace` of that layer and direction."""
