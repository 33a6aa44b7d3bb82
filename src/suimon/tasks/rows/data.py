"""From images to the rows that the network reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suimon.data.images import ImageForm, ImageRows, Images, read_images
from suimon.errors import CheckpointError, DataError
from suimon.tasks.rows.config import RowsConfig

COUNTED = 100_000  # images that the mean image is of
LEVELS = 255  # of a pixel above black

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """What images must be like, and what they are like in the mean.

    Attributes:
        form: size and colours of all images.
        mean_image: ``(T, I)`` in 0 to 1, the training images' mean, to be judged against.
    """

    form: ImageForm
    mean_image: tuple[tuple[float, ...], ...]

    def state(self) -> dict[str, Any]:
        """What ``preprocess.json`` holds."""
        return {"images": self.form.state(), "mean_image": [list(row) for row in self.mean_image]}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Preprocessing:
        """What :meth:`state` described.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            form, mean = state["images"], state["mean_image"]
        except KeyError as error:
            raise CheckpointError(
                f"preprocess.json has no {error}; the run is not one on image rows"
            ) from None
        return cls(ImageForm.from_state(form), tuple(tuple(row) for row in mean))


def in_order(rows: ImageRows, at_once: int) -> Iterator[Tensor]:
    """All images, so many at a time: ``(T, B, I)`` float32 in 0 to 1."""
    for start in range(0, len(rows), at_once):
        yield scaled([rows[n] for n in range(start, min(start + at_once, len(rows)))])


def scaled(rows: Sequence[Bytes]) -> Tensor:
    """B images ``(T, I)`` uint8 as ``(T, B, I)`` float32 in 0 to 1."""
    return torch.from_numpy(np.stack(rows, axis=1)).float() / LEVELS


def read(paths: Sequence[str | Path], config: RowsConfig, form: ImageForm | None = None) -> Images:
    """The images at some paths, brought to one form: the options', or one that is known.

    Raises:
        DataError: they cannot be read, or have one row only.
        ConfigError: the size is none.
    """
    images = read_images(paths, size=config.size, color=config.color, form=form)
    if images.form.height < 2:
        raise DataError(
            f"{images.place(0)} has one row only: give images of two or more, or a size"
        )
    return images


def split(images: Images, valid_fraction: float, seed: int) -> tuple[Images, Images]:
    """A share of the images for validation, one at least.

    Raises:
        DataError: there is one image only.
    """
    if len(images) < 2:
        raise DataError(
            f"{images.place(0)} is the only image, which cannot be both learnt and validated: give "
            "more, or name --valid-files"
        )
    order = np.random.RandomState(seed).permutation(len(images))
    kept = min(len(images) - 1, max(1, round(valid_fraction * len(images))))
    return images.take(sorted(order[kept:].tolist())), images.take(sorted(order[:kept].tolist()))


def fitted(images: Images) -> Preprocessing:
    """What is learnt of the training images before the network."""
    rows = ImageRows(images)
    total = np.zeros((images.form.height, images.form.width * images.form.channels))
    chosen = range(0, len(rows), -(-len(rows) // COUNTED))
    for n in chosen:
        total += rows[n]
    mean = total / (LEVELS * len(chosen))
    return Preprocessing(images.form, tuple(tuple(row) for row in mean.round(5).tolist()))
