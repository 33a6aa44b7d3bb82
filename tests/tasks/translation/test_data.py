import numpy as np
import pytest
import torch

from suimon.data.pairs import SentencePairs
from suimon.data.text.overlap import fingerprints
from suimon.errors import CheckpointError, DataError
from suimon.tasks.learnt_texts import overlap
from suimon.tasks.translation.config import TranslationConfig
from suimon.tasks.translation.data import PairBatches, Preprocessing, examples, fitted, split
from tests.tasks.translation.conftest import counting, reversals

CHARS = TranslationConfig(source_units="chars", target_units="chars")
WORDS = TranslationConfig(source_units="words", target_units="words")


def pairs(*both: tuple[str, str]) -> SentencePairs:
    return SentencePairs([s for s, _ in both], [t for _, t in both], lambda n: f"line {n + 1}")


def test_no_source_of_the_validation_is_learnt_from():
    both = reversals(400)  # of 336 sources there can be, many are drawn twice
    train, valid = split(both, 0.2, seed=1)
    assert not {s.lower() for s in train.sources} & {s.lower() for s in valid.sources}
    assert len(train) + len(valid) == 400
    distinct = len(set(both.sources))
    assert len(set(valid.sources)) == round(0.2 * distinct)
    assert split(both, 0.2, seed=1)[1].sources == valid.sources
    assert split(both, 0.2, seed=2)[1].sources != valid.sources
    assert valid.place(0) == f"line {both.sources.index(valid.sources[0]) + 1}"


def test_capitals_and_blanks_make_no_other_source():
    train, valid = split(pairs(("A b", "1"), ("a  B", "2"), ("c", "3")), 0.5, seed=0)
    assert sorted([len(train), len(valid)]) == [1, 2]


def test_one_source_cannot_be_split():
    with pytest.raises(DataError, match="no pair has another source than 'a': there is nothing to"):
        split(pairs(("a", "x"), ("a", "y")), 0.1, seed=0)


def test_sides_have_units_of_their_own():
    both = pairs(("Ein Haus", "A house"), ("zwei Haus", "two house"))
    read = fitted(both, WORDS)
    assert read.source.units.symbols == ("<unk>", "haus", "ein", "zwei")
    assert read.target.units.symbols == ("<unk>", "house", "A", "two")
    found = examples(both, read)
    assert [row.tolist() for row in found.sources] == [[2, 1], [3, 1]]
    assert [row.tolist() for row in found.targets] == [[2, 1, 4], [3, 1, 4]]  # 4 is the end
    batch = found.batch(np.array([0, 1]))
    assert batch.inputs.tolist() == [[2, 3], [1, 1]]


def test_joint_sub_words_are_one_vocabulary():
    options = {"source_units": "bpe", "target_units": "bpe", "source_vocabulary": 300}
    options |= {"target_vocabulary": 300, "lowercase_source": False}
    both = counting(50)
    joint = fitted(both, TranslationConfig(**options, joint_units=True))
    assert joint.source.units.symbols == joint.target.units.symbols
    own = fitted(both, TranslationConfig(**options))
    assert own.source.units.symbols != own.target.units.symbols


def test_a_batch_pads_sources_by_zeros_and_targets_by_what_does_not_count():
    read = fitted(both := pairs(("ab", "x"), ("a", "xy")), CHARS)
    batch = examples(both, read).batch(np.array([0, 1]))
    assert batch.inputs.tolist() == [[1, 1], [2, 0]]
    assert batch.lengths is not None
    assert batch.lengths.tolist() == [2, 1]
    assert batch.targets is not None
    assert batch.targets.tolist() == [[1, 1], [3, 2], [-100, 3]]


def test_processes_share_each_batch_and_a_place_is_found_again():
    both = reversals(100)
    found = examples(both, fitted(both, CHARS))
    whole = PairBatches(found, 16, seed=2)
    shares = [PairBatches(found, 16, seed=2, rank=rank, world_size=2) for rank in range(2)]
    for _ in range(10):
        together = whole.next_batch()
        parts = [share.next_batch() for share in shares]
        assert together.lengths is not None
        assert sorted(together.lengths.tolist()) == sorted(
            length
            for part in parts
            for length in part.lengths.tolist()  # pyright: ignore
        )
    other = PairBatches(found, 16, seed=2)
    other.load_state_dict(whole.state_dict())
    assert torch.equal(other.next_batch().inputs, whole.next_batch().inputs)
    assert other.passes == whole.passes == 11 / 7


def test_what_is_learnt_of_the_data_is_kept_and_restored():
    both = counting(40)
    read = fitted(both, WORDS)
    again = Preprocessing.from_state(read.state())
    assert again.state() == read.state()
    assert again.sources(both)[3].tolist() == read.sources(both)[3].tolist()
    with pytest.raises(CheckpointError, match="has no 'source'; the run is not a translation's"):
        Preprocessing.from_state({})


def test_sources_that_were_learnt_from_are_counted():
    learnt = fingerprints(["ab", "1+2"], marks=True)
    found = overlap(["AB", " ab", "abc", "1-2"], learnt, marks=True)
    assert found == {"overlap": {"count": 2, "share": 0.5}}
    assert overlap(["ab"], None) == {}


def test_other_sources_have_another_digest():
    ours = fitted(pairs(("ab", "x"), ("cd", "y")), CHARS)
    assert ours.digest != fitted(pairs(("ad", "x"), ("cb", "y")), CHARS).digest


def test_a_limit_leaves_room_for_the_longest_targets():
    read = fitted(pairs(("ab", "xyxyxy"), ("cd", "xyxyxy")), CHARS)
    assert read.ratio == 3.0
    assert read.limit(2) == 10 + 9
    assert read.limit(10**6) == read.longest + 1


def test_sentences_that_are_too_long_are_named():
    long = pairs(("a", "b"), ("a" * 100_000, "b"))
    read = fitted(long, CHARS)
    with pytest.raises(
        DataError, match=r"line 2: the source has 100,000 units, more than --longest 1,000; cut it"
    ):
        examples(long, read)
    with pytest.raises(DataError, match="line 1: the target has 1,001 units"):
        examples(pairs(("a", "b" * 1001)), read)
