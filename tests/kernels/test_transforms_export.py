"""torch.export of scans: one node each, any length, and what can be done with the program."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.export import Dim, export
from torch.func import jvp, vmap

from suimon.errors import BackendError
from suimon.kernels import ScanRequest, scan
from suimon.kernels.operator import scan_operator
from suimon.kernels.specification import specification_from, specification_text
from tests.cells.variants import I, make_cell, random_state, variants
from tests.tolerances import assert_close

T, B = 4, 2
one_each = pytest.mark.parametrize("kind", ["lstm", "gru", "mingru"])


class Scan(torch.nn.Module):
    """A cell over time, with lengths, a random first state and a trace."""

    def __init__(self, kind, options, dtype=torch.float32):
        super().__init__()
        self.cell = make_cell(kind, options, dtype)
        state = random_state(self.cell, B, dtype)
        for name, field in zip(state._fields, state, strict=True):
            self.register_buffer(name + "_0", field)

    def forward(self, x, lengths):
        state = self.cell.State(*(getattr(self, f"{n}_0") for n in self.cell.State._fields))
        request = ScanRequest(self.cell, self.cell.weights(), x, state, lengths=lengths, trace=True)
        done = scan(request)
        return done.output, tuple(done.state), done.trace


def exported(module, strict=False):
    steps = Dim("T", min=2, max=4096)
    example = torch.randn(T, B, I, dtype=module.cell.weight_ih.dtype), torch.tensor([T, 2])
    shapes = ({0: steps}, None)
    return export(module, example, dynamic_shapes=shapes, strict=strict)


def leaves(nest):
    return torch.utils._pytree.tree_leaves(nest)


@pytest.mark.parametrize(("kind", "options"), variants())
def test_one_node_for_any_length(kind, options):
    module = Scan(kind, options)
    program = exported(module)
    targets = [str(node.target) for node in program.graph.nodes]
    assert targets.count("suimon.scan.default") == 1
    run = program.module()
    for steps in (2, 4, 11):
        x, lengths = torch.randn(steps, B, I), torch.tensor([1, steps])
        done, expected = run(x, lengths), module(x, lengths)
        assert list(done[2]) == list(expected[2])
        assert_close(leaves(done), leaves(expected))


@one_each
def test_strict_export_too(kind):
    module = Scan(kind, {})
    run = exported(module, strict=True).module()
    x, lengths = torch.randn(7, B, I), torch.tensor([7, 0])
    assert_close(leaves(run(x, lengths)), leaves(module(x, lengths)))


@one_each
def test_an_exported_program_is_differentiable_twice_and_maps(kind):
    module = Scan(kind, {}, torch.float64)
    run = exported(module).module()
    lengths = torch.tensor([3, 6])

    def second(function, x):
        x = x.detach().requires_grad_()
        total = sum(each.sin().sum() for each in leaves(function(x, lengths)))
        first = torch.autograd.grad(total, [x, *module.parameters()], create_graph=True)
        return torch.autograd.grad(sum(each.square().sum() for each in first), x)[0]

    x = torch.randn(6, B, I).double()
    assert_close(second(run, x), second(module, x))
    xs = torch.stack([x, -x, 2 * x])
    mapped = vmap(lambda x: run(x, lengths)[0])(xs)
    assert_close(mapped, torch.stack([module(x, lengths)[0] for x in xs]))


def test_an_exported_program_does_not_pretend_to_have_a_tangent():
    """The operator would count as a constant: an error is better than zero."""
    module = Scan("gru", {})
    run = exported(module).module()
    x, lengths = torch.randn(T, B, I), torch.tensor([3, 4])
    with pytest.raises(BackendError, match="differentiate the layer that it was exported from"):
        jvp(lambda x: run(x, lengths)[0], (x,), (x,))
    for parameter in run.parameters():
        parameter.requires_grad_(False)
    with forward_ad.dual_level(), pytest.raises(BackendError, match="under forward-mode AD"):
        run(forward_ad.make_dual(x, x), lengths)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("lstm", {}), ("lstm", {"peephole": True, "proj_size": 2}), ("gru", {}), ("minlstm", {})],
)
@pytest.mark.parametrize("grad", [False, True])
def test_operator_keeps_torchs_rules(kind, options, grad):
    """Schema, aliasing, fake kernels, autograd registration and dynamic shapes."""
    cell = make_cell(kind, options, torch.float64)
    x = torch.randn(T, B, I).double().requires_grad_(grad)
    state = random_state(cell, B)
    weights = {n: w.detach().requires_grad_(grad) for n, w in cell.weights().items()}
    request = ScanRequest(cell, weights, x, state, reverse=True, trace=True)
    text = specification_text(request, "auto", None)
    pieces = (x, list(state), list(weights.values()), None, None, None, [], text)
    torch.library.opcheck(scan_operator, pieces)


def test_specification_comes_back_as_it_went():
    cell = make_cell("lstm", {"proj_size": 2, "forget_bias": 1.5})
    request = ScanRequest(
        cell, cell.weights(), torch.randn(T, B, I).double(), random_state(cell, B)
    )
    text = specification_text(request, "reference", torch.bfloat16)
    read = specification_from(text)
    assert dict(read.options) == cell.options()
    assert read.cell.parameter_shapes() == cell.parameter_shapes()
    assert (read.kind, read.backend, read.autocast_dtype) == ("lstm", "reference", torch.bfloat16)
    assert not read.trace_widths()
