"""A running mean of a model's weights over the steps, which is calmer than the weights are."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

_EARLY = 10


class RunningMean:
    r"""A copy of a model whose weights follow it.

    ::

        m_k = a_k m_{k-1} + (1 - a_k) w_k,    a_k = min(decay, k / (k + 10))

    so that the first, bad weights are soon forgotten.

    Args:
        model: what to follow; its buffers are taken as they are.
        decay: in (0, 1); the mean reaches back over about ``1 / (1 - decay)`` steps.

    Attributes:
        model: the copy.

    Source: B. Polyak and A. Juditsky (1992), Acceleration of stochastic approximation by
        averaging; the exponential form of today's practice.

    Example:
        >>> line = nn.Linear(1, 1, bias=False)
        >>> mean = RunningMean(line, 0.5)
        >>> _ = line.weight.data.fill_(1.0)
        >>> mean.follow(line)
        >>> mean.model.weight.item()
        1.0
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self._decay = decay
        self._steps = 0

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """Take one more step's weights in."""
        share = 1.0 - min(self._decay, self._steps / (self._steps + _EARLY))
        for mine, other in zip(self.model.parameters(), model.parameters(), strict=True):
            mine.lerp_(other, share)
        for mine, other in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(other)
        self._steps += 1

    def state(self) -> dict[str, Tensor]:
        """The copy's weights, and how many steps it took in."""
        return {**self.model.state_dict(), _STEPS: torch.tensor(self._steps)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Stand where :meth:`state` was taken.

        Raises:
            RuntimeError: the weights do not fit the model, as ``load_state_dict`` says.
        """
        weights = dict(state)
        self._steps = int(weights.pop(_STEPS, torch.tensor(0)))
        self.model.load_state_dict(weights)


_STEPS = "steps"
