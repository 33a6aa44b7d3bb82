import pytest

from suimon.data.tagged.segments import BACKGROUND, Segment, frame_tags, segments_of

HOP = 0.01


def test_a_frame_has_the_label_of_the_segment_its_time_lies_in():
    segments = [Segment(0.02, 0.05, "a"), Segment(0.05, 0.07, "b")]
    tags = frame_tags(segments, 9, HOP, marked=False)
    assert tags == ("-", "-", "a", "a", "a", "b", "b", "-", "-")
    assert segments_of(tags, HOP, marked=False) == tuple(segments)


def test_times_between_frames_and_at_the_end():
    assert frame_tags([Segment(0.011, 0.025, "a")], 4, HOP, marked=False) == ("-", "-", "a", "-")
    assert frame_tags([Segment(0.021, 0.024, "a")], 4, HOP, marked=False) == ("-", "-", "-", "a")
    assert frame_tags([Segment(0.03, 0.04, "a")], 4, HOP, marked=True) == ("-", "-", "-", "B-a")


def test_two_of_one_label_are_told_apart_by_their_beginnings():
    segments = (Segment(0.0, 0.04, "7"), Segment(0.04, 0.09, "7"), Segment(0.09, 0.12, "1"))
    tags = frame_tags(segments, 13, HOP, marked=True)
    assert " ".join(tags) == "B-7 B-7 I-7 I-7 B-7 B-7 B-7 I-7 I-7 B-1 B-1 I-1 -"
    found = segments_of(tags, HOP, marked=True)
    assert [each.label for each in found] == ["7", "7", "1"]
    assert [each.end for each in found] == pytest.approx([0.04, 0.09, 0.12])
    merged = segments_of(frame_tags(segments, 13, HOP, marked=False), HOP, marked=False)
    assert [each.label for each in merged] == ["7", "1"]


def test_a_beginning_is_no_longer_than_a_fifth_of_a_second():
    tags = frame_tags([Segment(0.0, 1.0, "a")], 100, HOP, marked=True)
    assert tags.count("B-a") == 20
    assert len(segments_of(tags, HOP, marked=True)) == 1


def test_short_segments_are_dropped():
    tags = ["a"] * 4 + [BACKGROUND] + ["b"] * 5
    found = segments_of(tags, HOP, marked=False, shortest=0.05)
    assert [each.label for each in found] == ["b"]
    assert segments_of([BACKGROUND] * 3, HOP, marked=True) == ()
