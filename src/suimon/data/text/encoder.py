"""Encoding documents: the key they are cached by, the units they are fitted with, the tokens."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from typing import Any

from suimon.data.text.document import Document
from suimon.data.text.pieces import Reading, pieces
from suimon.data.text.units import (
    Encoded,
    Units,
    UnitsOptions,
    cut_version,
    fit_units,
    kind_class,
)
from suimon.errors import DataError

_SCHEME = 1
"""Raised whenever the same text and options come to give other tokens."""
_EXAMPLES = 10
"""So many symbols that the units do not know are kept to be shown."""
_FIT_BYTES = {"bpe": 1 << 24}
"""Kinds of units that learn from about so much of a longer text, taken evenly from all of it."""


@dataclass(frozen=True)
class EncodingJob:
    """What decides which tokens come out.

    Attributes:
        documents: the texts in order, those held out for validation last.
        held_out: how many are held out; the units are not fitted on them.
        units: options of units to fit, or units to use.
        reading: encoding of the files, and marks to take out.
    """

    documents: tuple[Document, ...]
    held_out: int
    units: UnitsOptions | Units
    reading: Reading

    def key(self) -> str:
        """A hash of all of it, the content of the documents included.

        The documents are hashed as they are stored; where one ends and the next begins counts.
        """
        if isinstance(self.units, UnitsOptions):
            facts = {"kind": self.units.kind} | self.units.fit_arguments()
        else:
            facts = self.units.state()
        key = hashlib.sha256()
        for document in self.documents:
            key.update(document.digest())
        settings = {
            "scheme": _SCHEME,
            "held_out": self.held_out,
            "units": facts,
            "cut": cut_version(facts["kind"], facts.get("splitter", "")),
            "reading": asdict(self.reading),
        }
        key.update(json.dumps(settings, sort_keys=True).encode())
        return key.hexdigest()[:32]

    def fitted_units(self) -> Units:
        """The units given, or units fitted on the documents that are not held out."""
        if not isinstance(self.units, UnitsOptions):
            return self.units
        reads = kind_class(self.units.kind).reads
        training = self.documents[: len(self.documents) - self.held_out]
        texts: Iterator[Any] = chain.from_iterable(
            pieces(each, reads, self.reading) for each in training
        )
        if limit := _FIT_BYTES.get(self.units.kind):
            size = sum(document.stamp()[0] for document in training)
            texts = islice(texts, 0, None, max(1, size // limit))
        return fit_units(self.units, texts)


@dataclass
class Encoder:
    """Iterating it gives the tokens of all documents; what else it learned is there afterwards.

    Attributes:
        job: what to encode.
        units: what to encode it with.
        starts: the token at which each document starts, and the number of tokens.
        examples: symbols that the units did not know, at most ten.
    """

    job: EncodingJob
    units: Units
    starts: list[int] = field(default_factory=lambda: [0])
    examples: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Encoded]:
        for document in self.job.documents:
            count = 0
            for piece in pieces(document, self.units.reads, self.job.reading):
                encoded = self.units.encode_piece(piece)
                count += len(encoded.ids)
                if len(self.examples) < _EXAMPLES:
                    self._collect_unknown(piece, encoded)
                yield encoded
            if not count and document.named:
                raise DataError(f"{document.name} holds no text; name a file with text in it")
            self.starts.append(self.starts[-1] + count)

    def _collect_unknown(self, piece: str | bytes, encoded: Encoded) -> None:
        token = self.units.unknown_id
        if isinstance(piece, str) and token is not None and (encoded.ids == token).any():
            new = [symbol for symbol in self.units.unknown(piece) if symbol not in self.examples]
            self.examples += new[: _EXAMPLES - len(self.examples)]
