"""Autograd through torch's fused operators: second derivatives, and the graph's lifetime."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.checkpoint import checkpoint

from suimon.kernels import ScanRequest
from suimon.kernels.flattening import differentiable_inputs, outputs, with_inputs
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.torch import TorchBackend, onednn
from suimon.kernels.torch.fused import scan_fused
from suimon.kernels.torch.inner_graph import scan_twice_differentiable
from tests.cells.variants import make_cell
from tests.kernels.test_torch_backend import LENGTHS, ask
from tests.tolerances import assert_close


def through_an_inner_graph(request: ScanRequest):
    """As on devices whose fused operators have a first derivative alone."""
    return scan_twice_differentiable(scan_fused, request)


SCANS = [TorchBackend().scan, through_an_inner_graph]
both_ways = pytest.mark.parametrize("scan", SCANS, ids=["direct", "inner-graph"])
every_kind = pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])


def lstm_request(**parts) -> ScanRequest:
    return ask(make_cell("lstm", {}, torch.float32), torch.float32, **parts)


def energy(scan, request: ScanRequest) -> torch.Tensor:
    """A number that depends on every output in a nonlinear way."""
    return sum((each.sin() * each).sum() for each in outputs(scan(request)))


def second_derivatives(scan, request: ScanRequest) -> list[torch.Tensor]:
    """Gradients of the squared norm of the gradient."""
    inputs = differentiable_inputs(request)
    first = torch.autograd.grad(energy(scan, request), inputs, create_graph=True)
    return torch.autograd.grad(sum(each.square().sum() for each in first), inputs)


def test_onednn_is_what_these_tests_run():
    assert onednn.suits(lstm_request())


@both_ways
@every_kind
@pytest.mark.parametrize("reverse", [False, True])
def test_double_backward_in_float32(scan, kind, reverse):
    request = ask(make_cell(kind, {}, torch.float32), torch.float32, reverse=reverse)
    expected = second_derivatives(ReferenceBackend().scan, request)
    assert_close(second_derivatives(scan, request), expected, scale=100)  # sums of sums


@both_ways
@every_kind
def test_gradcheck_and_gradgradcheck(scan, kind):
    request = ask(make_cell(kind, {}), torch.float64, steps=3, lengths=LENGTHS.clamp(max=3))
    inputs = tuple(differentiable_inputs(request))
    function = lambda *tensors: tuple(outputs(scan(with_inputs(request, tensors))))  # noqa: E731
    assert gradcheck(function, inputs, fast_mode=True)
    assert gradgradcheck(function, inputs, fast_mode=True)


@both_ways
def test_a_gradient_does_not_run_through_one_input_into_another(scan):
    request = lstm_request()
    h_0 = request.state.h
    # x is made from h_0: the gradient of h_0 alone is not that of x.
    made = replace(request, x=request.x + h_0.sum())
    expected = second_derivatives(ReferenceBackend().scan, made)
    assert_close(second_derivatives(scan, made), expected, scale=100)


@both_ways
def test_two_forwards_before_one_backward(scan):
    request, other = lstm_request(), lstm_request()
    other = replace(other, cell=request.cell, weights=request.weights)
    together = torch.autograd.grad(
        energy(scan, request) + energy(scan, other), request.cell.parameters()
    )
    alone = [
        torch.autograd.grad(energy(scan, each), request.cell.parameters())
        for each in (request, other)
    ]
    assert_close(together, tuple(a + b for a, b in zip(*alone, strict=True)))


@both_ways
def test_backward_twice_needs_a_retained_graph(scan):
    request = lstm_request()
    loss = energy(scan, request)
    loss.backward(retain_graph=True)
    once = request.x.grad.clone()
    loss.backward()
    assert_close(request.x.grad, 2 * once)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


@both_ways
def test_weights_changed_before_backward_are_an_error(scan):
    request = lstm_request()
    loss = energy(scan, request)
    with torch.no_grad():
        request.cell.weight_hh.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@both_ways
@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointing(scan, use_reentrant):
    request = lstm_request()
    inputs = differentiable_inputs(request)

    def run(*tensors):
        return energy(scan, with_inputs(request, tensors))

    plain = torch.autograd.grad(run(*inputs), inputs)
    checkpoint(run, *inputs, use_reentrant=use_reentrant).backward()
    assert_close([tensor.grad for tensor in inputs], list(plain))


@both_ways
def test_memory_goes_back_after_backward(scan):
    """The loss lives on; what backward needed does not."""
    saved = []

    def keep_track(tensor):
        saved.append(weakref.ref(tensor.untyped_storage()))
        return tensor

    request = lstm_request()
    with torch.autograd.graph.saved_tensors_hooks(keep_track, lambda tensor: tensor):
        result = scan(request)
    own = {tensor.untyped_storage().data_ptr() for tensor in differentiable_inputs(request)}
    loss = result.output.sum()
    del result
    loss.backward()
    gc.collect()
    alive = [ref() for ref in saved if ref() is not None]
    assert saved
    assert all(storage.data_ptr() in own for storage in alive)


@both_ways
def test_only_what_is_asked_for_has_a_gradient(scan):
    request = lstm_request()
    for parameter in request.cell.parameters():
        parameter.requires_grad_(False)
    request = replace(request, x=request.x.detach())
    c_0 = request.state.c
    (found,) = torch.autograd.grad(energy(scan, request), [c_0])
    (expected,) = torch.autograd.grad(energy(ReferenceBackend().scan, request), [c_0])
    assert_close(found, expected)
    with torch.no_grad():
        assert not scan(request).output.requires_grad


@both_ways
def test_gradients_of_many_outputs_at_once(scan):
    """What torch.autograd.functional does with vectorize=True: vmap over the backward pass."""
    request = lstm_request(steps=2)
    output = scan(request).output
    basis = torch.eye(output.numel()).view(-1, *output.shape)
    (rows,) = torch.autograd.grad(
        output, [request.x], basis, is_grads_batched=True, retain_graph=True
    )
    for each, row in zip(basis, rows, strict=True):
        assert_close(torch.autograd.grad(output, request.x, each, retain_graph=True)[0], row)
