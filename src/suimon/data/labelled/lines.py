"""Texts without labels: the lines of a file, or of standard input."""

import sys
from pathlib import Path

from suimon.data.labelled.sequences import LabelledSequences
from suimon.errors import DataError

TEXT_FILES = (".txt", "-")  # a text a line


def lines_of(path: str | Path, encoding: str) -> LabelledSequences:
    """The lines of a text file, or of standard input for ``-``, as texts; blank ones left out.

    Raises:
        DataError: there is no such file, it is in another encoding, or has nothing but blanks.
    """
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
        lines = data.decode(encoding).splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not {encoding}: byte {error.start} is {data[error.start]:#04x}; name its "
            "encoding by --encoding"
        ) from error
    kept = [n for n, line in enumerate(lines) if line.strip()]
    if not kept:
        raise DataError(f"{path} has no text: give a text a line")
    name = "standard input" if str(path) == "-" else str(path)
    texts = [lines[n] for n in kept]
    return LabelledSequences("text", texts, None, lambda n: f"{name}, line {kept[n] + 1}")
