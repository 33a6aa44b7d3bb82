"""Writing: read a prompt, then draw unit after unit and feed each back in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import NamedTuple

import torch

from suimon.data.text import Units
from suimon.data.text.units import StreamingDecoder
from suimon.errors import ConfigError
from suimon.inference.sampling import check_sampling
from suimon.inference.session import Session, TokenNetwork

LINE_STARTS = ("\n", " ", "。", ".")  # what stands before a prompt, so that it begins a line
DRAWS_A_BLOCK = 256


class Piece(NamedTuple):
    """A bit of text as it is written, and which of the texts written side by side it is of."""

    row: int
    text: str


class Writer:
    """Reads and writes in turns, ``count`` texts side by side that do not know of each other.

    The network's state is carried through all turns, so what was read and written earlier is the
    context of what follows. Each text draws from a random stream of its own, made of the seed and
    its number, so that text ``i`` is the same whatever ``count`` is. (With layers in the step
    engine's place, but for the rounding of matrix products of another size, which once in millions
    of units tips a draw.)

    Args:
        network: ``network(tokens (T, B), state) -> (logits (T, B, V), state)``; see
            :func:`~suimon.tasks.language_model.stepping.stepping_network`.
        units: its vocabulary. The token for the unknown is never written.
        count: texts side by side.
        seed: the same texts for the same seed; ``None``: other ones each time.

    Raises:
        ConfigError: ``count < 1``.
    """

    def __init__(
        self, network: TokenNetwork, units: Units, *, count: int = 1, seed: int | None = None
    ) -> None:
        if count < 1:
            raise ConfigError(f"count is {count}; give 1 or more")
        seed = secrets.randbits(63) if seed is None else seed
        self.count = count
        self._network = network
        self._units = units
        self._draws = [_Draws(seed, row) for row in range(count)]
        self._session: Session | None = None
        self._decoders: list[StreamingDecoder] = []

    def read(self, text: str) -> None:
        """Take in a text; the first one is read as the beginning of a line.

        Units that the vocabulary does not have are read as the unknown one; ``units.unknown(text)``
        tells which these are.
        """
        tokens = self._units.encode(text).astype("int64").tolist()
        decoders = [self._units.streaming_decoder(tokens) for _ in self._draws]
        if self._session is None:
            tokens = [*line_start(self._units), *tokens]
        if not tokens:
            return
        self._decoders = decoders
        column = torch.tensor(tokens).unsqueeze(1)  # (T, 1)
        if self._session is None:
            alone = Session(self._network)
            alone.feed(column)
            self._session = alone.repeat(self.count) if self.count > 1 else alone
        else:
            self._session.feed(column.expand(-1, self.count))

    def write(
        self,
        length: int = 500,
        *,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = None,
        until: str | None = None,
    ) -> Iterator[Piece]:
        """Go on from what was read and written, in pieces as they come.

        A piece holds whole characters only: one whose last byte has not come is held back, and
        not shown at all where ``length`` cuts it off. With several texts, one that has ended goes
        on unseen until all have.

        Args:
            length: units to write at most, in each text.
            temperature: see :func:`~suimon.inference.sampling.distribution`.
            top_k: as above.
            top_p: as above.
            until: a text ends when it has written this, which is its last piece's end.

        Raises:
            ConfigError: an option is out of range.
        """
        check_sampling(temperature, top_k, top_p)
        if length < 0:
            raise ConfigError(f"length is {length}; give 0 or more")
        if until == "":
            raise ConfigError("until is empty; give the text to stop at, or leave it out")
        if self._session is None:
            self.read("")
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        options["never"] = self._units.unknown_id
        return self._write(length, options, until)

    def _write(self, length: int, options: dict, until: str | None) -> Iterator[Piece]:
        assert self._session is not None
        endings = [_Ending(until) for _ in range(self.count)]
        for _ in range(length):
            tokens = self._session.write(self._uniform(options), **options)
            for row, token in enumerate(tokens):
                if endings[row].reached:
                    continue
                text = endings[row].cut(self._decoders[row].push(token))
                if text:
                    yield Piece(row, text)
            if until is not None and all(ending.reached for ending in endings):
                return

    def _uniform(self, options: dict) -> list[float]:
        """A number for each text's draw; temperature 0 draws nothing, and uses none up."""
        if options["temperature"] == 0.0:
            return [0.0] * self.count
        return [draws.next() for draws in self._draws]


class _Draws:
    """The random numbers of one text, uniform in [0, 1), made a block at a time."""

    def __init__(self, seed: int, row: int) -> None:
        digest = hashlib.sha256(f"{seed} {row}".encode()).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        self._block: Iterator[float] = iter(())

    def next(self) -> float:
        for number in self._block:
            return number
        fresh = torch.rand(DRAWS_A_BLOCK, dtype=torch.float64, generator=self._generator)
        self._block = iter(fresh.tolist())
        return next(self._block)


class _Ending:
    """Watches one text for the words it is to stop at, also where they come in pieces."""

    def __init__(self, until: str | None) -> None:
        self._until = until
        self._tail = ""
        self.reached = False

    def cut(self, text: str) -> str:
        """The piece, without what stands after the ending."""
        if self._until is None:
            return text
        seen = self._tail + text
        place = seen.find(self._until)
        if place >= 0:
            self.reached = True
            return seen[len(self._tail) : place + len(self._until)]
        keep = len(self._until) - 1
        self._tail = seen[len(seen) - keep :] if keep else ""
        return text


def line_start(units: Units) -> list[int]:
    """What to read before a text that stands at the beginning: a line end where the units know it.

    A network says what comes after something, so it must be given something, even before a prompt.
    """
    for text in LINE_STARTS:
        tokens = units.encode(text).tolist()
        if tokens and not units.unknown(text):
            return tokens
    return [0 if units.unknown_id != 0 else 1]
