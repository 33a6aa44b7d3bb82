"""From bytes to characters, as they come, with errors that name the byte."""

import codecs
from collections.abc import Iterator
from itertools import chain

from suimon.data.text.document import Document
from suimon.errors import ConfigError, DataError

_BYTE_ORDER_MARK = "\ufeff"
_OR_BYTES = ", or learn its bytes with --units bytes"


def checked_encoding(encoding: str) -> str:
    """The canonical name of a text encoding.

    Raises:
        ConfigError: Python knows no such encoding, or it is not one of text.

    Example:
        >>> checked_encoding("UTF8")
        'utf-8'
    """
    try:
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise ConfigError(
            f"encoding {encoding!r} is not known; use a name such as utf-8, utf-16, shift_jis, "
            "euc_jp or latin-1"
        ) from None


def _has_wide_units(encoding: str) -> bool:
    """Whether zero bytes are a normal part of the encoding."""
    return encoding.replace("_", "-").startswith(("utf-16", "utf-32"))


def looks_binary(head: bytes, encoding: str) -> bool:
    """Whether a file that starts so is no text: it holds the character NUL."""
    if _has_wide_units(encoding):
        return "\0" in head.decode(encoding, errors="ignore")
    return b"\0" in head


def decoded(document: Document, encoding: str, *, or_bytes: bool = False) -> Iterator[str]:
    """The characters of a document as a stream of non-empty strings.

    Line ends stay as they are; a byte order mark at the start is dropped.

    Args:
        document: what to read.
        encoding: a name that :func:`checked_encoding` gave; decoding is strict.
        or_bytes: whether messages say that bytes can be learnt too.

    Raises:
        DataError: a byte does not fit the encoding (the message has its offset), or the document
            holds NUL and so is a binary file.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    wide = _has_wide_units(encoding)
    offset = 0
    at_start = True
    for chunk in chain(document.chunks(), (b"",)):
        if not wide and b"\0" in chunk:
            start = chunk if at_start else b""
            raise _binary(document, offset + chunk.index(b"\0"), start, or_bytes)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            # The decoder may have held bytes back from earlier chunks; error.start counts them.
            held_back = len(error.object) - len(chunk)
            place = offset - held_back + error.start
            raise _undecodable(document, encoding, place, error, or_bytes) from None
        if wide and "\0" in text:
            raise _binary(document, offset, b"", or_bytes)
        offset += len(chunk)
        if at_start and text:
            text = text.removeprefix(_BYTE_ORDER_MARK)
            at_start = False
        if text:
            yield text


def raw_bytes(document: Document) -> Iterator[bytes]:
    """The bytes of a document as they are, without a UTF-8 byte order mark at the start."""
    mark: bytes = codecs.BOM_UTF8
    for chunk in document.chunks():
        yield chunk.removeprefix(mark)
        mark = b""


def _binary(document: Document, offset: int, start: bytes, or_bytes: bool) -> DataError:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return DataError(f"{document.name} looks like UTF-16 text; read it with --encoding utf-16")
    return DataError(
        f"{document.name} is a binary file: it has a zero byte at byte {offset:,}; name a text "
        "file" + _OR_BYTES * or_bytes
    )


def _undecodable(
    document: Document, encoding: str, offset: int, error: UnicodeDecodeError, or_bytes: bool
) -> DataError:
    return DataError(
        f"{document.name} is not {encoding} at byte {offset:,} (0x{error.object[error.start]:02x}, "
        f"{error.reason}); name its encoding with --encoding, for example shift_jis or latin-1"
        + _OR_BYTES
        * or_bytes
    )
