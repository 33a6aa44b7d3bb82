import math

import numpy as np
import pytest
import torch

from suimon.tasks.classification.bag_branch import BagBranch

A, B, C = 1, 2, 3


@pytest.fixture
def branch() -> BagBranch:
    """Has read the class-0 texts ``a b`` and ``a``, and the class-1 text ``b a a``."""
    made = BagBranch(vocabulary=5, classes=2, places=2**16).eval()
    torch.nn.init.constant_(made.trust, 0.1)
    made.learn([np.array([A, B]), np.array([A]), np.array([B, A, A])], np.array([0, 0, 1]))
    return made


def scores(branch: BagBranch, *rows: list[int]) -> torch.Tensor:
    tokens = torch.zeros(max(map(len, rows)), len(rows), dtype=torch.long)
    for column, row in enumerate(rows):
        tokens[: len(row), column] = torch.tensor(row)
    return branch(tokens, torch.tensor([len(row) for row in rows]))


def test_scores_are_naive_bayes_by_hand(branch):
    # Counts a text at most once: class 0 a 2, b 1, ab 1; class 1 a 1, b 1, ba 1, aa 1; one added.
    ratio = {"a": math.log(3 / 2), "b": 0.0, "ab": math.log(2), "ba": -math.log(2)}
    found = scores(branch, [A, B], [B, A], [A], [C])
    difference = (found[:, 0] - found[:, 1]).tolist()
    factor = 0.1 * 30 / math.sqrt((3 + 1 + 4) / 3)  # distinct ones a sequence: 3, 1 and 4
    assert difference == pytest.approx(
        [
            factor * (ratio["a"] + ratio["ab"]),
            factor * (ratio["a"] + ratio["ba"]),
            factor * ratio["a"],
            0.0,
        ],
        abs=1e-5,
    )


def test_a_row_is_judged_alone_as_among_longer_ones(branch):
    alone = scores(branch, [A, B])
    among = scores(branch, [A, B], [B, A, A, B, C])
    torch.testing.assert_close(among[:1], alone)


def test_what_occurs_twice_counts_once(branch):
    # aa and ba are new pairs; the second a is none.
    places = branch._found(torch.tensor([[B], [A], [A]]), torch.tensor([3]))
    assert len(places.unique()) == 4


def test_trust_is_learnt(branch):
    branch.train()
    scores(branch, [A, B], [B, A]).softmax(dim=1)[:, 0].sum().backward()
    assert branch.trust.grad is not None
    assert branch.trust.grad.count_nonzero() > 0
    assert not branch.ratios.requires_grad
