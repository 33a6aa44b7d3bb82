"""The parts of a corpus: what is trained on, and what is kept to validate with."""

from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import NamedTuple

from suimon.data.text.corpus import Corpus
from suimon.data.text.units import Ids
from suimon.errors import ConfigError, DataError

_LEAST = 2
"""Tokens of the smallest part: one to read and one to guess."""


@dataclass(frozen=True)
class TextPart:
    """A contiguous part of a corpus.

    Attributes:
        corpus: where it is from.
        start: its first token.
        stop: the token after its last.
    """

    corpus: Corpus
    start: int
    stop: int

    @property
    def tokens(self) -> Ids:
        """``(stop - start,)``, mapped."""
        return self.corpus.tokens[self.start : self.stop]

    @cached_property
    def characters(self) -> int:
        """Characters of the original text that the part covers, exactly."""
        return self.corpus.characters(self.start, self.stop)

    @cached_property
    def target_characters(self) -> int:
        """Characters that its targets cover: of all its tokens but the first, which none guesses.

        Bits per character of the original text are the summed loss over these, whatever the units.
        """
        return self.corpus.characters(self.start + 1, self.stop)

    @cached_property
    def unknown(self) -> int:
        """How many of its tokens are the unknown token."""
        return self.corpus.unknown(self.start, self.stop)

    def head(self, tokens: int) -> "TextPart":
        """The part's beginning, of at most so many tokens."""
        return TextPart(self.corpus, self.start, min(self.stop, self.start + tokens))

    def __len__(self) -> int:
        return self.stop - self.start


class Split(NamedTuple):
    """A corpus in two."""

    train: TextPart
    valid: TextPart


def whole(corpus: Corpus) -> TextPart:
    """All of a corpus as one part, to evaluate on."""
    return TextPart(corpus, 0, len(corpus))


def split_corpus(corpus: Corpus, valid_fraction: float = 0.1) -> Split:
    """Training and validation part.

    If documents were held out when the corpus was loaded, they are the validation part. Otherwise
    it is the end of the text: of ``N`` tokens the first ``int(N * (1 - valid_fraction))`` are
    trained on.

    Args:
        corpus: what to split.
        valid_fraction: the share of tokens to keep for validation, between 0 and 1.

    Raises:
        ConfigError: ``valid_fraction`` is not between 0 and 1.
        DataError: a part would have fewer than two tokens; the message says what is needed.
    """
    if not 0 < valid_fraction < 1:
        raise ConfigError(f"valid_fraction {valid_fraction} is not between 0 and 1, such as 0.1")
    if corpus.held_out:
        cut = int(corpus.documents[len(corpus.documents) - 1 - corpus.held_out])
    else:
        cut = _cut(len(corpus), valid_fraction)
    parts = Split(TextPart(corpus, 0, cut), TextPart(corpus, cut, len(corpus)))
    if min(map(len, parts)) < _LEAST:
        raise _too_small(corpus, parts, valid_fraction)
    return parts


def _cut(size: int, valid_fraction: float) -> int:
    return int(size * (1 - valid_fraction))


def _too_small(corpus: Corpus, parts: Split, valid_fraction: float) -> DataError:
    sizes = f"{len(parts.train):,} tokens for training and {len(parts.valid):,} for validation"
    if corpus.held_out:
        return DataError(f"the files give {sizes}, and each needs {_LEAST}; name longer files")
    too_few = int((_LEAST - 1) / min(valid_fraction, 1 - valid_fraction))
    needed = next(
        size for size in count(too_few) if _LEAST <= _cut(size, valid_fraction) <= size - _LEAST
    )
    return DataError(
        f"a text of {len(corpus):,} tokens is too small for valid_fraction {valid_fraction}: "
        f"{needed:,} are needed; give a longer text, or name another for validation"
    )
