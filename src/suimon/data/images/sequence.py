"""Images side by side, all of one form, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.data.images.decoding import decoded, resized
from suimon.data.images.form import ImageForm

MOST_KEPT = 256 << 20
"""Bytes of decoded pixels that are kept, so that few and small files are decoded once only."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Images:
    """Images of one form.

    Attributes:
        form: of all of them.
        pixels: from a number to ``(height, width, channels)`` uint8.
        places: where each stands, for messages, by its number.
        count: how many there are.
    """

    form: ImageForm
    pixels: Callable[[int], Bytes]
    places: Callable[[int], str]
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Bytes:
        """One image, ``form.shape``.

        Raises:
            DataError: its file cannot be read.
        """
        if not 0 <= number < self.count:
            raise IndexError(number)
        return self.pixels(number)

    def place(self, number: int) -> str:
        """Where an image stands: ``shapes/12.png``, or ``train.idx3, image 7``."""
        return self.places(number)

    def take(self, numbers: Iterable[int]) -> Images:
        """Only some of the images, in the order given."""
        chosen = list(numbers)
        return Images(
            self.form,
            lambda n: self.pixels(chosen[n]),
            lambda n: self.places(chosen[n]),
            len(chosen),
        )


class ImageRows(Sequence[Bytes]):
    """Images as sequences of rows: number n is ``(T, I)`` uint8, I the row's pixels times colours.

    Args:
        images: read when they are asked for.
        pixels: whether each pixel is a step, ``(height * width, colours)``, in place of each row.
    """

    def __init__(self, images: Images, *, pixels: bool = False) -> None:
        self.images = images
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: Any) -> Any:
        """One image, ``(T, I)``."""
        form = self.images.form
        return self.images[number].reshape(-1, form.channels if self.pixels else self._width)

    @property
    def _width(self) -> int:
        return self.images.form.width * self.images.form.channels

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """T, for each."""
        form = self.images.form
        steps = form.height * form.width if self.pixels else form.height
        return np.full(len(self), steps, np.int64)

    def take(self, numbers: Iterable[int]) -> ImageRows:
        """Only some of the images, in the order given."""
        return ImageRows(self.images.take(numbers), pixels=self.pixels)


def images_of_files(
    paths: Sequence[Path], names: Sequence[str] | None, form: ImageForm, most_kept: int = MOST_KEPT
) -> Images:
    """The images of files, each decoded when it is asked for.

    Args:
        paths: a file an image.
        names: what messages call each; ``None``: their paths.
        form: what they are brought to.
        most_kept: bytes up to which what was decoded is kept; above, nothing is.
    """
    small = len(paths) * int(np.prod(form.shape)) <= most_kept
    kept = np.empty((len(paths) if small else 0, *form.shape), np.uint8)  # pages come when written
    there = np.zeros(len(kept), bool)

    def pixels(number: int) -> Bytes:
        if not small:
            return decoded(paths[number], form)
        if not there[number]:
            kept[number] = decoded(paths[number], form)
            there[number] = True
        return kept[number]

    def place(number: int) -> str:
        return str(paths[number]) if names is None else names[number]

    return Images(form, pixels, place, len(paths))


def images_of_array(
    array: npt.NDArray[np.uint8], place: Callable[[int], str], form: ImageForm
) -> Images:
    """The images of an array ``(N, height, width)`` or ``(N, height, width, channels)``."""

    def pixels(number: int) -> Bytes:
        image = array[number]
        return resized(image[..., None] if image.ndim == 2 else image, form)

    return Images(form, pixels, place, len(array))
