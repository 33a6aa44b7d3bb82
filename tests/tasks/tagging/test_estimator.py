import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

import suimon
from suimon import SequenceTagger
from suimon.errors import ConfigError, DataError, NotFittedError, ShapeError
from tests.tasks.tagging.conftest import sentences


def signs(count: int = 30) -> tuple[list[np.ndarray], list[list[int]]]:
    """Series of unequal length whose steps are labelled 10 where positive, else 2."""
    rng = np.random.default_rng(0)
    X = [rng.normal(0, 1, 4 + n % 5) for n in range(count)]
    return X, [np.where(row > 0, 10, 2).tolist() for row in X]


def quick(**options) -> SequenceTagger:
    return SequenceTagger(hidden_size=8, epochs=8, learning_rate=0.03, **options)


def test_labels_come_back_as_they_were_given():
    X, y = signs()
    model = quick().fit(X, y)
    assert model.classes_.tolist() == [2, 10]
    assert model.score(X, y) > 0.9
    assert {tag for tags in model.predict(X) for tag in tags} == {2, 10}
    shares = model.predict_proba(X)
    assert shares[3].shape == (len(X[3]), 2)
    best = [model.classes_[row.argmax(axis=1)].tolist() for row in shares]
    assert best == model.predict(X)


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_words_and_channels(output, some_sentences):
    words = quick(output=output).fit(some_sentences.sequences, some_sentences.tags)
    assert words.predict([["so", "Carla", "Smith", "went", "to", "Oslo"]]) == [
        ["O", "B-PER", "I-PER", "O", "O", "B-LOC"]
    ]
    X = [np.full((3 + n % 4, 2), n % 2) for n in range(20)]
    y = [["odd" if n % 2 else "even"] * len(X[n]) for n in range(20)]
    assert quick(output=output).fit(X, y).score(X, y) == 1.0


def test_the_conventions_of_scikit_learn():
    X, y = signs()
    assert clone(quick(output="crf")).get_params()["output"] == "crf"
    assert len(cross_val_score(quick(), X, y, cv=2)) == 2
    grid = GridSearchCV(quick(), {"bidirectional": [True, False]}, cv=2).fit(X, y)
    assert "bidirectional" in grid.best_params_


def test_saved_and_loaded(tmp_path):
    X, y = signs()
    model = quick().fit(X, y)
    model.save(tmp_path / "run")
    again = SequenceTagger.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict_proba(X)[1], model.predict_proba(X)[1])
    assert again.predict(X)[0] == [str(tag) for tag in model.predict(X)[0]]
    assert suimon.load(tmp_path / "run").tags == ("2", "10")


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ([[1.0, 2.0]], [[1], [2]], ShapeError, "X has 1 sequences and y 2.* one label"),
        ([[1.0, 2.0]], [[1]], ShapeError, r"X\[0\] has \(2, 1\) steps and labels"),
        ([[{}, {}]], [[1, 2]], ShapeError, r"X\[0\] is neither words nor numbers"),
        ([[1.0, np.nan]], [[1, 2]], ShapeError, r"X\[0\] has nan at step 1, .*: give finite"),
        (["ab"], [[1, 2]], ShapeError, r"X\[0\] is 'ab', one text: give a list of its words"),
        ([["a", 3]], [[1, 2]], ShapeError, r"X\[0\], step 1 is 3, which is no text"),
        ([["a", ""]], [[1, 2]], DataError, r"X\[0\], step 1 is an empty word"),
        ([["a", "b"]], [[1, None]], DataError, r"y\[0\] has None at step 1, which is no label"),
        ([[], ["a", "b"], ["a"]], [[], [1, 2], [1]], DataError, "has no step: leave it out"),
        ([[1.0], [2.0]], [[1], [1]], DataError, "all steps of the 2 sequences have the label"),
    ],
)
def test_what_cannot_be_learnt_is_refused(X, y, error, message):
    with pytest.raises(error, match=message):
        quick().fit(X, y)


def test_before_fit_and_with_unknown_options():
    with pytest.raises(NotFittedError, match="call fit first"):
        quick().predict([[1.0]])
    with pytest.raises(ConfigError, match="unknown option characers: did you mean characters"):
        SequenceTagger(options={"characers": True}).fit([[1.0]], [[1]])
    model = quick().fit(sentences(20).sequences, sentences(20).tags)
    with pytest.raises(DataError, match=r"the network tags text, and X\[0\] is series"):
        model.predict([[1.0]])
