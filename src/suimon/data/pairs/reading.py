"""Pairs of texts by what the paths are: two parallel files, a table, or lines with a separator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

from suimon.data.labelled.table import texts_in
from suimon.data.pairs.sentences import SentencePairs
from suimon.data.table_files import open_table
from suimon.data.text.document import name_of
from suimon.data.text.lines import lines_of
from suimon.errors import ConfigError, DataError

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def read_pairs(
    paths: Sequence[str | Path],
    *,
    source: str | None = None,
    target: str | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
) -> SentencePairs:
    """Sources and targets.

    Args:
        paths: two text files, line n of the one being the translation of line n of the other; or
            one file: a table (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``), or lines in two parts.
            Text files may be packed (``.gz``). ``-`` is standard input: a table where columns are
            named, else lines.
        source: a table's column of sources; ``None``: its first. Of a ``.tsv`` with no column
            named each line is a pair, for such files mostly have no line of names.
        target: likewise of targets; ``None``: its second.
        separator: what stands between source and target in lines, of standard input a tab where
            none is given; blanks around both are dropped.
        encoding: how text files and tables are written.

    Returns:
        The pairs, blanks around each text dropped.

    Raises:
        DataError: a path cannot be used, the files have unequally many lines, there is no pair, or
            a source or target is empty; the message names the line or row.
        ConfigError: options and paths do not go together.
    """
    if not paths or len(paths) > 2:
        raise DataError(
            f"{len(paths)} paths are given: name two parallel files, or one table or file of lines"
        )
    named = source is not None or target is not None
    first = Path(paths[0])
    piped = str(first) == "-"
    kind = Path(first.name.lower().removesuffix(".gz")).suffix
    if len(paths) == 2:
        if named or separator is not None:
            surplus = "--separator" if separator is not None else "--source and --target"
            raise ConfigError(f"{first} and {paths[1]} are parallel files: leave out {surplus}")
        pairs = _parallel(paths[0], paths[1], encoding)
    elif separator is not None:
        if named:
            raise ConfigError(
                f"--separator cuts the lines of {first}: leave out --source, --target"
            )
        pairs = _cut(first, separator, encoding)
    elif named if piped else kind in TABLES and (named or kind != ".tsv"):
        pairs = _table(first, source, target, encoding)
    elif piped or kind == ".tsv":
        pairs = _cut(first, "\t", encoding)
    else:
        raise ConfigError(
            f"{first} is given alone and is no table: name the file of targets beside it, or what "
            "stands between source and target by --separator"
        )
    _refuse_empty(pairs)
    return pairs


def read_sources(path: str | Path, *, source: str | None = None, encoding: str) -> SentencePairs:
    """Sources alone, a line each; empty ones too, so that answers stand where questions did.

    Args:
        path: a table, as for :func:`read_pairs`, a text file, or ``-`` for standard input.
        source: the table's column of sources; ``None``: its first.
        encoding: how it is written.

    Raises:
        DataError: it cannot be read, or has no line.
    """
    kind = Path(str(path).lower().removesuffix(".gz")).suffix
    if kind in TABLES and (source is not None or kind != ".tsv"):
        table = open_table(path, encoding)
        texts = texts_in(table, source or table.names[0])
        return SentencePairs([text.strip() for text in texts], None, table.place)
    lines = lines_of(path, encoding)
    if kind == ".tsv":
        lines = (line.partition("\t")[0] for line in lines)
    sources = [line.strip() for line in lines]
    name = name_of(path)
    if not sources:
        raise DataError(f"{name} is empty: give a sentence a line")
    return SentencePairs(sources, None, lambda n: f"{name}, line {n + 1}")


def _parallel(one: str | Path, other: str | Path, encoding: str) -> SentencePairs:
    """Two files line by line."""
    sources: list[str] = []
    targets: list[str] = []
    both = zip_longest(lines_of(one, encoding), lines_of(other, encoding))
    for source, target in both:
        if source is None or target is None:
            shorter, longer = (one, other) if source is None else (other, one)
            more = len(sources) + 1 + sum(1 for _ in both)
            raise DataError(
                f"{name_of(shorter)} has {len(sources):,} lines and {name_of(longer)} {more:,}: "
                "line n of the one must be the translation of line n of the other"
            )
        sources.append(source.strip())
        targets.append(target.strip())
    return SentencePairs(sources, targets, _lines(one))


def _cut(path: Path, separator: str, encoding: str) -> SentencePairs:
    """Lines of a source, the separator and a target; in what follows another separator is left."""
    if not separator:
        raise ConfigError("--separator is empty: give what stands between source and target")
    sources: list[str] = []
    targets: list[str] = []
    for number, line in enumerate(lines_of(path, encoding), 1):
        source, found, target = line.partition(separator)
        if not found:
            raise DataError(
                f"{name_of(path)}, line {number} has no {separator!r} between source and target: "
                f"{line!r:.60}"
            )
        if separator == "\t":
            target = target.partition("\t")[0]
        sources.append(source.strip())
        targets.append(target.strip())
    return SentencePairs(sources, targets, _lines(path))


def _table(path: Path, source: str | None, target: str | None, encoding: str) -> SentencePairs:
    """Two columns of a table."""
    table = open_table(path, encoding)
    if source is None or target is None:
        others = [name for name in table.names if name not in (source, target)]
        missing = (source is None) + (target is None)
        if len(others) < missing:
            raise DataError(f"{path} has one column, {table.names[0]!r}: pairs need two")
        source = others.pop(0) if source is None else source
        target = others.pop(0) if target is None else target
    if source == target:
        raise ConfigError(f"column {source!r} is asked for as source and as target; name another")
    sources, targets = ([text.strip() for text in texts_in(table, n)] for n in (source, target))
    return SentencePairs(sources, targets, table.place)


def _refuse_empty(pairs: SentencePairs) -> None:
    assert pairs.targets is not None
    if not len(pairs):
        raise DataError("there is no pair in what was named: give a sentence a line")
    for what, texts in (("source", pairs.sources), ("target", pairs.targets)):
        for n, text in enumerate(texts):
            if not text:
                raise DataError(f"{pairs.place(n)}: the {what} is empty; leave the pair out")


def _lines(path: str | Path) -> Callable[[int], str]:
    name = name_of(path)
    return lambda n: f"{name}, line {n + 1}"
