"""torch.compile over scans: one node a scan, the eager answer, and transforms inside."""

from dataclasses import replace

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import grad, jvp, vmap

from suimon.kernels import ScanRequest, scan
from tests.cells.variants import I, make_cell, random_state, variants
from tests.tolerances import assert_close

T, B = 3, 2
one_each = pytest.mark.parametrize("kind", ["lstm", "mingru"])


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()


class Recorder:
    """A compiler backend that keeps the graphs and runs them as they are."""

    def __init__(self):
        self.graphs = []

    def __call__(self, graph, examples):
        self.graphs.append(graph)
        return graph.forward

    def count(self, name):
        nodes = [node for graph in self.graphs for node in graph.graph.nodes]
        return sum(name in str(node.target) for node in nodes)


def everything(kind, options, dtype=torch.float32):
    """A cell, and all that a scan of it gives, with every part of a request in use."""
    cell = make_cell(kind, options, dtype)
    width = cell.output_size
    mask = torch.rand(B, width, dtype=dtype) if "weight_hh" in cell.weights() else None
    request = ScanRequest(
        cell,
        cell.weights(),
        torch.randn(T, B, I, dtype=dtype),
        random_state(cell, B, dtype),
        lengths=torch.tensor([3, 2]),
        reset=torch.tensor([[False, False], [True, False], [False, True]]),
        recurrent_mask=mask,
        zoneout={cell.output_field: torch.rand(T, B, width, dtype=dtype)},
        reverse=True,
        trace=True,
    )

    def function(x):
        done = scan(replace(request, x=x))
        return done.output, tuple(done.state), done.trace

    return cell, function, request.x


def leaves(nest):
    return torch.utils._pytree.tree_leaves(nest)


@pytest.mark.parametrize(("kind", "options"), variants())
def test_a_scan_is_one_node_for_every_cell(kind, options):
    _, function, x = everything(kind, options)
    recorder = Recorder()
    done = torch.compile(function, fullgraph=True, backend=recorder)(x)
    assert recorder.count("suimon.scan") == 1
    expected = function(x)
    assert list(done[2]) == list(expected[2])
    assert_close(leaves(done), leaves(expected))


@pytest.mark.parametrize("kind", ["elman", "jordan", "lstm", "gru", "mingru", "minlstm"])
def test_gradients_of_a_compiled_scan(kind):
    cell, function, x = everything(kind, {})
    x.requires_grad_()
    inputs = [x, *cell.parameters()]

    def gradients(function):
        return torch.autograd.grad(sum(each.sin().sum() for each in leaves(function(x))), inputs)

    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    assert_close(gradients(compiled), gradients(function), scale=10)


def test_a_plain_scan_keeps_its_graph_under_autocast():
    cell = make_cell("lstm", {}, torch.float32)
    x, state = torch.randn(T, B, I), cell.initial_state(B)

    def function(x):
        return scan(ScanRequest(cell, cell.weights(), x, state)).output

    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        done, expected = compiled(x), function(x)
    assert done.dtype == expected.dtype == torch.bfloat16
    assert_close(done, expected)
    found, wanted = (
        torch.autograd.grad(each.float().sum(), cell.parameters()) for each in (done, expected)
    )
    torch.testing.assert_close(found, wanted, rtol=2e-2, atol=2e-2)


def plain_output(kind):
    """The output of a plain scan of two steps, and an input; a compiler sees every operation."""
    cell = make_cell(kind, {})

    def output(x):
        return scan(ScanRequest(cell, cell.weights(), x, cell.initial_state(B))).output

    return output, torch.randn(2, B, I).double()


@one_each
def test_compiled_forward_mode(kind):
    output, x = plain_output(kind)
    towards = torch.randn_like(x)
    _, expected = jvp(output, (x,), (towards,))

    def inside(x, towards):
        return jvp(output, (x,), (towards,))[1]

    def dual(x, towards):
        with forward_ad.dual_level():
            return forward_ad.unpack_dual(output(forward_ad.make_dual(x, towards))).tangent

    for function in (inside, dual):
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        assert_close(compiled(x, towards), expected)

    frozen = torch.compile(output, fullgraph=True, backend="aot_eager")
    with torch.no_grad(), forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(frozen(forward_ad.make_dual(x, towards))).tangent
    assert_close(tangent, expected)


@one_each
def test_compiled_vmap_of_grad(kind):
    output, x = plain_output(kind)
    xs = torch.stack([x, 2 * x])

    def energy(x):
        return output(x).sin().sum()

    compiled = torch.compile(vmap(grad(energy)), fullgraph=True, backend="aot_eager")
    assert_close(compiled(xs), torch.stack([grad(energy)(x) for x in xs]))


def test_one_graph_serves_every_length():
    cell = make_cell("gru", {}, torch.float32)
    recorder = Recorder()

    def function(x):
        return scan(ScanRequest(cell, cell.weights(), x, cell.initial_state(B))).output

    compiled = torch.compile(function, fullgraph=True, backend=recorder, dynamic=True)
    for steps in (5, 7, 9):  # none of them another size here, which the compiler would tie to it
        x = torch.randn(steps, B, I)
        assert_close(compiled(x), function(x))
    assert len(recorder.graphs) == 1


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")  # torch's own
def test_inductor():
    cell, function, x = everything("lstm", {})
    compiled = torch.compile(function, fullgraph=True)
    done, expected = compiled(x), function(x)
    assert_close(leaves(done), leaves(expected))
    found, wanted = (
        torch.autograd.grad(each[0].sum(), cell.parameters()) for each in (done, expected)
    )
    assert_close(found, wanted, scale=10)
