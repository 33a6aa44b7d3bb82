import numpy as np
import pytest
import torch

from suimon.errors import CheckpointError
from suimon.tasks.forecasting.data import Flat, Origins
from suimon.tasks.forecasting.windows import (
    Reading,
    WindowBatches,
    batch_of,
    gather,
    inputs_of,
)


def flat() -> Flat:
    """Two series, 0 to 19 and 100 to 109, one known covariate and one of the past."""
    values = np.concatenate([np.arange(20.0), 100 + np.arange(10.0)])
    covariates = np.stack([values * 10, values * -1], axis=1).astype(np.float32)
    return Flat(
        values=values,
        observed=values != 105,
        covariates=covariates,
        calendar=np.zeros((30, 0), np.float32),
        starts=np.array([0, 20]),
        lengths=np.array([20, 10]),
        scales=np.array([2.0, 4.0]),
        known=1,
    )


READING = Reading(4, 2, lags=(3,), rolling=(2,))


def test_what_the_network_reads_around_an_origin():
    inputs, level = inputs_of(gather(flat(), Origins(np.array([0, 1]), np.array([10, 7])), READING),
                              READING)  # fmt: skip
    assert level.tolist() == [9, 106]
    assert inputs.shape == (6, 2, 5)
    first = inputs[:, 0]
    assert first[:4, 0].tolist() == [-1.5, -1.0, -0.5, 0.0]  # (6 … 9 less 9) / 2
    assert first[:4, 1].tolist() == [-3.0, -2.5, -2.0, -1.5]  # three rows before
    assert first[:4, 2].tolist() == [-1.75, -1.25, -0.75, -0.25]  # means of two
    assert first[:4, 3].tolist() == [-6, -7, -8, -9]  # of the past
    assert first[:, 4].tolist() == [60, 70, 80, 90, 100, 110]  # known of the future too
    assert (first[4:, :4] == 0).all()


def test_targets_that_were_filled_do_not_count():
    batch = batch_of(flat(), Origins(np.array([1]), np.array([8])), Reading(4, 2))
    assert batch.targets is not None
    assert batch.targets[:, 0].tolist() == [0.25, 0.5]
    batch = batch_of(flat(), Origins(np.array([1]), np.array([4])), Reading(4, 2))
    assert batch.targets is not None
    assert batch.targets[0, 0] == 0.25
    assert batch.targets[1, 0].isnan()


def test_origins_lie_where_their_windows_do():
    found = flat().origins(7, 2, np.array([0, 0]), np.array([12, 10]))
    assert found.series.tolist() == [0, 0, 0, 0, 1, 1]
    assert found.rows.tolist() == [7, 8, 9, 10, 7, 8]
    assert found.thinned(3).rows.tolist() == [7, 9, 8]


def test_batches_know_their_place_and_share_rows_among_processes():
    origins = flat().origins(READING.reach, 2, np.array([0, 0]), np.array([20, 10]))
    whole = WindowBatches(flat(), origins, READING, 4, seed=3)
    shares = [
        WindowBatches(flat(), origins, READING, 4, seed=3, rank=n, world_size=2) for n in (0, 1)
    ]
    for _ in range(3):
        batch = whole.next_batch()
        parts = [share.next_batch().inputs for share in shares]
        torch.testing.assert_close(batch.inputs[:, ::2], parts[0])
        torch.testing.assert_close(batch.inputs[:, 1::2], parts[1])
    place = whole.state_dict()
    after = whole.next_batch().inputs
    again = WindowBatches(flat(), origins, READING, 4, seed=3)
    again.load_state_dict(place)
    torch.testing.assert_close(again.next_batch().inputs, after)
    with pytest.raises(CheckpointError, match="made with seed 3, and here it is 4"):
        WindowBatches(flat(), origins, READING, 4, seed=4).load_state_dict(place)
