"""Labelled texts, recordings, images or videos from a folder: a sub-folder a class."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

from suimon.data.audio import ENDINGS, Spectrum, SpectrumOptions, is_recording, read_frames
from suimon.data.images.decoding import ENDINGS as IMAGE_ENDINGS
from suimon.data.images.decoding import is_image
from suimon.data.images.read import ImageReading
from suimon.data.labelled.sequences import LabelledSequences
from suimon.data.text.decoding import checked_encoding, decoded
from suimon.data.text.document import Document
from suimon.errors import DataError

_TEXTS = (".txt", ".txt.gz")


class TextFiles(Sequence[str]):
    """The texts of files, each read when it is asked for: none is kept in memory.

    Args:
        paths: the files, one a text; those that end in ``.gz`` are read unpacked.
        encoding: how they are written.

    Raises:
        ConfigError: Python knows no such encoding.
        DataError: when a text is asked for: the file cannot be read, is empty, or is not written
            in the encoding.
    """

    def __init__(self, paths: Sequence[Path], encoding: str = "utf-8") -> None:
        self._paths = paths
        self._encoding = checked_encoding(encoding)

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "TextFiles": ...
    def __getitem__(self, index: int | slice) -> "str | TextFiles":
        if isinstance(index, slice):
            return TextFiles(self._paths[index], self._encoding)
        path = self._paths[index]
        document = Document(str(path), path, compressed=path.suffix == ".gz")
        text = "".join(decoded(document, self._encoding))
        if not text:
            raise DataError(f"{path} is empty; write a text into it, or remove it")
        return text


def read_class_folder(
    folder: Path,
    *,
    encoding: str = "utf-8",
    spectrum: Spectrum | None = None,
    images: ImageReading | None = None,
) -> LabelledSequences:
    """What is in a folder's sub-folders; each sub-folder's name is the label of all in it.

    The order is that of the labels, then of the files' names, on every system. Hidden files and
    folders are left out. A text is read each time that it is asked for.

    Args:
        folder: holds two sub-folders or more, each with files that end in ``.txt`` or
            ``.txt.gz``, and nothing else; or each with recordings, or with images, or with folders
            of a video's frames each, and nothing else.
        encoding: how texts are written.
        spectrum: how recordings become frames.
        images: how images and frames are read; ``None``: images row by row.

    Returns:
        Texts, recordings, images or videos; ``place(n)`` is a file's path below the folder,
        ``pos/12.txt``, or the path of a video's folder.

    Raises:
        ConfigError: Python knows no such encoding; soundfile is not installed.
        DataError: the folder cannot be read or is otherwise made up; a recording cannot be read;
            or, when a text is asked for, the file cannot be read, is empty, or is not written in
            the encoding.
    """
    inside = _visible(folder)
    for path in inside:
        if not path.is_dir():
            raise DataError(
                f"{folder} has the file {path.name} beside its sub-folders; move it into that of "
                "its class, or away"
            )
    if not inside:
        raise DataError(f"{folder} has no sub-folders; make one a class, with its texts in it")
    what, endings = _kind_of(_visible(inside[0]))
    files = [path for label in inside for path in _files_of(label, what, endings)]
    if len(inside) == 1:
        raise DataError(
            f"{folder} has one class only, {inside[0].name!r}; it takes two to tell apart"
        )
    labels = tuple(path.parent.name for path in files)

    def place(n: int) -> str:
        return files[n].relative_to(folder).as_posix()

    if what == "image":
        rows = (images or ImageReading()).of_files(files, [str(file) for file in files])
        return LabelledSequences("image", rows, labels, place, form=rows.images.form)
    if what == "video":
        videos = (images or ImageReading()).of_videos(files)
        return LabelledSequences("video", videos, labels, place, form=videos.images.form)
    if what == "recording":
        frames = read_frames(files, spectrum or SpectrumOptions())
        return LabelledSequences("audio", frames, labels, place, spectrum=frames.spectrum)
    return LabelledSequences("text", TextFiles(files, encoding), labels, place)


def _kind_of(files: list[Path]) -> tuple[str, tuple[str, ...]]:
    """What the first class holds, by any of its files; and how the names of such end."""
    if any(map(is_recording, files)):
        return "recording", ENDINGS
    if any(map(is_image, files)):
        return "image", IMAGE_ENDINGS
    if any(p.is_dir() for p in files) and not any(p.name.endswith(_TEXTS) for p in files):
        return "video", ()
    return "text", _TEXTS


def _files_of(label: Path, what: str, endings: tuple[str, ...]) -> list[Path]:
    files = _visible(label)
    for path in files:
        if what == "video":
            if not path.is_dir():
                raise DataError(
                    f"{path} is no folder, and other videos are folders of frames; put it into "
                    "the folder of its video, or move it away"
                )
        elif not path.name.lower().endswith(endings) or not path.is_file():
            raise DataError(
                f"{path} is no {what} file; a class holds files that end in "
                f"{' or '.join(endings)} and no folders: move it away, or rename it"
            )
    if not files:
        raise DataError(
            f"{label} holds no {what}; put the {what}s of its class into it, or remove it"
        )
    return files


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, but for hidden things, by name."""
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from None
    return sorted((p for p in inside if not p.name.startswith(".")), key=lambda path: path.name)
