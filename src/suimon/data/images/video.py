"""Videos as folders of frames, all of one form; a frame is read when it is asked for."""

from __future__ import annotations

import os
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from suimon.data.images.decoding import ENDINGS, form_of, is_image, resized, stored_size
from suimon.data.images.form import ImageForm, chosen_form
from suimon.data.images.sequence import Images, images_of_files
from suimon.errors import DataError

MOST_CHECKED = 20_000
"""Frames whose size is looked at when videos are read, and that are decoded before training."""

Bytes = npt.NDArray[np.uint8]


class FrameFiles(Sequence[Path]):
    """The files of the frames of all videos, one video after another.

    Args:
        folders: a video each.

    Attributes:
        starts: ``(N+1,)``, the number of each video's first frame, and how many there are.

    Raises:
        DataError: a folder cannot be read, has no frame, or holds something else.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._names: list[str] = []  # of all videos, which share equal ones: few bytes a frame
        self.starts = [0]
        for folder in folders:
            self._names += map(sys.intern, frames_in(folder))
            self.starts.append(len(self._names))

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> list[Path]: ...
    def __getitem__(self, index: int | slice) -> Path | list[Path]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        name = self._names[index]
        return self._folders[bisect_right(self.starts, index) - 1] / name


class Video(Sequence[Bytes]):
    """The frames of one video in order, ``(height, width, channels)`` uint8 each.

    Args:
        images: frames of all videos.
        numbers: which of them are this one's.
    """

    def __init__(self, images: Images, numbers: Sequence[int] | npt.NDArray[np.int64]) -> None:
        self._images = images
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, step: Any) -> Any:
        """One frame. Raises as :func:`suimon.data.images.decoding.decoded`."""
        return self._images[int(self._numbers[step])]

    def take(self, steps: Iterable[int]) -> Video:
        """Only some of the frames, in the order given; none is read."""
        return Video(self._images, np.array([self._numbers[n] for n in steps], np.int64))


class Videos(Sequence[Video]):
    """Videos side by side.

    Args:
        images: frames of all videos.
        frames: of each video, the numbers of its frames.
    """

    def __init__(self, images: Images, frames: Sequence[range]) -> None:
        self.images = images
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, number: Any) -> Any:
        """One video; nothing is read."""
        return Video(self.images, self._frames[number])

    def take(self, numbers: Iterable[int]) -> Videos:
        """Only some of the videos, in the order given."""
        return Videos(self.images, [self._frames[n] for n in numbers])


def read_videos(
    folders: Sequence[Path],
    *,
    size: str | None = None,
    color: str | None = None,
    form: ImageForm | None = None,
) -> Videos:
    """Folders of frames, a video each.

    Args:
        folders: one or more.
        size: see :func:`suimon.data.images.form.chosen_form`.
        color: ``grey`` or ``rgb``.
        form: what a network reads already; then size and colour are not chosen.

    Raises:
        DataError: a folder cannot be read, has no frame, or holds something else; a frame is no
            image, or is of another size than the first of its video.
        ConfigError: the size is none, or Pillow is missing.
    """
    files = FrameFiles(folders)
    frames = [range(start, end) for start, end in pairwise(files.starts)]
    _refuse_uneven(files, frames)
    form = form or chosen_form(form_of(files[0]), size, color)
    return Videos(images_of_files(files, None, form), frames)


def videos_of_arrays(
    arrays: Sequence[Bytes], place: Callable[[int], str], form: ImageForm
) -> Videos:
    """Videos that are in memory already.

    Args:
        arrays: ``(T, height, width, channels)`` each.
        place: where a video stands, by its number.
        form: what their frames are brought to.
    """
    starts = [0, *np.cumsum([len(array) for array in arrays]).tolist()]

    def pixels(number: int) -> Bytes:
        video = bisect_right(starts, number) - 1
        return resized(arrays[video][number - starts[video]], form)

    images = Images(form, pixels, lambda n: place(bisect_right(starts, n) - 1), starts[-1])
    return Videos(images, [range(start, end) for start, end in pairwise(starts)])


def frames_in(folder: Path) -> list[str]:
    """The names of a video's frames, numbers by their size: ``2.png`` before ``10.png``.

    Hidden files and folders are left out.

    Raises:
        DataError: the folder cannot be read, has no frame, or holds something else.
    """
    names = []
    for entry in _visible(folder):
        if not is_image(Path(entry.name)) or not entry.is_file():
            raise DataError(
                f"{folder / entry.name} is no frame; the folder of a video holds files that end in "
                f"{' or '.join(ENDINGS)}, and nothing else: move it away, or rename it"
            )
        names.append(entry.name)
    if not names:
        raise DataError(f"{folder} holds no frame; put the video's images into it, or remove it")
    return sorted(names, key=_by_numbers)


def folders_of_frames(folder: Path) -> Iterator[Path]:
    """A folder that holds images, or all those below it, in the same order on every system."""
    inside = _visible(folder)
    if any(is_image(Path(entry.name)) and entry.is_file() for entry in inside):
        yield folder
        return
    for name in sorted((entry.name for entry in inside if entry.is_dir()), key=_by_numbers):
        yield from folders_of_frames(folder / name)


def check_frames(videos: Sequence[Video]) -> None:
    """Read frames, :data:`MOST_CHECKED` at most and spread over all videos.

    Raises:
        DataError: one is broken.
    """
    for video, steps in zip(videos, _spread(videos), strict=True):
        for n in steps:
            video[n]


def padded_frames(videos: Sequence[Sequence[Bytes]], form: ImageForm) -> Tensor:
    """Videos of T_b frames as ``(T, B, height, width, channels)`` uint8, zeros behind each end."""
    frames = torch.zeros(max(map(len, videos)), len(videos), *form.shape, dtype=torch.uint8)
    array = frames.numpy()
    for column, video in enumerate(videos):
        for step, frame in enumerate(video):
            array[step, column] = frame
    return frames


def _spread(videos: Sequence[Sequence[Any]]) -> Iterator[range]:
    """Of each video the frames to check: all, or evenly so many that :data:`MOST_CHECKED` are."""
    every = -(-sum(map(len, videos)) // MOST_CHECKED)
    before = 0  # frames of earlier videos
    for video in videos:
        yield range(-before % every, len(video), every)
        before += len(video)


def _refuse_uneven(files: FrameFiles, frames: Sequence[range]) -> None:
    """Look at sizes, by the headers alone: frames stretched each in its own way would not show how
    things moved.
    """
    for numbers, steps in zip(frames, _spread(frames), strict=True):
        first = stored_size(files[numbers[0]])
        for n in steps:
            found = stored_size(files[numbers[n]])
            if found != first:
                raise DataError(
                    f"{files[numbers[n]]} has {found[0]:,} x {found[1]:,} pixels, and the first "
                    f"frame of its video {first[0]:,} x {first[1]:,}: bring them to one size"
                )


def _by_numbers(name: str) -> tuple[list[str | int], str]:
    """What a name is ordered by: its letters, and its numbers by their size."""
    parts = re.split("([0-9]+)", name)
    return [int(part) if n % 2 else part for n, part in enumerate(parts)], name


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, but for hidden things; whether it is a file costs no further look."""
    try:
        with os.scandir(folder) as inside:
            return [entry for entry in inside if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from None
