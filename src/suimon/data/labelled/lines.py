"""Texts without labels: the lines of a file, or of standard input."""

from pathlib import Path

from suimon.data.labelled.sequences import LabelledSequences
from suimon.data.text.document import name_of
from suimon.data.text.lines import lines_of
from suimon.errors import DataError

TEXT_FILES = (".txt", ".txt.gz", "-")  # a text a line


def texts_of_lines(path: str | Path, encoding: str) -> LabelledSequences:
    """The lines of a text file, or of standard input for ``-``, as texts; blank ones left out.

    Raises:
        DataError: there is no such file, it is in another encoding, or has nothing but blanks.
    """
    lines = {n: line for n, line in enumerate(lines_of(path, encoding), 1) if line.strip()}
    name = name_of(path)
    if not lines:
        raise DataError(f"{name} has no text: give a text a line")
    numbers = list(lines)
    return LabelledSequences(
        "text", list(lines.values()), None, lambda n: f"{name}, line {numbers[n]}"
    )
