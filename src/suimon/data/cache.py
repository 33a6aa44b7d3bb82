"""The cache of what data was turned into: where it is, and one file of it.

A file holds the parts of a data set end to end: the tokens of documents, the frames of recordings.
It is written once, under a temporary name, and renamed when it is whole::

    values      N numbers of one type: ids of tokens, powers of frames
    lengths     N uint32, only where each value stands for a number of characters of its own
    starts      P + 1 int64: the value each part starts at, and N
    header      JSON: everything else
    trailer     length of the header (8 bytes), CRC-32 of all before the trailer (4), magic (8)

The arrays start at multiples of 8 bytes, so that they can be mapped into memory and read in place.
"""

import errno
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from suimon.errors import DataError

try:
    import fcntl
except ImportError:  # Windows: two processes may both make a file; the renames stay safe
    fcntl = None

_MAGIC = b"suimon\x00\x02"
_TRAILER = struct.Struct("<QI8s")
_BLOCK = 1 << 20


class Cached(NamedTuple):
    """What a cache file holds; the arrays are mapped, not loaded."""

    values: npt.NDArray[Any]
    lengths: npt.NDArray[np.uint32] | None
    starts: npt.NDArray[np.int64]
    header: dict[str, Any]


def cache_folder() -> Path:
    """``SUIMON_CACHE``, else ``suimon`` in ``XDG_CACHE_HOME``, else ``~/.cache/suimon``.

    Raises:
        DataError: the folder cannot be made.
    """
    named = os.environ.get("SUIMON_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = (Path(named) if named else Path(base, "suimon")).expanduser()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into one line that says where and what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        remedy = "free some space" if full else "make it writable"
        raise DataError(
            f"cannot write the cache in {folder}: {error.strerror}; {remedy}, or set SUIMON_CACHE "
            "to another folder"
        ) from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time makes a cache file; those that waited find it made."""
    with disk_errors(path.parent):
        lock = path.with_suffix(".lock").open("wb")
    with lock:
        if fcntl is not None:
            with disk_errors(path.parent):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class CacheWriter:
    """Writes one cache file piece by piece; leaving the ``with`` block early leaves nothing.

    Args:
        path: the final name.
        dtype: the type of the values.

    Attributes:
        count: values written so far.
    """

    def __init__(self, path: Path, dtype: np.dtype) -> None:
        self._path = path
        self._dtype = dtype
        self._checksum = 0
        self._written = 0
        self.count = 0
        self._file: BinaryIO
        self._lengths: BinaryIO

    def __enter__(self) -> "CacheWriter":
        folder = self._path.parent
        with disk_errors(folder):
            # Whoever holds the lock is alone, so what is left of this name is of a killed process.
            for leftover in folder.glob(f"{self._path.stem}.*.tmp"):
                leftover.unlink(missing_ok=True)
            self._temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
            self._file = self._temporary.open("wb")
            self._lengths = tempfile.TemporaryFile(dir=folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closing flushes, which on a full disk fails again; the first error is the one to show.
        for file in (self._lengths, self._file):
            try:
                file.close()
            except OSError:
                if kind is None:
                    raise
        self._temporary.unlink(missing_ok=True)

    def append(
        self, values: npt.NDArray[Any], lengths: npt.NDArray[np.uint32] | None = None
    ) -> None:
        """Add values ``(N,)`` at the end, and where there are some their lengths."""
        with disk_errors(self._path.parent):
            self._write(values.astype(self._dtype, copy=False).tobytes())
            if lengths is not None:
                self._lengths.write(lengths.tobytes())
        self.count += len(values)

    def finish(self, starts: list[int], header: dict[str, Any]) -> None:
        """Complete the file and give it its final name."""
        with disk_errors(self._path.parent):
            self._align()
            has_lengths = self._lengths.tell() > 0
            self._lengths.seek(0)
            while block := self._lengths.read(_BLOCK):
                self._write(block)
            self._align()
            self._write(np.array(starts, np.int64).tobytes())
            facts = {
                "dtype": self._dtype.name,
                "values": self.count,
                "starts": len(starts),
                "has_lengths": has_lengths,
            }
            packed = json.dumps(facts | header).encode()
            self._write(packed)
            self._file.write(_TRAILER.pack(len(packed), self._checksum, _MAGIC))
            self._file.close()
            self._temporary.replace(self._path)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._checksum = zlib.crc32(data, self._checksum)
        self._written += len(data)

    def _align(self) -> None:
        self._write(bytes(-self._written % 8))


def read_cached(path: Path) -> Cached | None:
    """What is in a cache file; ``None`` if there is none, or it is cut short or damaged."""
    try:
        with path.open("rb") as file:
            header = _checked_header(file)
    except OSError:
        return None
    if header is None:
        return None
    count, dtype = header["values"], np.dtype(header["dtype"])
    values = np.memmap(path, dtype, "r", 0, (count,))
    offset = _aligned(count * dtype.itemsize)
    lengths = None
    if header["has_lengths"]:
        lengths = np.memmap(path, np.uint32, "r", offset, (count,))
        offset = _aligned(offset + count * 4)
    starts = np.memmap(path, np.int64, "r", offset, (header["starts"],))
    return Cached(values, lengths, starts, header)


def _aligned(offset: int) -> int:
    return offset + -offset % 8


def _checked_header(file: BinaryIO) -> dict[str, Any] | None:
    size = file.seek(0, os.SEEK_END) - _TRAILER.size
    if size < 0:
        return None
    file.seek(size)
    header_size, expected, magic = _TRAILER.unpack(file.read())
    if magic != _MAGIC or header_size > size:
        return None
    file.seek(0)
    checksum, left = 0, size
    while left:
        block = file.read(min(_BLOCK, left))
        checksum, left = zlib.crc32(block, checksum), left - len(block)
    if checksum != expected:
        return None
    file.seek(size - header_size)
    return json.loads(file.read(header_size))
