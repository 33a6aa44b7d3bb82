"""Labelled images from IDX files, the format of MNIST and its kin.

A file is two zero bytes, a byte for the type, a byte for the number of dimensions, the dimensions
as big-endian unsigned 32-bit integers, and then the values, the last dimension fastest.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", file formats.
"""

import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from suimon.data.labelled.sequences import LabelledSequences
from suimon.errors import DataError

_GZIP = b"\x1f\x8b"
_UINT8 = 0x08
_TYPES = (_UINT8, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)
_IMAGES = 3
"""Dimensions of images: their number, their rows, the pixels of a row."""
_LABELS = 1
_MOST_UNPACKED = 1 << 31
"""Bytes that a gzipped file may hold: they are kept in memory, those of a plain one are not."""
_CHUNK = 1 << 20

Bytes = npt.NDArray[np.uint8]


def read_idx(images: Path, labels: Path | None) -> LabelledSequences:
    """Grey images from an IDX file, and their labels from another.

    Either may be gzipped, whatever it is called. What a header claims is held against the length of
    the file before memory is taken.

    Shapes: N images of T rows of I pixels, one array ``(N, T, I)`` uint8: 0 to 255.

    Args:
        images: the file of the images; a plain one is mapped into memory, read-only, and must stay
            as it is while it is used, a gzipped one is read whole.
        labels: the file of their labels, ``(N,)`` uint8.

    Returns:
        ``image`` with the labels as the names of their numbers, such as ``7``; ``None`` without a
        file of labels.

    Raises:
        DataError: a file cannot be read, is no IDX file of unsigned bytes, is longer or shorter
            than its header says, or holds nothing; more than 2 GiB are gzipped; the two files do
            not belong together, or are the wrong way round.
    """
    pictures = _header(images)
    names = None if labels is None else _header(labels)
    if names and (len(pictures.shape), len(names.shape)) == (_LABELS, _IMAGES):
        raise DataError(
            f"{images} holds labels and {labels} holds images; name them the other way round"
        )
    _check_dimensions(pictures, _IMAGES, "images")
    if names:
        _check_dimensions(names, _LABELS, "labels")
        if names.shape[0] != pictures.shape[0]:
            raise DataError(
                f"{names.path} holds {names.shape[0]:,} labels and {images} "
                f"{pictures.shape[0]:,} images; name two files that belong together"
            )
    return LabelledSequences(
        "image",
        _array(pictures),
        tuple(map(str, _array(names).tolist())) if names else None,
        lambda n: f"{images}, image {n + 1}",
    )


def is_idx(path: Path) -> bool:
    """Whether a file, plain or gzipped, starts as an IDX file does; ``False`` if unreadable."""
    try:
        with _opened(path) as (file, _):
            return _starts_as_idx(file.read(4))
    except DataError:
        return False


def labels_beside(images: Path) -> Path | None:
    """The file of labels that stands beside one of images and is named as MNIST's are.

    ``train-labels-idx1-ubyte`` or ``train-labels-idx1-ubyte.gz`` for ``train-images-idx3-ubyte``,
    whether that ends in ``.gz`` or not; ``labels.idx1`` for ``images.idx3`` likewise. ``None``
    where no such file is.
    """
    name, found = re.subn(r"images([-.])idx3", r"labels\1idx1", images.name)
    if not found:
        return None
    plain = name.removesuffix(".gz")
    names = dict.fromkeys((name, plain, f"{plain}.gz"))  # the same ending first
    return next((path for name in names if (path := images.with_name(name)).is_file()), None)


@dataclass(frozen=True)
class _Header:
    """What an IDX file says of itself.

    Attributes:
        path: the file.
        compressed: it is gzipped.
        shape: its dimensions.
    """

    path: Path
    compressed: bool
    shape: tuple[int, ...]

    @property
    def offset(self) -> int:
        """Bytes before the values."""
        return 4 + 4 * len(self.shape)


def _header(path: Path) -> _Header:
    with _opened(path) as (file, compressed):
        magic = file.read(4)
        if not _starts_as_idx(magic):
            raise DataError(
                f"{path} is no IDX file: it starts with {magic.hex(' ') or 'nothing'}, and one of "
                "bytes with 00 00 08; name an IDX file"
            )
        kind, dimensions = magic[2], magic[3]
        if kind != _UINT8:
            raise DataError(
                f"{path} holds values of the IDX type 0x{kind:02x}; only unsigned bytes, 0x08, are "
                "read: convert them"
            )
        sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{path} is cut short within its header; get the file again")
    return _Header(path, compressed, struct.unpack(f">{dimensions}I", sizes))


def _starts_as_idx(magic: bytes) -> bool:
    return len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _TYPES and 1 <= magic[3] <= 8


def _check_dimensions(header: _Header, dimensions: int, what: str) -> None:
    if len(header.shape) != dimensions:
        expected = "number, rows, columns" if dimensions == _IMAGES else "number"
        raise DataError(
            f"{header.path} has {len(header.shape)} dimensions, {_sizes(header)}; a file of {what} "
            f"has {dimensions}, {expected}: name one"
        )
    if 0 in header.shape:
        raise DataError(
            f"{header.path} holds nothing: its dimensions are {_sizes(header)}; name a file with "
            f"{what} in it"
        )


def _array(header: _Header) -> Bytes:
    """The values, read-only; in the file where it is plain, in memory where it is gzipped."""
    claimed = math.prod(header.shape)
    with _opened(header.path) as (file, _):
        if not header.compressed:
            found = header.path.stat().st_size - header.offset
            _check_length(header, claimed, found)
            return np.memmap(header.path, np.uint8, "r", header.offset, header.shape)
        file.read(header.offset)
        unpacked = bytearray()
        most = min(claimed, _MOST_UNPACKED) + 1  # one more byte tells whether there are too many
        while chunk := file.read(min(_CHUNK, most - len(unpacked))):
            unpacked += chunk
    if len(unpacked) > _MOST_UNPACKED:
        raise DataError(
            f"{header.path} holds more than {_MOST_UNPACKED >> 30} GiB; unpack it with gunzip, so "
            "that it need not be in memory"
        )
    _check_length(header, claimed, len(unpacked))
    values = np.frombuffer(unpacked, np.uint8).reshape(header.shape)
    values.flags.writeable = False
    return values


def _check_length(header: _Header, claimed: int, found: int) -> None:
    if found == claimed:
        return
    wrong = "is cut short" if found < claimed else "is too long"
    held = f"{found:,}" if found < claimed or not header.compressed else "more"
    raise DataError(
        f"{header.path} {wrong}: its header says {_sizes(header)}, {claimed:,} bytes, and it holds "
        f"{held}; get the file again"
    )


def _sizes(header: _Header) -> str:
    return " x ".join(map(str, header.shape))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """The bytes of a file, unpacked if it is gzipped, and whether it is."""
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == _GZIP
            raw.seek(0)
            if not compressed:
                yield raw, False
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(BinaryIO, unpacked), True
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a whole gzip file ({error}); get the file again") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
