"""Sampling: against distributions worked out by hand, and by counting draws."""

import math

import pytest
import torch

from suimon.errors import ConfigError
from suimon.inference import distribution, draw, sample

SHARES = [0.5, 0.25, 0.15, 0.1]
LOGITS = torch.tensor([SHARES], dtype=torch.float64).log()


def close(result: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(result, torch.tensor([expected], dtype=torch.float64))


def test_no_options_is_softmax():
    close(distribution(LOGITS), SHARES)


def test_temperature_half_squares_the_shares():
    squares = [p * p for p in SHARES]
    close(distribution(LOGITS, temperature=0.5), [s / sum(squares) for s in squares])


def test_temperature_two_takes_square_roots():
    roots = [math.sqrt(p) for p in SHARES]
    close(distribution(LOGITS, temperature=2.0), [r / sum(roots) for r in roots])


def test_temperature_zero_puts_all_on_the_likeliest():
    close(distribution(LOGITS, temperature=0.0), [1.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("top_k", "expected"),
    [
        (1, [1.0, 0.0, 0.0, 0.0]),
        (2, [2 / 3, 1 / 3, 0.0, 0.0]),
        (3, [5 / 9, 2.5 / 9, 1.5 / 9, 0.0]),
        (99, SHARES),
    ],
)
def test_top_k(top_k, expected):
    close(distribution(LOGITS, top_k=top_k), expected)


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (0.01, [1.0, 0.0, 0.0, 0.0]),  # never nothing
        (0.4, [1.0, 0.0, 0.0, 0.0]),
        (0.6, [2 / 3, 1 / 3, 0.0, 0.0]),
        (0.8, [5 / 9, 2.5 / 9, 1.5 / 9, 0.0]),
        (1.0, SHARES),
    ],
)
def test_top_p_keeps_the_fewest_that_reach_the_share(top_p, expected):
    close(distribution(LOGITS, top_p=top_p), expected)


def test_a_share_reached_exactly_is_enough():
    assert distribution(torch.zeros(1, 4), top_p=0.5).tolist() == [[0.5, 0.5, 0.0, 0.0]]


def test_top_p_counts_shares_after_top_k():
    # Of the two kept by top_k the first has 2/3, which reaches 0.6 alone; without top_k it does not
    close(distribution(LOGITS, top_k=2, top_p=0.6), [1.0, 0.0, 0.0, 0.0])


def test_order_of_tokens_does_not_matter():
    order = torch.tensor([2, 0, 3, 1])
    shuffled = distribution(LOGITS[:, order], top_k=3, top_p=0.8)
    torch.testing.assert_close(shuffled, distribution(LOGITS, top_k=3, top_p=0.8)[:, order])


def test_rows_are_independent():
    other = torch.tensor([[0.0, 5.0, 1.0, 1.0]], dtype=torch.float64)
    both = distribution(torch.cat([LOGITS, other]), top_p=0.7)
    torch.testing.assert_close(both[:1], distribution(LOGITS, top_p=0.7))
    torch.testing.assert_close(both[1:], distribution(other, top_p=0.7))


def test_ties_keep_exactly_top_k_tokens():
    kept = distribution(torch.zeros(1, 5), top_k=2)
    assert kept.tolist() == [[0.5, 0.5, 0.0, 0.0, 0.0]]


def test_tiny_temperature_and_huge_logits_stay_finite():
    result = distribution(torch.tensor([[3e38, 1e38, -3e38]]), temperature=1e-6)
    assert result.tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("uniform", "token"),
    [(0.0, 1), (0.49, 1), (0.51, 2), (0.999999, 2)],
)
def test_draw_finds_where_the_running_sum_passes(uniform, token):
    probabilities = torch.tensor([[0.0, 0.5, 0.5, 0.0]], dtype=torch.float64)
    assert draw(probabilities, torch.tensor([uniform])).tolist() == [token]


def test_draw_never_returns_a_token_of_probability_zero_at_either_end():
    probabilities = torch.tensor([[0.0, 0.3, 0.7, 0.0, 0.0]], dtype=torch.float64)
    almost_one = 1.0 - 2.0**-53
    ends = torch.tensor([0.0, almost_one], dtype=torch.float64)
    assert draw(probabilities.expand(2, -1), ends).tolist() == [1, 2]


def test_frequencies_match_the_distribution():
    draws = 20_000
    generator = torch.Generator().manual_seed(7)
    expected = distribution(LOGITS, temperature=0.8, top_k=3)[0]
    tokens = sample(LOGITS.expand(draws, -1), temperature=0.8, top_k=3, generator=generator)
    counts = torch.bincount(tokens, minlength=4).double()
    assert counts[3] == 0
    kept = expected > 0
    chi_square = ((counts - draws * expected)[kept] ** 2 / (draws * expected)[kept]).sum()
    assert chi_square < 13.8  # 2 degrees of freedom: passed by chance 999 times in 1,000


def test_temperature_zero_is_greedy_and_takes_no_randomness():
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert sample(LOGITS, temperature=0.0, generator=generator).tolist() == [0]
    assert torch.equal(generator.get_state(), before)


def test_one_seed_gives_the_same_tokens_twice():
    logits = torch.randn(50, 30, generator=torch.Generator().manual_seed(1))
    first, second = (sample(logits, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, sample(logits, generator=torch.Generator().manual_seed(4)))


def test_with_a_generator_a_row_a_row_does_not_depend_on_its_neighbours():
    logits = torch.randn(5, 30, generator=torch.Generator().manual_seed(1))
    generators = [torch.Generator().manual_seed(i) for i in range(5)]
    together = sample(logits, generator=generators)
    alone = [
        sample(logits[i : i + 1], generator=[torch.Generator().manual_seed(i)]).item()
        for i in range(5)
    ]
    assert together.tolist() == alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, r"temperature is -0\.1; give 0 .* or more"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"top_k": 0}, "top_k is 0; give 1 or more"),
        ({"top_p": 0.0}, r"top_p is 0\.0; give a share above 0 and up to 1"),
        ({"top_p": 1.5}, r"top_p is 1\.5"),
        ({"temperature": 0.0, "top_k": -3}, "top_k is -3"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        sample(LOGITS, **options)
