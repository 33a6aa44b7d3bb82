import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suimon.data.text import TokenStreams, corpus_of_text
from suimon.errors import CheckpointError, ConfigError, DataError
from suimon.training.protocol import BatchStream

sizes = st.tuples(st.integers(0, 400), st.integers(1, 6), st.integers(1, 8), st.integers(0, 3))


def streams_of(size, seed=0, **processes):
    extra, batch_size, steps, _ = size
    tokens = np.arange(batch_size * steps + 1 + extra, dtype=np.uint16)
    return TokenStreams(tokens, batch_size, steps, seed=seed, **processes)


def epoch(streams):
    return [streams.next_batch() for _ in range(streams.batches_per_epoch)]


@given(sizes)
def test_an_epoch_tiles_its_stretch_exactly(size):
    extra, batch_size, steps, skipped = size
    streams = streams_of(size)
    for _ in range(skipped):
        epoch(streams)
    batches = epoch(streams)
    rows = torch.cat([batch.inputs for batch in batches])  # (L, B)
    assert rows.shape == (streams.batches_per_epoch * steps, batch_size)
    in_order = rows.T.reshape(-1)
    start = int(in_order[0])
    # The tokens are their own places, so a contiguous stretch counts up.
    assert torch.equal(in_order, torch.arange(start, start + len(in_order)))
    left_out = batch_size * steps + 1 + extra - 1 - len(in_order)
    assert 0 <= left_out < batch_size * steps + steps
    for batch in batches:
        assert batch.inputs.shape == (steps, batch_size)
        assert batch.inputs.dtype == batch.targets.dtype == torch.int64
        assert batch.inputs.is_contiguous()
        assert batch.targets.is_contiguous()
        assert batch.lengths is None
        assert torch.equal(batch.targets, batch.inputs + 1)


@given(sizes)
def test_every_row_restarts_with_the_epoch_and_only_then(size):
    streams = streams_of(size)
    for _ in range(3):
        first, *others = epoch(streams)
        assert torch.equal(first.restart, torch.ones(size[1], dtype=torch.bool))
        assert all(batch.restart is None for batch in others)


def test_epochs_begin_at_different_places_and_reach_both_ends():
    streams = TokenStreams(np.arange(1000), 4, 16)
    starts = [int(epoch(streams)[0].inputs[0, 0]) for _ in range(400)]
    used = streams.batches_per_epoch * 64
    assert len(set(starts)) > 30
    assert min(starts) == 0
    assert max(starts) == 1000 - 1 - used


def test_there_is_room_to_move_where_windows_would_fill_the_text_exactly():
    streams = TokenStreams(np.arange(2 * 64 + 1), 4, 16)
    assert len({int(epoch(streams)[0].inputs[0, 0]) for _ in range(100)}) > 16


def test_a_seed_decides_the_offsets():
    def starts(seed):
        streams = TokenStreams(np.arange(1000), 4, 16, seed=seed)
        return [int(epoch(streams)[0].inputs[0, 0]) for _ in range(5)]

    assert starts(1) == starts(1) != starts(2)


def test_offsets_do_not_depend_on_machine_or_version():
    streams = TokenStreams(np.arange(1000), 4, 16, seed=7)
    assert [int(epoch(streams)[0].inputs[0, 0]) for _ in range(4)] == [23, 18, 8, 39]


@given(sizes, st.integers(0, 40))
def test_resumed_streams_go_on_where_they_stopped(size, done):
    uninterrupted, interrupted = streams_of(size), streams_of(size)
    for _ in range(done):
        uninterrupted.next_batch()
        interrupted.next_batch()
    resumed = streams_of(size)
    resumed.load_state_dict(interrupted.state_dict())
    for _ in range(12):
        a, b = uninterrupted.next_batch(), resumed.next_batch()
        assert torch.equal(a.inputs, b.inputs)
        assert torch.equal(a.targets, b.targets)
        assert (a.restart is None) == (b.restart is None)


@given(st.integers(0, 300), st.integers(1, 4), st.sampled_from([1, 2, 3]), st.integers(1, 5))
def test_processes_together_read_what_one_reads(extra, share, world_size, steps):
    size = (extra, share * world_size, steps, 0)
    alone = streams_of(size)
    ranks = [streams_of(size, rank=rank, world_size=world_size) for rank in range(world_size)]
    for _ in range(2 * alone.batches_per_epoch + 1):
        expected = alone.next_batch()
        parts = [streams.next_batch() for streams in ranks]
        assert torch.equal(torch.cat([part.inputs for part in parts], dim=1), expected.inputs)
        assert torch.equal(torch.cat([part.targets for part in parts], dim=1), expected.targets)
        assert all((part.restart is None) == (expected.restart is None) for part in parts)
        assert ranks[0].state_dict() == alone.state_dict()


def test_state_is_small_integers_and_fits_the_protocol():
    streams: BatchStream = TokenStreams(np.arange(100), 2, 5, seed=3)
    streams.next_batch()
    assert streams.state_dict() == {
        "tokens": 100,
        "batch_size": 2,
        "tbptt_steps": 5,
        "seed": 3,
        "epoch": 0,
        "window": 1,
    }


def test_batches_own_their_memory():
    tokens = np.arange(50)
    batch = TokenStreams(tokens, 2, 5).next_batch()
    before = batch.targets.clone()
    batch.inputs.zero_()
    assert torch.equal(batch.targets, before)
    assert tokens[-1] == 49
    assert tokens[:3].tolist() == [0, 1, 2]


def test_text_comes_out_as_it_went_in():
    text = "to be or not to be, that is the question. " * 5
    corpus = corpus_of_text(text)
    streams = TokenStreams(corpus.tokens, 2, 7)
    rows = torch.cat([batch.inputs for batch in epoch(streams)])
    for row in rows.T:
        assert corpus.units.decode(row.numpy()) in text


def test_place_in_another_text_is_refused():
    state = TokenStreams(np.arange(100), 2, 5).state_dict()
    with pytest.raises(
        CheckpointError, match="made with tokens 100, and here it is 101; resume with"
    ):
        TokenStreams(np.arange(101), 2, 5).load_state_dict(state)
    with pytest.raises(CheckpointError, match="made with tbptt_steps 5, and here it is 6"):
        TokenStreams(np.arange(100), 2, 6).load_state_dict(state)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size 0 is too small: use 1 or more"),
        ({"tbptt_steps": 0}, "tbptt_steps 0 is too small"),
        ({"world_size": 0}, "world_size 0 is too small"),
        (
            {"world_size": 3},
            "batch_size 4 cannot be shared evenly by 3 processes; use a multiple of 3",
        ),
        ({"rank": 2, "world_size": 2}, "rank 2 is not from 0 to 1"),
    ],
)
def test_wrong_sizes(arguments, message):
    with pytest.raises(ConfigError, match=message):
        TokenStreams(np.arange(100), **{"batch_size": 4, "tbptt_steps": 4, **arguments})


def test_text_that_does_not_fill_a_window():
    message = (
        "of 16 tokens does not fill batch_size 4 x tbptt_steps 4: 17 are needed; give a longer"
    )
    with pytest.raises(DataError, match=message):
        TokenStreams(np.arange(16), 4, 4)
    assert TokenStreams(np.arange(17), 4, 4).batches_per_epoch == 1
