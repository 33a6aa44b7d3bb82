"""Images with a sentence or several each: a folder with a table beside its images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suimon.data.images.decoding import form_of
from suimon.data.images.features import Features, features_of_files
from suimon.data.images.form import ImageForm, chosen_form
from suimon.data.images.read import read_images
from suimon.data.images.sequence import Images, images_of_files
from suimon.data.table_files import open_table, shown
from suimon.errors import DataError

TABLES = ("captions.csv", "captions.tsv", "captions.jsonl", "captions.parquet")
FEATURES = ".npy"

Pictures = Images | Features
Form = ImageForm | tuple[int, int]
"""What all pictures of a data set have: an image's form, or the shape ``(S, M)`` of features."""


@dataclass(frozen=True)
class Captioned:
    """Pictures and their captions.

    Attributes:
        pictures: images, or features of them.
        captions: as many as there are.
        picture_of: ``(N,)`` int64, the number of each caption's picture.
    """

    pictures: Pictures
    captions: Sequence[str]
    picture_of: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.captions)

    def of_pictures(self, chosen: Iterable[int]) -> Captioned:
        """The captions of some pictures only; the pictures keep their numbers."""
        mask = np.zeros(len(self.pictures), bool)
        mask[list(chosen)] = True
        kept = np.flatnonzero(mask[self.picture_of]).tolist()
        return Captioned(self.pictures, [self.captions[n] for n in kept], self.picture_of[kept])

    def references(self) -> dict[int, list[str]]:
        """The captions of each picture that has one."""
        found: dict[int, list[str]] = {}
        for number, caption in zip(self.picture_of.tolist(), self.captions, strict=True):
            found.setdefault(number, []).append(caption)
        return found


def form_of_pictures(pictures: Pictures) -> Form:
    """See :data:`Form`."""
    return pictures.form if isinstance(pictures, Images) else pictures.shape


def read_captioned(
    folder: str | Path,
    *,
    size: str | None = None,
    color: str | None = None,
    form: Form | None = None,
    encoding: str = "utf-8",
) -> Captioned:
    """The images or features in a folder, by its table of captions.

    Args:
        folder: holds ``captions.csv`` (or .tsv, .jsonl, .parquet) with the columns ``image``, a
            file's name below the folder, and ``caption``; an image may have several rows. Files
            that end in ``.npy`` hold features. Files without a row are left out.
        size: of images, see :func:`suimon.data.images.form.chosen_form`.
        color: ``grey`` or ``rgb``.
        form: what a network reads already; then size and colour are not chosen.
        encoding: of the table.

    Raises:
        DataError: the folder, its table, a row of it or its first image cannot be used.
        ConfigError: the size is none, or a library is missing.
    """
    folder = Path(folder)
    table = open_table(_table_in(folder), encoding)
    names, captions = (table.column(table.number_of(name)) for name in ("image", "caption"))
    numbers: dict[str, int] = {}
    texts: list[str] = []
    picture_of: list[int] = []
    for row, (name, caption) in enumerate(zip(names, captions, strict=True)):
        for column, value in (("image", name), ("caption", caption)):
            if not isinstance(value, str) or not value.strip():
                raise DataError(
                    f"{table.place(row)}, column {column!r} holds {shown(value)}: fill it, or "
                    "leave the row out"
                )
        if name not in numbers:
            if not (folder / name).is_file():
                raise DataError(f"{table.place(row)}: there is no file {folder / name}")
            numbers[name] = len(numbers)
        picture_of.append(numbers[name])
        texts.append(caption)
    files = [folder / name for name in numbers]
    pictures = pictures_of(files, size=size, color=color, form=form)
    return Captioned(pictures, texts, np.array(picture_of, np.int64))


def read_pictures(paths: Sequence[str | Path], form: Form) -> Pictures:
    """What a network that reads one form is to describe: files, or folders with all in them.

    Raises:
        DataError: nothing is named or found, or a path cannot be used.
    """
    if isinstance(form, ImageForm):
        return read_images(paths, form=form)
    files = [
        file
        for path in map(Path, paths)
        for file in (sorted(path.rglob(f"*{FEATURES}")) if path.is_dir() else [path])
    ]
    if not files:
        raise DataError(f"there are no features: name files that end in {FEATURES}, or folders")
    return pictures_of(files, form=form)


def pictures_of(
    files: Sequence[Path],
    *,
    size: str | None = None,
    color: str | None = None,
    form: Form | None = None,
) -> Pictures:
    """Files of images, or of features, made one form; see :func:`read_captioned`."""
    of_features = [file.suffix.lower() == FEATURES for file in files]
    if any(of_features) != all(of_features):
        odd = files[of_features.index(not of_features[0])]
        raise DataError(
            f"{odd} stands among files of another kind: give images or {FEATURES} files"
        )
    if of_features[0]:
        if isinstance(form, ImageForm):
            raise DataError(f"{files[0]} holds features, and the network reads images of {form}")
        return features_of_files(files, form)
    if isinstance(form, tuple):
        raise DataError(f"{files[0]} is no {FEATURES} file, and the network reads features")
    form = form or chosen_form(form_of(files[0]), size, color)
    return images_of_files(files, [str(file) for file in files], form)


def _table_in(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder: name one with images and {TABLES[0]} in it")
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    if len(found) != 1:
        what = " and ".join(path.name for path in found) or f"no {TABLES[0]}"
        raise DataError(
            f"{folder} has {what}: give one table with the columns 'image' and 'caption'"
        )
    return found[0]
