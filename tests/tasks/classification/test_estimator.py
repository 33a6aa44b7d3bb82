import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import suimon
from suimon import SequenceClassifier
from suimon.errors import ConfigError, DataError, NotFittedError, ShapeError


def levels(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Series around -1 and around 1, labelled 10 and 2."""
    rng = np.random.default_rng(0)
    y = np.where(np.arange(count) % 2, 2, 10)
    X = rng.normal(np.where(y == 2, 1.0, -1.0)[:, None], 0.3, (count, 6))
    return X, y


def quick(**options) -> SequenceClassifier:
    return SequenceClassifier(hidden_size=8, epochs=6, learning_rate=0.02, **options)


def test_labels_come_back_as_they_were_given():
    X, y = levels()
    model = quick().fit(X, y)
    assert model.classes_.tolist() == [2, 10]
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) == 1.0
    shares = model.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (model.classes_[shares.argmax(axis=1)] == model.predict(X)).all()


def test_texts_and_sequences_of_unequal_length(some_opinions):
    texts = SequenceClassifier(hidden_size=16, epochs=15, learning_rate=0.01)
    texts.fit(some_opinions.sequences, some_opinions.labels)
    assert texts.predict(["What a lovely dance", "dull , dull"]).tolist() == ["pos", "neg"]
    X = [np.full((3 + n % 4, 2), n % 2) for n in range(30)]
    assert quick().fit(X, [n % 2 for n in range(30)]).score(X, [n % 2 for n in range(30)]) == 1.0


def test_the_conventions_of_scikit_learn():
    X, y = levels()
    assert is_classifier(quick())
    copied = clone(quick(pooling="mean"))
    assert copied.get_params()["pooling"] == "mean"
    assert cross_val_score(quick(), X, y, cv=2).tolist() == [1.0, 1.0]
    grid = GridSearchCV(quick(), {"pooling": ["mean", "last"]}, cv=2).fit(X, y)
    assert grid.best_params_["pooling"] in ("mean", "last")
    scaled = make_pipeline(FunctionTransformer(np.tanh), quick()).fit(X, y)
    assert scaled.score(X, y) == 1.0


def test_saved_and_loaded(tmp_path):
    X, y = levels()
    model = quick().fit(X, y)
    model.save(tmp_path / "run")
    again = SequenceClassifier.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.classes_.tolist() == ["2", "10"]
    assert again.epochs == 6
    assert suimon.load(tmp_path / "run").labels == ("2", "10")


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (np.ones((3, 2)), [1, 2], ShapeError, r"y has shape \(2,\); give 3 labels"),
        ([{}, {}], [1, 2], ShapeError, r"X\[0\] is neither a text nor numbers"),
        (
            [[1.0, np.nan]] * 4,
            [1, 2, 1, 2],
            ShapeError,
            r"X\[0\] has nan at step 1, .*: give",
        ),
        ([[[1.0]], [[1.0, 2.0]]], [1, 2], ShapeError, r"X\[1\] has 2 channels, and X\[0\] 1"),
        ([[[1.0]], []], [1, 2], DataError, r"X\[1\] has no step: leave it out"),
        (["a", 1.0] * 2, [1, 2, 1, 2], ShapeError, r"X\[1\] is 1\.0, which is no text"),
        (["a", None] * 2, [1, 2, 1, 2], ShapeError, r"X\[1\] is None, which is no text"),
        (np.ones((3, 2)), ["p", "p", "p"], DataError, "all 3 sequences have the label 'p'"),
        (np.ones((3, 2)), [1, 1, 2], DataError, r"X\[2\]: the label 2 occurs once, which cannot"),
        (np.ones((4, 2)), [1, np.nan] * 2, DataError, r"y\[1\] is nan, which is no label"),
        (np.ones((4, 2)), ["a", None] * 2, DataError, r"y\[1\] is None, which is no label"),
        (np.ones((4, 2)), np.array([1, "a"] * 2, object), DataError, "of several types, int, str"),
        (["", "a"] * 2, [1, 2, 1, 2], DataError, r"is empty: leave it out"),
    ],
)
def test_what_cannot_be_learnt_is_refused(X, y, error, message):
    with pytest.raises(error, match=message):
        quick().fit(X, y)


def test_before_fit_and_with_unknown_options():
    X, y = levels()
    with pytest.raises(NotFittedError, match="call fit first"):
        quick().predict(X)
    with pytest.raises(ConfigError, match="unknown option droput: did you mean dropout"):
        SequenceClassifier(options={"droput": 0.1}).fit(X, y)
    with pytest.raises(DataError, match=r"the network reads series, and X\[0\] is text"):
        quick().fit(X, y).predict(["a text"])
