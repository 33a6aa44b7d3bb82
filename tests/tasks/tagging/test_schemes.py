import pytest
import torch

from suimon.data.tagged.segments import Segment, frame_tags
from suimon.tasks.tagging.schemes import allowed, entity_scores, kept, scheme_of


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("O B-PER I-PER", "bio"),
        ("O S-PER", "iobes"),
        ("O B-PER I-PER E-PER S-LOC", "iobes"),
        ("O", "plain"),
        ("O up down", "plain"),
        ("NOUN VERB", "plain"),
    ],
)
def test_schemes_are_told_by_their_tags(tags, scheme):
    assert scheme_of(tags.split()) == scheme


@pytest.mark.parametrize(
    ("tags", "scheme", "good"),
    [
        ("B-A I-A B-A O B-B", "bio", True),
        ("O I-A", "bio", False),
        ("I-A", "bio", False),
        ("B-A I-B", "bio", False),
        ("S-A B-A I-A E-A O", "iobes", True),
        ("B-A O", "iobes", False),
        ("B-A", "iobes", False),
        ("E-A", "iobes", False),
        ("S-A I-A", "iobes", False),
        ("B-A E-B", "iobes", False),
        ("- B-A B-A I-A B-A I-A -", "marked", True),
        ("B-A I-A B-B", "marked", True),
        ("B-A -", "marked", False),
        ("- I-A", "marked", False),
        ("B-A B-B", "marked", False),
        ("x y", "plain", True),
    ],
)
def test_what_may_follow_what(tags, scheme, good):
    assert kept([tags.split()], scheme) == good


def test_tables_say_the_same():
    tags = ("B-A", "I-A", "O")
    follow, begin, end = allowed(tags, "bio")
    assert torch.equal(follow, torch.tensor([[1, 1, 1], [1, 1, 1], [1, 0, 1]]).bool())
    assert begin.tolist() == [True, False, True]
    assert end.all()


def test_frames_of_segments_keep_to_their_scheme():
    segments = [Segment(0.02, 0.3, "7"), Segment(0.3, 0.62, "7"), Segment(0.7, 0.9, "1")]
    assert kept([frame_tags(segments, 100, 0.01, marked=True)], "marked")


def test_entities_by_hand():
    truth = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"]]
    found = [["B-PER", "O", "O", "B-LOC"], ["B-LOC", "B-PER"]]
    # Two of the three entities, of four found.
    scores = entity_scores(truth, found)
    assert scores == pytest.approx({"precision": 2 / 4, "recall": 2 / 3, "f1": 4 / 7})
    assert entity_scores([["O"]], [["O"]])["f1"] == 0.0
