"""How text is cut into words: at white space, or by a morphological analyser for Japanese."""

import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from typing import Protocol

import numpy as np
import numpy.typing as npt

from suimon.data.text.units.base import code_points
from suimon.data.text.units.joining import EvenJoiner, Joiner, MarksJoiner
from suimon.errors import ConfigError

Lengths = npt.NDArray[np.uint32]
"""For each word how many characters lie from its start to the next word's start."""


class Splitter(Protocol):
    """Cuts a piece of text into words.

    Attributes:
        name: its name in :data:`SPLITTERS`.
        version: whatever changes where it cuts; a cached text of another version is not used.
    """

    name: str
    version: str

    def joiner(self) -> Joiner:
        """A fresh one, which puts such words together again."""
        ...

    def split(self, text: str) -> list[str]:
        """The words of ``text`` in order; at least one unless ``text`` is empty."""
        ...

    def lengths(self, text: str, words: list[str]) -> Lengths:
        """What each of the ``words`` of ``text`` covers; they add up to ``len(text)``."""
        ...


class WhitespaceSplitter:
    """Words are what stands between white space; every line end is a word too.

    Example:
        >>> splitter = WhitespaceSplitter()
        >>> splitter.split("  so  it\\r\\nis ")
        ['so', 'it', '\\r\\n', 'is']
        >>> splitter.lengths("  so  it\\r\\nis ", ["so", "it", "\\r\\n", "is"]).tolist()
        [6, 2, 2, 3]
    """

    name = "whitespace"
    version = ""
    _WORD = re.compile(r"\r\n|[\r\n]|\S+")

    def joiner(self) -> Joiner:
        """A blank between any two."""
        return EvenJoiner(" ")

    def split(self, text: str) -> list[str]:
        """The words and line ends; blanks with nothing else count as one word."""
        return self._WORD.findall(text) or ([text] if text else [])

    def lengths(self, text: str, words: list[str]) -> Lengths:
        """Blanks count to the word before them, those at the start to the first word."""
        kinds = _kinds().take(code_points(text))  # (len(text),)
        before = np.append(_BLANK, kinds[:-1])
        starts = np.flatnonzero(
            ((kinds == _INK) & (before != _INK))
            | (kinds == _RETURN)
            | ((kinds == _FEED) & (before != _RETURN))
        )
        starts[:1] = 0
        return np.diff(starts, append=len(text)).astype(np.uint32) if len(starts) else _one(text)


class MarksSplitter(WhitespaceSplitter):
    """As :class:`WhitespaceSplitter`, but punctuation marks are words of their own.

    A word is a run of letters, digits and underscores; apostrophes and hyphens within stay.

    Example:
        >>> MarksSplitter().split("Well-made; don't miss it!")
        ['Well-made', ';', "don't", 'miss', 'it', '!']
    """

    name = "marks"
    _WORD = re.compile(r"\r\n|[\r\n]|\w+(?:['’-]\w+)*|[^\w\s]")

    def joiner(self) -> Joiner:
        """No blank before a full stop."""
        return MarksJoiner()

    def lengths(self, text: str, words: list[str]) -> Lengths:
        """Blanks count to the word before them, those at the start to the first word."""
        starts = np.fromiter((found.start() for found in self._WORD.finditer(text)), np.int64)
        starts[:1] = 0
        return np.diff(starts, append=len(text)).astype(np.uint32) if len(starts) else _one(text)


_INK, _BLANK, _RETURN, _FEED = range(4)
"""Kinds of characters: what words are made of, white space, and the two of line ends."""


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """The kind of every code point; white space is in the first plane only."""
    kinds = np.zeros(sys.maxunicode + 1, np.uint8)
    kinds[[code for code in range(1 << 16) if chr(code).isspace()]] = _BLANK
    kinds[ord("\r")], kinds[ord("\n")] = _RETURN, _FEED
    return kinds


def _one(text: str) -> Lengths:
    return np.array([len(text)] if text else [], np.uint32)


class AnalyserSplitter:
    """Words as a morphological analyser finds them, line by line; every character is kept.

    Line ends and the blanks around a line are words of their own. A line of more than
    ``LONGEST`` characters is cut, after a full stop where it has one.

    Args:
        name: the analyser's name in :data:`SPLITTERS`.
        version: the analyser's and its dictionary's versions.
        analyse: a stretch of text without line ends to its words, which joined are the stretch.
    """

    LONGEST = 4000
    _PARTS = re.compile(r"\r\n|[\r\n]|[^\r\n]+")
    _BLANKS_AROUND = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)

    def __init__(self, name: str, version: str, analyse: Callable[[str], list[str]]) -> None:
        self.name = name
        self.version = version
        self._analyse = analyse

    def joiner(self) -> Joiner:
        """Nothing between any two: every character is in a word."""
        return EvenJoiner("")

    def split(self, text: str) -> list[str]:
        """The words of every line; joined they are the text."""
        return [word for part in self._PARTS.findall(text) for word in self._line(part)]

    def lengths(self, text: str, words: list[str]) -> Lengths:
        """Every word covers exactly its own characters."""
        return np.fromiter(map(len, words), np.uint32, len(words))

    def _line(self, part: str) -> Iterator[str]:
        if part in {"\n", "\r\n", "\r"}:
            yield part
            return
        for stretch in self._stretches(part):
            # An analyser may drop blanks at the ends of what it is given.
            around = self._BLANKS_AROUND.fullmatch(stretch)
            before, body, behind = around.groups() if around else ("", stretch, "")
            yield from filter(None, [before])
            yield from self._analyse(body) if body else []
            yield from filter(None, [behind])

    def _stretches(self, line: str) -> Iterator[str]:
        while len(line) > self.LONGEST:
            cut = line.rfind("。", 0, self.LONGEST) + 1 or self.LONGEST
            yield line[:cut]
            line = line[cut:]
        yield line


def _sudachi() -> Splitter:
    try:
        import sudachidict_core  # noqa: F401  only to say which one is missing
        import sudachipy
    except ImportError:
        raise _missing("sudachi", "sudachipy and sudachidict-core") from None
    dictionary = sudachipy.Dictionary()
    # Version 0.7 renamed create() to tokenizer().
    make = getattr(dictionary, "tokenizer", None) or dictionary.create
    tokenizer = make()
    versions = f"sudachipy {version('sudachipy')}, {version('sudachidict-core')}"
    return AnalyserSplitter(
        "sudachi", versions, lambda text: [m.surface() for m in tokenizer.tokenize(text)]
    )


def _janome() -> Splitter:
    try:
        from janome.tokenizer import Tokenizer
    except ImportError:
        raise _missing("janome", "janome") from None
    tokenizer = Tokenizer(wakati=True)
    return AnalyserSplitter(
        "janome",
        f"janome {version('janome')}",
        lambda text: list(map(str, tokenizer.tokenize(text))),
    )


def _missing(name: str, packages: str) -> ConfigError:
    return ConfigError(
        f"--words {name} needs {packages}; install with: pip install 'suimon[text-ja]'"
    )


SPLITTERS: dict[str, Callable[[], Splitter]] = {
    "whitespace": WhitespaceSplitter,
    "marks": MarksSplitter,
    "sudachi": _sudachi,
    "janome": _janome,
}
"""The ways of cutting text into words, by the value of ``--words``."""


@cache
def splitter_named(name: str) -> Splitter:
    """The splitter called ``name``; made once, since an analyser loads a dictionary.

    Raises:
        ConfigError: there is none of that name, or its packages are not installed.
    """
    if name not in SPLITTERS:
        raise ConfigError(f"words {name!r} is not one of {', '.join(SPLITTERS)}")
    return SPLITTERS[name]()
