"""From the paths a user names to the documents they stand for."""

import glob
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from suimon.data.cache import cache_folder, disk_errors
from suimon.data.text.decoding import looks_binary
from suimon.data.text.document import Document
from suimon.errors import DataError


@dataclass(frozen=True)
class Sources:
    """Documents in reading order, and what the user should be told about finding them."""

    documents: tuple[Document, ...]
    notices: tuple[str, ...] = ()


@dataclass
class _Search:
    """What a walk through one folder or pattern found and left out."""

    files: list[Document] = field(default_factory=list)
    hidden: int = 0
    binary: int = 0
    empty: int = 0

    def consider(self, path: Path, encoding: str) -> None:
        document = _document(path, named=False)
        head = document.head()
        if not head:
            self.empty += 1
        elif looks_binary(head, encoding):
            self.binary += 1
        else:
            self.files.append(document)

    def left_out(self) -> str:
        """For example ``3 hidden, 2 binary and 1 empty``; an empty string where nothing was."""
        parts = [f"{n} {kind}" for kind in ("hidden", "binary", "empty") if (n := vars(self)[kind])]
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def find_documents(paths: Sequence[str | Path], *, encoding: str = "utf-8") -> Sources:
    """The documents that ``paths`` stand for, each once, in the order of the paths.

    A path is a file; a folder, searched at every depth, in the order of its sorted paths; a
    pattern such as ``'books/*.txt'``; or ``-`` for standard input. A name that ends in ``.gz`` is
    read unpacked. Folders and patterns leave out hidden, binary and empty files, and say how many
    in one notice each; a file that is named itself must be usable. Pipes and standard input can be
    read only once and are copied to a temporary file first.

    Args:
        paths: what the user named, at least one.
        encoding: how the files are written; it decides which of them look binary.

    Raises:
        DataError: a path does not exist, cannot be read, or holds no text.
    """
    if not paths:
        raise DataError("no text given; name a file, a folder, a pattern, or - for standard input")
    documents: dict[object, Document] = {}
    notices = []
    for path in map(str, paths):
        found, notice = _find(path, encoding)
        for document in found:
            documents.setdefault(document.identity(), document)
        notices += [notice] if notice else []
    return Sources(tuple(documents.values()), tuple(notices))


def _find(path: str, encoding: str) -> tuple[list[Document], str]:
    """The documents of one path, and a notice of what was left out."""
    if path == "-":
        return [_standard_input()], ""
    if not os.path.lexists(path):
        if not glob.has_magic(path):
            raise DataError(f"{path} does not exist; check the path, or use - for standard input")
        # Path.glob takes no pattern that starts at the root.
        found = glob.glob(path, recursive=True)  # noqa: PTH207
        matches = sorted(map(Path, found), key=lambda match: match.parts)
        if not matches:
            raise DataError(f"no file matches the pattern {path!r}")
        return _search(path, matches, encoding)
    if Path(path).is_dir():
        return _search(path, [Path(path)], encoding)
    return [_named_file(Path(path))], ""


def _search(what: str, starts: list[Path], encoding: str) -> tuple[list[Document], str]:
    search = _Search()
    for start in starts:
        for path in _walk(start, search) if start.is_dir() else [start]:
            if path.is_file():
                search.consider(path, encoding)
    left_out = search.left_out()
    if not search.files:
        raise DataError(
            f"{what} holds no text file" + (f": {left_out} left out" if left_out else "")
        )
    return search.files, f"{what}: {left_out} left out" if left_out else ""


def _walk(folder: Path, search: _Search) -> Iterator[Path]:
    """The files below ``folder`` in the order of their sorted paths, hidden ones counted."""

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot read the folder {error.filename}: {error.strerror}") from None

    found = []
    for parent, folders, files in os.walk(folder, onerror=refuse):
        search.hidden += sum(name.startswith(".") for name in folders + files)
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    return iter(sorted(found, key=lambda path: path.parts))


def _document(path: Path, *, named: bool) -> Document:
    return Document(str(path), path, compressed=path.suffix == ".gz", named=named)


def _named_file(path: Path) -> Document:
    try:
        kind = path.stat().st_mode
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    document = _document(path, named=True)
    if stat.S_ISFIFO(kind):
        with document.open_raw() as pipe:
            return _spooled(str(path), pipe)
    if not document.head():
        raise DataError(f"{path} is empty; name a file with text in it")
    return document


def _standard_input() -> Document:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise DataError(
            "standard input cannot be shared by several processes; save it to a file and name that"
        )
    document = _spooled("standard input", sys.stdin.buffer)
    if not document.head():
        raise DataError("standard input is empty; pipe a text into it, or name a file")
    return document


def _spooled(name: str, stream: object) -> Document:
    """A copy of a stream that can be read once, in a temporary file that goes when it is done."""
    folder = cache_folder()
    with disk_errors(folder):
        # The document keeps the file open; it vanishes with the document.
        copy = tempfile.NamedTemporaryFile(dir=folder, prefix="stdin-", suffix=".tmp")  # noqa: SIM115
        shutil.copyfileobj(stream, copy, 1 << 20)  # pyright: ignore[reportArgumentType]
        copy.flush()
    return Document(name, Path(copy.name), keep=copy)
