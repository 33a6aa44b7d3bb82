import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suimon.data.batch import IGNORED_TARGET
from suimon.data.text import evaluation_windows
from suimon.errors import ConfigError, DataError

settings_of_windows = st.tuples(
    st.integers(2, 200), st.integers(1, 12), st.integers(1, 30), st.integers(0, 20)
)


def windows(setting):
    count, batch_size, steps, context = setting
    tokens = np.arange(count, dtype=np.uint8)
    return list(evaluation_windows(tokens, batch_size, steps, context=context))


@given(settings_of_windows)
def test_every_token_but_the_first_is_a_target_once(setting):
    found = torch.cat([batch.targets.reshape(-1) for batch in windows(setting)])
    counted = found[found != IGNORED_TARGET].sort().values
    assert torch.equal(counted, torch.arange(1, setting[0]))


@given(settings_of_windows)
def test_targets_follow_their_inputs_and_padding_is_at_the_end(setting):
    for batch in windows(setting):
        steps, rows = batch.inputs.shape
        lengths = torch.full((rows,), steps) if batch.lengths is None else batch.lengths
        valid = torch.arange(steps)[:, None] < lengths
        counts = batch.targets != IGNORED_TARGET
        assert torch.equal(batch.targets[counts], batch.inputs[counts] + 1)
        assert not (counts & ~valid).any()
        assert not batch.inputs[~valid].any()
        assert batch.lengths is None or int(lengths.min()) < steps
        assert int(lengths.max()) == steps


@given(settings_of_windows)
def test_rows_are_contiguous_from_window_to_window(setting):
    batches = windows(setting)
    rows = batches[0].inputs.shape[1]
    assert torch.equal(batches[0].restart, torch.ones(rows, dtype=torch.bool))
    assert all(batch.restart is None for batch in batches[1:])
    for row in range(rows):
        read = torch.cat([batch.inputs[: steps_of(batch, row), row] for batch in batches])
        assert torch.equal(read, torch.arange(int(read[0]), int(read[0]) + len(read)))


def steps_of(batch, row):
    return len(batch.inputs) if batch.lengths is None else int(batch.lengths[row])


@given(settings_of_windows)
def test_rows_read_their_context_first(setting):
    count, batch_size, _, context = setting
    batches = windows(setting)
    rows = batches[0].inputs.shape[1]
    targets = torch.cat([batch.targets for batch in batches])  # (T, B)
    for row in range(rows):
        counted = (targets[:, row] != IGNORED_TARGET).nonzero().reshape(-1)
        first = int(targets[counted[0], row]) - 1
        assert int(counted[0]) == min(context, first)
    sizes = [int((targets[:, row] != IGNORED_TARGET).sum()) for row in range(rows)]
    assert rows == min(batch_size, count - 1)
    assert max(sizes) - min(sizes) <= 1


def test_one_row_reads_in_one_go():
    inputs = torch.cat([batch.inputs for batch in windows((10, 1, 4, 5))])
    assert inputs.reshape(-1).tolist() == list(range(9))


def test_tail_by_hand():
    # 7 targets in 2 rows of 4 and 3, in windows of 3 and 1 steps
    first, last = windows((8, 2, 3, 0))
    assert first.lengths is None
    assert first.inputs.T.tolist() == [[0, 1, 2], [4, 5, 6]]
    assert last.inputs.T.tolist() == [[3], [0]]
    assert last.targets.T.tolist() == [[4], [IGNORED_TARGET]]
    assert last.lengths.tolist() == [1, 0]


@pytest.mark.parametrize(("batch_size", "steps", "context"), [(0, 4, 0), (4, 0, 0), (4, 4, -1)])
def test_wrong_sizes(batch_size, steps, context):
    with pytest.raises(ConfigError, match="must be 1 or more"):
        evaluation_windows(np.arange(9), batch_size, steps, context=context)


def test_nothing_to_predict():
    with pytest.raises(DataError, match="a text of 1 token has nothing to predict"):
        evaluation_windows(np.arange(1), 2, 2)
