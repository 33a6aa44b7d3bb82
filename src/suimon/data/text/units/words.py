"""Units ``words``: one token a word, with line ends as words of their own."""

import sys
from collections import Counter
from collections.abc import Iterable
from itertools import repeat
from typing import Any, ClassVar

import numpy as np

from suimon.data.text.units.base import (
    UNKNOWN,
    Encoded,
    Ids,
    Reads,
    StreamingDecoder,
    as_ids,
    id_dtype,
)
from suimon.data.text.units.splitters import splitter_named
from suimon.data.text.units.streaming import WordDecoder

_COUNTED = 200_000
"""Distinct words counted at once, or four times the vocabulary if that is more."""


class WordUnits:
    """The most frequent words of the text it was fitted on, most frequent first.

    Id 0, ``<unk>``, stands for every other word, as does a word spelled ``<unk>`` in the text
    itself. Line ends are words. Splitting at white space forgets how much of it there was, so
    decoding joins the words of a line by one blank, or, where punctuation marks are words, as
    :class:`~suimon.data.text.units.joining.MarksJoiner` has it: exact for a text whose words are
    so separated, without blanks at the ends of its lines; readable for any. The morphological
    analysers keep every character, so decoding is exact but for ``<unk>``.

    Args:
        words: the known words, distinct and without ``<unk>``.
        splitter: how text is cut, see :data:`suimon.data.text.units.splitters.SPLITTERS`.

    Example:
        >>> units = WordUnits(["to", "be", "\\n"])
        >>> units.encode("to be or\\nnot to be").tolist()
        [1, 2, 0, 3, 0, 1, 2]
        >>> units.decode([1, 2, 3, 0, 1])
        'to be\\n<unk> to'
    """

    kind: ClassVar[str] = "words"
    reads: ClassVar[Reads] = "words"

    def __init__(self, words: Iterable[str], splitter: str = "whitespace") -> None:
        self._splitter = splitter_named(splitter)
        self.symbols = (UNKNOWN, *words)
        self._ids = {word: index for index, word in enumerate(self.symbols)}
        self.size = len(self.symbols)
        self.unknown_id: int | None = 0
        self.dtype = id_dtype(self.size)
        self.characters_by_id = None

    @classmethod
    def fit(
        cls, texts: Iterable[str], vocabulary: int | None = None, splitter: str = "whitespace"
    ) -> "WordUnits":
        """The ``vocabulary`` most frequent words of ``texts``; ``None`` for all.

        With a limit, memory is limited too: when too many words are being counted, the rarer half
        is forgotten and begins again at nothing, so that the ranks of rare words are not exact.
        """
        most = sys.maxsize if vocabulary is None else max(_COUNTED, 4 * vocabulary)
        split = splitter_named(splitter).split
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(split(text))
            if len(counts) > most:
                counts = Counter(dict(counts.most_common(most // 2)))
        del counts[UNKNOWN]
        # Equal counts in alphabetical order: the same text always gives the same ids.
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(ranked[:vocabulary], splitter)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "WordUnits":
        """The units that :meth:`state` described."""
        return cls(state["words"], state["splitter"])

    def state(self) -> dict[str, Any]:
        """The known words in order, and the splitter's name."""
        return {
            "kind": self.kind,
            "splitter": self._splitter.name,
            "words": list(self.symbols[1:]),
        }

    def encode(self, text: str) -> Ids:
        """One id a word or line end."""
        return self.encode_piece(text).ids

    def encode_piece(self, piece: str) -> Encoded:
        """One id a word or line end, with the characters from its start to the next one's."""
        words = self._splitter.split(piece)
        ids = np.fromiter(map(self._ids.get, words, repeat(0)), self.dtype, len(words))
        return Encoded(ids, self._splitter.lengths(piece, words))

    def decode(self, ids: Iterable[int] | Ids) -> str:
        """The words, joined as they were separated."""
        decoder = self.streaming_decoder()
        return "".join(map(decoder.push, as_ids(ids).tolist()))

    def streaming_decoder(self, after: Iterable[int] = ()) -> StreamingDecoder:
        """Separates a word from the last of ``after`` too."""
        decoder = WordDecoder(self.symbols, self._splitter.joiner())
        for token in after:
            decoder.push(token)
        return decoder

    def unknown(self, text: str) -> dict[str, int]:
        """The words that are outside the vocabulary."""
        words = self._splitter.split(text)
        return dict(Counter(word for word in words if word not in self._ids))
