import numpy as np
import pytest

from suimon.errors import ConfigError
from suimon.tasks.classification import bag_of_words
from suimon.tasks.classification.bag_of_words import BagOfWords
from tests.tasks.classification.conftest import opinions

CLASSES = {2: ["neg", "pos"], 3: ["neg", "pos", "so so"]}


def fitted(classes: int, **options):
    data = opinions(60)
    assert data.labels is not None
    numbers = [CLASSES[classes].index(label) for label in data.labels]
    numbers = [2 if classes == 3 and n % 5 == 0 else number for n, number in enumerate(numbers)]
    texts = [str(text) for text in data.sequences]
    labels = np.array(numbers)
    return texts, labels, BagOfWords.fit(texts, labels, classes, "marks", **options)


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_scikit_learn(classes):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts, labels, bag = fitted(classes)
    words = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), lowercase=False)
    truth = make_pipeline(words, LogisticRegression(C=bag_of_words.PENALTY, max_iter=1000))
    truth.fit(texts, labels)
    new = [*texts[:7], "The dull dull film, quite.", "nothing known"]
    np.testing.assert_allclose(bag.probabilities(new), truth.predict_proba(new), atol=2e-4)


def test_tensors_hold_all_of_it():
    texts, _, bag = fitted(3)
    again = BagOfWords.from_tensors(bag.tensors(), "marks")
    assert again.terms == bag.terms
    np.testing.assert_allclose(again.probabilities(texts), bag.probabilities(texts), atol=1e-6)


def test_of_very_many_texts_some_are_taken(monkeypatch):
    monkeypatch.setattr(bag_of_words, "MOST_TERMS", 8)
    _, _, bag = fitted(2, most_words=50)
    assert len(bag.terms) == 8


def test_a_class_of_which_no_text_was_taken_is_never_likely():
    texts, labels, _ = fitted(2)
    bag = BagOfWords.fit(texts, labels, 3, "marks")
    assert bag.probabilities(texts)[:, 2].max() == 0


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.linear_model", None)
    with pytest.raises(ConfigError, match=r"pip install 'suimon\[text\]'"):
        fitted(2)
