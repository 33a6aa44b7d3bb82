import numpy as np
import pytest
import torch
from scipy import stats

from suimon.errors import ConfigError
from suimon.tasks.rows.outputs import Bernoulli, Mixture, SquaredError


def levels(*shape: int) -> torch.Tensor:
    return torch.randint(256, shape).double() / 255


def test_squared_error_and_cross_entropy_by_hand():
    row = torch.tensor([[0.0, 0.5, 1.0]])
    numbers = torch.tensor([[0.5, 0.5, 3.0]])
    assert SquaredError(3).loss(numbers, row).tolist() == [0.25 + 0 + 4]
    assert SquaredError(3).mean(numbers).tolist() == [[0.5, 0.5, 1.0]]
    p = numbers.sigmoid()
    expected = -(row * p.log() + (1 - row) * (1 - p).log()).sum()
    torch.testing.assert_close(Bernoulli(3).loss(numbers, row)[0], expected)
    torch.testing.assert_close(Bernoulli(3).mean(numbers), p)
    with pytest.raises(ConfigError, match="no chances to draw from: train with --output mixture"):
        SquaredError(3).draw(numbers, torch.Generator())


def test_the_chances_of_all_levels_add_up_to_one():
    output = Mixture(1, 3)
    numbers = torch.randn(output.numbers, dtype=torch.float64).expand(256, -1)
    row = torch.arange(256, dtype=torch.float64)[:, None] / 255
    total = (-output.loss(numbers, row)).exp().sum()
    torch.testing.assert_close(total, torch.tensor(1.0, dtype=torch.float64), atol=1e-9, rtol=0)


def test_a_mixture_of_rows_is_that_of_the_logistics_of_scipy():
    K, pixels = 2, 3
    output = Mixture(pixels, K)
    numbers = torch.randn(4, output.numbers, dtype=torch.float64)
    row = levels(4, pixels).clamp(1 / 255, 254 / 255)
    weights = numbers[:, :K].softmax(-1).numpy()
    values = numbers[:, K : K + K * pixels].reshape(4, K, pixels).numpy()
    scales = np.exp(numbers[:, K + K * pixels :].reshape(4, K, pixels).numpy() - 2.0)
    x = row[:, None].numpy()
    half = 0.5 / 255
    near, far = np.abs(x - values) - half, np.abs(x - values) + half
    chance = stats.logistic.sf(near, 0, scales) - stats.logistic.sf(far, 0, scales)
    expected = -np.log((weights * chance.prod(axis=-1)).sum(axis=-1))
    np.testing.assert_allclose(output.loss(numbers, row).numpy(), expected, rtol=1e-6)


def test_a_pixel_far_out_costs_much_but_is_finite_and_has_a_gradient():
    output = Mixture(1, 1)
    numbers = torch.tensor([0.0, -50.0, -20.0], requires_grad=True)
    cost = output.loss(numbers, torch.tensor([0.5]))
    cost.backward()
    assert torch.isfinite(cost)
    assert numbers.grad is not None
    assert torch.isfinite(numbers.grad).all()
    assert numbers.grad[1] < 0


def test_draws_have_the_mean_and_the_levels_of_the_mixture():
    output = Mixture(2, 2)
    numbers = torch.tensor([0.0, 0.0, 0.3, 0.4, 0.6, 0.8, *[-1.0] * 4])  # scales exp(-3)
    drawn = output.draw(numbers.expand(4000, -1), torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.mean(0), output.mean(numbers), atol=0.02, rtol=0)
    torch.testing.assert_close(drawn * 255, (drawn * 255).round(), atol=1e-3, rtol=0)
    upper = drawn[:, 0] > 0.45
    assert drawn[upper, 1].mean() > drawn[~upper, 1].mean() + 0.2  # a row hangs together
    chances = torch.tensor([-2.0, 2.0]).expand(4000, -1)
    drawn = Bernoulli(2).draw(chances, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.mean(0), chances[0].sigmoid(), atol=0.03, rtol=0)
