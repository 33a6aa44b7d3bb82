"""The random field against all sequences of tags, counted one by one."""

from itertools import pairwise, product

import pytest
import torch

from suimon.data.batch import IGNORED_TARGET
from suimon.tasks.tagging.crf import LinearChainCRF, viterbi

T, B, C = 4, 3, 3
LENGTHS = torch.tensor([4, 1, 3])


@pytest.fixture
def field() -> LinearChainCRF:
    field = LinearChainCRF(C).double()
    for weights in field.parameters():
        torch.nn.init.normal_(weights)
    return field


@pytest.fixture
def emissions() -> torch.Tensor:
    return torch.randn(T, B, C, dtype=torch.float64)


def scores(field: LinearChainCRF, emissions: torch.Tensor, row: int) -> dict:
    """s of every sequence of tags of one row, by the definition."""
    length = int(LENGTHS[row])
    found = {}
    for tags in product(range(C), repeat=length):
        total = field.starts[tags[0]] + field.ends[tags[-1]]
        total = total + sum(emissions[t, row, tag] for t, tag in enumerate(tags))
        total = total + sum(field.transitions[a, b] for a, b in pairwise(tags))
        found[tags] = total
    return found


def test_the_partition_is_the_sum_over_all_sequences(field, emissions):
    found = field.log_partition(emissions, LENGTHS)
    for row in range(B):
        every = torch.stack(list(scores(field, emissions, row).values()))
        torch.testing.assert_close(found[row], every.logsumexp(0))


def test_the_probabilities_of_all_sequences_add_up_to_one(field, emissions):
    for row in range(B):
        length = int(LENGTHS[row])
        total = torch.zeros((), dtype=torch.float64)
        for tags, score in scores(field, emissions, row).items():
            targets = torch.zeros(T, B, dtype=torch.int64)
            targets[length:, row] = IGNORED_TARGET  # as behind the end of a row
            targets[:length, row] = torch.tensor(tags)
            torch.testing.assert_close(field.score(emissions, targets, LENGTHS)[row], score)
            total = total + (-field(emissions, targets, LENGTHS)[row]).exp()
        torch.testing.assert_close(total, torch.ones_like(total))


def test_viterbi_finds_the_best_of_all_sequences(field, emissions):
    found = viterbi(emissions, LENGTHS, field.transitions, field.starts, field.ends)
    for row in range(B):
        every = scores(field, emissions, row)
        best = max(every, key=lambda tags: every[tags].item())
        assert found[: LENGTHS[row], row].tolist() == list(best)
        assert not found[LENGTHS[row] :, row].any()


def test_viterbi_keeps_to_what_is_allowed(emissions):
    forbidden = torch.zeros(C, C).fill_diagonal_(-torch.inf)
    none = torch.zeros(C)
    found = viterbi(emissions, torch.tensor([T] * B), forbidden.double(), none, none)
    assert (found[1:] != found[:-1]).all()


def test_marginals_are_those_of_all_sequences(field, emissions):
    found = field.marginals(emissions, LENGTHS)
    for row in range(B):
        every = scores(field, emissions, row)
        shares = torch.stack(list(every.values())).softmax(0)
        expected = torch.zeros(T, C, dtype=torch.float64)
        for tags, share in zip(every, shares, strict=True):
            for t, tag in enumerate(tags):
                expected[t, tag] += share.detach()
        torch.testing.assert_close(found[:, row], expected)


def test_gradients(field, emissions):
    targets = torch.randint(C, (T, B))
    emissions.requires_grad_()

    def loss(e, *weights):
        names = ("transitions", "starts", "ends")
        return torch.func.functional_call(
            field, dict(zip(names, weights, strict=True)), (e, targets, LENGTHS)
        )

    assert torch.autograd.gradcheck(loss, (emissions, *field.parameters()))
