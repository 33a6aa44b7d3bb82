"""Units ``bytes``: one token a byte, for any file whatever its encoding."""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from suimon.data.text.units.base import Encoded, Ids, Reads, StreamingDecoder, as_ids
from suimon.data.text.units.streaming import Utf8Decoder


class ByteUnits:
    """The 256 byte values; nothing can be unknown, and there is nothing to fit.

    Text is encoded and decoded as UTF-8; bytes that are no UTF-8 decode to U+FFFD. A token counts
    as a character of the text unless it continues one (``0b10xxxxxx``), which is exact for UTF-8.

    Example:
        >>> ByteUnits().encode("aé").tolist()
        [97, 195, 169]
    """

    kind: ClassVar[str] = "bytes"
    reads: ClassVar[Reads] = "bytes"

    def __init__(self) -> None:
        self.size = 256
        self.symbols = tuple(chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in range(256))
        self.unknown_id: int | None = None
        self.dtype = np.dtype(np.uint8)
        self.characters_by_id = (np.arange(256) & 0xC0 != 0x80).astype(np.uint32)

    @classmethod
    def fit(cls, texts: Iterable[str], vocabulary: int | None = None) -> "ByteUnits":
        """The same for every text."""
        return cls()

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "ByteUnits":
        """The units that :meth:`state` described."""
        return cls()

    def state(self) -> dict[str, Any]:
        """Nothing but the kind."""
        return {"kind": self.kind}

    def encode(self, text: str) -> Ids:
        """The UTF-8 bytes; undecodable bytes that Python smuggled into a string come back out."""
        try:
            data = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            data = text.encode("utf-8", "surrogatepass")
        return np.frombuffer(data, np.uint8)

    def encode_piece(self, piece: bytes) -> Encoded:
        """The bytes themselves."""
        return Encoded(np.frombuffer(piece, np.uint8))

    def decode(self, ids: Iterable[int] | Ids) -> str:
        """The bytes as UTF-8."""
        return as_ids(ids).astype(np.uint8).tobytes().decode("utf-8", "replace")

    def streaming_decoder(self, after: Iterable[int] = ()) -> StreamingDecoder:
        """Shows a character when its last byte is there."""
        decoder = Utf8Decoder([bytes([value]) for value in range(256)])
        for token in after:
            decoder.push(token)
        return decoder

    def unknown(self, text: str) -> dict[str, int]:
        """Nothing is."""
        return {}
