import numpy as np
import pytest
from sklearn.base import clone

import suimon
from suimon import Captioner
from suimon.errors import NotFittedError, ShapeError
from tests.tasks.captioning.conftest import CAPTIONS, picture


def quick(**options) -> Captioner:
    defaults = {"hidden_size": 32, "epochs": 60, "learning_rate": 0.004}
    return Captioner(**(defaults | options))


def pictures(count: int = 32):
    X = np.stack([picture(n % 4) for n in range(count)])
    return X, [CAPTIONS[n % 4] for n in range(count)]


def test_images_are_described_saved_and_loaded(tmp_path):
    X, y = pictures()
    model = quick().fit(X, [[text, text.upper()] for text in y])
    assert model.predict(X[:4]) == list(CAPTIONS)
    assert model.score(X, y) == 1.0
    model.save(tmp_path / "run")
    again = Captioner.load(tmp_path / "run")
    assert again.predict(X[:4] / 255, beam=1) == list(CAPTIONS)
    assert again.attention == "scaled"
    found = next(suimon.load(tmp_path / "run").captions(again._pictures(X[:1])))
    assert found.units == ("a", "black", "square")
    assert found.attention is not None
    np.testing.assert_allclose(found.attention.sum(axis=1), 1, rtol=1e-5)
    assert found.log_probability < 0


def test_features_are_described(tmp_path):
    X, y = pictures()
    features = np.stack([X[:, 0, 0], X[:, 7, 0], X[:, 0, 0]], axis=1) / 100 + [0.0, 1.0, 5.0]
    model = quick(features=True).fit(features, y)
    assert model.predict(features[:4]) == list(CAPTIONS)
    model.save(tmp_path / "run")
    assert Captioner.load(tmp_path / "run").predict(features[:4]) == list(CAPTIONS)
    assert clone(model).features


def test_what_does_not_fit_is_refused():
    X, y = pictures(8)
    with pytest.raises(ShapeError, match="y has 3 captions; give 8, one an image"):
        quick().fit(X, y[:3])
    for wrong in ("", [], ["a", ""], 5):
        with pytest.raises(ShapeError, match=r"y\[0\] is .*; give a caption, or a list of some"):
            quick().fit(X, [wrong, *y[1:]])
    with pytest.raises(ShapeError, match=r"X has shape \(8,\); give numbers \(N, M\)"):
        quick(features=True).fit(X[:, 0, 0], y)
    with pytest.raises(NotFittedError, match="call fit first"):
        quick().predict(X)
