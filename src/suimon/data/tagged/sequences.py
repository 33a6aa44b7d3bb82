"""Sequences with a label for every step, whatever file they came from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from suimon.data.audio import LogMel
from suimon.data.tagged.segments import Segment

Kind = Literal["text", "series", "audio"]


@dataclass(frozen=True)
class TaggedSequences:
    """Sequences and the tags of their steps, side by side.

    Attributes:
        kind: what a sequence is: ``text``, a tuple of words; ``series``, ``(T, I)`` float32, I
            channels at T time steps; ``audio``, ``(T, I)`` float32, T frames of I bands.
        sequences: as many as there are; may be backed by a file.
        tags: a name for each step of each; ``None`` where none are known.
        place: where a sequence stands, by its number, for messages: ``train.conll, line 12``.
        segments: of recordings, what the tags were made from.
        spectrum: of recordings, how frames were made.
    """

    kind: Kind
    sequences: Sequence[Any]
    tags: Sequence[Sequence[str]] | None
    place: Callable[[int], str]
    segments: Sequence[Sequence[Segment]] | None = None
    spectrum: LogMel | None = None

    def __len__(self) -> int:
        return len(self.sequences)

    def take(self, numbers: Iterable[int]) -> "TaggedSequences":
        """Only some of the sequences, in the order given."""
        chosen = list(numbers)
        return TaggedSequences(
            self.kind,
            [self.sequences[n] for n in chosen],
            None if self.tags is None else [self.tags[n] for n in chosen],
            lambda n: self.place(chosen[n]),
            None if self.segments is None else [self.segments[n] for n in chosen],
            self.spectrum,
        )
