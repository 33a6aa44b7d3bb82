"""Writing a file so that a reader finds the old one or the new one, whatever interrupts us."""

import hashlib
import os
from pathlib import Path

from suimon.errors import CheckpointError


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: temporary name, fsync, rename, fsync of the directory.

    The temporary name is always the same, so that an interrupted write leaves one file at most,
    which the next write replaces.

    Raises:
        CheckpointError: the disk is full or cannot be written; the old file is still there.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        _discard(temporary)
        raise cannot_write(path, error) from error


def append_line(path: Path, line: str) -> None:
    """Add one line at the end and fsync; a kill leaves at most one unfinished last line.

    Raises:
        CheckpointError: the disk is full or cannot be written.
    """
    try:
        with path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error


def sync_directory(path: Path) -> None:
    """Make the renames inside a directory last through a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def cannot_write(path: Path, error: OSError) -> CheckpointError:
    """The error for a write that the system refused."""
    reason = error.strerror or str(error)
    return CheckpointError(
        f"cannot write {path}: {reason}; what was there before is kept: make room, or check the "
        "permissions, then go on with --resume"
    )


def _discard(temporary: Path) -> None:
    """Free what a failed write took; a disk that refuses even that changes nothing."""
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return
