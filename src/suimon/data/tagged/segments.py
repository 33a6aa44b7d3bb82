"""Segments of a recording, and the tags of its frames that say the same."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

BACKGROUND = "-"
"""The tag of frames that are in no segment."""

BEGINNING, INSIDE = "B-", "I-"

LONGEST_BEGINNING = 0.2
"""Seconds: a beginning is the first half of a segment, but no more than this."""


class Segment(NamedTuple):
    """A stretch of a recording, from ``start`` to ``end`` in seconds, with its label."""

    start: float
    end: float
    label: str


def frame_tags(
    segments: Iterable[Segment], frames: int, seconds_a_frame: float, *, marked: bool
) -> tuple[str, ...]:
    """The tag of each frame; frame t stands for the time ``t * seconds_a_frame``.

    Args:
        segments: in the order of time, none over another.
        frames: how many there are.
        seconds_a_frame: the hop.
        marked: the first half of a segment is tagged ``B-label`` and the rest ``I-label``, so that
            of two segments of one label, the one behind the other, both can be seen; otherwise all
            of it is tagged ``label``.

    Example:
        >>> frame_tags([Segment(0.1, 0.5, "a")], 6, 0.1, marked=True)
        ('-', 'B-a', 'B-a', 'I-a', 'I-a', '-')
    """
    tags = [BACKGROUND] * frames
    for start, end, label in segments:
        # Rounded first: 0.3 / 0.1 is a little less than 3.
        first, last = (math.ceil(round(time / seconds_a_frame, 6)) for time in (start, end))
        first = min(first, frames - 1)
        count = max(min(last, frames) - first, 1)  # one frame, however short it is
        if marked:
            begun = min(-(-count // 2), max(round(LONGEST_BEGINNING / seconds_a_frame), 1))
            names = [BEGINNING + label] * begun + [INSIDE + label] * (count - begun)
        else:
            names = [label] * count
        tags[first : first + count] = names
    return tuple(tags)


def segments_of(
    tags: Sequence[str], seconds_a_frame: float, *, marked: bool, shortest: float = 0.0
) -> tuple[Segment, ...]:
    """What :func:`frame_tags` tagged: runs of one label, cut where a marked beginning begins.

    Args:
        tags: of each frame.
        seconds_a_frame: the hop.
        marked: as for :func:`frame_tags`.
        shortest: segments that last less, in seconds, are dropped.

    Example:
        >>> segments_of(["B-a", "I-a", "B-a", "-"], 0.5, marked=True)
        (Segment(start=0.0, end=1.0, label='a'), Segment(start=1.0, end=1.5, label='a'))
    """
    found: list[Segment] = []
    first, before = 0, BACKGROUND
    for frame, tag in enumerate([*tags, BACKGROUND]):
        label = plain(tag, marked=marked)
        again = marked and tag.startswith(BEGINNING) and before.startswith(INSIDE)
        if label != plain(before, marked=marked) or again:
            if before != BACKGROUND:
                start, end = first * seconds_a_frame, frame * seconds_a_frame
                found.append(Segment(start, end, plain(before, marked=marked)))
            first = frame
        before = tag
    return tuple(each for each in found if each.end - each.start >= shortest - 1e-9)


def plain(tag: str, *, marked: bool) -> str:
    """A tag without its mark.

    Example:
        >>> plain("B-seven", marked=True), plain("-", marked=True)
        ('seven', '-')
    """
    return tag[2:] if marked and tag != BACKGROUND else tag
