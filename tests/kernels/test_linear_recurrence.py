"""The linear recurrence against the definition: values, gradients of two orders, edges, errors."""

import pytest
import torch

from suimon.errors import ShapeError
from suimon.kernels.cpu import linear_recurrence
from suimon.kernels.cpu.recurrence import _loop
from tests.kernels.linear_recurrence_cases import (
    by_hand,
    drawn,
    marked,
    needs_native,
    with_gradients,
)
from tests.tolerances import assert_close

SHAPES = [(5, 3, 16), (7, 2, 5), (1, 1, 1), (64, 3, 33), (33, 4, 129)]  # T, B, H
BOTH = pytest.mark.parametrize(
    "run", [pytest.param(linear_recurrence, marks=needs_native), _loop], ids=["native", "loop"]
)


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_the_definition(run, shape, dtype):
    tensors = drawn(*shape, dtype)
    seed_gradient = torch.randn(shape, dtype=dtype)
    expected = with_gradients(by_hand, tensors, seed_gradient)
    # The same products and sums in the same order: not only close.
    for actual, wanted in zip(with_gradients(run, tensors, seed_gradient), expected, strict=True):
        assert torch.equal(actual, wanted)


@BOTH
@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_that_restarts_does_so_from_zero(run, shape):
    tensors, restart = drawn(*shape), marked(*shape[:2])
    seed_gradient = torch.randn(shape)
    expected = with_gradients(lambda *inputs: by_hand(*inputs, restart), tensors, seed_gradient)
    actual = with_gradients(lambda *inputs: run(*inputs, restart), tensors, seed_gradient)
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(actual[0][0, 0], tensors[1][0, 0])  # the first step, h_0 unseen


@BOTH
def test_two_steps_computed_by_hand(run):
    a = torch.tensor([0.5, 0.25]).view(2, 1, 1).requires_grad_()
    b = torch.tensor([1.0, 2.0]).view(2, 1, 1).requires_grad_()
    h_0 = torch.tensor([[4.0]], requires_grad=True)
    h = run(a, b, h_0)
    assert h.flatten().tolist() == [3.0, 2.75]  # 0.5*4 + 1, 0.25*3 + 2
    grad_a, grad_b, grad_h_0 = torch.autograd.grad(h.sum(), (a, b, h_0))
    assert grad_b.flatten().tolist() == [1.25, 1.0]  # 1 + 0.25*1, 1
    assert grad_a.flatten().tolist() == [5.0, 3.0]  # 1.25*h_0, 1*h_1
    assert grad_h_0.item() == 0.625  # 0.5*1.25


@BOTH
@pytest.mark.parametrize("restarts", [False, True])
def test_gradients_of_first_and_second_order_agree_with_finite_differences(run, restarts):
    tensors = (*drawn(4, 2, 3, torch.float64, requires_grad=True), marked(4, 2))
    if not restarts:
        tensors = tensors[:3]
    assert torch.autograd.gradcheck(run, tensors, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(run, tensors, check_batched_grad=True)


@needs_native
@pytest.mark.parametrize("restart", [None, torch.tensor([[False], [False], [True], [False]])])
def test_third_derivative_equals_the_definitions(restart):
    def third_derivative(run):
        torch.manual_seed(1)
        a, b, h_0 = drawn(4, 1, 2, torch.float64, requires_grad=True)
        value = (run(a, b, h_0, restart) ** 3).sum()
        for leaf in (a, h_0, a):
            (gradient,) = torch.autograd.grad(value, leaf, create_graph=True)
            value = (gradient**2).sum()
        return value

    assert_close(third_derivative(linear_recurrence), third_derivative(by_hand))


@needs_native
def test_second_order_where_some_gradients_are_not_asked_for():
    a, b, h_0 = drawn(5, 2, 3, torch.float64)
    a.requires_grad_()

    def penalty(run):
        (grad_a,) = torch.autograd.grad(run(a, b, h_0).square().sum(), a, create_graph=True)
        return torch.autograd.grad(grad_a.square().sum(), a)[0]

    assert_close(penalty(linear_recurrence), penalty(by_hand))


@pytest.mark.parametrize("shape", [(0, 2, 3), (4, 0, 3), (4, 2, 0), (0, 0, 0)])
def test_empty_sequences_batches_and_widths(shape):
    tensors = drawn(*shape, requires_grad=True)
    h = linear_recurrence(*tensors, torch.ones(shape[:2], dtype=torch.bool))
    assert h.shape == shape
    gradients = torch.autograd.grad(h.sum(), tensors)
    for tensor, gradient in zip(tensors, gradients, strict=True):
        assert torch.equal(gradient, torch.zeros_like(tensor))


def test_no_result_is_an_alias_of_an_input():
    a, b, h_0 = drawn(1, 2, 3)
    a.zero_()  # h_1 equals b_1 in value
    before = b.clone()
    linear_recurrence(a, b, h_0).add_(1)
    assert torch.equal(b, before)


def test_inputs_that_are_not_contiguous():
    a, b, h_0 = drawn(6, 3, 8)
    strange = (a.transpose(0, 2).contiguous().transpose(0, 2), b, h_0)
    wide = torch.randn(3, 16)
    assert not strange[0].is_contiguous()
    assert not wide[:, ::2].is_contiguous()
    seed_gradient = torch.randn(8, 3, 6).transpose(0, 2)
    for tensors in (strange, (a, b, wide[:, ::2]), (a, b[:1].expand(6, 3, 8), h_0)):
        actual = with_gradients(linear_recurrence, tensors, seed_gradient)
        expected = with_gradients(by_hand, tensors, seed_gradient)
        for one, other in zip(actual, expected, strict=True):
            assert torch.equal(one, other)


def test_nan_and_infinity_reach_what_depends_on_them_and_nothing_else():
    a, b, h_0 = drawn(6, 2, 19)
    b[2, 0, 3] = torch.nan
    b[1, 1, 18] = torch.inf
    h_0[0, 16] = -torch.inf
    h = linear_recurrence(a, b, h_0)
    torch.testing.assert_close(h, by_hand(a, b, h_0), rtol=0, atol=0, equal_nan=True)
    assert h[2:, 0, 3].isnan().all()
    assert h.isnan().sum() == 4
    assert h.isinf().sum() == 5 + 6


@BOTH
def test_a_restart_stops_nan_and_infinity_in_either_direction(run):
    a, b, h_0 = drawn(6, 2, 19)
    restart = torch.zeros(6, 2, dtype=torch.bool)
    restart[3, 0] = True
    h_0[0, :2] = torch.tensor([torch.inf, torch.nan])
    seed_gradient = torch.ones(6, 2, 19)
    seed_gradient[4, 0, 2:4] = torch.tensor([torch.inf, torch.nan])
    h, grad_a, grad_b, grad_h_0 = with_gradients(
        lambda *inputs: run(*inputs, restart), (a, b, h_0), seed_gradient
    )
    assert not h[:3, 0, :2].isfinite().any()
    assert h[3:].isfinite().all()
    assert not grad_b[3:5, 0, 2:4].isfinite().any()
    assert grad_b[:3].isfinite().all()
    assert grad_a[:3, :, 2:].isfinite().all()  # the first two channels are of an infinite state
    assert grad_h_0.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_rounded_once_at_the_end(dtype):
    tensors = [tensor.to(dtype) for tensor in drawn(50, 2, 8)]
    h = linear_recurrence(*tensors)
    assert h.dtype == dtype
    assert torch.equal(h, by_hand(*(tensor.float() for tensor in tensors)).to(dtype))


def test_mixed_types_are_promoted_as_torch_does():
    a, b, h_0 = drawn(4, 2, 3)
    assert linear_recurrence(a.bfloat16(), b.bfloat16(), h_0).dtype == torch.float32
    h = linear_recurrence(a, b.double(), h_0)
    assert_close(h, by_hand(a.double(), b.double(), h_0.double()))


def test_complex_numbers_and_other_devices_run_the_loop():
    a, b, h_0 = drawn(4, 2, 3, torch.complex64)
    assert torch.equal(linear_recurrence(a, b, h_0), by_hand(a, b, h_0))
    on_meta = linear_recurrence(*(tensor.to("meta") for tensor in (a, b, h_0)))
    assert on_meta.shape == (4, 2, 3)
    assert on_meta.device.type == "meta"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": torch.ones(2, 3)}, r"a has shape \(2, 3\); it must be \(T, B, H\)"),
        ({"b": torch.ones(4, 2, 5)}, r"b has shape \(4, 2, 5\); it must be \(4, 2, 3\) like a"),
        ({"h_0": torch.ones(1, 2, 3)}, r"h_0 has shape \(1, 2, 3\); it must be \(2, 3\)"),
        ({"b": torch.ones(4, 2, 3).long()}, r"b has dtype torch.int64; .* floating"),
        ({"h_0": torch.ones(2, 3, device="meta")}, r"h_0 is on meta; it must be on cpu like a"),
        ({"restart": torch.ones(4) > 0}, r"restart has shape \(4,\); it must be \(4, 2\)"),
        ({"restart": torch.ones(4, 2)}, r"restart has dtype torch.float32; it must be torch.bool"),
        (
            {"restart": torch.ones(4, 2, device="meta") > 0},
            r"restart is on meta; it must be on cpu",
        ),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    arguments = {"a": torch.ones(4, 2, 3), "b": torch.ones(4, 2, 3), "h_0": torch.ones(2, 3)}
    with pytest.raises(ShapeError, match=message):
        linear_recurrence(**{**arguments, **change})
