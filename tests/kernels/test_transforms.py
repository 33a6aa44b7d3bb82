"""torch.func and forward-mode AD over scans: the right answer for every cell."""

from dataclasses import replace

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap

from suimon.kernels import ScanRequest, scan
from suimon.kernels.transforms import needs_plain_operations
from tests.cells.variants import I, make_cell, random_state, variants
from tests.tolerances import assert_close

T, B = 3, 2
LENGTHS = torch.tensor([2, 3])
every_variant = pytest.mark.parametrize(("kind", "options"), variants())
# The backends that "auto" chooses for these are torch, torch, torch and cpu.
one_each = pytest.mark.parametrize("kind", ["elman", "lstm", "gru", "mingru"])


def case(kind, options, dtype=torch.float64):
    """A cell, and its energy as a function of the input and the weights."""
    cell = make_cell(kind, options, dtype)
    state = random_state(cell, B, dtype)

    def energy(x, weights):
        request = ScanRequest(cell, weights, x, state, lengths=LENGTHS, reverse=True)
        done = scan(request)
        return (done.output.sin() * done.output).sum() + sum(s.square().sum() for s in done.state)

    return cell, energy


def eager_gradient(energy, x, weights):
    """The gradient of the input by ordinary autograd."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(energy(x, weights), x)[0]


@every_variant
def test_grad_and_vmap_of_grad(kind, options):
    cell, energy = case(kind, options)
    weights = {name: w.detach() for name, w in cell.weights().items()}
    xs = torch.randn(4, T, B, I).double()
    expected = torch.stack([eager_gradient(energy, x, weights) for x in xs])
    assert_close(grad(energy)(xs[0], weights), expected[0])
    assert_close(vmap(grad(energy), in_dims=(0, None))(xs, weights), expected)


@every_variant
def test_vmap_over_the_weights(kind, options):
    cell, energy = case(kind, options)
    x = torch.randn(T, B, I).double()
    stacked = {n: torch.stack([w, 2 * w, -w]).detach() for n, w in cell.weights().items()}
    expected = [energy(x, {n: w[k] for n, w in stacked.items()}) for k in range(3)]
    assert_close(vmap(energy, in_dims=(None, 0))(x, stacked), torch.stack(expected))


@every_variant
def test_forward_mode_is_the_difference_quotient(kind, options):
    cell, energy = case(kind, options)
    weights = {name: w.detach() for name, w in cell.weights().items()}
    x, towards = torch.randn(2, T, B, I).double()
    moved = {name: torch.randn_like(w) for name, w in weights.items()}
    step = 1e-6
    ahead, behind = (
        energy(x + h * towards, {n: w + h * moved[n] for n, w in weights.items()})
        for h in (step, -step)
    )
    quotient = (ahead - behind) / (2 * step)
    _, tangent = jvp(energy, (x, weights), (towards, moved))
    # A difference quotient is exact to about step**2 and 1e-16/step.
    torch.testing.assert_close(tangent, quotient, rtol=1e-6, atol=1e-7)
    with forward_ad.dual_level():
        duals = {n: forward_ad.make_dual(w, moved[n]) for n, w in weights.items()}
        dual = energy(forward_ad.make_dual(x, towards), duals)
        assert_close(forward_ad.unpack_dual(dual).tangent, tangent)


@one_each
def test_hessian(kind):
    cell, energy = case(kind, {})
    x = torch.randn(T, B, I).double()
    found = hessian(lambda x: energy(x, cell.weights()))(x)
    # The eager path: double backward of what the backend computes.
    expected = torch.autograd.functional.hessian(lambda x: energy(x, cell.weights()), x)
    assert_close(found, expected)
    assert_close(jacfwd(jacrev(energy))(x, cell.weights()), expected)
    assert_close(jacrev(jacfwd(energy))(x, cell.weights()), expected)


@one_each
def test_jacobians_of_torch_autograd_functional(kind):
    cell, energy = case(kind, {})

    def gradient(x):
        return torch.autograd.grad(energy(x, cell.weights()), x, create_graph=True)[0]

    x = torch.randn(T, B, I).double().requires_grad_()
    jacobian = torch.autograd.functional.jacobian
    expected = jacobian(gradient, x)
    assert_close(jacobian(gradient, x, vectorize=True), expected)


@one_each
@pytest.mark.parametrize("randomness", ["same", "different"])
def test_vmap_with_drawn_masks(kind, randomness):
    """Zoneout drawn inside vmap: one draw for all examples, or one each."""
    cell = make_cell(kind, {})
    state = random_state(cell, B)

    def output(x):
        keep = torch.bernoulli(torch.full((T, B, 4), 0.5).double())
        zoneout = {cell.output_field: keep}
        return scan(ScanRequest(cell, cell.weights(), x, state, zoneout=zoneout)).output

    x = torch.randn(T, B, I).double()
    first, second = vmap(output, randomness=randomness)(torch.stack([x, x]))
    assert torch.equal(first, second) == (randomness == "same")


def test_functional_call_of_a_cell_is_seen():
    cell = make_cell("gru", {})
    x = torch.randn(T, B, I).double()

    class Scan(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, x):
            return scan(ScanRequest(cell, None, x, cell.initial_state(B))).output

    swapped = {f"cell.{name}": 2 * w.detach() for name, w in cell.named_parameters()}
    found = functional_call(Scan(), swapped, (x,))
    weights = {name.removeprefix("cell."): w for name, w in swapped.items()}
    expected = scan(ScanRequest(cell, weights, x, cell.initial_state(B))).output
    assert_close(found, expected)


def test_plain_operations_are_needed_for_dual_inputs_alone():
    x = torch.randn(T, B, I)
    assert not needs_plain_operations([x])
    with forward_ad.dual_level():
        assert not needs_plain_operations([x])
        assert needs_plain_operations([x, forward_ad.make_dual(x, x)])
    assert not needs_plain_operations([x])


@one_each
def test_a_dual_level_that_is_open_elsewhere_costs_nothing(kind, monkeypatch):
    """Without a dual input the fused backend runs still."""
    cell, energy = case(kind, {}, torch.float32)
    x = torch.randn(T, B, I)
    plain = energy(x, cell.weights())
    with forward_ad.dual_level():
        assert torch.equal(energy(x, cell.weights()), plain)


@one_each
def test_float32_second_derivatives_of_a_trace(kind):
    """Everything the trace returns is differentiable, twice."""
    cell = make_cell(kind, {}, torch.float32)
    doubled = make_cell(kind, {}, torch.float64)
    doubled.load_state_dict({n: w.double() for n, w in cell.state_dict().items()})
    x = torch.randn(T, B, I)

    def second(cell, x):
        x = x.detach().requires_grad_()
        request = ScanRequest(cell, cell.weights(), x, cell.initial_state(B), trace=True)
        done = scan(replace(request, lengths=LENGTHS))
        total = sum(value.square().sum() for value in done.trace.values())
        (first,) = torch.autograd.grad(total, x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)[0]

    found, expected = second(cell, x), second(doubled, x.double())
    torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=1e-5)
