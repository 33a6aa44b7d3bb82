"""Layers of every kind, for what must hold of all of them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from suimon.cells import JordanCell
from suimon.layers import GRU, LSTM, RNN, MinGRU, MinLSTM, Recurrent
from tests.layers.pairs import H, I


def jordan(**options: Any) -> Recurrent:
    """A layer whose state is named otherwise and is not as wide as its hidden layer."""
    dtype = options.pop("dtype", None)
    cell = JordanCell(I, H, output_size=2, dtype=dtype)
    return Recurrent(cell, options.pop("num_layers", 1), **options)


def of(cls: type, **own: Any) -> Callable[..., Any]:
    """What makes a layer of ``cls`` with options of its own."""
    return lambda **options: cls(I, H, **own, **options)


ZOO: dict[str, Callable[..., Any]] = {
    "RNN": of(RNN),
    "LSTM": of(LSTM),
    "LSTM-proj": of(LSTM, proj_size=2),
    "LSTM-peephole-norm": of(LSTM, peephole=True, layer_norm=True),
    "LSTM-coupled": of(LSTM, coupled=True),
    "GRU": of(GRU),
    "GRU-before": of(GRU, reset_after=False),
    "MinGRU": of(MinGRU),
    "MinLSTM": of(MinLSTM),
    "Jordan": jordan,
    "LSTM-zoneout": of(LSTM, zoneout=(0.1, 0.3)),
}
every_kind = pytest.mark.parametrize("make", ZOO.values(), ids=ZOO.keys())


def random_state(layer: Any, batch_size: int) -> Any:
    """A state that is not zero, in the form that ``layer`` takes."""
    like = next(layer.parameters())
    count = layer.num_layers * layer.num_directions
    cell = layer.places[0].cell
    fields = [
        torch.randn(count, batch_size, width, dtype=like.dtype)
        for width in cell.state_sizes().values()
    ]
    if not layer.state_as_torch:
        return cell.State(*fields)
    return tuple(fields) if len(fields) > 1 else fields[0]
