"""Pictures of many images side by side, as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suimon.data.images.decoding import png
from suimon.errors import ConfigError

_GAP = 2
_LEAST_SIDE = 56  # a small image is drawn with larger pixels
_MARK = 255

Bytes = npt.NDArray[np.uint8]


def grid(rows: Sequence[Sequence[Bytes]]) -> Bytes:
    """Images in rows, white between them; small ones with their pixels several times as large.

    Args:
        rows: as many images in each, all ``(height, width, channels)``.

    Returns:
        ``(height, width, channels)``.
    """
    height, width, channels = rows[0][0].shape
    times = max(1, -(-_LEAST_SIDE // max(height, width)))
    step = (height * times + _GAP, width * times + _GAP)
    size = (len(rows) * step[0] + _GAP, len(rows[0]) * step[1] + _GAP, channels)
    picture = np.full(size, _MARK, np.uint8)
    for n, row in enumerate(rows):
        for m, image in enumerate(row):
            top, left = (_GAP + place * length for place, length in zip((n, m), step, strict=True))
            large = image.repeat(times, axis=0).repeat(times, axis=1)
            picture[top : top + large.shape[0], left : left + large.shape[1]] = large
    return picture


def check_picture(path: str | Path) -> None:
    """Look at a picture's name before there is anything to draw.

    Raises:
        ConfigError: it does not end in .png, or its folder does not exist.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ConfigError(f"{path} is no name of a PNG file: let it end in .png")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent} for {path.name}: make it first")


def save_grid(rows: Sequence[Sequence[Bytes]], path: str | Path) -> None:
    """Write :func:`grid` as a PNG file.

    Raises:
        ConfigError: Pillow is missing, the name does not end in .png, or it cannot be written.
    """
    check_picture(path)
    path = Path(path)
    content = png(grid(rows))
    temporary = path.with_name(f".{path.name}.partial")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}: name another place") from None
