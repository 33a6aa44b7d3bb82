"""A character network as a writer of many functions at once."""

from collections.abc import Callable

import torch
from torch import Tensor

from suimon.data.text.units.base import Units
from suimon.inference.sampling import sample
from suimon.inference.session import Session, TokenNetwork


class NetworkSampler:
    """Writes texts with a network, side by side in one batch.

    Every text starts from the network's initial state. A text that is done leaves the batch, so
    that the last ones do not cost what the whole does.

    Args:
        network: ``network(tokens (T, B), state) -> (logits (T, B, V), state)``.
        units: its vocabulary; the token for the unknown is never written.
        temperature: 0 or more; see :func:`suimon.inference.sampling.distribution`.
        seed: the same texts for the same seed and count.
        before: read ahead of every prompt, and no part of the texts. A network that has read
            nothing does not know that it stands at the start of a line.
    """

    def __init__(
        self,
        network: TokenNetwork,
        units: Units,
        *,
        temperature: float,
        seed: int,
        before: str = "",
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
        session = Session(self._network)
        ids = self._units.encode(self._before + prompt).astype("int64")
        logits = session.feed(torch.from_numpy(ids).unsqueeze(1))  # (1, V)
        session, logits = session.repeat(count), logits.expand(count, -1)  # (B, V)
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

    def _draw(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        logits = logits.clone()
        if self._units.unknown_id is not None:
            logits[:, self._units.unknown_id] = -torch.inf
        return sample(logits, temperature=self._temperature, generator=generator).cpu()
