import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import suimon
from suimon import Translator
from suimon.errors import ConfigError, DataError, NotFittedError, ShapeError
from tests.tasks.translation.conftest import reversals

PAIRS = reversals(60)
X, y = list(PAIRS.sources), list(PAIRS.targets or ())


def quick(**options) -> Translator:
    return Translator("gru", 16, epochs=options.pop("epochs", 4), learning_rate=0.02, **options)


def test_learns_predicts_and_aligns():
    pairs = reversals(200)
    model = Translator("gru", 32, epochs=20, learning_rate=0.02, options={"dropout": 0.0})
    model.fit(pairs.sources, pairs.targets)  # pyright: ignore[reportArgumentType]
    assert model.score(X, y) > 0.6
    found = model.translations(["abc"])[0]
    assert model.predict(["abc"]).tolist() == [found.text]
    assert found.alignment is not None
    assert found.alignment.shape == (len(found.target_units), 3)


def test_the_conventions_of_scikit_learn():
    copied = clone(quick(attention="none", beam=2))
    assert (copied.get_params()["attention"], copied.get_params()["beam"]) == ("none", 2)
    assert len(cross_val_score(quick(), X, y, cv=2)) == 2
    grid = GridSearchCV(quick(epochs=2), {"attention": ["none", "additive"]}, cv=2).fit(X, y)
    assert grid.best_params_["attention"] in ("none", "additive")
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    assert make_pipeline(lower, quick()).fit(X, y).predict(["ABC"]).shape == (1,)


def test_saved_and_loaded(tmp_path):
    model = quick().fit(X, y)
    model.save(tmp_path / "run")
    again = Translator.load(tmp_path / "run")
    assert again.predict(X[:9]).tolist() == model.predict(X[:9]).tolist()
    assert again.get_params()["hidden_size"] == 16
    assert (again.loss_, again.epochs) == (model.loss_, 4)
    assert suimon.load(tmp_path / "run").answer(X[0]) == model.predict(X[:1])[0]


@pytest.mark.parametrize(
    ("sources", "targets", "error", "message"),
    [
        (X, y[:5], ShapeError, "y has 5 targets; give 60, one a source"),
        ([1, 2], y[:2], ShapeError, r"X\[0\] is 1; give texts"),
        ([], [], ShapeError, "X has no text: give one or more"),
        (["a", "a"], ["b", "c"], DataError, "there is nothing to validate on"),
        (["a", "b", " "], ["b", "c", "d"], DataError, "the source is empty"),
    ],
)
def test_what_cannot_be_learnt_is_named(sources, targets, error, message):
    with pytest.raises(error, match=message):
        quick(options={"valid_fraction": 0.4}).fit(sources, targets)


def test_slips():
    with pytest.raises(NotFittedError, match="this Translator has learnt nothing yet"):
        quick().predict(X)
    with pytest.raises(ConfigError, match="attention = 'dot': give"):
        quick(attention="dot").fit(X, y)


def test_a_score_needs_a_target_for_each_source():
    model = quick().fit(X, y)
    with pytest.raises(ShapeError, match="y has 2 targets; give 3, one a source"):
        model.score(X[:3], y[:2])
