"""Sequences with a label each: from tables, folders and archives, for classification."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from suimon.data.audio import Spectrum
from suimon.data.labelled.sequences import LabelledSequences
from suimon.errors import ConfigError, DataError

if TYPE_CHECKING:
    from suimon.data.images.read import ImageReading

__all__ = ["LabelledSequences", "read_labelled"]


def read_labelled(
    paths: Sequence[str | Path],
    *,
    label: str | None = None,
    text: str | None = None,
    values: Sequence[str] = (),
    audio: str | None = None,
    spectrum: Spectrum | None = None,
    images: "ImageReading | None" = None,
    encoding: str = "utf-8",
) -> LabelledSequences:
    """What a path holds, by what it is: archive, images, folder of classes, else a table.

    Args:
        paths: one path: a table, a ``.ts`` archive, a UCR ``.tsv`` (where no column is named), a
            folder with one sub-folder a class, or an IDX file of images, whose labels are found
            beside it; or the two IDX files. ``-`` is a table in standard input.
        label: a table's column of labels; ``None``: none are known.
        text: a table's column of texts.
        values: a table's columns of numbers.
        audio: a table's column of the names of recordings.
        spectrum: how recordings become frames; ``None``: as
            :class:`~suimon.data.audio.SpectrumOptions` has it.
        images: how images become sequences; ``None``: row by row, as they are.
        encoding: of texts and tables.

    Raises:
        DataError: the path cannot be used.
        ConfigError: the columns named do not go with it.
    """
    from suimon.data.labelled.archive import read_ts, read_tsv
    from suimon.data.labelled.folders import read_class_folder
    from suimon.data.labelled.idx import is_idx
    from suimon.data.labelled.table import read_table

    _check_paths(paths)
    first, *others = map(Path, paths)
    named = bool(label or text or values or audio)
    if first.is_dir():
        _refuse(named or others, first, "a folder of classes", "columns and further paths")
        return read_class_folder(first, encoding=encoding, spectrum=spectrum, images=images)
    if is_idx(first):
        _refuse(named or others[1:], first, "IDX images", "columns and further paths")
        return _images(first, others, images)
    if others:
        raise ConfigError(f"{first} is read by itself: leave out {others[0]}")
    if first.suffix == ".ts":
        _refuse(named, first, "a .ts archive", "columns")
        return read_ts(first)
    if first.suffix == ".tsv" and not named:
        return read_tsv(first)
    return read_table(
        first,
        label=label,
        text=text,
        values=values,
        audio=audio,
        spectrum=spectrum,
        encoding=encoding,
    )


def _check_paths(paths: Sequence[str | Path]) -> None:
    if not paths:
        raise DataError("name the data: a table, an archive, a folder of classes or IDX files")
    if str(paths[0]) != "-" and not Path(paths[0]).exists():
        raise DataError(f"there is no file or folder {paths[0]}: check the name")


def _images(
    first: Path, others: Sequence[Path], images: "ImageReading | None"
) -> LabelledSequences:
    """Those of an IDX file, with the labels of the other file, or of one found beside it."""
    from suimon.data.images.read import ImageReading
    from suimon.data.labelled.idx import labels_beside, read_idx

    found = read_idx(first, others[0] if others else labels_beside(first))
    rows = (images or ImageReading()).of_idx(found)
    return replace(found, sequences=rows, form=rows.images.form)


def _refuse(present: object, path: Path, what: str, surplus: str) -> None:
    if present:
        raise ConfigError(
            f"{path} is {what}, which says all by itself: leave out {surplus}, or name a table"
        )
