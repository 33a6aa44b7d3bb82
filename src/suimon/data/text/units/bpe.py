"""Units ``bpe``: sub-words found by byte-pair encoding of the text itself."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import Any, ClassVar

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from suimon.data.text.units.base import Encoded, Ids, Reads, StreamingDecoder, as_ids, id_dtype
from suimon.data.text.units.streaming import Utf8Decoder

_STRETCH = re.compile(r"\s*\S+|\s+")
"""Blanks and the word after them: no merge crosses the borders of such a stretch."""
_REMEMBERED_CHARACTERS = 1_000_000
"""Stretches seen before are looked up; so many characters of them are remembered."""


class BpeUnits:
    """Byte-level byte-pair encoding: 256 bytes, and merges of frequent neighbours.

    Since every byte is a token no text is unknown, and encoding and decoding are exact inverses.

    Args:
        definition: the vocabulary and merges as the ``tokenizers`` library writes them.

    Source: R. Sennrich, B. Haddow and A. Birch (2016), "Neural Machine Translation of Rare Words
        with Subword Units"; bytes instead of characters after A. Radford et al. (2019), "Language
        Models are Unsupervised Multitask Learners", section 2.2.
    """

    kind: ClassVar[str] = "bpe"
    reads: ClassVar[Reads] = "words"

    def __init__(self, definition: str) -> None:
        self._tokenizer = Tokenizer.from_str(definition)
        self._remembered: dict[str, list[int]] = {}
        self._remembered_characters = 0
        self.size = self._tokenizer.get_vocab_size()
        self._bytes = tuple(
            _token_bytes(self._tokenizer.id_to_token(token) or "") for token in range(self.size)
        )
        self.symbols = tuple(piece.decode("utf-8", "backslashreplace") for piece in self._bytes)
        self.unknown_id: int | None = None
        self.dtype = id_dtype(self.size)
        self.characters_by_id = np.array(
            [sum(byte & 0xC0 != 0x80 for byte in piece) for piece in self._bytes], np.uint32
        )

    @classmethod
    def fit(cls, texts: Iterable[str], vocabulary: int | None = None) -> "BpeUnits":
        """Learn merges from ``texts`` until there are ``vocabulary`` tokens, or no more merges."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(  # pyright: ignore[reportAttributeAccessIssue]
            add_prefix_space=False, use_regex=True
        )
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary or 4096,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer.to_str())

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "BpeUnits":
        """The units that :meth:`state` described."""
        return cls(json.dumps(state["tokenizer"]))

    def state(self) -> dict[str, Any]:
        """The library's own description, as an object."""
        return {"kind": self.kind, "tokenizer": json.loads(self._tokenizer.to_str())}

    def encode(self, text: str) -> Ids:
        """Sub-words of the whole text; a lone surrogate, which is no character, becomes ``?``."""
        return self.encode_piece(text.encode("utf-8", "replace").decode()).ids

    def encode_piece(self, piece: str) -> Encoded:
        """Sub-words of one piece."""
        stretches = _STRETCH.findall(piece)
        self._remember([text for text in set(stretches) if text not in self._remembered])
        ids = chain.from_iterable(map(self._remembered.__getitem__, stretches))
        encoded = Encoded(np.fromiter(ids, self.dtype))
        if self._remembered_characters > _REMEMBERED_CHARACTERS:
            self._remembered, self._remembered_characters = {}, 0
        return encoded

    def _remember(self, stretches: list[str]) -> None:
        found = self._tokenizer.encode_batch_fast(stretches)
        self._remembered |= {text: one.ids for text, one in zip(stretches, found, strict=True)}
        self._remembered_characters += sum(map(len, stretches))

    def decode(self, ids: Iterable[int] | Ids) -> str:
        """The bytes of the tokens, joined, as UTF-8."""
        data = b"".join(self._bytes[token] for token in as_ids(ids).tolist())
        return data.decode("utf-8", "replace")

    def streaming_decoder(self, after: Iterable[int] = ()) -> StreamingDecoder:
        """Shows a character when the token with its last byte is there."""
        decoder = Utf8Decoder(self._bytes)
        for token in after:
            decoder.push(token)
        return decoder

    def unknown(self, text: str) -> dict[str, int]:
        """Lone surrogates; any character has its bytes."""
        return dict(Counter(symbol for symbol in text if "\ud800" <= symbol <= "\udfff"))


def _letters_for_bytes() -> dict[str, int]:
    """The letters that stand for the bytes in a byte-level vocabulary.

    A byte that is a visible character of Latin-1 stands for itself; the others, in order, are
    written as the characters from U+0100 on.
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {
        chr(0x100 + index): byte for index, byte in enumerate(others)
    }


_BYTE_OF_LETTER = _letters_for_bytes()


def _token_bytes(letters: str) -> bytes:
    return bytes(_BYTE_OF_LETTER[letter] for letter in letters)
