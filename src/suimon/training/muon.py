"""Muon: what moves a recurrent weight is its momentum made orthogonal, gate by gate."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.cpu import get_capabilities

from suimon.layers.recurrent import Recurrent

ITERATIONS = 3
"""Newton–Schulz iterations; the source takes five, which learn no more here."""

LEAST_NORM = 1e-7
"""Of a momentum; what is smaller is the rest of gradients long gone, and moves a weight by less."""

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the iteration's odd polynomial, chosen by the source for its slope at zero."""


class Muon:
    """Moves gates' matrices by orthogonalised momentum, and all else by another optimiser.

    Equation, for the gradient ``G`` of one gate's matrix ``(H, I)``::

        M <- momentum * M + G
        W <- (1 - rate * weight_decay) * W - 0.2 * sqrt(max(H, I)) * rate * U V'

    where ``U S V'`` is the singular value decomposition of ``G + momentum * M``, and ``U V'`` what
    an iteration of matrix products makes of it, singular values between about 0.7 and 1.2, smaller
    ones where S is small. All directions of a matrix then learn at one pace, where Adam follows
    the few strong ones. The factor makes an entry's update about as large as AdamW's at one rate,
    whatever H and I; recurrent networks bear two to four times that rate.

    Args:
        matrices: of each weight ``(G*H, I)`` that is moved so, how many gates G it holds.
        rest: an optimiser of all other parameters; its state and groups are this one's too.
        rate: the learning rate.
        momentum: share of the previous direction kept.
        weight_decay: pull towards zero.

    Source: Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks"; the
    factor: Liu et al. (2025), "Muon is scalable for LLM training", equation 4.
    """

    def __init__(
        self,
        matrices: dict[nn.Parameter, int],
        rest: torch.optim.Optimizer,
        rate: float,
        momentum: float,
        weight_decay: float,
    ) -> None:
        self._gates, self._rest = matrices, rest
        self._own = {
            "params": list(matrices),
            "lr": rate,
            "momentum": momentum,
            "weight_decay": weight_decay,
        }
        self.param_groups: list[dict[str, Any]] = [self._own, *rest.param_groups]
        self.state = rest.state

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        self._rest.step()
        rate, momentum = self._own["lr"], self._own["momentum"]
        for weight, gates in self._gates.items():
            if weight.grad is None:
                continue
            kept = self.state[weight]
            if "momentum" not in kept:
                kept["momentum"] = torch.zeros_like(weight)
            kept["momentum"].mul_(momentum).add_(weight.grad)
            direction = torch.add(weight.grad, kept["momentum"], alpha=momentum)
            matrices = direction.unflatten(0, (gates, -1))
            size = 0.2 * max(matrices.shape[1:]) ** 0.5
            weight.mul_(1 - rate * self._own["weight_decay"])
            weight.add_(orthogonal(matrices).flatten(0, 1), alpha=-rate * size)


def gate_matrices(model: nn.Module) -> dict[nn.Parameter, int]:
    """The matrices of the recurrent layers in ``model``, and how many gates each holds.

    A matrix of a user's cell whose rows are not whole gates of H rows is taken as one.
    """
    found: dict[nn.Parameter, int] = {}
    for layer in model.modules():
        if not isinstance(layer, Recurrent):
            continue
        for parameter in layer.parameters():
            if parameter.requires_grad and parameter.dim() == 2:
                gates, left = divmod(parameter.shape[0], layer.hidden_size)
                found[parameter] = 1 if left else max(gates, 1)
    return found


def orthogonal(matrices: Tensor) -> Tensor:
    """``U V'`` of the singular value decomposition of each of ``matrices (N, H, I)``, about.

    float32 is multiplied as bfloat16 where the device has such products, whose rounding is small
    beside what the iteration leaves; the result has the dtype of ``matrices``. Zero stays zero.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    X = matrices.transpose(1, 2) if tall else matrices
    X = X / torch.linalg.matrix_norm(X, keepdim=True).clamp_min(LEAST_NORM)
    if X.dtype == torch.float32 and _multiplies_bfloat16(X.device):
        X = X.bfloat16()
    for _ in range(ITERATIONS):
        square = X @ X.transpose(1, 2)
        X = torch.baddbmm(X, torch.baddbmm(square, square, square, beta=b, alpha=c), X, beta=a)
    return (X.transpose(1, 2) if tall else X).to(matrices.dtype)


@cache  # asked at every step
def _multiplies_bfloat16(device: torch.device) -> bool:
    return device.type == "cuda" or (
        device.type == "cpu" and bool(get_capabilities().get("amx_bf16"))
    )
