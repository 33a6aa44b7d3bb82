"""A document as the stream of pieces that a kind of units asks for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from suimon.data.text.aozora import strip_aozora
from suimon.data.text.decoding import decoded, raw_bytes
from suimon.data.text.document import Document
from suimon.data.text.units.base import Reads

PIECE_CHARACTERS = 1 << 16
"""Characters that lines are gathered into, so that each is not encoded by itself."""
LONGEST_PIECE = 1 << 20
"""A text without a blank for so many characters is cut in the middle of a word."""


@dataclass(frozen=True)
class Reading:
    """How files become characters.

    Attributes:
        encoding: the encoding of the files.
        aozora: take out Aozora Bunko's marks.
    """

    encoding: str = "utf-8"
    aozora: bool = False


def pieces(document: Document, reads: Reads, reading: Reading) -> Iterator[str] | Iterator[bytes]:
    """The document in pieces, from first to last.

    Args:
        document: what to read.
        reads: ``"characters"`` gives strings cut anywhere, ``"words"`` strings cut in front of
            white space only, ``"bytes"`` the bytes of the file (of its UTF-8 form where Aozora's
            marks are taken out).
        reading: encoding and marks.
    """
    if reads == "bytes" and not reading.aozora:
        return raw_bytes(document)
    text = decoded(document, reading.encoding, or_bytes=True)
    if reading.aozora:
        text = _gathered(strip_aozora(text))
    if reads == "bytes":
        return (piece.encode() for piece in text)
    return cut_between_words(text) if reads == "words" else text


def _gathered(lines: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= PIECE_CHARACTERS:
            yield "".join(held)
            held, size = [], 0
    if size:
        yield "".join(held)


def cut_between_words(text: Iterable[str]) -> Iterator[str]:
    """The same characters, cut only in front of a run of white space.

    White space then begins a piece and never ends one before a word, so that units which look at
    a word and the blanks before it find the same words as in the whole text.

    Example:
        >>> list(cut_between_words(["to be, or n", "ot to be"]))
        ['to be, or', ' not to', ' be']
    """
    rest = ""
    for more in text:
        rest += more
        head = rest.rsplit(None, 1)
        cut = len(head[0]) if len(head) == 2 else 0
        if not cut and len(rest) >= LONGEST_PIECE:
            cut = len(rest)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest
