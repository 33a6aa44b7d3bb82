"""Arrays as the images or features that estimators read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from suimon.data.images import ImageForm, Images
from suimon.data.images.features import Features, features_of_array
from suimon.data.images.sequence import images_of_array
from suimon.data.images.video import Videos, videos_of_arrays
from suimon.errors import ShapeError

LEVELS = 255


def as_images(X: npt.ArrayLike, form: ImageForm | None = None) -> Images:
    """An array as images.

    Args:
        X: ``(N, height, width)`` or ``(N, height, width, 3)``; bytes, or numbers in 0 to 1, which
            are kept in 256 levels.
        form: what they are brought to; ``None``: as they are.

    Raises:
        ShapeError: it is none, or holds what is no brightness.
    """
    array = _even(X)
    colored = array.ndim == 4 and array.shape[-1] == 3
    if not (array.ndim == 3 or colored) or 0 in array.shape:
        raise ShapeError(
            f"X has shape {array.shape}; give (N, height, width), or (N, height, width, 3)"
        )
    array = _in_levels(array)
    own = ImageForm(array.shape[1], array.shape[2], 3 if colored else 1)
    return images_of_array(array, _place, form or own)


def as_videos(X: Sequence[npt.ArrayLike], form: ImageForm | None = None) -> Videos:
    """Arrays as videos.

    Args:
        X: of each video ``(T, height, width)``, or ``(T, height, width, 3)``; bytes, or numbers in
            0 to 1, which are kept in 256 levels.
        form: what their frames are brought to; ``None``: what the first video's have.

    Raises:
        ShapeError: one is none, or holds what is no brightness.
    """
    frames: list[npt.NDArray[np.uint8]] = []
    for n, video in enumerate(X):
        array = np.asarray(video)
        colored = array.ndim == 4 and array.shape[-1] == 3
        if not (array.ndim == 3 or colored) or 0 in array.shape:
            raise ShapeError(
                f"{_place(n)} has shape {array.shape}; give (T, height, width), or "
                "(T, height, width, 3)"
            )
        array = _in_levels(array)
        frames.append(array if colored else array[..., None])
    form = form or ImageForm(*frames[0].shape[1:])
    return videos_of_arrays(frames, _place, form)


def as_features(X: npt.ArrayLike, shape: tuple[int, int] | None = None) -> Features:
    """An array as features of images.

    Args:
        X: ``(N, M)``, or ``(N, S, M)`` of S places.
        shape: ``(S, M)`` that they must have; ``None``: any.

    Raises:
        ShapeError: it is none.
    """
    array = np.asarray(X)
    if array.ndim not in (2, 3) or 0 in array.shape or not np.issubdtype(array.dtype, np.number):
        raise ShapeError(f"X has shape {array.shape}; give numbers (N, M) or (N, S, M)")
    return features_of_array(array, _place, shape)


def _in_levels(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Brightness in bytes.

    Raises:
        ShapeError: it is none.
    """
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.number) or not (
        np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1
    ):
        raise ShapeError("X must hold bytes, or numbers from 0, black, to 1, white")
    return (array * LEVELS).round().astype(np.uint8)


def _place(n: int) -> str:
    return f"X[{n}]"


def _even(X: npt.ArrayLike) -> npt.NDArray[Any]:
    """What is an array, and not arrays of several shapes."""
    try:
        return np.asarray(X)
    except ValueError:
        raise ShapeError("X has arrays of several shapes: give all one") from None
