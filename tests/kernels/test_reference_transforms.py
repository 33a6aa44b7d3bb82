"""The reference scan under autograd of every order, torch.func and torch.compile."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from suimon.cells import Cell, cell_classes
from suimon.kernels.api import ScanRequest
from suimon.kernels.reference import ReferenceBackend
from tests.cells.variants import I, make_cell, random_state
from tests.tolerances import assert_close

T, B = 3, 3
reference = ReferenceBackend()
every_kind = pytest.mark.parametrize("kind", list(cell_classes()))
plain_and_full = pytest.mark.parametrize("full", [False, True], ids=["plain", "full"])


def ask(cell: Cell, full: bool) -> ScanRequest:
    """A plain request, or one with all there is."""
    request = ScanRequest(
        cell, cell.weights(), torch.randn(T, B, I).double(), random_state(cell, B), trace=True
    )
    if not full:
        return request
    request = replace(
        request,
        lengths=torch.tensor([T, 0, 2]),
        reset=torch.tensor([[1, 0, 0], [0, 0, 1], [1, 1, 1]], dtype=torch.bool),
        zoneout={cell.output_field: torch.rand(T, B, cell.output_size).double()},
        reverse=True,
    )
    if "weight_hh" in cell.weights():
        request = replace(request, recurrent_mask=torch.rand(B, cell.output_size).double())
    return request


def as_function(request: ScanRequest) -> tuple[Callable, list[torch.Tensor]]:
    """A request as a function of its input, state and weights, and their values as leaves."""
    names = list(request.weights)
    n = len(request.state)

    def outcome(x, *rest):
        state, weights = type(request.state)(*rest[:n]), dict(zip(names, rest[n:], strict=True))
        done = reference.scan(replace(request, x=x, state=state, weights=weights))
        return (done.output, *done.state, *done.trace.values())

    leaves = [request.x, *request.state, *request.weights.values()]
    return outcome, [leaf.detach().clone().requires_grad_() for leaf in leaves]


@every_kind
@plain_and_full
def test_gradients_of_first_and_second_order(kind, full):
    outcome, leaves = as_function(ask(make_cell(kind, {}), full))
    assert gradcheck(outcome, leaves, fast_mode=True, check_forward_ad=True)
    assert gradgradcheck(outcome, leaves, fast_mode=True)


@every_kind
@plain_and_full
def test_functional_transforms_agree(kind, full):
    outcome, leaves = as_function(ask(make_cell(kind, {}), full))
    x, *rest = (leaf.detach() for leaf in leaves)

    def output(x):
        return outcome(x, *rest)[0]

    def energy(x):
        return output(x).square().sum()

    by_autograd = torch.autograd.functional.jacobian(output, x)
    assert_close(torch.func.jacrev(output)(x), by_autograd)
    assert_close(torch.func.jacfwd(output)(x), by_autograd)
    assert_close(torch.func.hessian(energy)(x), torch.autograd.functional.hessian(energy, x))
    many = torch.randn(4, *x.shape).double()
    assert_close(torch.func.vmap(output)(many), torch.stack([output(one) for one in many]))
    per_sample = torch.func.vmap(torch.func.grad(energy))(many)
    assert_close(per_sample, torch.stack([torch.func.grad(energy)(one) for one in many]))


def test_vmap_over_lengths_and_weights():
    # No Python control flow looks at values: even the lengths may be a batch dimension.
    cell = make_cell("lstm", {})
    request = ask(cell, full=True)
    lengths = torch.tensor([[3, 1, 0], [2, 2, 2]])
    weights = {n: torch.stack([w, 2 * w]) for n, w in request.weights.items()}

    def output(lengths, weights):
        return reference.scan(replace(request, lengths=lengths, weights=weights)).output

    each = [output(lengths[k], {n: w[k] for n, w in weights.items()}) for k in range(2)]
    assert_close(torch.func.vmap(output)(lengths, weights), torch.stack(each))


@every_kind
@plain_and_full
def test_compiles_into_one_graph(kind, full):
    outcome, leaves = as_function(ask(make_cell(kind, {}), full))
    torch.compiler.reset()
    # aot_eager traces forward and backward as inductor does, without generating code.
    compiled = torch.compile(outcome, fullgraph=True, backend="aot_eager")
    results, expected = compiled(*leaves), outcome(*leaves)
    assert_close(results, expected)
    grads = torch.autograd.grad(results[0].square().sum(), leaves, allow_unused=True)
    expected_grads = torch.autograd.grad(expected[0].square().sum(), leaves, allow_unused=True)
    for grad, own in zip(grads, expected_grads, strict=True):
        assert_close(grad, torch.zeros_like(grad) if own is None else own)


def test_exports():
    cell = make_cell("gru", {})
    state = cell.initial_state(B)

    class Scan(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, x):
            return reference.scan(ScanRequest(self.cell, self.cell.weights(), x, state)).output

    x = torch.randn(T, B, I).double()
    exported = torch.export.export(Scan(), (x,))
    assert_close(exported.module()(x), Scan()(x))
