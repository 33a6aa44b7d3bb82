"""One text: where its bytes come from, and how to read them a chunk at a time."""

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suimon.errors import DataError

CHUNK_BYTES = 1 << 18
"""Bytes read at a time: small enough that a chunk and its ids stay in the processor's cache."""


STANDARD_INPUT = "standard input"
"""What messages call it."""


@dataclass(frozen=True)
class Document:
    """A text that can be read from its start as often as needed.

    Attributes:
        name: what messages call it.
        path: the file; ``None`` where ``content`` holds the bytes.
        content: the bytes of a text that is in memory already.
        compressed: the file is gzip and is read unpacked.
        named: the user named this very file; otherwise it was found in a folder or by a pattern.
        keep: whatever must live as long as the document, such as a temporary file.
    """

    name: str
    path: Path | None = None
    content: bytes = b""
    compressed: bool = False
    named: bool = True
    keep: Any = field(default=None, repr=False, compare=False)

    def identity(self) -> object:
        """Equal for two documents that are one file, however each was named."""
        return self.path.resolve() if self.path else self

    def open_raw(self) -> io.FileIO | io.BytesIO:
        """The bytes as they are stored: still packed where the file is gzip."""
        if self.path is None:
            return io.BytesIO(self.content)
        try:
            return self.path.open("rb", buffering=0)
        except OSError as error:
            raise self._unreadable(error) from None

    def stamp(self) -> tuple[int, int]:
        """Size and time of the last change, to notice a file that changes while it is read."""
        if self.path is None:
            return len(self.content), 0
        try:
            found = self.path.stat()
        except OSError as error:
            raise self._unreadable(error) from None
        return found.st_size, found.st_mtime_ns

    def digest(self) -> bytes:
        """A hash of the bytes as they are stored, and of whether they are read unpacked."""
        with self.open_raw() as raw:
            try:
                content = hashlib.file_digest(raw, "sha256").digest()
            except OSError as error:
                raise self._unreadable(error) from None
        return content + bytes([self.compressed])

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The text's bytes, unpacked, at most ``size`` at a time.

        Raises:
            DataError: the file cannot be read, or is no valid gzip file.
        """
        with self.open_raw() as raw:
            stream: Any = gzip.GzipFile(fileobj=raw) if self.compressed else raw
            try:
                while chunk := stream.read(size):
                    yield chunk
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise DataError(
                    f"{self.name} is not a whole gzip file ({error}); unpack it another way, or "
                    "rename it if it is not compressed"
                ) from None
            except OSError as error:
                raise self._unreadable(error) from None

    def _unreadable(self, error: OSError) -> DataError:
        return DataError(f"cannot read {self.name}: {error.strerror}")

    def head(self, size: int = 8192) -> bytes:
        """The first bytes, unpacked: enough to tell text from a binary file."""
        return next(self.chunks(size), b"")


def document_at(path: str | Path) -> Document:
    """The text in a file, unpacked where its name ends in ``.gz``, or in standard input for ``-``.

    Raises:
        DataError: there is no such file.
    """
    if str(path) == "-":
        return Document(STANDARD_INPUT, content=sys.stdin.buffer.read())
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {path}: check the name")
    return Document(str(path), path, compressed=path.suffix.lower() == ".gz")


def name_of(path: str | Path) -> str:
    """What messages call a file, or standard input for ``-``."""
    return STANDARD_INPUT if str(path) == "-" else str(path)
