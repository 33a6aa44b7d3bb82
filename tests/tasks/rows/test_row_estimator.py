import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import suimon
from suimon import RowGenerator
from suimon.errors import ConfigError, DataError, NotFittedError, ShapeError
from tests.tasks.rows.conftest import stripes


def quick(**options) -> RowGenerator:
    defaults = {"hidden_size": 24, "epochs": 16, "learning_rate": 0.02}
    return RowGenerator(**(defaults | options))


def test_lower_halves_are_completed_saved_and_loaded(tmp_path):
    X = stripes(40)
    model = quick().fit(X)
    assert model.score(X) > 0.9
    whole = model.predict(X[:5, :3])
    assert whole.shape == (5, 6, 5)
    np.testing.assert_array_equal(whole.argmax(-1), X[:5].argmax(-1))
    np.testing.assert_array_equal(model.predict(X[:5, :3] / 255), whole)
    model.save(tmp_path / "run")
    again = RowGenerator.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(X[:5, :3]), whole)
    assert suimon.load(tmp_path / "run").config.ahead == 3


@pytest.mark.parametrize("output", ["bernoulli", "mixture"])
def test_images_that_are_drawn_are_like_those_learnt(output):
    model = quick(output=output, epochs=50, options={"components": 8}).fit(stripes(80))
    drawn = model.sample(20, seed=1)
    assert drawn.shape == (20, 6, 5)
    np.testing.assert_array_equal(drawn, model.sample(20, seed=1))
    assert (drawn != model.sample(20, seed=2)).any()
    if output == "mixture":  # mostly one bright column, one place to the right in each row
        steps = np.diff(drawn.argmax(-1), axis=1) % 5
        assert (steps == 1).mean() > 0.7


def test_colours_and_conventions():
    X = np.repeat(stripes(30)[..., None], 3, axis=-1)
    X[..., 1] = 0
    model = quick().fit(X)
    whole = model.predict(X[:4, :2])
    assert whole.shape == (4, 6, 5, 3)
    assert np.abs(whole[..., 1]).max() < 0.2
    copied = clone(quick(ahead=2))
    assert (copied.ahead, copied.output) == (2, "mse")
    scores = cross_val_score(quick(), stripes(40), cv=2)
    assert scores.shape == (2,)
    assert (scores < 1).all()


def test_what_cannot_be_learnt_is_refused():
    with pytest.raises(NotFittedError, match="call fit first"):
        quick().predict(stripes(2))
    for X in (np.zeros((3, 4)), np.zeros((3, 4, 5, 2)), np.zeros((0, 4, 5))):
        with pytest.raises(ShapeError, match=r"X has shape .*; give \(N, height, width\)"):
            quick().fit(X)
    for X in (np.full((2, 4, 4), 2.0), np.full((2, 4, 4), np.nan)):
        with pytest.raises(ShapeError, match="X must hold bytes, or numbers from 0, black"):
            quick().fit(X)
    with pytest.raises(ShapeError, match="X has arrays of several shapes: give all one"):
        quick().fit([np.zeros((6, 5)), np.zeros((7, 5))])
    with pytest.raises(DataError, match=r"X\[0\] is the only image"):
        quick().fit(stripes(1))
    with pytest.raises(ConfigError, match="ahead = 7, and the images have 6 rows"):
        quick(ahead=7).fit(stripes(9))
    model = RowGenerator(hidden_size=4, epochs=1).fit(stripes(9))
    with pytest.raises(ShapeError, match="give fewer rows of those of 6 x 5, grey"):
        model.predict(stripes(2))
    with pytest.raises(ConfigError, match="no chances to draw from"):
        model.sample(1)
