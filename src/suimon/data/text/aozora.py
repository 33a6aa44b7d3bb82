"""Aozora Bunko's marks, taken out: ruby, editor's notes, the explanatory header, the colophon.

Aozora Bunko writes readings as ``｜獰悪《どうあく》``, where ``｜`` marks the start of the word
where it is not evident, and notes as ``［＃８字下げ］``. A block between two lines of hyphens
near the top explains these marks, and the lines from ``底本：`` on tell where the text is from.
Title and author stay. A character that the editors could not type and described in a note stays
as the mark ``※`` that stands before the note.

Source: Aozora Bunko, "青空文庫作業マニュアル", sections on ruby, notes and file layout.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

_NOTE = re.compile(r"［＃[^［］\r\n]*］")
_MARKED_RUBY = re.compile(r"｜([^｜《》\r\n]*)《[^《》\r\n]*》")
_RUBY = re.compile(r"《[^《》\r\n]*》")
_RULE = re.compile(r"-{10,}\s*")

_HEADER_WITHIN = 50
"""A block of explanation starts in the first so many lines."""
_HEADER_LINES = 100
"""A longer stretch between two rules is text."""
_COLOPHON_LINES = 100
"""If more lines follow ``底本：`` it was no colophon."""


def strip_aozora(pieces: Iterable[str]) -> Iterator[str]:
    """One document without Aozora Bunko's marks, line by line.

    Args:
        pieces: the document as a stream of strings, cut anywhere.

    Yields:
        Lines with their ends; at most a hundred lines are held back at a time.

    Example:
        >>> "".join(strip_aozora(["　一番｜獰", "悪《どうあく》な［＃「な」に傍点］種族"]))
        '　一番獰悪な種族'
    """
    return map(_clean, _without_colophon(_without_header(_lines(pieces))))


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The text cut at line ends, which stay."""
    rest = ""
    for piece in pieces:
        # The last line may go on in the next piece, and so may a CR that an LF follows.
        *whole, rest = (rest + piece).splitlines(keepends=True)
        yield from whole
    if rest:
        yield rest


def _without_header(lines: Iterator[str]) -> Iterator[str]:
    """Drop the first block between two rules, if it is near the top and closed."""
    for line in islice(lines, _HEADER_WITHIN):
        if not _RULE.fullmatch(line):
            yield line
            continue
        block = [line]
        for inner in islice(lines, _HEADER_LINES):
            block.append(inner)
            if _RULE.fullmatch(inner):
                break
        else:
            yield from block
        break
    yield from lines


def _without_colophon(lines: Iterator[str]) -> Iterator[str]:
    """Drop everything from a line ``底本：…`` on, if the document ends soon after it."""
    for line in lines:
        if not line.startswith("底本："):
            yield line
            continue
        held = [line, *islice(lines, _COLOPHON_LINES)]
        if len(held) > _COLOPHON_LINES:
            yield from held


def _clean(line: str) -> str:
    """The line without notes and ruby; nothing at all if it held only notes."""
    if "［＃" in line:
        before = line
        while (shorter := _NOTE.sub("", line)) != line:  # a note may hold a note
            line = shorter
        if not line.strip("\r\n") and before.strip("\r\n"):
            return ""
    if "《" in line:
        line = _RUBY.sub("", _MARKED_RUBY.sub(r"\1", line))
    return line
