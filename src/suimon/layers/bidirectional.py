"""Directions side by side: the same input read forwards and backwards in time."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from suimon.kernels import ScanResult
from suimon.layers.stack import LayerResult


def run_directions(scans: Sequence[Callable[[Tensor], ScanResult]], x: Tensor) -> LayerResult:
    """One layer: its outputs ``(T, B, P)`` of each direction joined to ``(T, B, D*P)``.

    Args:
        scans: forwards, and backwards where the layer is bidirectional.
        x: the layer's input ``(T, B, I)``.
    """
    done = [scan(x) for scan in scans]
    outputs = [each.output for each in done]
    output = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
    return LayerResult(output, [each.state for each in done], [each.trace for each in done])
