"""What stood between words: how they are put together again."""

from typing import Protocol

LINE_ENDS = frozenset({"\n", "\r\n", "\r"})
"""Line ends are words of their own."""


class Joiner(Protocol):
    """Puts the words of a text together, one after another."""

    def gap(self, word: str) -> str:
        """What stands between the last word and this one, which then is the last."""
        ...


class EvenJoiner:
    """The same between any two words that stand on one line.

    Args:
        separator: a blank, or nothing.
    """

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self._inside_line = False

    def gap(self, word: str) -> str:
        """The separator, but at the beginning and the end of a line."""
        at_line_end = word in LINE_ENDS
        separator = self._separator if self._inside_line and not at_line_end else ""
        self._inside_line = not at_line_end
        return separator


class MarksJoiner:
    """A blank between words, and around punctuation marks as English and most others write them.

    Of quotation marks that look alike on both sides the first of a line opens, the next closes. An
    apostrophe by itself belongs to the word before it, if there is one. Cutting the text at its
    marks gives the words again.

    Example:
        >>> joiner = MarksJoiner()
        >>> words = '" Well , " said the dogs \\' owner ( twice ) .'.split()
        >>> "".join(joiner.gap(word) + word for word in words)
        '"Well," said the dogs\\' owner (twice).'
    """

    _BEHIND = frozenset(".,;:!?%)]}…°”’'")
    """Marks that follow a word without a blank."""
    _BEFORE = frozenset("([{¿¡„‘$£")
    """Marks that a word follows without a blank."""
    _WIDE = frozenset("。、！？：；「」『』（）【】《》〈〉・，")
    """Marks that bring their own room with them."""
    _ALIKE = frozenset('"“')
    """Marks that open and close; “ closes what „ opened."""
    _APOSTROPHES = frozenset("'’")

    def __init__(self) -> None:
        self._begin_line()

    def gap(self, word: str) -> str:
        """A blank or nothing."""
        if word in LINE_ENDS:
            self._begin_line()
            return ""
        opens = word in self._BEFORE or (word in self._ALIKE and not self._quoted)
        opens = opens or (word in self._APOSTROPHES and self._glued)
        wide = word in self._WIDE
        closes = not opens and (word in self._BEHIND or word in self._ALIKE)
        gap = "" if self._glued or wide or closes else " "
        if word in self._ALIKE or word == "„":
            self._quoted = opens
        self._glued = opens or wide
        return gap

    def _begin_line(self) -> None:
        self._glued = True  # what comes next stands by the last without a blank
        self._quoted = False


def joined(words: list[str], joiner: Joiner) -> str:
    """Words as a text."""
    return "".join(joiner.gap(word) + word for word in words)
