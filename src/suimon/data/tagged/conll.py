"""Tagged words in columns, a line a word, as the shared tasks of CoNLL have them."""

from collections.abc import Sequence
from pathlib import Path

from suimon.data.tagged.sequences import TaggedSequences
from suimon.data.text.decoding import checked_encoding, decoded
from suimon.data.text.document import document_at, name_of
from suimon.errors import ConfigError, DataError

_DOCUMENT = "-DOCSTART-"


def read_conll(
    paths: Sequence[str | Path],
    *,
    text: int = 1,
    label: int | None = -1,
    encoding: str = "utf-8",
) -> TaggedSequences:
    """The sentences of files with a word a line and its tag in another column.

    Columns have tabs between them, or, in a line without one, white space. A blank line ends a
    sentence, and so does one of ``-DOCSTART-``, which is left out.

    Args:
        paths: the files, joined in order; each also with ``.gz`` behind its name, or ``-`` for
            standard input.
        text: the column of the words, from 1 on.
        label: the column of the tags, or -1 for the last; ``None``: they are not read.
        encoding: how the files are written.

    Returns:
        ``text``; ``place(n)`` is the line on which a sentence begins.

    Raises:
        ConfigError: one column is asked for as text and as label.
        DataError: a file cannot be read, or has no sentence; lines that differ in their number of
            columns; a column that is not there; an empty word or tag.
    """
    if label == text:
        raise ConfigError(f"column {label} is asked for as text and as label; name another")
    sentences: list[tuple[str, ...]] = []
    tags: list[tuple[str, ...]] = []
    places: list[str] = []
    for path in map(Path, paths):
        before = len(sentences)
        words, marks, begun = [], [], 0
        for number, cells in _lines(path, encoding, text, label):
            if cells:
                begun = begun or number
                words.append(cells[text - 1])
                if label is not None:
                    marks.append(cells[label if label < 0 else label - 1])
            elif words:
                sentences.append(tuple(words))
                tags.append(tuple(marks))
                places.append(f"{_called(path)}, line {begun}")
                words, marks, begun = [], [], 0
        if len(sentences) == before:
            raise DataError(
                f"{name_of(path)} has no sentence: give a word a line, and its tag behind it"
            )
    known = None if label is None else tags
    return TaggedSequences("text", sentences, known, lambda n: places[n])


def _lines(path: Path, encoding: str, text: int, label: int | None) -> list[tuple[int, list[str]]]:
    """Each line's number from 1 and its cells, none where a sentence ends; one more at the end."""
    document = document_at(path)
    content = "".join(decoded(document, checked_encoding(encoding)))
    found: list[tuple[int, list[str]]] = []
    first, width = 0, 0
    for number, line in enumerate(content.split("\n"), start=1):
        cells = line.rstrip("\r").split("\t") if "\t" in line else line.split()
        cells = [cell.strip() for cell in cells]
        if not any(cells) or cells[0] == _DOCUMENT:
            found.append((number, []))
            continue
        first, width = first or number, width or len(cells)
        if len(cells) != width:
            raise DataError(
                f"{_called(path)}, line {number} has {len(cells)} columns, and line {first} has "
                f"{width}: give every word the same columns, and a blank line between sentences"
            )
        if first == number:
            _check_columns(path, number, width, text, label)
        wanted = [text] if label is None else [text, label]
        if not all(cells[column - 1 if column > 0 else column] for column in wanted):
            raise DataError(f"{_called(path)}, line {number} has an empty column: fill it")
        found.append((number, cells))
    return [*found, (0, [])]


def _called(path: Path) -> str:
    return Path(name_of(path)).name


def _check_columns(path: Path, number: int, width: int, text: int, label: int | None) -> None:
    if label is not None and width < 2:
        raise DataError(
            f"{_called(path)}, line {number} has one column: give a word and its tag, with white "
            "space or a tab between them"
        )
    if label == -1 and text == width:
        raise ConfigError(f"column {text} is asked for as text and as label; name another")
    for column in (text, label or text):
        if column > width:
            raise DataError(
                f"{_called(path)} has {width} columns, and column {column} is asked for: name one "
                f"from 1 to {width}"
            )
