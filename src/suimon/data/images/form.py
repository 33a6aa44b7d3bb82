"""The one size and colour that all images of a data set are brought to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from suimon.errors import CheckpointError, ConfigError

MOST_SIDE = 1024
LONGEST_SIDE = 64
"""Pixels of an image's longer side where no size is given: larger ones are made smaller."""
CHANNELS = {"grey": 1, "rgb": 3}

_SIZE = re.compile(r"(\d{1,4})(?:x(\d{1,4}))?", re.ASCII)


@dataclass(frozen=True)
class ImageForm:
    """Size and colour of images, which are arrays ``(height, width, channels)`` of uint8.

    Attributes:
        height: rows.
        width: pixels of a row.
        channels: 1, grey, or 3: red, green and blue.
    """

    height: int
    width: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""
        return self.height, self.width, self.channels

    def state(self) -> dict[str, int]:
        """JSON-able; :meth:`from_state` reads it."""
        return {"height": self.height, "width": self.width, "channels": self.channels}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ImageForm:
        """What :meth:`state` described.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            return cls(state["height"], state["width"], state["channels"])
        except KeyError as error:
            raise CheckpointError(f"preprocess.json has no {error} of its images") from None

    def __str__(self) -> str:
        colour = next(name for name, count in CHANNELS.items() if count == self.channels)
        return f"{self.height} x {self.width}, {colour}"


def chosen_form(first: ImageForm, size: str | None, color: str | None) -> ImageForm:
    """The form that all images get.

    Args:
        first: that of the first image, as its file says.
        size: ``28`` for a square, ``28x20`` for 28 rows of 20 pixels; ``None``: the first image's,
            made smaller in proportion if its longer side has more than :data:`LONGEST_SIDE`.
        color: ``grey`` or ``rgb``; ``None``: the first image's.

    Raises:
        ConfigError: the size is none.

    Example:
        >>> print(chosen_form(ImageForm(480, 640, 3), None, None))
        48 x 64, rgb
        >>> print(chosen_form(ImageForm(480, 640, 3), "28x20", "grey"))
        28 x 20, grey
    """
    if color is not None:
        first = replace(first, channels=CHANNELS[color])
    if size is None:
        rate = min(1.0, LONGEST_SIDE / max(first.height, first.width))
        sides = (max(1, round(rate * side)) for side in (first.height, first.width))
        height, width = sides
        return replace(first, height=height, width=width)
    found = _SIZE.fullmatch(size)
    height, width = (int(side) for side in (found[1], found[2] or found[1])) if found else (0, 0)
    if not (1 <= height <= MOST_SIDE and 1 <= width <= MOST_SIDE):
        raise ConfigError(
            f"size = {size!r} is no size of images: give rows and columns from 1 to {MOST_SIDE}, "
            "such as 28 or 28x20"
        )
    return replace(first, height=height, width=width)
