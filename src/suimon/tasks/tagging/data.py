"""From what a user names to the arrays that the network reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from suimon.data.audio import LogMel, Spectrum, SpectrumOptions
from suimon.data.labelled.batches import padded_tokens
from suimon.data.labelled.scale import padded_scaled, scale_of
from suimon.data.tagged import TaggedSequences, read_tagged
from suimon.data.tagged.segments import plain
from suimon.data.text.units import DEFAULT_VOCABULARY
from suimon.data.text.units.chars import CharUnits
from suimon.data.text.units.words import WordUnits
from suimon.errors import CheckpointError, DataError
from suimon.tasks.labels import listed, rank
from suimon.tasks.tagging.config import TaggingConfig
from suimon.tasks.tagging.schemes import Scheme, kept, scheme_of

LETTERS_READ = 24
"""Letters read of a word; of a longer one its beginning and its end."""


@dataclass(frozen=True)
class Examples:
    """Parts of sequences ready for the network, with the numbers of their tags.

    Attributes:
        sequences: words ``(T_b,)`` or ``(T_b, 1 + W)``, or channels ``(T_b, I)`` as given.
        tags: ``(T_b,)`` int64 each; empty where none are known.
        owners: ``(N,)``, which sequence each is a part of, in order.
    """

    sequences: Sequence[npt.NDArray]
    tags: Sequence[npt.NDArray[np.int64]]
    owners: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def steps(self) -> int:
        """Of all parts together."""
        return sum(map(len, self.sequences))


@dataclass(frozen=True)
class Preprocessing:
    """All that turns a user's sequence into the network's input, and tag numbers into names.

    Attributes:
        kind: ``text``, ``series`` or ``audio``.
        tags: their names, in the order of their numbers.
        scheme: how tags hang together.
        longest: steps read at once.
        words: of a text; ``None`` for numbers.
        letters: of words; ``None`` where they are not read.
        lowercase: whether words are read in small letters.
        channels: I, numbers of a step; 0 for a text.
        mean: of each channel; empty for a text.
        deviation: likewise.
        spectrum: of recordings, how they become frames.
        follows: of recordings, the logarithm of how often each tag follows each among the training
            frames, ``(C, C)`` from row to column; empty for others.
    """

    kind: str
    tags: tuple[str, ...]
    scheme: Scheme
    longest: int
    words: WordUnits | None = None
    letters: CharUnits | None = None
    lowercase: bool = False
    channels: int = 0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    spectrum: LogMel | None = None
    follows: tuple[tuple[float, ...], ...] = ()
    _spelled: dict[str, npt.NDArray] = field(default_factory=dict, repr=False, compare=False)

    def state(self) -> dict[str, Any]:
        """What ``preprocess.json`` holds."""
        return {
            "kind": self.kind,
            "tags": list(self.tags),
            "scheme": self.scheme,
            "longest": self.longest,
            "words": None if self.words is None else self.words.state(),
            "letters": None if self.letters is None else self.letters.state(),
            "lowercase": self.lowercase,
            "channels": self.channels,
            "mean": list(self.mean),
            "deviation": list(self.deviation),
            "spectrum": None if self.spectrum is None else self.spectrum.state(),
            "follows": [list(row) for row in self.follows],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Preprocessing:
        """What :meth:`state` described.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            return cls(
                kind=state["kind"],
                tags=tuple(state["tags"]),
                scheme=state["scheme"],
                longest=state["longest"],
                words=WordUnits.from_state(found) if (found := state["words"]) else None,
                letters=CharUnits.from_state(found) if (found := state["letters"]) else None,
                lowercase=state["lowercase"],
                channels=state["channels"],
                mean=tuple(state["mean"]),
                deviation=tuple(state["deviation"]),
                spectrum=LogMel.from_state(found) if (found := state["spectrum"]) else None,
                follows=tuple(map(tuple, state["follows"])),
            )
        except KeyError as error:
            raise CheckpointError(
                f"preprocess.json has no {error}; the run is not a tagger's"
            ) from None

    @property
    def marked(self) -> bool:
        """Whether beginnings of segments have tags of their own."""
        return self.scheme == "marked"

    def renamed(self, tags: Iterable[str]) -> Preprocessing:
        """The same with other names for the tags, in the same order."""
        return replace(self, tags=tuple(tags))

    def plain(self, tag: str) -> str:
        """A tag without the mark that a beginning has in a recording."""
        return plain(tag, marked=self.marked)

    def examples(self, data: TaggedSequences) -> Examples:
        """The sequences in parts as the network reads them, and their tags' numbers, if known.

        Raises:
            DataError: they are of another kind than those learnt from, one has no step, or a tag
                was not learnt.
        """
        if len(data) and data.kind != self.kind:
            raise DataError(f"the network tags {self.kind}, and {data.place(0)} is {data.kind}")
        sequences: list[npt.NDArray] = []
        tags: list[npt.NDArray] = []
        owners: list[int] = []
        for n in range(len(data)):
            steps = self._steps(data, n)
            parts = -(-len(steps) // self.longest)
            sequences += np.array_split(steps, parts)
            if data.tags is not None:
                tags += np.array_split(self._numbers(data, n), parts)
            owners += [n] * parts
        return Examples(sequences, tags, np.array(owners, np.int64))

    def pad(self, rows: Sequence[npt.NDArray]) -> Tensor:
        """``(T, B, …)`` words or ``(T, B, I)`` scaled channels, zeros behind each row's end."""
        if self.words is not None:
            return padded_tokens(rows)
        return padded_scaled(rows, self.mean, self.deviation)

    @cached_property
    def _number_of_tag(self) -> dict[str, int]:
        return {tag: n for n, tag in enumerate(self.tags)}

    @cached_property
    def _number_of_word(self) -> dict[str, int]:
        assert self.words is not None
        return {word: n for n, word in enumerate(self.words.symbols)}

    def _numbers(self, data: TaggedSequences, n: int) -> npt.NDArray[np.int64]:
        assert data.tags is not None
        known, tags = self._number_of_tag, data.tags[n]
        for step, tag in enumerate(tags):
            if tag not in known:
                names = dict.fromkeys(map(self.plain, self.tags))
                raise DataError(
                    f"{data.place(n)}, step {step + 1}: the label {self.plain(tag)!r} was not "
                    f"learnt; there are: {listed(names)}"
                )
        return np.fromiter((known[tag] for tag in tags), np.int64, len(tags))

    def _steps(self, data: TaggedSequences, n: int) -> npt.NDArray:
        """Words, with their letters or without, or channels of a whole sequence."""
        steps = data.sequences[n]
        if not len(steps):
            raise DataError(f"{data.place(n)} has no step: leave it out")
        if self.words is None:
            if np.shape(steps)[1] != self.channels:
                raise DataError(
                    f"{data.place(n)} has {np.shape(steps)[1]} channels, and the network reads "
                    f"{self.channels}"
                )
            return steps
        if self.letters is None:
            return np.fromiter(map(self._word, steps), np.uint32, len(steps))
        return np.stack([self._spell(word) for word in steps])  # (T, 1 + W)

    def _word(self, word: str) -> int:
        return self._number_of_word.get(word.lower() if self.lowercase else word, 0)

    def _spell(self, word: str) -> npt.NDArray[np.uint32]:
        """A word's number and, counted from 1, its letters'."""
        found = self._spelled.get(word)
        if found is None:
            assert self.letters is not None
            ids = self.letters.encode(word)
            if len(ids) > LETTERS_READ:
                ids = np.concatenate([ids[: LETTERS_READ // 2], ids[-LETTERS_READ // 2 :]])
            found = np.zeros(1 + LETTERS_READ, np.uint32)
            found[0] = self._word(word)
            found[1 : 1 + len(ids)] = ids.astype(np.uint32) + 1
            self._spelled[word] = found
        return found


def read(
    paths: Sequence[str | Path],
    config: TaggingConfig,
    *,
    labelled: bool = True,
    spectrum: Spectrum | None = None,
) -> TaggedSequences:
    """What the paths hold, by the columns that the options name.

    Args:
        paths: see :func:`~suimon.data.tagged.read_tagged`.
        config: the task's options.
        labelled: whether tags are read.
        spectrum: that of a trained network; ``None``: what the options say.
    """
    return read_tagged(
        paths,
        labelled=labelled,
        text=config.text,
        label=config.label,
        values=[name for names in config.values for name in names.split(",")],
        id=config.id,
        audio=config.audio,
        start=config.start,
        end=config.end,
        spectrum=spectrum or SpectrumOptions(config.bands, config.window, config.hop),
        marked=config.mark_beginnings,
        encoding=config.encoding,
    )


def split(
    data: TaggedSequences, valid_fraction: float, seed: int
) -> tuple[TaggedSequences, TaggedSequences]:
    """A share of the sequences for validation, one at least; of a single one its end.

    Every label stands in a sequence that is learnt from.

    Raises:
        DataError: there is one sequence alone, which cannot be cut.
    """
    assert data.tags is not None
    if len(data) == 1:
        return _cut(data, valid_fraction)
    wanted = min(len(data) - 1, max(1, round(valid_fraction * len(data))))
    kinds: list[set[str]] = [set(tags) for tags in data.tags]
    counts = Counter(tag for tags in kinds for tag in tags)
    chosen: set[int] = set()
    for n in np.random.RandomState(seed).permutation(len(data)).tolist():
        there = kinds[n]
        if len(chosen) < wanted and all(counts[tag] > 1 for tag in there):
            counts.subtract(there)
            chosen.add(n)
    if not chosen:
        raise DataError(
            f"each of the {len(data)} sequences has a label that no other has, so that none can "
            "validate: give more of them, or name --valid-files"
        )
    return data.take(n for n in range(len(data)) if n not in chosen), data.take(sorted(chosen))


def tags_of(data: TaggedSequences) -> tuple[str, ...]:
    """Every tag, in order: numbers by size, else letters.

    Raises:
        DataError: there are no tags, or all are the same.
    """
    if data.tags is None:
        raise DataError(f"{data.place(0)} has no labels: name their column by --label")
    found = sorted({tag for tags in data.tags for tag in tags}, key=rank)
    if len(found) < 2:
        raise DataError(
            f"all steps of the {len(data):,} sequences have the label {found[0]!r}: there is "
            "nothing to tell apart"
        )
    return tuple(found)


def fitted(
    data: TaggedSequences, config: TaggingConfig, words: WordUnits | None = None
) -> Preprocessing:
    """What is learnt of the training sequences before the network: tags, words or scales.

    Args:
        data: what to learn from.
        config: the task's options.
        words: of sentences, where they are known already.
    """
    tags = tags_of(data)
    assert data.tags is not None
    scheme: Scheme = "plain"
    if data.kind == "audio":
        scheme = "marked" if config.mark_beginnings else "plain"
    elif data.kind == "text" and kept(data.tags, found := scheme_of(tags)):
        scheme = found
    if data.kind != "text":
        mean, deviation = scale_of(data.sequences)
        return Preprocessing(
            data.kind,
            tags,
            scheme,
            config.longest,
            channels=np.shape(data.sequences[0])[1],
            mean=mean,
            deviation=deviation,
            spectrum=data.spectrum,
            follows=follows(data.tags, tags) if data.kind == "audio" else (),
        )
    if words is None:
        said = (word for sentence in data.sequences for word in sentence)
        counts = Counter(word.lower() if config.lowercase else word for word in said)
        words = _vocabulary(counts, config.vocabulary)
    return Preprocessing(
        "text",
        tags,
        scheme,
        config.longest,
        words=words,
        letters=CharUnits.fit(w for s in data.sequences for w in s) if config.characters else None,
        lowercase=config.lowercase,
    )


def sentences(data: TaggedSequences) -> list[str]:
    """Sequences of words as texts; of numbers there are none."""
    return [" ".join(words) for words in data.sequences] if data.kind == "text" else []


def follows(
    sequences: Sequence[Sequence[str]], tags: Sequence[str]
) -> tuple[tuple[float, ...], ...]:
    """The logarithm of the share in which each tag follows each, every pair met once more.

    Example:
        >>> follows([["a", "a", "b"]], ["a", "b"])[0]  # (1 + 1) of (2 + 2) for both
        (-0.693147, -0.693147)
    """
    number = {tag: n for n, tag in enumerate(tags)}
    counts = np.ones((len(tags), len(tags)))
    for sequence in sequences:
        numbers = [number[tag] for tag in sequence]
        np.add.at(counts, (numbers[:-1], numbers[1:]), 1)
    shares = np.log(counts / counts.sum(axis=1, keepdims=True)).round(6)
    return tuple(map(tuple, shares.tolist()))


def _vocabulary(counts: Counter[str], most: int | None) -> WordUnits:
    """The most frequent words; those met once become the unknown one, which is so learnt too."""
    again = [word for word, count in counts.items() if count > 1 or most is not None]
    ranked = sorted(again, key=lambda word: (-counts[word], word))
    limit = most or DEFAULT_VOCABULARY["words"]
    return WordUnits([word for word in ranked[:limit] if word != "<unk>"])


def _cut(data: TaggedSequences, valid_fraction: float) -> tuple[TaggedSequences, TaggedSequences]:
    """The beginning and the end of the only sequence."""
    assert data.tags is not None
    steps, tags = data.sequences[0], data.tags[0]
    behind = max(1, round(valid_fraction * len(steps)))
    if data.kind == "audio" or behind >= len(steps) or set(tags[-behind:]) - set(tags[:-behind]):
        raise DataError(
            f"{data.place(0)} is the only sequence, and its end has nothing to validate on what "
            "its beginning teaches: give more of them, or name --valid-files"
        )

    def part(chosen: slice) -> TaggedSequences:
        return TaggedSequences(data.kind, [steps[chosen]], [tags[chosen]], data.place)

    return part(slice(None, -behind)), part(slice(-behind, None))
