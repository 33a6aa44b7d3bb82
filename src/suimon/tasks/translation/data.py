"""From what a user names to the numbers that the network reads and writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from suimon.data.batch import SequenceBatch
from suimon.data.buckets import Buckets
from suimon.data.labelled.batches import padded_targets, padded_tokens
from suimon.data.pairs import SentencePairs, read_pairs
from suimon.data.text.overlap import fingerprints
from suimon.data.text.units import Units, UnitsOptions, fit_units, units_from_state
from suimon.data.text.units.splitters import splitter_named
from suimon.errors import CheckpointError, DataError
from suimon.tasks.translation.config import TranslationConfig

WORDS_AT_MOST = 30_000


class Sentences(Sequence[npt.NDArray]):
    """Encoded sentences, laid end to end in one array, so that many take little memory.

    Args:
        rows: units ``(T_b,)`` each.
    """

    def __init__(self, rows: Iterable[npt.NDArray]) -> None:
        rows = list(rows)
        self.lengths = np.fromiter(map(len, rows), np.int64, len(rows))  # (N,)
        self._starts = np.concatenate([[0], self.lengths.cumsum()])
        self._units = np.concatenate(rows) if rows else np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, n: Any) -> Any:
        return self._units[self._starts[n] : self._starts[n + 1]]


@dataclass(frozen=True)
class Side:
    """One language: what a step of it is.

    Attributes:
        units: the vocabulary.
        lowercase: whether texts are taken in small letters.
    """

    units: Units
    lowercase: bool

    def prepared(self, text: str) -> str:
        """A text as its units are cut from it: single blanks, capitals perhaps small letters."""
        text = " ".join(text.split())
        return text.lower() if self.lowercase else text

    def state(self) -> dict[str, Any]:
        """Its part of ``preprocess.json``."""
        return {"units": self.units.state(), "lowercase": self.lowercase}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Side:
        """What :meth:`state` described."""
        return cls(units_from_state(state["units"]), state["lowercase"])


@dataclass(frozen=True)
class Preprocessing:
    """All that turns texts into the network's input and its output into texts.

    Attributes:
        source: what is read.
        target: what is written; the number after its last unit stands for start and end.
        longest: most units of a sentence.
        ratio: units of a target for each of its source, of the longest of a hundred.
        digest: of the training sources, by which other data is told when a run is gone on with.
    """

    source: Side
    target: Side
    longest: int
    ratio: float
    digest: str

    @property
    def boundary(self) -> int:
        """The target's number for start and end."""
        return self.target.units.size

    def limit(self, source_units: int) -> int:
        """Units of a translation at most, its end counted."""
        return min(self.longest + 1, 10 + round(1.5 * self.ratio * source_units))

    def state(self) -> dict[str, Any]:
        """What ``preprocess.json`` holds."""
        return {
            "source": self.source.state(),
            "target": self.target.state(),
            "longest": self.longest,
            "ratio": self.ratio,
            "digest": self.digest,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Preprocessing:
        """What :meth:`state` described.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            return cls(
                Side.from_state(state["source"]),
                Side.from_state(state["target"]),
                state["longest"],
                state["ratio"],
                state["digest"],
            )
        except KeyError as error:
            raise CheckpointError(
                f"preprocess.json has no {error}; the run is not a translation's"
            ) from None

    def sources(self, pairs: SentencePairs) -> Sentences:
        """The sources in units.

        Raises:
            DataError: one has no unit, or too many.
        """
        return Sentences(self._encoded(self.source, pairs.sources, "source", pairs))

    def targets(self, pairs: SentencePairs) -> Sentences:
        """The targets in units, each with its end. Raises as :meth:`sources`."""
        assert pairs.targets is not None
        rows = self._encoded(self.target, pairs.targets, "target", pairs)
        return Sentences(np.append(row, self.boundary) for row in rows)

    def _encoded(
        self, side: Side, texts: Sequence[str], what: str, pairs: SentencePairs
    ) -> Iterator[npt.NDArray]:
        for n, text in enumerate(texts):
            row = side.units.encode(side.prepared(text)).astype(np.int64)
            if not len(row):
                raise DataError(f"{pairs.place(n)}: the {what} is empty; leave the pair out")
            if len(row) > self.longest:
                raise DataError(
                    f"{pairs.place(n)}: the {what} has {len(row):,} units, more than --longest "
                    f"{self.longest:,}; cut it into sentences, leave it out, or raise --longest"
                )
            yield row


@dataclass(frozen=True)
class Examples:
    """Encoded pairs: sources, and targets with their ends."""

    sources: Sentences
    targets: Sentences

    def __len__(self) -> int:
        return len(self.sources)

    def batch(self, chosen: npt.NDArray[np.int64]) -> SequenceBatch:
        """Some pairs as one batch: inputs ``(S, B)``, their lengths, and targets ``(T, B)``."""
        return SequenceBatch(
            inputs=padded_tokens([self.sources[n] for n in chosen]),
            targets=padded_targets([self.targets[n] for n in chosen]),
            lengths=torch.from_numpy(self.sources.lengths[chosen]),
        )

    def by_length(self, rows: int) -> Iterator[npt.NDArray[np.int64]]:
        """The numbers of all pairs, ``rows`` of like length at a time."""
        order = np.lexsort((self.sources.lengths, self.targets.lengths))
        yield from np.split(order, range(rows, len(order), rows))


class PairBatches:
    """Pairs batch by batch, those of like length together; see :class:`Buckets`.

    Args:
        examples: the pairs.
        batch_size: pairs of all processes together.
        seed: decides the order.
        rank: which process this is, from 0.
        world_size: how many processes share a batch; each takes every so-manieth pair of it.
    """

    def __init__(
        self, examples: Examples, batch_size: int, *, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        self._examples = examples
        lengths = np.stack([examples.targets.lengths, examples.sources.lengths])
        self._buckets = Buckets(lengths, batch_size, seed=seed)
        self._own = slice(rank, None, world_size)
        self.batches_per_epoch = self._buckets.batches_per_epoch

    @property
    def passes(self) -> float:
        """How often all pairs were given so far, a fraction."""
        return self._buckets.passes

    def next_batch(self) -> SequenceBatch:
        """This process's part of the next batch; see :meth:`Examples.batch`."""
        return self._examples.batch(self._buckets.next()[self._own])

    def state_dict(self) -> dict[str, int]:
        """See :meth:`Buckets.state_dict`."""
        return self._buckets.state_dict()

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """See :meth:`Buckets.load_state_dict`; the number of processes may differ."""
        self._buckets.load_state_dict(state)


def read(paths: Sequence[str | Path], config: TranslationConfig) -> SentencePairs:
    """The pairs in the paths, by what the options name."""
    return read_pairs(
        paths,
        source=config.source,
        target=config.target,
        separator=config.separator,
        encoding=config.encoding,
    )


def split(
    pairs: SentencePairs, valid_fraction: float, seed: int
) -> tuple[SentencePairs, SentencePairs]:
    """A share of the distinct sources for validation, each with all its targets.

    Raises:
        DataError: there is one distinct source only.
    """
    numbers: dict[str, list[int]] = {}
    for n, source in enumerate(pairs.sources):
        numbers.setdefault(" ".join(source.lower().split()), []).append(n)
    if len(numbers) < 2:
        raise DataError(
            f"no pair has another source than {pairs.sources[0]!r:.60}: there is nothing to "
            "validate on; give more, or name --valid-files"
        )
    groups = list(numbers.values())
    order = np.random.RandomState(seed).permutation(len(groups))
    kept = min(len(groups) - 1, max(1, round(valid_fraction * len(groups))))
    valid = sorted(n for group in order[:kept] for n in groups[group])
    train = sorted(n for group in order[kept:] for n in groups[group])
    return pairs.take(train), pairs.take(valid)


def fitted(
    pairs: SentencePairs,
    config: TranslationConfig,
    read_by: Units | None = None,
    written_by: Units | None = None,
) -> Preprocessing:
    """What is learnt of the training pairs before the network: units, lengths, who was there.

    Args:
        pairs: to learn from.
        config: with units and vocabularies chosen.
        read_by: the units of sources, where they are known already.
        written_by: likewise of targets.
    """
    assert pairs.targets is not None
    sides = [
        (pairs.sources, config.source_units, config.source_vocabulary, config.source_words),
        (pairs.targets, config.target_units, config.target_vocabulary, config.target_words),
    ]
    lowercase = (config.lowercase_source, config.lowercase_target)
    prepared = [
        [_prepared(text, small) for text in texts]
        for (texts, *_), small in zip(sides, lowercase, strict=True)
    ]
    joint = config.joint_units and config.source_units == config.target_units == "bpe"
    known = (read_by, written_by)
    fitted_sides = []
    for own, (_, kind, vocabulary, words), units in zip(prepared, sides, known, strict=True):
        texts = [*prepared[0], *prepared[1]] if joint else own
        options = UnitsOptions(kind or "chars", vocabulary, words)
        fitted_sides.append(units or fit_units(options, texts))
    source, target = (Side(*of) for of in zip(fitted_sides, lowercase, strict=True))
    some = range(0, len(pairs), -(-len(pairs) // 10_000))
    ratios = [
        len(target.units.encode(prepared[1][n])) / max(1, len(source.units.encode(prepared[0][n])))
        for n in some
    ]
    ratio = round(float(np.quantile(ratios, 0.99)), 3)
    digest = blake2b(fingerprints(pairs.sources, marks=True).tobytes(), digest_size=16)
    return Preprocessing(source, target, config.longest, ratio, digest.hexdigest())


def words_met_again(texts: Iterable[str], splitter: str, lowercase: bool) -> int:
    """How many distinct words occur twice or more; the others become the unknown word."""
    cut = splitter_named(splitter).split
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(cut(_prepared(text, lowercase)))
    again = sum(1 for count in counts.values() if count > 1)
    return min(max(again, 2), WORDS_AT_MOST)


def examples(pairs: SentencePairs, read_as: Preprocessing) -> Examples:
    """The pairs in units."""
    return Examples(read_as.sources(pairs), read_as.targets(pairs))


def _prepared(text: str, lowercase: bool) -> str:
    text = " ".join(text.split())
    return text.lower() if lowercase else text
