"""The native LSTM against the definition: every instruction set, any threads, bf16, memory."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from suimon.cells import LSTMCell
from suimon.errors import BackendError
from suimon.kernels import ScanRequest, resolve, scan
from suimon.kernels.cpu import CpuBackend, pages
from suimon.kernels.cpu.native import ISA_VARIABLE, instruction_sets
from suimon.kernels.flattening import differentiable_inputs, outputs
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.torch import TorchBackend
from tests.kernels.linear_recurrence_cases import needs_native
from tests.tolerances import TOLERANCES, assert_close

pytestmark = needs_native

I, T = 7, 6
# Units that fill no block, one, several panels unevenly, and enough for threads to share them out.
SIZES = [(1, 5), (3, 16), (17, 40), (40, 72), (5, 288)]
WITH_BF16 = [isa for isa in instruction_sets() if isa in ("avx512bf16", "amx")]
native, reference = CpuBackend(), ReferenceBackend()


@pytest.fixture(params=[1, 2, 3], ids=["1 thread", "2 threads", "3 threads"])
def threads(request):
    """So many threads for kernels, and one again after."""
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(1)


def ask(rows: int, units: int, steps: int = T, **parts) -> ScanRequest:
    """A request on random input from a random state, a gradient wanted of everything."""
    cell = LSTMCell(I, units)
    x = torch.randn(steps, rows, I, requires_grad=True)
    state = cell.State(*(torch.randn(rows, units, requires_grad=True) for _ in range(2)))
    return replace(ScanRequest(cell, cell.weights(), x, state), **parts)


def around_the_steps(rows: int) -> list[dict]:
    """Lengths, restarts, both and neither, in either direction."""
    lengths = torch.randint(0, T + 1, (rows,))
    reset = torch.rand(T, rows) < 0.3
    reset[0, 0] = reset[-1, 0] = True
    return [
        {"reverse": reverse, "lengths": ragged, "reset": marks}
        for reverse, ragged, marks in product([False, True], [None, lengths], [None, reset])
    ]


def gradients(done, request: ScanRequest, pull) -> tuple[torch.Tensor, ...]:
    return torch.autograd.grad(
        outputs(done), differentiable_inputs(request), pull, materialize_grads=True
    )


def assert_equal_with_gradients(request: ScanRequest) -> None:
    """The same result as the definition's, and the same gradient of every input."""
    done, expected = native.scan(request), reference.scan(request)
    assert_close(outputs(done), outputs(expected))
    pull = [torch.randn_like(each) for each in outputs(done)]
    found, wanted = gradients(done, request, pull), gradients(expected, request, pull)
    assert_close(found, wanted, scale=10)  # sums over T*B products


@pytest.mark.parametrize("isa", instruction_sets())
@pytest.mark.parametrize(("rows", "units"), SIZES)
def test_equals_the_definition_on_every_instruction_set(isa, rows, units, monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, isa)
    for parts in around_the_steps(rows):
        assert_equal_with_gradients(ask(rows, units, **parts))


@pytest.mark.parametrize(("rows", "units"), [(40, 72), (64, 272), (3, 400)])
def test_equals_the_definition_on_any_number_of_threads(threads, rows, units):
    """Shared out by rows and by units; 128 steps are work enough for several threads."""
    lengths = torch.randint(0, 129, (rows,))
    request = ask(rows, units, steps=128, lengths=lengths, reverse=True)
    done, expected = native.scan(request), reference.scan(request)
    assert_close(outputs(done), outputs(expected), scale=10)  # 128 steps, each with its rounding
    again = outputs(native.scan(request))
    assert all(torch.equal(*pair) for pair in zip(again, outputs(done), strict=True))
    pull = [torch.randn_like(each) for each in outputs(done)]
    found, wanted = gradients(done, request, pull), gradients(expected, request, pull)
    for ours, theirs in zip(found, wanted, strict=True):
        # Sums of many thousand terms: the error is of the size of the largest.
        assert (ours - theirs).abs().max() <= 2e-5 * theirs.abs().max().clamp(min=1)


@pytest.mark.parametrize("isa", instruction_sets())
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("reverse", [False, True])
def test_few_rows_over_many_steps_are_the_definition(isa, rows, reverse, monkeypatch):
    """The input's products are made for 32 rows at once, of several steps; 75 are no multiple."""
    monkeypatch.setenv(ISA_VARIABLE, isa)
    lengths = torch.randint(0, 76, (rows,))
    request = ask(rows, 24, steps=75, lengths=lengths, reverse=reverse)
    done, expected = native.scan(request), reference.scan(request)
    assert_close(outputs(done), outputs(expected), scale=5)  # 75 steps, each with its rounding


@pytest.mark.parametrize("bias", [True, False])
def test_without_bias_and_where_not_everything_wants_a_gradient(bias):
    cell = LSTMCell(I, 9, bias=bias)
    x = torch.randn(T, 4, I)
    state = cell.initial_state(4)
    request = ScanRequest(cell, cell.weights(), x, state)
    done, expected = native.scan(request).output, reference.scan(request).output
    assert_close(done, expected)
    found, wanted = (
        torch.autograd.grad(each.sin().sum(), list(cell.parameters())) for each in (done, expected)
    )
    assert_close(found, wanted, scale=10)


def test_the_trace_is_the_definitions_and_carries_gradients():
    for parts in around_the_steps(5):
        assert_equal_with_gradients(ask(5, 20, trace=True, **parts))
    done, expected = (
        each.scan(request).trace
        for request in [ask(5, 20, trace=True)]
        for each in (native, reference)
    )
    assert list(done) == list(expected)


def test_without_a_graph_the_values_are_the_same_to_the_bit():
    for parts in around_the_steps(5):
        request = ask(5, 20, **parts)
        recorded = native.scan(request)
        with torch.no_grad():
            done = native.scan(request)
        pairs = zip(outputs(done), outputs(recorded), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
        assert not done.output.requires_grad


def test_derivatives_of_the_second_order_are_the_definitions():
    request = ask(3, 10)

    def second(backend):
        inputs = differentiable_inputs(request)
        first = torch.autograd.grad(
            backend.scan(request).output.sin().sum(), inputs, create_graph=True
        )
        return torch.autograd.grad(sum(each.square().sum() for each in first), inputs)

    assert_close(second(native), second(reference), scale=10)


def test_backward_may_run_twice_and_memory_that_is_in_use_is_not_handed_out():
    """Two forward passes before one backward pass; both large enough for the pool's pages."""
    one, other = ask(32, 128, steps=40), ask(32, 128, steps=40)
    first, second = native.scan(one), native.scan(other)
    del second
    native.scan(other)  # takes what the one just dropped gave back
    pull = [torch.randn_like(each) for each in outputs(first)]
    inputs = differentiable_inputs(one)
    kept = torch.autograd.grad(outputs(first), inputs, pull, retain_graph=True)
    again = torch.autograd.grad(outputs(first), inputs, pull)
    assert all(torch.equal(*pair) for pair in zip(kept, again, strict=True))
    wanted = gradients(reference.scan(one), one, pull)
    for ours, theirs in zip(kept, wanted, strict=True):
        assert (ours - theirs).abs().max() <= 2e-5 * theirs.abs().max().clamp(min=1)


def test_a_weight_changed_before_backward_is_an_error():
    request = ask(3, 10)
    done = native.scan(request).output.sum()
    with torch.no_grad():
        request.cell.weight_hh.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        done.backward()


def test_padding_and_what_stands_before_a_restart_may_hold_anything():
    request = ask(3, 10, lengths=torch.tensor([2, T, 0]))
    with torch.no_grad():
        request.x[2:, 0] = torch.nan
        request.state.c[1] = torch.inf
    reset = torch.zeros(T, 3, dtype=torch.bool)
    reset[0, 1] = True
    done = native.scan(replace(request, reset=reset))
    loss = done.output.square().sum() + done.state.c.square()[:2].sum()
    assert loss.isfinite()
    for gradient in torch.autograd.grad(loss, differentiable_inputs(request)):
        assert gradient.isfinite().all()


def test_saturated_gates_and_not_a_number_come_through():
    request = ask(2, 16)
    with torch.no_grad():
        request.x[0, 0] = 1e6
        request.x[1, 1, 0] = torch.nan
    done, expected = native.scan(request).output, reference.scan(request).output
    assert_close(done[:, 0], expected[:, 0])
    assert done[1:, 1].isnan().all()
    assert done[:1, 1].isfinite().all()


@pytest.mark.skipif(not WITH_BF16, reason="this machine has no products of bfloat16")
@pytest.mark.parametrize("isa", WITH_BF16)
def test_products_of_bfloat16_are_as_near_as_torchs(isa, monkeypatch):
    """Both against the definition in float32; torch's own bf16 LSTM sets the measure."""
    monkeypatch.setenv(ISA_VARIABLE, isa)
    for (rows, units), parts in product([(17, 40), (33, 128)], [{}, {"reverse": True}]):
        request = ask(rows, units, **parts)
        exact = reference.scan(request)
        pull = [torch.randn_like(each) for each in outputs(exact)]
        wanted = [*outputs(exact), *gradients(exact, request, pull)]
        with torch.autocast("cpu", torch.bfloat16):
            ours = scan(request, "cpu")
            theirs = scan(request, "torch")
        assert ours.output.dtype == ours.state.c.dtype == torch.bfloat16
        rounded = [each.bfloat16() for each in pull]
        errors = [
            [
                (found.float() - true).abs().max().item() / true.abs().max().item()
                for found, true in zip(
                    [*outputs(done), *gradients(done, request, rounded)], wanted, strict=True
                )
            ]
            for done in (ours, theirs)
        ]
        assert max(errors[0]) <= max(1.5 * max(errors[1]), TOLERANCES[torch.bfloat16].atol)


@pytest.mark.skipif(not WITH_BF16, reason="this machine has no products of bfloat16")
def test_bfloat16_with_lengths_and_restarts_is_near_the_definition():
    for parts in around_the_steps(6):
        request = ask(6, 40, trace=True, **parts)
        exact = reference.scan(request)
        with torch.autocast("cpu", torch.bfloat16):
            done = scan(request, "cpu")
        for ours, true in zip(outputs(done), outputs(exact), strict=True):
            torch.testing.assert_close(ours.float(), true, rtol=2e-2, atol=2e-2)


@pytest.mark.skipif("avx2" not in instruction_sets(), reason="this machine has no avx2")
def test_without_products_of_bfloat16_torch_runs(monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, "avx2")
    request = ask(3, 10)
    with torch.autocast("cpu", torch.bfloat16):
        assert isinstance(resolve(request)[0], TorchBackend)
        with pytest.raises(BackendError, match="no products of bfloat16"):
            scan(request, "cpu")


def test_is_what_auto_takes_for_a_plain_lstm():
    assert isinstance(resolve(ask(3, 10))[0], CpuBackend)


@pytest.mark.parametrize(
    ("options", "parts", "message"),
    [
        ({"peephole": True}, {}, "peephole=False"),
        ({"layer_norm": True}, {}, "layer_norm=False"),
        ({"proj_size": 2}, {}, "proj_size=0"),
        ({}, {"recurrent_mask": torch.ones(3, 10)}, "recurrent_mask"),
        ({}, {"zoneout": {"h": torch.tensor(0.5)}}, "zoneout"),
        ({"dtype": torch.float64}, {"x": torch.zeros(T, 3, I).double()}, "float32"),
    ],
)
def test_says_what_it_cannot_run(options, parts, message):
    cell = LSTMCell(I, 10, **options)
    request = ScanRequest(cell, cell.weights(), torch.zeros(T, 3, I), cell.initial_state(3))
    with pytest.raises(BackendError, match=message):
        native.scan(replace(request, **parts))


def test_the_binding_refuses_memory_that_it_would_misread():
    from suimon.kernels.cpu import _native

    sizes = {"x": (2, 3, 4), "weight_ih": (64, 4), "weight_hh": (64, 16), "bias": (1, 4, 16)}
    sizes |= {"h_before": (2, 3, 16), "gates": (2, 1, 3, 4, 16), "c": (2, 1, 3, 16)}
    sizes |= {"output": (2, 3, 16), "h_n": (1, 3, 16), "c_n": (1, 3, 16)}
    arrays = {name: torch.zeros(shape) for name, shape in sizes.items()}
    how = {"marks": None, "reverse": False, "threads": 1, "isa": "baseline"}
    _native.lstm_forward(**arrays, **how)
    for name in sizes.keys() - {"weight_hh"}:  # which says how wide all others are
        with pytest.raises(ValueError, match=f"`{name}`"):
            _native.lstm_forward(**arrays | {name: arrays[name][..., :1]}, **how)
    shifted = torch.zeros(2 * 3 * 64 + 1)[1:].view(sizes["gates"])
    with pytest.raises(ValueError, match="multiple of 64 bytes"):
        _native.lstm_forward(**arrays | {"gates": shifted}, **how)
    paired = arrays | {name: arrays[name].bfloat16() for name in ("x", "h_before", "output")}
    with pytest.raises(ValueError, match="baseline has no products of bfloat16"):
        _native.lstm_forward(**paired, **how)


def test_pages_come_back_when_the_last_view_is_gone():
    a = pages.empty(1000, 300)
    place, view = a.data_ptr(), a[5:]
    assert place % 64 == 0
    del a
    assert pages.empty(1000, 300).data_ptr() != place
    del view
    again = pages.empty(1000, 300)
    assert again.data_ptr() == place
    assert pages.empty(3, 4, dtype=torch.bfloat16).shape == (3, 4)
