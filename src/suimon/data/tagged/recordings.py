"""Recordings whose labels are given by time, in a table with a row a segment."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from suimon.data.audio import Spectrum, read_frames
from suimon.data.labelled.table import cells_of, texts_in
from suimon.data.labelled.table_numbers import single_numbers
from suimon.data.table_files import Table, open_table
from suimon.data.tagged.segments import BACKGROUND, Segment, frame_tags
from suimon.data.tagged.sequences import TaggedSequences
from suimon.data.tagged.table import rows_by
from suimon.errors import DataError

TOLERANCE = 0.01  # seconds: times are often rounded


def read_recordings(
    path: str | Path,
    *,
    audio: str,
    spectrum: Spectrum,
    start: str = "start",
    end: str = "end",
    label: str | None = "label",
    marked: bool = True,
    encoding: str = "utf-8",
) -> TaggedSequences:
    """The recordings that a table names, each frame with the label of the segment it lies in.

    Args:
        path: any table, see :func:`suimon.data.table_files.open_table`.
        audio: the column of the recordings' paths, from the table's folder.
        spectrum: how recordings become frames.
        start: the column of the times at which segments start, in seconds.
        end: the column of the times at which they end.
        label: the column of their labels; ``None``: segments are not read. A row in which all
            three are empty names a recording without a segment.
        marked: see :func:`suimon.data.tagged.segments.frame_tags`.
        encoding: how a text file is written.

    Returns:
        ``audio``, in the order in which recordings are first named.

    Raises:
        DataError: the table or a recording cannot be read; a segment ends before it begins, lies
            beyond its recording or over another, or has no label.
    """
    table = open_table(path, encoding)
    files = rows_by(texts_in(table, audio))
    folder = Path(path).parent
    frames = read_frames([folder / name for name in files], spectrum)
    names, rows = list(files), list(files.values())

    def place(n: int) -> str:
        return names[n]

    if label is None:
        return TaggedSequences("audio", frames, None, place, None, frames.spectrum)
    found = _segments(table, start, end, label)
    segments = [
        _checked(table, those, found, recording.seconds)
        for those, recording in zip(rows, frames.recordings, strict=True)
    ]
    hop = frames.spectrum.seconds_a_frame
    tags = [frame_tags(some, len(frames[n]), hop, marked=marked) for n, some in enumerate(segments)]
    return TaggedSequences("audio", frames, tags, place, segments, frames.spectrum)


def _segments(table: Table, start: str, end: str, label: str) -> list[Segment | None]:
    """The segment of each row, or ``None``."""
    starts, ends = (single_numbers(table, table.number_of(name)) for name in (start, end))
    found: list[Segment | None] = []
    for row, cell in enumerate(cells_of(table, label)):
        times = (float(starts[row]), float(ends[row]))
        name = "" if cell is None else str(cell)
        missing = [*np.isnan(times), name == ""]
        if any(missing) and not all(missing):
            column = (start, end, label)[missing.index(True)]
            raise DataError(
                f"{table.place(row)}: column {column!r} is empty; fill it, or empty start, end and "
                "label all for a recording without a segment"
            )
        if name == BACKGROUND:
            raise DataError(
                f"{table.place(row)}: the label {BACKGROUND!r} means no segment; leave the row out"
            )
        found.append(None if all(missing) else Segment(*times, name))
    return found


def _checked(
    table: Table, rows: Sequence[int], found: Sequence[Segment | None], seconds: float
) -> tuple[Segment, ...]:
    """A recording's segments in the order of time."""
    kept = sorted((segment, row) for row in rows if (segment := found[row]) is not None)
    for n, (segment, row) in enumerate(kept):
        where = f"{table.place(row)}: the segment from {segment.start:g} to {segment.end:g} s"
        if segment.end <= segment.start:
            raise DataError(f"{where} ends before it begins; correct its times")
        if segment.start < 0 or segment.end > seconds + TOLERANCE:
            raise DataError(
                f"{where} lies beyond its recording, which lasts {seconds:g} s; correct its times"
            )
        if n and segment.start < kept[n - 1][0].end - 1e-6:
            raise DataError(
                f"{where} lies over that of row {kept[n - 1][1] + 1}; a frame has one label: "
                "correct their times"
            )
    return tuple(segment for segment, _ in kept)
