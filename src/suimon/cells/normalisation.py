"""Layer normalisation as it is used inside a cell."""

import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-5
"""Added to the variance; PyTorch's own default."""


def layer_norm(v: Tensor, gain: Tensor, bias: Tensor | None = None) -> Tensor:
    """Each row of ``v`` brought to mean 0 and variance 1, then scaled and shifted.

    ``gain * (v - mean(v)) / sqrt(var(v) + EPSILON) + bias``, the variance over N, not N - 1.

    Args:
        v: ``(B, N)``; the statistics are a row's own, so no step or sequence sees another.
        gain: ``(N,)``.
        bias: ``(N,)`` or ``None``.

    Source: Ba, Kiros and Hinton (2016), "Layer normalization", equation 4.
    """
    return F.layer_norm(v, gain.shape, gain, bias, EPSILON)
