"""Decoders that turn tokens into text one at a time, as a model writes them."""

import codecs
from collections.abc import Sequence


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
    """For words: puts a separator between two that stand on one line.

    Args:
        words: the text of each token.
        separator: what stood between words: a blank, or nothing.
    """

    def __init__(self, words: Sequence[str], separator: str) -> None:
        self._words = words
        self._separator = separator
        self._inside_line = False

    def push(self, token: int) -> str:
        """The word, after a separator where one belongs."""
        word = self._words[token]
        at_line_end = word in LINE_ENDS
        text = self._separator + word if self._inside_line and not at_line_end else word
        self._inside_line = not at_line_end
        return text

    def finish(self) -> str:
        """Nothing is ever held back."""
        return ""


LINE_ENDS = frozenset({"\n", "\r\n", "\r"})
"""Line ends are words of their own."""
