from statistics import NormalDist

import pytest
import torch

from suimon.tasks.forecasting.heads import QUANTILES, GaussianHead, QuantileHead

POINT, DEVIATION = torch.tensor([[2.0, 5.0]]), torch.tensor([[0.5]])


def spread_of(head, scale: float = 0.0):
    raw = scale * torch.randn(1, 2, head.outputs - 1)
    return head.spread(raw, DEVIATION)


@pytest.mark.parametrize("head", [QuantileHead(), GaussianHead()])
def test_untrained_it_says_the_normal_distribution_that_the_linear_path_leaves(head):
    spread = spread_of(head)
    for q in (*QUANTILES, 0.03, 0.6, 0.995):
        z = NormalDist().inv_cdf(q)
        found = head.at(POINT, spread, torch.full_like(POINT, z))
        torch.testing.assert_close(found, POINT + 0.5 * z)


def test_quantiles_never_cross():
    head = QuantileHead()
    spread = spread_of(head, scale=5.0)
    assert (spread.diff(dim=-1) > 0).all()


def test_losses_by_hand():
    target = torch.tensor([[3.0, 5.0]])
    gaussian = GaussianHead()
    expected = -torch.distributions.Normal(POINT / 0.5, 1.0).log_prob(target / 0.5)
    torch.testing.assert_close(
        gaussian.loss(POINT, spread_of(gaussian), target, DEVIATION), expected
    )
    head = QuantileHead()
    found = head.loss(POINT, spread_of(head), target, DEVIATION)
    for n, error in enumerate((2.0, 0.0)):  # in deviations
        left = [error - NormalDist().inv_cdf(q) for q in QUANTILES]
        pinball = [max(q * e, (q - 1) * e) for q, e in zip(QUANTILES, left, strict=True)]
        huber = error**2 / 2
        assert found[0, n].item() == pytest.approx(huber + sum(pinball) / len(pinball), rel=1e-5)


def test_the_spread_does_not_pull_on_the_point():
    head = QuantileHead()
    point = POINT.clone().requires_grad_()
    head.loss(point, spread_of(head), torch.tensor([[3.0, 5.1]]), DEVIATION).sum().backward()
    torch.testing.assert_close(point.grad, torch.tensor([[-4.0, -0.4]]), rtol=1e-4, atol=1e-5)
