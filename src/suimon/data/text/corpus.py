"""A corpus: texts encoded once into one array of tokens, mapped from the cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suimon.data.cache import Cached, CacheWriter, cache_folder, locked, read_cached
from suimon.data.text.decoding import checked_encoding
from suimon.data.text.document import Document
from suimon.data.text.encoder import Encoder, EncodingJob
from suimon.data.text.pieces import Reading
from suimon.data.text.sources import Sources, find_documents
from suimon.data.text.units import Ids, Units, UnitsOptions, units_from_state
from suimon.errors import ConfigError, DataError

_BLOCK = 1 << 18

Paths = Sequence[str | Path] | str | Path
"""One path or several, as :func:`suimon.data.text.sources.find_documents` takes them."""


@dataclass(frozen=True)
class Corpus:
    """Texts joined in order, as tokens.

    Attributes:
        tokens: ``(N,)`` ids, the smallest unsigned type; mapped from the cache file, so that pages
            are read when used and no memory is taken up.
        units: what the ids mean.
        documents: ``(D + 1,)`` the token at which each document starts, and ``N``.
        held_out: how many documents at the end were set apart for validation.
        unknown_examples: some of what the units did not know, at most ten.
        notices: what the user should be told about the sources.
        lengths: ``(N,)`` the characters each token covers, for units of varying ones; or ``None``.
    """

    tokens: Ids
    units: Units
    documents: npt.NDArray[np.int64]
    held_out: int = 0
    unknown_examples: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    lengths: npt.NDArray[np.uint32] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.tokens)

    def characters(self, start: int = 0, stop: int | None = None) -> int:
        """How many characters of the original text ``tokens[start:stop]`` cover, exactly.

        A character that several tokens share counts with the one that begins it, and the blanks
        between words with the word before them: parts add up to the whole.
        """
        stop = len(self) if stop is None else stop
        table = self.units.characters_by_id
        if self.lengths is not None:
            return _total(self.lengths, start, stop, lambda block: block.sum(dtype=np.int64))
        if table is None or (table == 1).all():
            return stop - start
        return _total(self.tokens, start, stop, lambda block: table.take(block).sum(dtype=np.int64))

    def unknown(self, start: int = 0, stop: int | None = None) -> int:
        """How many of ``tokens[start:stop]`` are the unknown token."""
        token = self.units.unknown_id
        if token is None:
            return 0
        stop = len(self) if stop is None else stop
        return _total(self.tokens, start, stop, lambda block: np.count_nonzero(block == token))


def load_corpus(
    paths: Paths,
    *,
    units: UnitsOptions | Units | None = None,
    encoding: str = "utf-8",
    aozora: bool = False,
    valid_paths: Paths = (),
    valid_every: int | None = None,
) -> Corpus:
    """Encode texts, or map them from the cache if that was done before.

    The cache is keyed by the content of the files, the units and the encoding, so that a changed
    file is encoded anew and a renamed one is not; a damaged cache file is made again. Memory does
    not grow with the text. Documents are joined in the order of the paths, without separators;
    those held out for validation come last.

    Args:
        paths: see :func:`suimon.data.text.sources.find_documents`.
        units: options of units to be fitted on this text (the whole of it, less documents that are
            held out), or units that were fitted before; ``None`` for characters.
        encoding: how the files are written; units ``bytes`` read them as they are.
        aozora: take out Aozora Bunko's ruby, notes, header and colophon.
        valid_paths: further texts, held out for validation.
        valid_every: hold out every so-manieth document: for 10 the 10th, the 20th, ….

    Raises:
        DataError: a path, its content, or the cache cannot be used.
        ConfigError: the encoding, ``valid_every`` or the units cannot work.
    """
    reading = Reading(checked_encoding(encoding), aozora)
    sources, held_out = _all_sources(paths, valid_paths, valid_every, reading.encoding)
    stamps = [document.stamp() for document in sources.documents]
    job = EncodingJob(sources.documents, held_out, units or UnitsOptions(), reading)
    path = cache_folder() / f"text-{job.key()}.tokens"
    cached = read_cached(path)
    if cached is None:
        with locked(path):
            # Another process may have made the file while this one waited for the lock.
            cached = read_cached(path) or _write(path, job, stamps)
    if isinstance(job.units, UnitsOptions):
        fitted = units_from_state(cached.header["units"])
    else:
        fitted = job.units
    return Corpus(
        cached.values,
        fitted,
        cached.starts,
        held_out,
        tuple(cached.header["unknown_examples"]),
        sources.notices,
        cached.lengths,
    )


def corpus_of_text(text: str, *, units: UnitsOptions | Units | None = None) -> Corpus:
    """Encode a string, in memory and without the cache.

    Args:
        text: what to encode.
        units: as for :func:`load_corpus`.

    Raises:
        DataError: the text is too short, or no text.

    Example:
        >>> corpus = corpus_of_text("to be or not to be")
        >>> len(corpus), corpus.characters(), corpus.units.decode(corpus.tokens[:5])
        (18, 18, 'to be')
    """
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"the text has a lone surrogate at character {error.start:,}, which stands for no "
            "character; decode it with errors='replace' where it was read"
        ) from None
    job = EncodingJob(
        (Document("the text", content=content),), 0, units or UnitsOptions(), Reading()
    )
    encoder = Encoder(job, job.fitted_units())
    encoded = list(encoder)
    _require_two(encoder.starts[-1], job)
    lengths = [piece.lengths for piece in encoded if piece.lengths is not None]
    return Corpus(
        np.concatenate([piece.ids for piece in encoded]),
        encoder.units,
        np.array(encoder.starts),
        unknown_examples=tuple(encoder.examples),
        lengths=np.concatenate(lengths) if lengths else None,
    )


def _all_sources(
    paths: Paths, valid_paths: Paths, valid_every: int | None, encoding: str
) -> tuple[Sources, int]:
    """All documents with those held out at the end, and how many these are."""
    found = find_documents(_listed(paths), encoding=encoding)
    documents, notices = found.documents, found.notices
    held_out: tuple[Document, ...] = ()
    if valid_every is not None:
        if valid_paths:
            raise ConfigError("valid_every and valid_paths exclude each other; give one of them")
        if valid_every < 2:
            raise ConfigError(f"valid_every {valid_every} holds out everything; use 2 or more")
        held_out = documents[valid_every - 1 :: valid_every]
        if not held_out:
            raise DataError(
                f"{len(documents)} files are too few to hold out every {valid_every}th; name at "
                f"least {valid_every} files, or split one text with --valid-fraction"
            )
    elif _listed(valid_paths):
        valid = find_documents(_listed(valid_paths), encoding=encoding)
        held_out, notices = valid.documents, notices + valid.notices
        training = {document.identity() for document in documents}
        for document in held_out:
            if document.identity() in training:
                raise DataError(f"{document.name} is named for training and for validation both")
    training = tuple(document for document in documents if document not in held_out)
    return Sources(training + held_out, notices), len(held_out)


def _listed(paths: Paths) -> Sequence[str | Path]:
    return [paths] if isinstance(paths, str | Path) else paths


def _write(path: Path, job: EncodingJob, stamps: list[tuple[int, int]]) -> Cached:
    """Encode into a new cache file, and map it."""
    encoder = Encoder(job, job.fitted_units())
    with CacheWriter(path, encoder.units.dtype) as writer:
        for piece in encoder:
            writer.append(piece.ids, piece.lengths)
        _require_two(writer.count, job)
        for document, stamp in zip(job.documents, stamps, strict=True):
            if document.stamp() != stamp:
                raise DataError(f"{document.name} changed while it was read; try again")
        header = {"units": encoder.units.state(), "unknown_examples": encoder.examples}
        writer.finish(encoder.starts, header)
    cached = read_cached(path)
    if cached is None:
        raise DataError(f"the cache file {path} cannot be read back; is the disk sound?")
    return cached


def _require_two(tokens: int, job: EncodingJob) -> None:
    """Refuse a text in which nothing follows anything."""
    if tokens < 2:
        names = job.documents[0].name if len(job.documents) == 1 else "the text"
        kind = job.units.kind
        raise DataError(
            f"{names} is too short: {tokens} token of units {kind}, and a model learns which token "
            "follows which; give a longer text"
        )


def _total(
    array: np.ndarray, start: int, stop: int, count: Callable[[np.ndarray], int | np.integer]
) -> int:
    """A sum over a mapped array, a block at a time."""
    blocks = (array[at : min(at + _BLOCK, stop)] for at in range(start, stop, _BLOCK))
    return sum(int(count(np.asarray(block))) for block in blocks)
