"""A running network: it remembers what it has read, and says what it expects next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from suimon.errors import ShapeError
from suimon.inference.engine import StepEngine
from suimon.inference.sampling import check_sampling, pick

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
    is made, and its weights are read at every step, never copied. A
    :class:`~suimon.inference.engine.StepEngine` in a network's place is many times quicker, but
    keeps the weights that it was made with.

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
        self._state = state
        self._logits: Tensor | None = None
        self._shared = True  # what others may hold is copied before it is written over
        self._device = next(network.parameters()).device

    @property
    def state(self) -> Any:
        """What all that was read has left; a later session can go on from it."""
        self._shared = True
        return self._state

    @property
    def logits(self) -> Tensor:
        """``(B, V)``: the logits of the token after all that was read.

        Raises:
            ShapeError: nothing was read yet.
        """
        if self._logits is None:
            raise ShapeError("this session has read nothing; feed it a token first")
        self._shared = True
        return self._logits

    def step(self, tokens: Tensor) -> Tensor:
        """Read one token a stream.

        Args:
            tokens: ``(B,)`` int64.

        Returns:
            ``(B, V)``, the logits of the token after it.
        """
        return self._read(tokens.unsqueeze(0))

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
        for chunk in tokens.to(self._device).split(max(1, TOKENS_A_CALL // self.batch_size)):
            self._read(chunk)
        return self.logits

    def write(
        self,
        uniform: list[float],
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        never: int | None = None,
    ) -> list[int]:
        """Draw a token in each stream from what is expected next, and read it.

        Args:
            uniform: a number in ``[0, 1)`` for each stream, which decides its token.
            temperature: see :func:`~suimon.inference.sampling.distribution`.
            top_k: as above.
            top_p: as above.
            never: see :func:`~suimon.inference.sampling.pick`.

        Returns:
            A token for each stream.

        Raises:
            ConfigError: an option is outside its range.
            ShapeError: nothing was read yet, or there is not one number for each stream.
        """
        check_sampling(temperature, top_k, top_p)
        if len(uniform) != self.batch_size:
            raise ShapeError(f"uniform has {len(uniform)} numbers; give {self.batch_size}")
        options: Any = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "never": never}
        if isinstance(self.network, StepEngine):
            self._own()
            assert self._logits is not None
            return self.network.write(self._logits, self._state, uniform, **options)
        with torch.inference_mode():
            tokens = pick(self.logits, uniform, **options)
            self._read(tokens.unsqueeze(0))
            return tokens.tolist()

    def _own(self) -> None:
        """Copy what others may hold, for the engine to write over."""
        if not self._shared:
            return
        with torch.inference_mode():
            self._logits = self.logits.clone(memory_format=torch.contiguous_format)
            self._state = map_state(torch.clone, self._state)
            self._shared = False

    def _read(self, tokens: Tensor) -> Tensor:
        """Read ``(T, B)``; the logits ``(B, V)`` after it."""
        with torch.inference_mode():
            logits, self._state = self.network(tokens, self._state)
            self._logits = logits[-1]
            return self.logits

    def repeat(self, count: int) -> Session:
        """``count`` streams that all go on from here, this one stream having read the prompt.

        Raises:
            ShapeError: this session has more than one stream.
        """
        if self.batch_size != 1:
            raise ShapeError(f"only a session of 1 stream repeats; this one has {self.batch_size}")
        with torch.inference_mode():
            session = Session(self.network, count)
            session._state = map_state(lambda t: t.repeat_interleave(count, dim=-2), self._state)
            if self._logits is not None:
                session._logits = self._logits.repeat_interleave(count, dim=0)
        return session

    def keep(self, rows: Tensor) -> None:
        """Go on with some streams only: ``rows`` are their indices, ``(B',)`` int64."""
        with torch.inference_mode():
            self._state = map_state(lambda t: t.index_select(-2, rows.to(t.device)), self._state)
            if self._logits is not None:
                self._logits = self._logits.index_select(0, rows.to(self._logits.device))
        self.batch_size = len(rows)

    def reset(self) -> None:
        """Forget everything that was read."""
        self._state = self._logits = None


def map_state(function: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Apply a function to every tensor of a state: a tensor, ``None``, or tuples of these."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return function(state)
    mapped = [map_state(function, part) for part in state]
    return type(state)(*mapped) if hasattr(state, "_fields") else type(state)(mapped)
