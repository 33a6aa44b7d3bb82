import pytest
import torch

from suimon.tasks.forecasting.objective import trusted_share


def test_a_network_is_trusted_as_far_as_it_was_right():
    torch.manual_seed(0)
    added = torch.randn(3, 500)
    assert trusted_share(added, 0.6 * added) == pytest.approx(0.6)
    assert trusted_share(added, 2 * added) == 1.0
    assert trusted_share(added, -added) == 0.0
    assert trusted_share(torch.zeros(3, 50), torch.randn(3, 50)) == 0.0
    left = 0.6 * added + torch.randn(3, 500)
    noisy = trusted_share(added, left)
    assert 0.6 - 3 / 1500**0.5 < noisy < 0.6 + 2 / 1500**0.5
    left[:, ::3] = torch.nan
    assert 0.4 < trusted_share(added, left) < 0.7


def test_luck_is_not_trusted():
    torch.manual_seed(1)
    shares = [trusted_share(torch.randn(1, 200), torch.randn(1, 200)) for _ in range(40)]
    assert sum(share == 0 for share in shares) > 25
