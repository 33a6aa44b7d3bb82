from functools import partial

import numpy as np
import pytest
import torch

from suimon.data.labelled.batches import (
    SequenceBatches,
    in_order,
    padded_channels,
    padded_tokens,
)
from suimon.errors import CheckpointError


def rows_of(*lengths: int) -> list[np.ndarray]:
    """Sequence n holds the number n + 1 only, so that a batch says which ones it has."""
    return [np.full(length, n + 1) for n, length in enumerate(lengths)]


def stream(count: int = 23, batch_size: int = 5, **options) -> SequenceBatches:
    rows = rows_of(*(1 + n * 7 % 11 for n in range(count)))
    return SequenceBatches(rows, np.arange(count), batch_size, padded_tokens, **options)


def epoch_of(batches: SequenceBatches) -> list[list[int]]:
    """The labels of each batch of an epoch, which here are the sequences' numbers."""
    return [batches.next_batch().targets.tolist() for _ in range(batches.batches_per_epoch)]


def test_every_sequence_is_met_once_an_epoch_in_another_order():
    batches = stream()
    first, second = epoch_of(batches), epoch_of(batches)
    for epoch in (first, second):
        assert sorted(label for batch in epoch for label in batch) == list(range(23))
    assert first != second
    assert {len(batch) for batch in first} == {4, 5}


def test_inputs_targets_and_lengths_are_of_the_same_sequences():
    batches = stream()
    for _ in range(batches.batches_per_epoch):
        batch = batches.next_batch()
        for column, label in enumerate(batch.targets.tolist()):
            length = 1 + label * 7 % 11
            assert batch.lengths[column] == length
            assert batch.inputs[:length, column].tolist() == [label + 1] * length
            assert not batch.inputs[length:, column].any()
        assert len(batch.inputs) == batch.lengths.max()


def test_sequences_of_like_length_are_together():
    count = 1024
    rows = rows_of(*(1 + n % 20 for n in range(count)))
    batches = SequenceBatches(rows, np.arange(count), 16, padded_tokens)
    spreads = []
    for _ in range(batches.batches_per_epoch):
        lengths = batches.next_batch().lengths
        spreads.append(int(lengths.max() - lengths.min()))
    assert max(spreads) <= 1  # twenty lengths over 32 batches of 512 sequences sorted together


def test_processes_share_each_batch():
    whole = epoch_of(stream())
    parts = [epoch_of(stream(rank=rank, world_size=2)) for rank in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert sorted(first + second) == sorted(batch)


def test_a_place_can_be_returned_to_across_epochs():
    batches = stream(seed=3)
    for _ in range(7):
        batches.next_batch()
    state = batches.state_dict()
    expected = epoch_of(batches)
    again = stream(seed=3)
    again.load_state_dict(state)
    assert epoch_of(again) == expected


@pytest.mark.parametrize("other", [{"count": 22}, {"batch_size": 6}, {"seed": 4}])
def test_a_place_in_other_data_is_refused(other):
    with pytest.raises(CheckpointError, match="resume with the same data and options"):
        stream(**other).load_state_dict(stream(seed=3).state_dict())


def test_in_order_meets_every_sequence_once_and_says_which():
    rows = rows_of(3, 1, 2, 1)
    seen = []
    for chosen, batch in in_order(rows, np.arange(4), 3, padded_tokens):
        assert batch.targets.tolist() == chosen.tolist()
        seen += chosen.tolist()
    assert seen == [1, 3, 2, 0]


def test_channels_are_scaled_and_padded_with_zeros():
    mean, rate = np.array([1.0, 10.0], np.float32), np.array([2.0, 0.5], np.float32)
    pad = partial(padded_channels, mean=mean, rate=rate)
    padded = pad([np.array([[1, 10], [2, 12]], np.uint8), np.array([[0, 8]], np.uint8)])
    expected = [[[0, 0], [-2, -1]], [[2, 1], [0, 0]]]  # (T, B, I)
    assert torch.equal(padded, torch.tensor(expected, dtype=torch.float32))
