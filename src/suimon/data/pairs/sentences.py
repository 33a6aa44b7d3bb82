"""Sentences with their translations, whatever file they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SentencePairs:
    """Sources and targets, side by side.

    Attributes:
        sources: a text each.
        targets: what each is to become; ``None`` where that is not known.
        place: where a pair stands, by its number, for messages: ``train.de, line 12``.
    """

    sources: Sequence[str]
    targets: Sequence[str] | None
    place: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, numbers: Iterable[int]) -> SentencePairs:
        """Only some of the pairs, in the order given."""
        chosen = list(numbers)
        return SentencePairs(
            [self.sources[n] for n in chosen],
            None if self.targets is None else [self.targets[n] for n in chosen],
            lambda n: self.place(chosen[n]),
        )
