import math

import pytest
import torch

from suimon.errors import ShapeError
from suimon.layers import attention as module
from suimon.layers.attention import AdditiveAttention, Attention, MultiplicativeAttention
from tests.tolerances import assert_close

KINDS = {
    "additive": lambda: AdditiveAttention(3, 5, 4),
    "multiplicative": lambda: MultiplicativeAttention(3, 5),
    "scaled": lambda: MultiplicativeAttention(3, 5, scaled=True),
}


@pytest.fixture(params=sorted(KINDS))
def attention(request) -> Attention:
    return KINDS[request.param]().double()


def by_hand(attention: Attention, query: list, values: list) -> tuple[list, list]:
    """Context and weights of one query over the positions of one row, number by number."""
    rows = attention.keys.weight.tolist()
    keys = [
        [sum(w * m for w, m in zip(row, value, strict=True)) for row in rows] for value in values
    ]
    if isinstance(attention, AdditiveAttention):
        mapped = [
            sum(w * q for w, q in zip(row, query, strict=True))
            for row in attention.query.weight.tolist()
        ]
        scores = [
            sum(
                v * math.tanh(a + b)
                for v, a, b in zip(attention.score.tolist(), mapped, key, strict=True)
            )
            for key in keys
        ]
    else:
        assert isinstance(attention, MultiplicativeAttention)
        root = math.sqrt(3) if attention.scaled else 1.0
        scores = [sum(a * b for a, b in zip(query, key, strict=True)) / root for key in keys]
    powers = [math.exp(score) for score in scores]
    weights = [power / sum(powers) for power in powers]
    context = [
        sum(w * value[n] for w, value in zip(weights, values, strict=True))
        for n in range(len(values[0]))
    ]
    return context, weights


def test_as_written_out_by_hand(attention):
    query, values = torch.randn(4, 2, 3).double(), torch.randn(6, 2, 5).double()
    lengths = torch.tensor([6, 2])
    found = attention(query, attention.remember(values, lengths))
    for row, length in enumerate(lengths.tolist()):
        for t in range(4):
            context, weights = by_hand(
                attention, query[t, row].tolist(), values[:length, row].tolist()
            )
            assert found.context[t, row].tolist() == pytest.approx(context, rel=1e-12)
            assert found.weights[t, row, :length].tolist() == pytest.approx(weights, rel=1e-12)
            assert not found.weights[t, row, length:].any()


def test_the_gradient_is_that_of_differences(attention):
    query = torch.randn(2, 2, 3).double().requires_grad_()
    values = torch.randn(3, 2, 5).double().requires_grad_()
    lengths = torch.tensor([3, 1])

    def run(query, values):
        return attention(query, attention.remember(values, lengths))

    assert torch.autograd.gradcheck(run, (query, values))


def test_padding_weighs_nothing_and_has_no_gradient(attention):
    query, values = torch.randn(4, 3, 3).double(), torch.randn(6, 3, 5).double().requires_grad_()
    lengths = torch.tensor([6, 2, 0])
    found = attention(query, attention.remember(values, lengths))
    found.context.square().sum().backward()
    assert values.grad is not None
    assert not values.grad[2:, 1].any()
    assert not values.grad[:, 2].any()
    assert values.grad.isfinite().all()
    assert not found.context[:, 2].any()
    assert_close(found.weights[:, :2].sum(dim=-1), torch.ones(4, 2).double())


def test_steps_taken_in_parts_are_the_same(monkeypatch):
    attention = KINDS["additive"]().double()
    query = torch.randn(7, 2, 3).double().requires_grad_()
    values = torch.randn(6, 2, 5).double().requires_grad_()

    def run():
        found = attention(query, attention.remember(values))
        inputs = (query, values, *attention.parameters())
        return (*found, *torch.autograd.grad(found.context.square().sum(), inputs))

    whole = run()
    monkeypatch.setattr(module, "_HELD_AT_ONCE", 2 * 6 * 2 * 4)
    for one, other in zip(whole, run(), strict=True):
        assert_close(one, other)


def test_a_query_of_another_shape_is_refused(attention):
    memory = attention.remember(torch.zeros(6, 2, 5).double())
    with pytest.raises(ShapeError, match=r"query has shape \(4, 1, 3\); it must be \(T, 2, 3\)"):
        attention(torch.zeros(4, 1, 3).double(), memory)
