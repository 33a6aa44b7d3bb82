import numpy as np
import pytest

from suimon.data.buckets import Buckets
from suimon.errors import CheckpointError

LENGTHS = np.random.RandomState(0).randint(1, 50, 1000)


def test_each_sequence_is_given_once_an_epoch_in_another_order_each():
    buckets = Buckets(LENGTHS, 32, seed=3)
    epochs = [
        np.concatenate([buckets.next() for _ in range(buckets.batches_per_epoch)]) for _ in range(2)
    ]
    for epoch in epochs:
        assert sorted(epoch) == list(range(1000))
    assert (epochs[0] != epochs[1]).any()
    assert buckets.passes == 2.0


def test_little_of_a_batch_is_padding():
    buckets = Buckets(LENGTHS, 32)
    held = sum(
        len(chosen) * LENGTHS[chosen].max()
        for chosen in (buckets.next() for _ in range(buckets.batches_per_epoch))
    )
    assert held < 1.05 * LENGTHS.sum()


def test_of_two_lengths_the_second_decides_among_equals():
    first = np.repeat([5, 9], 500)
    second = np.random.RandomState(1).permutation(1000)
    buckets = Buckets(np.stack([first, second]), 100)
    for _ in range(buckets.batches_per_epoch):
        chosen = buckets.next()
        assert len(set(first[chosen])) == 1
        assert np.ptp(second[chosen]) < 300


def test_it_goes_on_from_a_place():
    buckets = Buckets(LENGTHS, 64, seed=1)
    for _ in range(21):
        buckets.next()
    place = buckets.state_dict()
    expected = buckets.next()
    other = Buckets(LENGTHS, 64, seed=1)
    other.load_state_dict(place)
    assert other.next().tolist() == expected.tolist()
    with pytest.raises(CheckpointError, match="was made with batch_size 64, and here it is 32"):
        Buckets(LENGTHS, 32, seed=1).load_state_dict(place)
