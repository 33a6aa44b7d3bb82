"""A running mean of a model's weights over the steps, which is calmer than the weights are."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

_EARLY = 10


class RunningMean:
    r"""A copy of a model whose weights follow it.

    ::

        m_k = a_k m_{k-1} + (1 - a_k) w_k,    a_k = min(decay, k / (k + 10))

    so that the first, bad weights are soon forgotten.

    Args:
        model: what to follow; its buffers are taken as they are.
        decay: in (0, 1); the mean reaches back over about ``1 / (1 - decay)`` steps.

    Source: B. Polyak and A. Juditsky (1992), Acceleration of stochastic approximation by
        averaging; the exponential form of today's practice.

    Example:
        >>> line = nn.Linear(1, 1, bias=False)
        >>> mean = RunningMean(line, 0.5)
        >>> _ = line.weight.data.fill_(1.0)
        >>> mean.follow()
        >>> mean.model.weight.item()
        1.0
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._copy = copy.deepcopy(model).requires_grad_(False)
        self._means: list[Tensor] = list(self._copy.parameters())
        self._followed: list[Tensor] = list(model.parameters())
        self._buffers = list(zip(self._copy.buffers(), model.buffers(), strict=True))
        self._decay = decay
        self._steps = 0

    @property
    def model(self) -> nn.Module:
        """The copy, with the model's buffers as they are now."""
        with torch.no_grad():
            for mine, other in self._buffers:
                mine.copy_(other)
        return self._copy

    def follow(self) -> None:
        """Take one more step's weights in."""
        decay = min(self._decay, self._steps / (self._steps + _EARLY))
        get_ema_multi_avg_fn(decay)(self._means, self._followed, self._steps)
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
        self._copy.load_state_dict(weights)


_STEPS = "steps"
