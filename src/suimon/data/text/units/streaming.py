"""Decoders that turn tokens into text one at a time, as a model writes them."""

import codecs
from collections.abc import Sequence

from suimon.data.text.units.joining import Joiner


class SymbolDecoder:
    """For units whose every token is a string by itself.

    Example:
        >>> decoder = SymbolDecoder(["a", "b"])
        >>> decoder.push(1) + decoder.push(0) + decoder.finish()
        'ba'
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self._symbols = symbols

    def push(self, token: int) -> str:
        """The token's text."""
        return self._symbols[token]

    def finish(self) -> str:
        """Nothing is ever held back."""
        return ""


class Utf8Decoder:
    """For units whose tokens are bytes of UTF-8: holds a character back until it is whole.

    Example:
        >>> decoder = Utf8Decoder([bytes([value]) for value in range(256)])
        >>> [decoder.push(byte) for byte in "é".encode()]
        ['', 'é']
    """

    def __init__(self, token_bytes: Sequence[bytes]) -> None:
        self._token_bytes = token_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The characters that this token completes."""
        return self._decoder.decode(self._token_bytes[token])

    def finish(self) -> str:
        """U+FFFD if a character was left incomplete."""
        return self._decoder.decode(b"", final=True)


class WordDecoder:
    """For words: puts between them what belongs there.

    Args:
        words: the text of each token.
        joiner: knows what stands between two words.
    """

    def __init__(self, words: Sequence[str], joiner: Joiner) -> None:
        self._words = words
        self._joiner = joiner

    def push(self, token: int) -> str:
        """The word, after a blank where one belongs."""
        word = self._words[token]
        return self._joiner.gap(word) + word

    def finish(self) -> str:
        """Nothing is ever held back."""
        return ""
