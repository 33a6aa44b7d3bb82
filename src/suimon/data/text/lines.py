"""The lines of a text file, counted as parallel files need it: by line feeds alone."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from suimon.data.text.decoding import checked_encoding
from suimon.data.text.document import Document, document_at
from suimon.errors import DataError

LONGEST_LINE = 10_000_000
"""Characters; a longer line is no sentence, and is refused before it fills the memory."""

_BYTE_ORDER_MARK = "\ufeff"


def lines_of(path: str | Path, encoding: str) -> Iterator[str]:
    """The lines of a text, without their ends.

    Only LF and CR LF end a line, so that two files have equally many lines wherever other programs
    count so; U+0085 and U+2028 are characters like others.

    Args:
        path: a file, unpacked on the way where its name ends in ``.gz``, or ``-`` for standard
            input.
        encoding: how it is written.

    Raises:
        DataError: it cannot be read, is binary, has bytes that do not fit the encoding, or a line
            of more than :data:`LONGEST_LINE` characters; the message names the line.
        ConfigError: Python knows no such encoding.
    """
    encoding = checked_encoding(encoding)
    document = document_at(path)
    number, rest = 1, ""
    for text in _decoded(document, encoding):
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield line.removesuffix("\r")
        number += len(whole)
        if len(rest) > LONGEST_LINE:
            raise DataError(
                f"{document.name}, line {number} has more than {LONGEST_LINE:,} characters; give "
                "a sentence a line"
            )
    if rest:
        yield rest.removesuffix("\r")


def _decoded(document: Document, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    number, at_start = 1, True
    for chunk in chain(document.chunks(), (b"",)):
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            number += error.object[: error.start].decode(encoding, "replace").count("\n")
            raise DataError(
                f"{document.name}, line {number} is not {encoding} "
                f"(0x{error.object[error.start]:02x}, {error.reason}); name its encoding by "
                "--encoding, for example latin-1 or shift_jis"
            ) from None
        if "\0" in text:
            number += text[: text.index("\0")].count("\n")
            raise DataError(
                f"{document.name}, line {number} holds a zero byte: it is no text, or in another "
                "encoding, such as --encoding utf-16"
            )
        number += text.count("\n")
        if at_start and text:
            text, at_start = text.removeprefix(_BYTE_ORDER_MARK), False
        yield text
