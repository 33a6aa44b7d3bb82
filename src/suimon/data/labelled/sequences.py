"""Sequences with a label each, whatever file they came from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from suimon.data.audio import LogMel
    from suimon.data.images.form import ImageForm
    from suimon.data.images.video import Videos

Kind = Literal["text", "series", "image", "audio", "video"]
Numbers = npt.NDArray[np.float32] | npt.NDArray[np.uint8]


@dataclass(frozen=True)
class LabelledSequences:
    """Sequences and their labels, side by side.

    Attributes:
        kind: what a sequence is: ``text``, a string; ``series``, ``(T, I)`` float32, I channels at
            T time steps; ``image``, ``(T, I)`` uint8, T rows of pixels, or pixels; ``audio``,
            ``(T, I)`` float32, T frames of I bands; ``video``, T frames, each read when asked for.
        sequences: as many as there are; may be backed by a file.
        labels: a name each; ``None`` where none are known.
        place: where a sequence stands, by its number, for messages: ``reviews.csv, row 12``.
        channels: the names of the I channels, where they have some.
        spectrum: how the frames of ``audio`` were made.
        form: size and colours of the images of ``image`` and ``video``.
    """

    kind: Kind
    sequences: "Sequence[str] | Sequence[Numbers] | npt.NDArray[np.uint8] | Videos"
    labels: tuple[str, ...] | None
    place: Callable[[int], str]
    channels: tuple[str, ...] = ()
    spectrum: "LogMel | None" = None
    form: "ImageForm | None" = None

    def __len__(self) -> int:
        return len(self.sequences)

    def take(self, numbers: Iterable[int]) -> "LabelledSequences":
        """Only some of the sequences, in the order given."""
        chosen = list(numbers)
        # Images and frames are read when they are asked for, also those of a part.
        take: Any = getattr(self.sequences, "take", None) if self.form is not None else None
        taken: Any = take(chosen) if take else [self.sequences[n] for n in chosen]
        return LabelledSequences(
            self.kind,
            taken,
            None if self.labels is None else tuple(self.labels[n] for n in chosen),
            lambda n: self.place(chosen[n]),
            self.channels,
            self.spectrum,
            self.form,
        )
