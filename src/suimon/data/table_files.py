"""Tables of every file format by their columns, with one clear line for a file that is broken."""

import csv
import difflib
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from suimon.data.text.decoding import checked_encoding, decoded
from suimon.data.text.document import Document, document_at
from suimon.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
_COLUMNS_LISTED = 20


@dataclass(frozen=True)
class Table:
    """The columns of a file, read when they are asked for.

    Attributes:
        name: what messages call the file.
        names: the columns' names as written, in the file's order.
        column: a column by its number, N rows: a series of polars, or a list of what JSON gave.
    """

    name: str
    names: tuple[str, ...]
    column: "Callable[[int], pl.Series | list[Any]]"

    def place(self, row: int) -> str:
        """What messages call a row, counted from 0 here and from 1 there."""
        return f"{self.name}, row {row + 1}"

    def number_of(self, name: str) -> int:
        """Where a column stands, from 0.

        Raises:
            DataError: there is no such column, or several of that name.
        """
        if self.names.count(name) > 1:
            raise self.several(name)
        if name in self.names:
            return self.names.index(name)
        near = difflib.get_close_matches(name, self.names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{self.name} has no column {name!r}{hint}; {self.present()}")

    def several(self, name: str) -> DataError:
        """The error for a name that more than one column has."""
        return DataError(f"{self.name} has several columns {name!r}; give each its own name")

    def present(self) -> str:
        """The names of its columns in a line, for messages."""
        listed = ", ".join(map(repr, self.names[:_COLUMNS_LISTED]))
        more = len(self.names) - _COLUMNS_LISTED
        return f"its columns are {listed}" + (f" and {more} more" if more > 0 else "")


def shown(value: object) -> str:
    """A cell for a message, cut where it is long; text stands in quotes."""
    written = "nothing" if value is None else repr(value)
    return written if len(written) <= 40 else f"{written[:40]}..."


def polars() -> ModuleType:
    """The package that reads tables; imported only once a table is read.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import polars
    except ImportError:
        raise ConfigError(
            "reading tables needs polars; install with: pip install 'suimon[tables]'"
        ) from None
    return polars


def open_table(path: str | Path, encoding: str) -> Table:
    """The table in a file, by the end of the file's name.

    Args:
        path: ``.csv``, ``.tsv``, ``.jsonl`` or ``.ndjson``, each also with ``.gz`` behind it; or
            ``.parquet``; or ``-`` for standard input, whose first line tells which of the first
            three it is.
        encoding: how a text file is written.

    Raises:
        ConfigError: polars is not installed, or Python knows no such encoding.
        DataError: the file is of another kind, cannot be read, is broken, or has no rows.
    """
    path = Path(path)
    if str(path) == "-":
        return _piped(encoding)
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    packed = path.suffix.lower() == ".gz"
    if kind not in {*_SEPARATORS, *_JSON_LINES, ".parquet"} or (packed and kind == ".parquet"):
        raise DataError(
            f"{path} is no table that can be read; name a file that ends in .csv, .tsv, .jsonl or "
            ".ndjson (each also with .gz behind it), or in .parquet"
        )
    package = polars()
    document = Document(str(path), path, compressed=packed)
    if not document.head():
        raise DataError(f"{path} is empty; name a table with rows in it")
    if kind == ".parquet":
        return _parquet(path, package)
    text = "".join(decoded(document, checked_encoding(encoding)))
    if kind in _SEPARATORS:
        return _separated(path, text, _SEPARATORS[kind], package)
    return _json_lines(path, text)


def _piped(encoding: str) -> Table:
    """The table in standard input."""
    polars()  # before anything is waited for
    document = document_at("-")
    text = "".join(decoded(document, checked_encoding(encoding)))
    path = Path(document.name)
    if not text.strip():
        raise DataError(f"{path} is empty; give a table with rows in it")
    if text.lstrip().startswith("{"):
        return _json_lines(path, text)
    names = text.lstrip("\r\n").partition("\n")[0]
    return _separated(path, text, "\t" if "\t" in names else ",", polars())


def _separated(path: Path, text: str, separator: str, package: ModuleType) -> Table:
    with _cells(path, text, separator) as rows:
        # Polars would rename columns of equal names.
        names = next(filter(None, rows), [])
    if not names:
        raise _only_blank_lines(path)
    try:
        frame = package.read_csv(text.encode(), separator=separator, infer_schema=False)
    except package.exceptions.PolarsError:
        frame = None
    # A row that is too short and a blank line look to polars as if their last cells were empty.
    if frame is None or frame.width != len(names) or frame.to_series(-1).null_count():
        filled = _filled_lines(path, text, separator, len(names))
        # Where polars counts other rows than Python, no row could be named for sure.
        if frame is None or (frame.height, frame.width) != (len(filled), len(names)):
            raise DataError(f"{path} is broken: its rows cannot be told apart; write it anew")
        frame = frame.filter(package.Series(filled, dtype=package.Boolean))
    if not frame.height:
        raise DataError(f"{path} has column names but no rows; name a table with rows in it")
    return Table(path.name, tuple(names), frame.to_series)


def _filled_lines(path: Path, text: str, separator: str, width: int) -> list[bool]:
    """For every line below the names whether it is a row: a blank line is none.

    A table of one column has no blank lines, only empty cells.
    """
    filled = []
    with _cells(path, text, separator) as rows:
        next(filter(None, rows), None)
        for cells in rows:
            filled.append(bool(cells) or width == 1)
            if cells and len(cells) != width:
                raise DataError(
                    f"{path.name}, row {sum(filled)} has {_counted(len(cells))} where the line "
                    f"of column names has {width}; write empty cells too, and a cell that holds "
                    f"{separator!r} in double quotes"
                )
    return filled


def _counted(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


@contextmanager
def _cells(path: Path, text: str, separator: str) -> Iterator[Iterator[list[str]]]:
    """The cells of line after line as Python's own reader sees them, in place of polars' errors."""
    limit = csv.field_size_limit(sys.maxsize)  # of the whole process: it is put back below
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield reader
    except csv.Error as error:
        raise DataError(
            f"{path.name}, up to line {reader.line_num}: the double quotes of a cell are wrong "
            f"({error}); close every quote, and double a quote within quotes"
        ) from None
    finally:
        csv.field_size_limit(limit)


def _json_lines(path: Path, text: str) -> Table:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):  # a string in JSON may hold other line ends
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{path.name}, line {number} is not JSON at character {error.colno}: {error.msg}"
            ) from None
        except (RecursionError, ValueError):  # a number of more than 4,300 digits
            raise DataError(
                f"{path.name}, line {number} has lists too deep or numbers too long to read"
            ) from None
        if not isinstance(row, dict):
            raise DataError(
                f"{path.name}, line {number} is no JSON object; write a row as "
                '{"column": value, ...}'
            )
        rows.append(row)
    if not rows:
        raise _only_blank_lines(path)
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return Table(path.name, names, lambda column: [row.get(names[column]) for row in rows])


def _only_blank_lines(path: Path) -> DataError:
    return DataError(f"{path} holds only blank lines; name a table with rows in it")


def _parquet(path: Path, package: ModuleType) -> Table:
    def read(**options: Any) -> Any:
        try:
            # Opened here, for polars takes a name as a pattern.
            with path.open("rb") as file:
                return package.read_parquet(file, **options)
        except package.exceptions.PolarsError as error:
            raise DataError(
                f"{path} is no Parquet file, or a damaged one ({str(error).splitlines()[0]}); "
                "write it anew"
            ) from None

    frame = read(n_rows=1)
    if not frame.height:
        raise DataError(f"{path} has columns but no rows; name a table with rows in it")
    return Table(path.name, tuple(frame.columns), lambda column: read(columns=[column]).to_series())
