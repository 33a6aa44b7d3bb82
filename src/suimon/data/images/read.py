"""From what a user names to images: files, folders of files, or an IDX file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suimon.data.images.decoding import ENDINGS, form_of, is_image
from suimon.data.images.form import ImageForm, chosen_form
from suimon.data.images.sequence import ImageRows, Images, images_of_array, images_of_files
from suimon.data.images.video import Videos, read_videos
from suimon.data.labelled.idx import is_idx, read_idx
from suimon.data.labelled.sequences import LabelledSequences
from suimon.errors import ConfigError, DataError


@dataclass(frozen=True)
class ImageReading:
    """How images become sequences.

    Attributes:
        size: see :func:`read_images`.
        color: likewise.
        form: what a network reads already; then size and colour are not chosen.
        pixels: whether each pixel is a step, in place of each row.
    """

    size: str | None = None
    color: str | None = None
    form: ImageForm | None = None
    pixels: bool = False

    def rows(self, images: Images) -> ImageRows:
        """Images as sequences."""
        return ImageRows(images, pixels=self.pixels)

    def of_files(self, files: Sequence[Path], names: Sequence[str]) -> ImageRows:
        """Image files as sequences; ``names`` is what messages call them."""
        form = self.form or chosen_form(form_of(files[0]), self.size, self.color)
        return self.rows(images_of_files(files, names, form))

    def of_videos(self, folders: Sequence[Path]) -> Videos:
        """Folders of frames as videos."""
        if self.pixels:
            raise ConfigError(f"{folders[0]} is a video, read frame by frame: leave out pixels")
        return read_videos(folders, size=self.size, color=self.color, form=self.form)

    def of_idx(self, found: LabelledSequences) -> ImageRows:
        """The images of an IDX file as sequences; they keep their size unless one is given."""
        array = np.asarray(found.sequences)
        own = ImageForm(array.shape[1], array.shape[2], 1)
        size = self.size or f"{own.height}x{own.width}"
        form = self.form or chosen_form(own, size, self.color)
        return self.rows(images_of_array(array, found.place, form))


def read_images(
    paths: Sequence[str | Path],
    *,
    size: str | None = None,
    color: str | None = None,
    form: ImageForm | None = None,
) -> Images:
    """The images of an IDX file, or of files and of folders with all that is in them.

    A folder's images are the files whose names end as images' do, by name; hidden ones and other
    files are left out.

    Args:
        paths: one IDX file of grey images; or image files and folders.
        size: rows and columns, ``28`` or ``28x20``; see
            :func:`suimon.data.images.form.chosen_form`.
        color: ``grey`` or ``rgb``.
        form: what a network reads already; then size and colour are not chosen.

    Raises:
        DataError: nothing is named, or found; a path cannot be read or used.
        ConfigError: the size is none, or Pillow is missing.
    """
    reading = ImageReading(size, color, form)
    if not paths:
        raise DataError("name the images: files, folders or an IDX file")
    named = [Path(path) for path in paths]
    for path in named:
        if str(path) == "-":
            raise DataError("images are not read from standard input: name files or folders")
        if not path.exists():
            raise DataError(f"there is no file or folder {path}: check the name")
    if named[0].is_file() and not is_image(named[0]) and is_idx(named[0]):
        if len(named) > 1:
            raise DataError(f"{named[0]} is an IDX file, read by itself: leave out {named[1]}")
        return reading.of_idx(read_idx(named[0], None)).images
    files = [file for path in named for file in _files_of(path)]
    return reading.of_files(files, [str(file) for file in files]).images


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        found = list(_below(path))
        if not found:
            raise DataError(f"{path} holds no image: its files would end in {', '.join(ENDINGS)}")
        return found
    if not is_image(path):
        raise DataError(
            f"{path} is no image: give an IDX file, or files that end in {', '.join(ENDINGS)}"
        )
    return [path]


def _below(folder: Path) -> Iterator[Path]:
    """The images below a folder, in the same order on every system."""
    try:
        inside = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from None
    for path in inside:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _below(path)
        elif is_image(path):
            yield path
