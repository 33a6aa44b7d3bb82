import numpy as np
import pytest

from suimon.tasks.classification.rejecting import best_threshold, kept_facts


def shares(*certain: float):
    return np.array([[p, 1 - p] for p in certain])


def test_the_threshold_that_parts_errors_from_right_answers():
    # Errors at 0.6 and 0.7, right ones at 0.65, 0.8, 0.9, 0.95: below 0.8 both errors and one of 4.
    found = shares(0.6, 0.65, 0.7, 0.8, 0.9, 0.95)
    labels = np.array([1, 0, 1, 0, 0, 0])
    assert best_threshold(found, labels) == 0.8
    assert kept_facts(found, labels, 0.8) == {
        "reject_below": 0.8,
        "coverage": 0.5,
        "accuracy_of_the_rest": 1.0,
    }


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], [0, 0, 1]])
def test_nothing_is_rejected_where_that_would_not_help(labels):
    # In the last the error is the surest answer of all.
    assert best_threshold(shares(0.6, 0.7, 0.9), np.array(labels)) == 0.0


def test_equal_probabilities_stay_together():
    assert best_threshold(shares(0.6, 0.6, 0.9, 0.9), np.array([0, 1, 0, 0])) == 0.9


def test_where_all_is_rejected_the_rest_has_no_accuracy():
    assert kept_facts(shares(0.6), np.array([0]), 0.7)["accuracy_of_the_rest"] is None
