import numpy as np
import pytest
import torch

from suimon.data.images import ImageRows
from suimon.errors import CheckpointError, ConfigError, DataError
from suimon.tasks.image_arrays import as_images
from suimon.tasks.rows.config import RowsConfig
from suimon.tasks.rows.data import Preprocessing, fitted, read, split
from suimon.tasks.rows.model import build_network
from suimon.tasks.rows.objective import judged, row_costs, share_of_a_row
from suimon.tasks.rows.outputs import SquaredError
from suimon.tasks.rows.recipe import choose
from suimon.training.config import TrainingConfig
from tests.tasks.rows.conftest import stripes, write_idx


def network(ahead: int, pixels: int = 5, **options):
    config = RowsConfig(hidden=7, layers=2, ahead=ahead, **options)
    return build_network(config, pixels=pixels).eval()


def test_what_is_said_of_a_row_hangs_on_those_before_it_alone():
    model = network(2)
    rows = torch.rand(6, 3, 5)
    changed = rows.clone()
    changed[3] = torch.rand(3, 5)
    said, other = model(rows), model(changed)
    assert said.shape == (6, 3, 2, 5)
    torch.testing.assert_close(said[:4], other[:4])
    assert (said[4] != other[4]).any()


def test_costs_compare_each_state_with_the_rows_ahead_of_it():
    said, rows = torch.rand(4, 2, 3, 5), torch.rand(4, 2, 5)
    costs = row_costs(SquaredError(5), said, rows)
    for t in range(4):
        for k in range(3):
            expected = (
                (said[t, :, k] - rows[t + k]).square().sum(-1) if t + k < 4 else torch.zeros(2)
            )
            torch.testing.assert_close(costs[t, :, k], expected)
    # nine pairs of a state and a row of five pixels; the count of the loop is four rows an image
    form = as_images(np.zeros((1, 4, 5))).form
    assert share_of_a_row(form, 3) == pytest.approx(4 / (9 * 5))


def test_the_closed_loop_reads_what_it_said():
    model = network(2)
    given = torch.rand(3, 2, 5)
    whole = model.completed(given, 8, model.output.mean)
    assert whole.shape == (8, 2, 5)
    torch.testing.assert_close(whole[:3], given)
    rows = given
    while len(rows) < 8:  # from the very beginning each time
        said = model(torch.cat([rows, rows[:1]]))[-1].clamp(0, 1)  # (B, F, I)
        rows = torch.cat([rows, said.transpose(0, 1)])[:8]
    torch.testing.assert_close(whole, rows)
    stepwise = model.completed(given, 8, model.output.mean, stride=1)
    torch.testing.assert_close(stepwise[3], whole[3])
    assert (stepwise[4] != whole[4]).any()


def test_judgement_by_hand():
    images = as_images(stripes(7))
    model = network(6)
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.constant_(model.head.bias, 0.25)
    found = judged(model, ImageRows(images), given=2)
    bright = 200 / 255
    error = (4 * 0.25**2 + (bright - 0.25) ** 2) / 5
    assert found.completion_mse == pytest.approx(error, rel=1e-5)
    assert found.loss == pytest.approx(error, rel=1e-5)
    assert found.next_row == pytest.approx(error, rel=1e-5)
    np.testing.assert_allclose(found.errors, error, rtol=1e-5)
    # rows 2 to 5 are bright 1 to 4 places beside row 1: two pixels of five differ
    assert found.repeat_last_row_mse == pytest.approx(2 * bright**2 / 5, rel=1e-5)


def test_the_mean_image_is_kept_and_restored():
    images = as_images(stripes(10))
    found = fitted(images)
    np.testing.assert_allclose(found.mean_image, stripes(10).mean(0) / 255, atol=1e-5)
    assert Preprocessing.from_state(found.state()) == found
    with pytest.raises(CheckpointError, match="has no 'images'"):
        Preprocessing.from_state({})


def test_every_image_is_learnt_or_validated(tmp_path):
    images = as_images(stripes(20))
    train, valid = split(images, 0.1, seed=3)
    places = sorted(part.place(n) for part in (train, valid) for n in range(len(part)))
    assert (len(train), len(valid)) == (18, 2)
    assert places == sorted(images.place(n) for n in range(20))
    with pytest.raises(DataError, match="is the only image"):
        split(images.take([0]), 0.1, seed=0)
    path = write_idx(tmp_path / "line.idx3", np.zeros((3, 1, 9), np.uint8))
    with pytest.raises(DataError, match="has one row only"):
        read([path], RowsConfig())


def test_the_rule():
    form = as_images(np.zeros((1, 27, 28))).form

    def chosen(images=57_000, **options):
        for_loop = {n: v for n, v in options.items() if n in TrainingConfig.model_fields}
        for_task = {n: v for n, v in options.items() if n not in for_loop}
        return choose(RowsConfig(**for_task), TrainingConfig(**for_loop), form, images)

    choice = chosen()
    assert (choice.config.ahead, choice.training.batch_size, choice.training.epochs) == (14, 64, 3)
    assert chosen(output="mixture").config.ahead == 1
    assert chosen(cell="gru").config.forget_bias is None
    assert (chosen(100).training.batch_size, chosen(100).training.epochs) == (8, 100)
    kept = chosen(hidden=9, ahead=2, steps=5, learning_rate=0.5)
    assert (kept.config.hidden, kept.config.ahead, kept.training.steps) == (9, 2, 5)
    assert not {"hidden", "ahead", "epochs", "learning_rate"} & set(kept.chosen)
    again = choose(choice.config, choice.training, form, 57_000)
    assert (again.chosen, again.config, again.training) == ({}, choice.config, choice.training)
    with pytest.raises(ConfigError, match="ahead, hidden or layers is not set"):
        build_network(RowsConfig(), pixels=3)
