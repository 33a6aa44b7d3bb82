"""What the order of words is worth: denied opinions whose words were never denied in training."""

import numpy as np

from suimon import SequenceClassifier
from suimon.tasks.classification.bag_of_words import BagOfWords
from suimon.tasks.classification.negations import TEST, held_out_set, training_set


def test_the_test_sentences_and_their_denied_words_are_new():
    train, test = training_set(0), held_out_set(0)
    assert len(test) == len(set(test)) == TEST
    seen = {text for _, text in train}
    assert not seen.intersection(text for _, text in test)
    pairs = {
        pair for _, text in train for pair in zip(text.split(), text.split()[1:], strict=False)
    }
    assert ("not", "moving") in pairs
    assert ("very", "superb") in pairs
    assert ("not", "superb") not in pairs
    assert [label for label, _ in test].count("good") == TEST // 2


def test_order_tells_what_a_bag_of_words_cannot():
    labels, texts = zip(*training_set(0), strict=True)
    truth, new = zip(*held_out_set(0), strict=True)
    numbers = np.array([int(label == "good") for label in labels])
    bag = BagOfWords.fit(list(texts), numbers, 2, "marks")
    of_bag = np.where(bag.probabilities(list(new)).argmax(axis=1), "good", "bad")
    assert (of_bag == np.array(truth)).mean() <= 0.60
    model = SequenceClassifier(epochs=20).fit(list(texts), labels)
    assert model.score(list(new), truth) >= 0.85
