"""A running network: it remembers what it has read, and says what it expects next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from suimon.errors import ShapeError

TOKENS_A_CALL = 256  # bounds the (T, B, V) logits that a long prompt would make


class TokenNetwork(Protocol):
    """What a session drives: an ``nn.Module`` from token ids and state to logits and state."""

    def __call__(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """``(T, B)`` ids and the state before them; logits ``(T, B, V)`` and the state after."""
        ...

    def eval(self) -> Any:
        """Switch dropout and its like off."""
        ...

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """The weights; the first one tells the device."""
        ...


class Session:
    """Carries a network's state from token to token, for ``B`` streams side by side.

    Feeding a text token by token, in pieces or whole leaves the same state. Everything runs
    under ``torch.inference_mode``; the network is put into evaluation mode once, when the session
    is made, and its weights are read at every step, never copied.

    Args:
        network: ``network(tokens (T, B), state) -> (logits (T, B, V), state)``; the state is a
            tensor or a tuple of tensors, each ``(…, B, S)``.
        batch_size: streams side by side.
        state: where to go on from, as an earlier session's :attr:`state`; ``None``: the start.
    """

    def __init__(self, network: TokenNetwork, batch_size: int = 1, state: Any = None) -> None:
        network.eval()
        self.network = network
        self.batch_size = batch_size
        self.state = state
        self._device = next(network.parameters()).device

    def step(self, tokens: Tensor) -> Tensor:
        """Read one token a stream.

        Args:
            tokens: ``(B,)`` int64.

        Returns:
            ``(B, V)``, the logits of the token after it.
        """
        with torch.inference_mode():
            logits, self.state = self.network(tokens.unsqueeze(0), self.state)
            return logits[-1]

    def feed(self, tokens: Tensor) -> Tensor:
        """Read several tokens a stream.

        Args:
            tokens: ``(T, B)`` int64, ``T >= 1``.

        Returns:
            ``(B, V)``, the logits of the token after the last.

        Raises:
            ShapeError: ``tokens`` is empty or not ``(T, B)``.
        """
        if tokens.dim() != 2 or tokens.shape[0] == 0 or tokens.shape[1] != self.batch_size:
            raise ShapeError(
                f"tokens is {tuple(tokens.shape)}; give (T, {self.batch_size}) with T of 1 or more"
            )
        with torch.inference_mode():
            for chunk in tokens.to(self._device).split(max(1, TOKENS_A_CALL // self.batch_size)):
                logits, self.state = self.network(chunk, self.state)
            return logits[-1]

    def repeat(self, count: int) -> Session:
        """``count`` streams that all go on from here, this one stream having read the prompt.

        Raises:
            ShapeError: this session has more than one stream.
        """
        if self.batch_size != 1:
            raise ShapeError(f"only a session of 1 stream repeats; this one has {self.batch_size}")
        with torch.inference_mode():
            state = map_state(lambda t: t.repeat_interleave(count, dim=-2), self.state)
        return Session(self.network, count, state)

    def keep(self, rows: Tensor) -> None:
        """Go on with some streams only: ``rows`` are their indices, ``(B',)`` int64."""
        with torch.inference_mode():
            self.state = map_state(lambda t: t.index_select(-2, rows.to(t.device)), self.state)
        self.batch_size = len(rows)

    def reset(self) -> None:
        """Forget everything that was read."""
        self.state = None


def map_state(function: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Apply a function to every tensor of a state: a tensor, ``None``, or tuples of these."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return function(state)
    mapped = [map_state(function, part) for part in state]
    return type(state)(*mapped) if hasattr(state, "_fields") else type(state)(mapped)
