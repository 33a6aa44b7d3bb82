"""A character network as a writer of many functions at once."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from suimon.data.text.units.base import Units
from suimon.inference.sampling import sample
from suimon.inference.session import Session, TokenNetwork


class NetworkSampler:
    """Writes texts with a network, side by side in one batch.

    A text that is done leaves the batch, so that the last ones do not cost what the whole does.

    Args:
        network: ``network(tokens (T, B), state) -> (logits (T, B, V), state)``.
        units: its vocabulary; the token for the unknown is never written.
        temperature: 0 or more; see :func:`suimon.inference.sampling.distribution`.
        seed: the same texts for the same seed and count.
        before: read ahead of the prompt and no part of the texts: the first text goes on from the
            first of these, the second from the second, and so on, around again. All have one
            length. A network that was trained with a carried state has hardly ever read nothing.
    """

    def __init__(
        self,
        network: TokenNetwork,
        units: Units,
        *,
        temperature: float,
        seed: int,
        before: Sequence[str] = ("",),
    ) -> None:
        self._network = network
        self._units = units
        self._temperature = temperature
        self._seed = seed
        self._before = before

    def __call__(
        self, prompt: str, *, count: int, limit: int, done: Callable[[str], bool]
    ) -> list[str]:
        """Return ``count`` texts from ``prompt``, each up to ``done`` or ``limit`` characters."""
        generator = torch.Generator().manual_seed(self._seed)
        texts = [prompt] * count
        writing = list(range(count))  # the texts that the rows of the batch belong to
        session, logits = self._read(prompt, count)
        while True:
            tokens = self._draw(logits, generator)  # (B,)
            for row, text in enumerate(writing):
                texts[text] += self._units.symbols[tokens[row]]
            rows = [
                row
                for row, text in enumerate(writing)
                if len(texts[text]) < limit and not done(texts[text])
            ]
            if not rows:
                return texts
            if len(rows) < len(writing):
                writing = [writing[row] for row in rows]
                kept = torch.tensor(rows)
                session.keep(kept)
                tokens = tokens[kept]
            logits = session.step(tokens)

    def _read(self, prompt: str, count: int) -> tuple[Session, Tensor]:
        """A session of ``count`` streams that have read ``prompt``; logits ``(count, V)``."""
        read = [self._units.encode(before + prompt) for before in self._before[:count]]
        tokens = torch.from_numpy(np.stack(read, axis=1).astype("int64"))  # (T, N)
        session = Session(self._network, len(read))
        logits = session.feed(tokens)
        streams = torch.arange(count) % len(read)
        session.keep(streams)
        return session, logits[streams]

    def _draw(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        logits = logits.clone()
        if self._units.unknown_id is not None:
            logits[:, self._units.unknown_id] = -torch.inf
        return sample(logits, temperature=self._temperature, generator=generator).cpu()
