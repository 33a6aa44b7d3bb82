import numpy as np
import pytest

from suimon.tasks.classification.rejecting import (
    among_classes,
    best_threshold,
    kept_facts,
    rejected,
    threshold_of,
)


def shares(*certain: float):
    return np.array([[p, 1 - p] for p in certain])


def test_the_threshold_that_parts_errors_from_right_answers():
    # Errors at 0.6 and 0.7, right ones at 0.65, 0.8, 0.9, 0.95: below 0.8 both errors and one of 4.
    found = shares(0.6, 0.65, 0.7, 0.8, 0.9, 0.95)
    labels = np.array([1, 0, 1, 0, 0, 0])
    assert best_threshold(found, labels) == 0.8
    kept = ~rejected(found, 2, 0.8)
    assert kept.tolist() == [False, False, False, True, True, True]
    assert kept_facts(kept, found.argmax(axis=1) == labels) == {
        "coverage": 0.5,
        "accuracy_of_the_rest": 1.0,
    }


def test_noise_that_is_likelier_than_any_class():
    found = np.array([[0.5, 0.2, 0.3], [0.3, 0.3, 0.4], [0.1, 0.6, 0.3]])
    assert rejected(found, 2, 0.0).tolist() == [False, True, False]
    assert rejected(found, 2, 0.6).tolist() == [True, True, False]
    np.testing.assert_allclose(among_classes(found, 2)[0], [5 / 7, 2 / 7])
    np.testing.assert_allclose(among_classes(np.array([[0.0, 0.0, 1.0]]), 2), [[0.5, 0.5]])


@pytest.mark.parametrize(
    ("given", "metrics", "threshold"),
    [(None, {}, 0.0), (0.7, {"reject_below": 0.9}, 0.7), ("auto", {"reject_below": 0.9}, 0.9)],
)
def test_a_threshold_is_given_or_that_of_the_weights(given, metrics, threshold):
    assert threshold_of(given, metrics) == threshold


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], [0, 0, 1]])
def test_nothing_is_rejected_where_that_would_not_help(labels):
    # In the last the error is the surest answer of all.
    assert best_threshold(shares(0.6, 0.7, 0.9), np.array(labels)) == 0.0


def test_equal_probabilities_stay_together():
    assert best_threshold(shares(0.6, 0.6, 0.9, 0.9), np.array([0, 1, 0, 0])) == 0.9


def test_where_all_is_rejected_the_rest_has_no_accuracy():
    assert kept_facts(np.array([False]), np.array([True]))["accuracy_of_the_rest"] is None
