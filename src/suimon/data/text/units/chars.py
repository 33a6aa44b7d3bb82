"""Units ``chars``: one token a Unicode character (a code point)."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from suimon.data.text.units.base import (
    UNKNOWN,
    Encoded,
    Ids,
    Reads,
    StreamingDecoder,
    as_ids,
    code_points,
    id_dtype,
)
from suimon.data.text.units.streaming import SymbolDecoder

_CODE_POINTS = 0x110000
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class CharUnits:
    """The characters of the text it was fitted on, in the order of their code points.

    Id 0 is kept for every other character: such a character is scored as that one token, which
    training has never (or, with a vocabulary limit, rarely) shown the model, so its loss is high
    but defined. It decodes to U+FFFD. Everything else makes the round trip exactly, line ends
    included.

    Args:
        characters: the known characters, distinct.

    Example:
        >>> units = CharUnits("abn")
        >>> units.encode("banana!").tolist()
        [2, 1, 3, 1, 3, 1, 0]
        >>> units.unknown("banana!")
        {'!': 1}
    """

    kind: ClassVar[str] = "chars"
    reads: ClassVar[Reads] = "characters"

    def __init__(self, characters: str) -> None:
        self._characters = characters
        self._codes = code_points(_REPLACEMENT + characters).copy()
        self.size = len(self._codes)
        self.symbols = (UNKNOWN, *characters)
        self.unknown_id: int | None = 0
        self.dtype = id_dtype(self.size)
        self.characters_by_id = np.ones(self.size, np.uint32)
        # One entry for every code point there is: pages never read cost no memory, and 0, which
        # fresh pages hold, is the unknown.
        self._ids = np.zeros(_CODE_POINTS, self.dtype)
        self._ids[self._codes[1:]] = np.arange(1, self.size)

    @classmethod
    def fit(cls, texts: Iterable[str], vocabulary: int | None = None) -> "CharUnits":
        """The characters of ``texts``; with ``vocabulary``, only so many of the most frequent."""
        counts = np.zeros(_CODE_POINTS, np.int64)
        for text in texts:
            found = np.bincount(code_points(text))
            counts[: len(found)] += found
        codes = np.flatnonzero(counts)
        if vocabulary is not None:
            most_frequent = np.argsort(-counts[codes], kind="stable")[:vocabulary]
            codes = np.sort(codes[most_frequent])
        return cls("".join(map(chr, codes)))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "CharUnits":
        """The units that :meth:`state` described."""
        return cls(state["characters"])

    def state(self) -> dict[str, Any]:
        """The known characters as one string."""
        return {"kind": self.kind, "characters": self._characters}

    def encode(self, text: str) -> Ids:
        """One id a character."""
        return self._ids.take(code_points(text))

    def encode_piece(self, piece: str) -> Encoded:
        """One id a character."""
        return Encoded(self.encode(piece))

    def decode(self, ids: Iterable[int] | Ids) -> str:
        """One character an id."""
        codes = self._codes[as_ids(ids)]
        return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")

    def streaming_decoder(self, after: Iterable[int] = ()) -> StreamingDecoder:
        """Every token is shown at once, whatever came before."""
        return SymbolDecoder((_REPLACEMENT, *self._characters))

    def unknown(self, text: str) -> dict[str, int]:
        """The characters that the fitted text did not have."""
        codes = code_points(text)
        return dict(Counter(map(chr, codes[self._ids.take(codes) == 0])))
