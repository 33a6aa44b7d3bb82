"""Labelled series from the text files of the UCR and UEA archives: ``.tsv`` and ``.ts``.

Source: Dau, Keogh et al. (2018), "The UCR Time Series Classification Archive" (``.tsv``); Bagnall,
Dau, Lines et al. (2018), "The UEA multivariate time series classification archive, 2018" (``.ts``).
"""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suimon.data.labelled.sequences import LabelledSequences
from suimon.errors import DataError

_MISSING = ("", "?")
_LARGEST = float(np.finfo(np.float32).max)
_WRITTEN_AS_FLOAT = re.compile(r"[+-]?\d+(\.\d*([eE][+-]?\d+)?|[eE][+-]?\d+)", re.ASCII)
_EXACT = 2**53  # integers up to here are floats without loss

Series = npt.NDArray[np.float32]
Where = Callable[[int, int], str]
"""What messages call a value, by its channel and its step, each from 0."""


def read_tsv(path: Path) -> LabelledSequences:
    """The series of a UCR ``.tsv``: one a line, its label first, tabs between.

    Trailing NaN, ``?`` or empty cells end a series early, so lengths may differ. Labels are those
    of the file, except that an integer written as a fraction, ``1.0000000e+00``, becomes ``1``.

    Shapes: T time steps, which may differ; each series ``(T, 1)`` float32.

    Args:
        path: the file; UTF-8.

    Returns:
        ``series`` with labels, in the order of the lines; blank lines are passed over.

    Raises:
        DataError: the file cannot be read, is not UTF-8 or is empty; a line has no tab, no label or
            no values; a value is not a number that float32 holds, or is missing inside a series.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "waves.tsv")
        ...     _ = path.write_text("1\\t0.5\\t0.25\\n-1\\t2\\tNaN\\n")
        ...     waves = read_tsv(path)
        >>> waves.labels, [series.shape for series in waves.sequences]
        (('1', '-1'), [(2, 1), (1, 1)])
    """
    cases = _Cases(path)
    for number, line in _lines(path):
        cases.add(*_tsv_case(line, f"{path}, line {number}"), number)
    if not cases.series:
        raise DataError(f"{path} is empty; name a file with a labelled series a line")
    return cases.gathered(labelled=True)


def read_ts(path: Path) -> LabelledSequences:
    """The cases of a UEA or UCR ``.ts``: one a line, ``:`` between channels, label last.

    Of the header, ``@classLabel`` says whether a case ends with its label and which there are, and
    ``@data`` where the cases start; ``@timeStamps true`` and ``@targetLabel true`` are refused, and
    the other lines only describe. Trailing steps that are missing in every channel end a case
    early.

    Shapes: T time steps, which may differ, I channels; each series ``(T, I)`` float32.

    Args:
        path: the file; UTF-8.

    Returns:
        ``series`` in the order of the lines; the labels as they stand in the file, or ``None``
        where the header announces none. Blank lines and comments are passed over.

    Raises:
        DataError: the file cannot be read, is not UTF-8 or is empty; there is no ``@data`` or no
            case after it; time stamps; a label that is missing or not listed; channels whose number
            differs between cases, or whose length differs within one; a value that is not a number
            that float32 holds, or is missing inside a case.
    """
    lines = ((number, line.strip()) for number, line in _lines(path))
    lines = ((number, line) for number, line in lines if not line.startswith("#"))
    classes = _header(path, lines)
    cases = _Cases(path)
    for number, line in lines:
        place = f"{path}, line {number}"
        parts = line.split(":")
        label = _listed(parts.pop().strip(), classes, place, parts) if classes else ""
        if cases.series and len(parts) != cases.series[0].shape[1]:
            raise DataError(
                f"{place}: the number of channels is {len(parts)}, and that of line "
                f"{cases.lines[0]} is {cases.series[0].shape[1]}; give every case the same channels"
            )
        cases.add(label, _ts_case(parts, place, labelled=bool(classes)), number)
    if not cases.series:
        raise DataError(f"{path} has no case after its @data line; name a file with cases")
    return cases.gathered(labelled=bool(classes))


@dataclass
class _Cases:
    """What has been read of a file so far."""

    path: Path
    series: list[Series] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, label: str, series: Series, line: int) -> None:
        self.series.append(series)
        self.labels.append(label)
        self.lines.append(line)

    def gathered(self, *, labelled: bool) -> LabelledSequences:
        path, lines = self.path, self.lines
        return LabelledSequences(
            "series",
            self.series,
            tuple(self.labels) if labelled else None,
            lambda n: f"{path}, line {lines[n]}",
        )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, without their ends, and their numbers from 1."""
    number = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(
            f"{path}, line {number} is not UTF-8 (0x{byte:02x}, {error.reason}); save the file as "
            "UTF-8 text, not compressed"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> tuple[str, ...]:
    """The words of the labels that ``@classLabel`` lists; reads on until after ``@data``."""
    classes: tuple[str, ...] = ()
    number = 0
    for number, line in lines:
        place = f"{path}, line {number}"
        if not line.startswith("@"):
            raise DataError(
                f"{place} stands before the @data line: {_shown(line)}; a .ts file starts with "
                "lines of # and @, and its cases follow @data"
            )
        tag, *words = line.split()
        answer = words[0].lower() if words else ""
        match tag.lower():
            case "@data":
                return classes
            case "@timestamps" if answer == "true":
                raise DataError(
                    f"{place} says @timeStamps true; cases with time stamps cannot be read: "
                    "resample them to equal steps and write the values alone"
                )
            case "@targetlabel" if answer == "true":
                raise DataError(
                    f"{place} says @targetLabel true: each case has a number to predict, not a "
                    "class; name a file with @classLabel true"
                )
            case "@classlabel":
                classes = tuple(words[1:])
                if answer not in ("true", "false") or (answer == "true") != bool(classes):
                    raise DataError(
                        f"{place} reads {_shown(line)}; write @classLabel true and then every "
                        "label, or @classLabel false"
                    )
    if not number:
        raise DataError(f"{path} is empty; name a file with @data and a case a line")
    raise DataError(f"{path} has no @data line; write one before the first case")


def _listed(label: str, classes: tuple[str, ...], place: str, before: list[str]) -> str:
    """The label, if the header lists it; one that holds spaces is several words there."""
    if not before:
        raise DataError(
            f"{place} has no colon: {_shown(label)}; write the values, a colon and the label"
        )
    listed = " ".join(classes)
    if label and f" {' '.join(label.split())} " in f" {listed} ":
        return label
    raise DataError(
        f"{place}: the label {_shown(label)} is none of those of @classLabel, "
        f"{_shown(listed, 60)}; list it there, or correct it"
    )


def _tsv_case(line: str, place: str) -> tuple[str, Series]:
    """The label and the values, ``(T, 1)``, of a line."""

    def where(_channel: int, step: int) -> str:
        return f"{place}, column {step + 2}"

    label, tab, values = line.partition("\t")
    label = label.strip()
    if not tab:
        raise DataError(
            f"{place} has no tab: {_shown(line)}; write the label and then the values, with tabs "
            "between them"
        )
    if label.lower() in (*_MISSING, "nan"):
        raise DataError(f"{place} has no label before its first tab; write one there")
    return _integral(label), _series([_values(values, "\t", 0, where)], place, where)


def _ts_case(parts: list[str], place: str, *, labelled: bool) -> Series:
    """The values of a case, ``(T, I)``, from the text of its I channels."""

    def where(channel: int, step: int) -> str:
        return f"{place}, channel {channel + 1}, value {step + 1}"

    channels = [_values(text, ",", channel, where) for channel, text in enumerate(parts)]
    for channel, found in enumerate(channels):
        if len(found) != len(channels[0]):
            raise DataError(
                f"{place}: channel {channel + 1} has length {len(found)}, and channel 1 "
                f"{len(channels[0])}; give all channels of a case one length"
                + ("" if labelled else ", or announce labels with @classLabel true")
            )
    return _series(channels, place, where)


def _values(text: str, separator: str, channel: int, where: Where) -> npt.NDArray[np.float64]:
    """The numbers in a text, NaN where missing."""
    cells = text.split(separator)
    if _plain(text):
        with suppress(ValueError):
            return np.array(list(map(float, cells)))
    return np.array(
        [_number(cell.strip(), channel, step, where) for step, cell in enumerate(cells)]
    )


def _plain(text: str) -> bool:
    """float() also reads 1_000 and the digits of other scripts, which no archive means."""
    return "_" not in text and text.isascii()


def _number(cell: str, channel: int, step: int, where: Where) -> float:
    if cell in _MISSING:
        return math.nan
    if _plain(cell):
        with suppress(ValueError):
            return float(cell)
    raise DataError(
        f"{where(channel, step)}: {_shown(cell)} is not a number; correct it, or write NaN at the "
        "end of a shorter series"
    )


def _series(channels: list[npt.NDArray[np.float64]], place: str, where: Where) -> Series:
    """Channels side by side, up to the last step that is not missing in all of them.

    Args:
        channels: I arrays of ``(T,)``, NaN where missing.
        place: what messages call the series.
        where: what messages call a value.
    """
    together = np.stack(channels, axis=1)  # (T, I)
    missing = np.isnan(together)
    if missing.any():
        present = np.flatnonzero(~missing.all(axis=1))
        if not present.size:
            raise DataError(f"{place} has no values; write some, or leave the line out")
        together = together[: present[-1] + 1]
        for step, channel in np.argwhere(np.isnan(together))[:1]:
            raise DataError(
                f"{where(channel, step)} is missing inside the series; fill it first, for example "
                "with a value between its neighbours"
            )
    for step, channel in np.argwhere(np.abs(together) > _LARGEST)[:1]:
        raise DataError(
            f"{where(channel, step)}: {together[step, channel]} is more than float32 can hold "
            f"({_LARGEST:.3g}); correct it, or scale the values"
        )
    return together.astype(np.float32)


def _integral(label: str) -> str:
    """``1.0`` and ``1.0e+00`` as ``1``; every other label as it is."""
    if not _WRITTEN_AS_FLOAT.fullmatch(label):
        return label
    number = float(label)
    return str(int(number)) if number.is_integer() and abs(number) < _EXACT else label


def _shown(text: str, length: int = 40) -> str:
    return repr(text if len(text) <= length else text[:length] + "…")
