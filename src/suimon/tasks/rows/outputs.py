"""What the network may say of a row that it has not seen: a mean, chances, or a mixture."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from suimon.errors import ConfigError

LEVELS = 256
_BIN = 1 / (LEVELS - 1)  # between two neighbouring levels, which are 0 to 1
_LEAST_LOG_SCALE = -7.0
_FIRST_LOG_SCALE = -2.0  # about a tenth of the range


class RowOutput(ABC):
    """What the numbers that the network gives for one row mean.

    Shapes: I pixels of a row times colours, P numbers that describe it; ``…`` any dimensions.

    Args:
        pixels: I.
    """

    drawn = True
    """Whether rows can be drawn from it."""

    measure = "nats"
    """What :meth:`loss` is in."""

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels

    @property
    def numbers(self) -> int:
        """P."""
        return self.pixels

    @abstractmethod
    def loss(self, numbers: Tensor, row: Tensor) -> Tensor:
        """What a true row ``(…, I)`` in 0 to 1 costs, summed over its pixels: ``(…)``."""

    @abstractmethod
    def mean(self, numbers: Tensor) -> Tensor:
        """The expected row, ``(…, I)`` in 0 to 1."""

    @abstractmethod
    def draw(self, numbers: Tensor, generator: torch.Generator) -> Tensor:
        """A row by chance, ``(…, I)`` in 0 to 1."""


class SquaredError(RowOutput):
    """The mean alone, by the squared error ``(x - m)^2``."""

    drawn = False
    measure = "squared error"

    def loss(self, numbers: Tensor, row: Tensor) -> Tensor:
        """Summed squared error."""
        return (numbers - row).square().sum(dim=-1)

    def mean(self, numbers: Tensor) -> Tensor:
        """The numbers, kept within 0 to 1."""
        return numbers.clamp(0, 1)

    def draw(self, numbers: Tensor, generator: torch.Generator) -> Tensor:
        """Refused: a mean says nothing of chance."""
        raise ConfigError(
            "a run with output mse has no chances to draw from: train with --output mixture or "
            "bernoulli"
        )


class Bernoulli(RowOutput):
    """Each pixel's chance to be white, ``p = sigmoid(a)``: ``-x log p - (1-x) log(1-p)``."""

    def loss(self, numbers: Tensor, row: Tensor) -> Tensor:
        """Summed cross-entropy; grey pixels count as chances."""
        return F.binary_cross_entropy_with_logits(numbers, row, reduction="none").sum(dim=-1)

    def mean(self, numbers: Tensor) -> Tensor:
        """The chances."""
        return numbers.sigmoid()

    def draw(self, numbers: Tensor, generator: torch.Generator) -> Tensor:
        """Black and white pixels."""
        return torch.bernoulli(numbers.sigmoid(), generator=generator)


class Mixture(RowOutput):
    r"""A mixture of K whole rows, each pixel a logistic about its value, cut into 256 levels.

    ::

        P(x) = sum_k w_k prod_i [ s((x_i + b/2 - m_ki)/r_ki) - s((x_i - b/2 - m_ki)/r_ki) ]

    s the sigmoid, b the distance of two levels; below black and above white all is counted in.
    Pixels of a row hang together through k, so that a row drawn is one that there may be.

    Args:
        pixels: I.
        components: K.

    Source: T. Salimans and others (2017), PixelCNN++, section 2.1; there a pixel is mixed, here
        the row.
    """

    def __init__(self, pixels: int, components: int) -> None:
        super().__init__(pixels)
        self.components = components

    @property
    def numbers(self) -> int:
        """``K + 2*K*I``: weights, values and logarithms of scales."""
        return self.components * (1 + 2 * self.pixels)

    def loss(self, numbers: Tensor, row: Tensor) -> Tensor:
        """``-log P(x)`` in nats."""
        weights, values, log_scales = self._parts(numbers)
        distance = row.unsqueeze(-2) - values  # (…, K, I)
        rate = (-log_scales).exp()
        upper, lower = rate * (distance + _BIN / 2), rate * (distance - _BIN / 2)
        # s(u) - s(l) = s(u) s(-l) (1 - e^(l-u)), which loses no digits far out.
        within = torch.log(-torch.expm1(-_BIN * rate))
        inner = F.logsigmoid(upper) + F.logsigmoid(-lower) + within
        row = row.unsqueeze(-2)
        ends = torch.where(row > 1 - _BIN / 2, F.logsigmoid(-lower), inner)
        each = torch.where(row < _BIN / 2, F.logsigmoid(upper), ends)  # (…, K, I)
        return -torch.logsumexp(weights + each.sum(dim=-1), dim=-1)

    def mean(self, numbers: Tensor) -> Tensor:
        """``sum_k w_k m_k``, each value kept within 0 to 1."""
        weights, values, _ = self._parts(numbers)
        return (weights.exp().unsqueeze(-1) * values.clamp(0, 1)).sum(dim=-2)

    def draw(self, numbers: Tensor, generator: torch.Generator) -> Tensor:
        """One of the K by its weight, then each pixel by its logistic, on the 256 levels."""
        weights, values, log_scales = self._parts(numbers)
        flat = weights.exp().reshape(-1, self.components)
        k = torch.multinomial(flat, 1, generator=generator).reshape(weights.shape[:-1])
        index = k[..., None, None].expand(*k.shape, 1, self.pixels)
        value, log_scale = (part.gather(-2, index).squeeze(-2) for part in (values, log_scales))
        chance = torch.rand(value.shape, generator=generator).clamp(1e-5, 1 - 1e-5)
        drawn = value + log_scale.exp() * torch.logit(chance)
        return (drawn.clamp(0, 1) / _BIN).round() * _BIN

    def _parts(self, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log weights ``(…, K)``, values and log scales ``(…, K, I)``."""
        K, I = self.components, self.pixels
        weights, values, scales = numbers.split([K, K * I, K * I], dim=-1)
        shape = (*numbers.shape[:-1], K, I)
        log_scales = (scales.reshape(shape) + _FIRST_LOG_SCALE).clamp(min=_LEAST_LOG_SCALE)
        return weights.log_softmax(dim=-1), values.reshape(shape), log_scales


def make_output(name: str, pixels: int, components: int) -> RowOutput:
    """The output that an option names."""
    if name == "mixture":
        return Mixture(pixels, components)
    return {"mse": SquaredError, "bernoulli": Bernoulli}[name](pixels)
