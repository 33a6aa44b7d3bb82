import numpy as np
import pytest

from suimon.data.tagged import TaggedSequences
from suimon.errors import CheckpointError, DataError
from suimon.tasks.tagging.config import TaggingConfig
from suimon.tasks.tagging.data import Preprocessing, fitted, split, tags_of
from tests.tasks.tagging.conftest import sentences


def place(n: int) -> str:
    return f"row {n}"


def series(*rows: tuple[list[float], str], kind="series") -> TaggedSequences:
    """Numbers of one channel, and a letter for each as its tag."""
    steps = [np.array(row, np.float32)[:, None] for row, _ in rows]
    return TaggedSequences(kind, steps, [tuple(tags) for _, tags in rows], place)


def words(*pairs: tuple[str, str]) -> TaggedSequences:
    return TaggedSequences(
        "text", [tuple(a.split()) for a, _ in pairs], [tuple(b.split()) for _, b in pairs], place
    )


def test_a_share_is_kept_the_same_for_the_same_seed():
    data = sentences(50)
    train, valid = split(data, 0.2, seed=3)
    assert (len(train), len(valid)) == (40, 10)
    assert split(data, 0.2, seed=3)[1].place(0) == valid.place(0)
    assert {train.place(n) for n in range(40)}.isdisjoint(valid.place(n) for n in range(10))


def test_a_label_that_one_sequence_alone_has_is_learnt_from():
    data = words(*[("a b", "X Y")] * 5, ("c", "Z"))
    for seed in range(6):
        assert "Z" in tags_of(split(data, 0.5, seed)[0])
    with pytest.raises(DataError, match="each of the 2 sequences has a label that no other has"):
        split(words(("a", "X"), ("b", "Y")), 0.5, seed=0)


def test_the_only_sequence_is_cut():
    train, valid = split(series(([1.0] * 10, "ababababab")), 0.2, seed=0)
    assert (len(train.sequences[0]), len(valid.sequences[0])) == (8, 2)
    with pytest.raises(DataError, match=r"row 0 is the only sequence, .* name --valid-files"):
        split(series(([1.0] * 10, "aaaabbbbbc")), 0.1, seed=0)


def test_words_met_once_are_the_unknown_word_and_letters_keep_capitals():
    data = words(("Ab cd Cd", "X Y X"))
    read = fitted(data, TaggingConfig())
    (row,) = read.examples(data).sequences
    assert read.words.symbols == ("<unk>", "cd")
    assert row[:, 0].tolist() == [0, 1, 1]
    letters = [read.letters.symbols[n - 1] for n in row[2, 1:3]]
    assert letters == ["C", "d"]
    assert not row[:, 3:].any()
    alone = fitted(data, TaggingConfig(characters=False, lowercase=False, vocabulary=5))
    assert alone.words.symbols == ("<unk>", "Ab", "Cd", "cd")
    assert alone.examples(words(("cd Zz", "X X"))).sequences[0].tolist() == [3, 0]


def test_of_a_long_word_beginning_and_end_are_read():
    data = words(("a" * 20 + "b" * 30, "X"), ("c", "Y"))
    read = fitted(data, TaggingConfig())
    row = read.examples(data).sequences[0][0, 1:]
    assert row.tolist() == [2] * 12 + [3] * 12


def test_a_long_sequence_is_read_in_parts_and_none_is_lost():
    data = series(([0.0] * 7, "aabbaab"), ([1.0, 2.0], "ab"))
    read = fitted(data, TaggingConfig(longest=3))
    found = read.examples(data)
    assert [len(part) for part in found.sequences] == [3, 2, 2, 2]
    assert found.owners.tolist() == [0, 0, 0, 1]
    assert np.concatenate(found.tags).tolist() == [0, 0, 1, 1, 0, 0, 1, 0, 1]
    assert found.steps == 9


def test_a_sentence_of_a_hundred_thousand_words():
    data = words((" ".join(["a b"] * 50_000), " ".join(["X Y"] * 50_000)), ("a b", "X Y"))
    found = fitted(data, TaggingConfig()).examples(data)
    assert max(map(len, found.sequences)) == 1000
    assert found.steps == 100_002


def test_schemes_are_kept_only_where_the_data_keeps_to_them():
    assert fitted(sentences(4), TaggingConfig()).scheme == "bio"
    assert fitted(words(("a b", "O I-PER")), TaggingConfig()).scheme == "plain"
    assert fitted(series(([1, 2], "OB")), TaggingConfig()).scheme == "plain"


def test_what_is_read_is_kept_and_restored():
    for data in (sentences(6), series(([1.0, 2.0], "ab"), ([5.0], "a"))):
        read = fitted(data, TaggingConfig())
        again = Preprocessing.from_state(read.state())
        assert again.state() == read.state()
        for one, other in zip(
            again.examples(data).sequences, read.examples(data).sequences, strict=True
        ):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(CheckpointError, match="has no 'tags'"):
        Preprocessing.from_state({"kind": "text"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (words(("so far", "O X")), "row 0, step 2: the label 'X' was not learnt; there are: B-LOC"),
        (TaggedSequences("text", [()], None, place), "row 0 has no step: leave it out"),
        (series(([1.0], "a")), "the network tags text, and row 0 is series"),
    ],
)
def test_what_cannot_be_read_is_named(data, message):
    with pytest.raises(DataError, match=message):
        fitted(sentences(10), TaggingConfig()).examples(data)


def test_nothing_to_tell_apart_and_other_channels():
    with pytest.raises(DataError, match="all steps of the 1 sequences have the label 'a'"):
        tags_of(series(([1, 2], "aa")))
    wide = TaggedSequences("series", [np.zeros((2, 3), np.float32)], None, place)
    with pytest.raises(DataError, match="row 0 has 3 channels, and the network reads 1"):
        fitted(series(([1, 2], "ab")), TaggingConfig()).examples(wide)
