"""The native sequence kernel against the definition: every cell, instruction set, thread count."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suimon.cells import ElmanCell, GRUCell, LSTMCell
from suimon.errors import BackendError
from suimon.kernels import ScanRequest, resolve, scan
from suimon.kernels.cpu import CpuBackend, pages
from suimon.kernels.cpu.native import ISA_VARIABLE, instruction_sets
from suimon.kernels.flattening import outputs
from suimon.kernels.torch import TorchBackend
from tests.kernels.linear_recurrence_cases import needs_native
from tests.kernels.sequence_cases import (
    NATIVE,
    I,
    T,
    ask,
    assert_as_exact_as_the_definition,
    lengths_and_restarts,
    native,
    reference,
    regularised,
    values_and_gradients,
    wanted,
)
from tests.tolerances import TOLERANCES, assert_close

pytestmark = needs_native


class ByName:
    """A backend by way of the resolver, which sees to autocast."""

    def __init__(self, name: str) -> None:
        self.name = name

    def scan(self, request: ScanRequest):
        return scan(request, self.name)


# Units that fill no block, one, and several panels unevenly.
SIZES = [(1, 5), (3, 16), (17, 40), (40, 72)]
WITH_BF16 = [isa for isa in instruction_sets() if isa in ("avx512bf16", "amx")]
PLAIN = ["elman", "lstm", "gru"]


@pytest.mark.parametrize(("kind", "options"), NATIVE)
@pytest.mark.parametrize(("rows", "units"), SIZES)
def test_every_cell_is_the_definition(kind, options, rows, units):
    for parts in lengths_and_restarts(rows):
        assert_as_exact_as_the_definition(ask(kind, options, rows, units, **parts))


@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_masks_and_zoneout_are_the_definitions(kind, options):
    request = ask(kind, options, 5, 24)
    for parts in regularised(request):
        assert_as_exact_as_the_definition(replace(request, **parts))


@pytest.mark.parametrize("isa", instruction_sets())
@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_every_instruction_set_gives_the_definition(kind, options, isa, monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, isa)
    request = ask(kind, options, 7, 72)
    for parts in [*lengths_and_restarts(7)[-1:], *regularised(request)[-1:]]:
        assert_as_exact_as_the_definition(replace(request, **parts))


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.sampled_from(NATIVE),
    st.integers(0, 3),
    st.integers(0, 35),
    st.integers(1, 70),
    st.booleans(),
    st.booleans(),
)
def test_any_shape(case, steps, rows, units, reverse, ragged):
    lengths = torch.randint(0, steps + 1, (rows,)) if ragged else None
    request = ask(*case.values, rows, units, steps, lengths=lengths, reverse=reverse)
    assert_as_exact_as_the_definition(request)


@pytest.mark.parametrize(("kind", "options"), NATIVE)
@pytest.mark.parametrize(("rows", "units"), [(40, 72), (20, 288), (3, 400)])
def test_any_number_of_threads_gives_the_same(kind, options, rows, units):
    """Shared out by rows and by units, which meet after each phase of a step."""
    steps = 40  # work enough for several threads
    request = ask(kind, options, rows, units, steps, **lengths_and_restarts(rows, steps)[-1])
    pull = [torch.randn_like(each) for each in outputs(reference.scan(request))]
    found = {}
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        found[threads] = values_and_gradients(native, request, pull)
        again = outputs(native.scan(request))
        assert all(torch.equal(*pair) for pair in zip(again, found[threads], strict=False))
    torch.set_num_threads(1)
    assert_as_exact_as_the_definition(request)
    for threads in (2, 5):
        for ours, alone in zip(found[threads], found[1], strict=True):
            assert (ours - alone).abs().max() <= 1e-5 * alone.abs().max().clamp(min=1)


@pytest.mark.parametrize("isa", instruction_sets())
@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("rows", [1, 3])
def test_few_rows_over_many_steps_are_the_definition(kind, isa, rows, monkeypatch):
    """The input's products are made for 32 rows at once, of several steps; 75 are no multiple."""
    monkeypatch.setenv(ISA_VARIABLE, isa)
    for reverse in (False, True):
        lengths = torch.randint(0, 76, (rows,))
        request = ask(kind, {}, rows, 24, 75, lengths=lengths, reverse=reverse)
        assert_as_exact_as_the_definition(request)


@pytest.mark.parametrize("bias", [True, False])
def test_without_bias_and_where_not_everything_wants_a_gradient(bias):
    for cell in (ElmanCell(I, 9, bias=bias), LSTMCell(I, 9, bias=bias), GRUCell(I, 9, bias=bias)):
        request = ScanRequest(cell, cell.weights(), torch.randn(T, 4, I), cell.initial_state(4))
        done, expected = native.scan(request).output, reference.scan(request).output
        assert_close(done, expected)
        found, right = (
            torch.autograd.grad(each.sin().sum(), list(cell.parameters()))
            for each in (done, expected)
        )
        assert_close(found, right, scale=10)  # sums over T*B products


def test_strided_and_shifted_inputs_are_read_as_they_are():
    for kind in PLAIN:
        request = ask(kind, {}, 3, 20)
        strided = request.x.detach().transpose(0, 1).contiguous().transpose(0, 1)
        shifted = torch.empty(request.x.numel() + 1)[1:].view(request.x.shape).copy_(strided)
        for x in (strided, shifted):
            done = native.scan(replace(request, x=x)).output
            assert torch.equal(done, native.scan(request).output)


@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_the_trace_is_the_definitions_and_carries_gradients(kind, options):
    for parts in lengths_and_restarts(5):
        request = ask(kind, options, 5, 20, trace=True, **parts)
        assert list(native.scan(request).trace) == list(reference.scan(request).trace)
        assert_as_exact_as_the_definition(request, trace=True)
    for parts in regularised(request):
        request = ask(kind, options, 5, 20, trace=True, **parts)
        assert_as_exact_as_the_definition(request, trace=True)


@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_without_a_graph_the_values_are_the_same_to_the_bit(kind, options):
    for parts in lengths_and_restarts(5):
        request = ask(kind, options, 5, 20, **parts)
        recorded = native.scan(request)
        with torch.no_grad():
            done = native.scan(request)
        pairs = zip(outputs(done), outputs(recorded), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
        assert not done.output.requires_grad


@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_derivatives_of_the_second_order_are_the_definitions(kind, options):
    request = ask(kind, options, 3, 10)

    def second(backend):
        inputs = wanted(request)
        first = torch.autograd.grad(
            backend.scan(request).output.sin().sum(), inputs, create_graph=True
        )
        return torch.autograd.grad(sum(each.square().sum() for each in first), inputs)

    for ours, theirs in zip(second(native), second(reference), strict=True):
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max().clamp(min=1)


def test_backward_may_run_twice_and_memory_that_is_in_use_is_not_handed_out():
    """Two forward passes before one backward pass; both large enough for the pool's pages."""
    for kind in PLAIN:
        one, other = ask(kind, {}, 32, 128, 40), ask(kind, {}, 32, 128, 40)
        first, second = native.scan(one), native.scan(other)
        del second
        native.scan(other)  # takes what the one just dropped gave back
        pull = [torch.randn_like(each) for each in outputs(first)]
        kept = torch.autograd.grad(outputs(first), wanted(one), pull, retain_graph=True)
        again = torch.autograd.grad(outputs(first), wanted(one), pull)
        assert all(torch.equal(*pair) for pair in zip(kept, again, strict=True))
        fresh = values_and_gradients(native, one, pull)[len(pull) :]
        assert all(torch.equal(*pair) for pair in zip(kept, fresh, strict=True))


def test_a_weight_shared_by_two_scans_gets_both_gradients():
    request = ask("gru", {}, 3, 20)
    weight = request.weights["weight_hh"]
    once = native.scan(request).output
    total = torch.autograd.grad(once.sum() + native.scan(request).output.sum(), weight)[0]
    single = torch.autograd.grad(native.scan(request).output.sum(), weight)[0]
    assert_close(total, 2 * single)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_weight_changed_before_backward_is_an_error(kind):
    request = ask(kind, {}, 3, 10)
    done = native.scan(request).output.sum()
    with torch.no_grad():
        request.cell.weight_hh.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        done.backward()


@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_padding_and_what_stands_before_a_restart_may_hold_anything(kind, options):
    request = ask(kind, options, 3, 10, lengths=torch.tensor([2, T, 0]))
    with torch.no_grad():
        request.x[2:, 0] = torch.nan
        request.state[-1][1] = torch.inf
    reset = torch.zeros(T, 3, dtype=torch.bool)
    reset[0, 1] = True
    done = native.scan(replace(request, reset=reset))
    loss = done.output.square().sum() + done.state[-1].square()[:2].sum()
    assert loss.isfinite()
    for gradient in torch.autograd.grad(loss, wanted(request)):
        assert gradient.isfinite().all()


@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_saturated_gates_and_not_a_number_come_through(kind, options):
    request = ask(kind, options, 2, 16)
    with torch.no_grad():
        request.x[0, 0] = 1e6
        request.x[1, 1, 0] = torch.nan
    done, expected = native.scan(request).output, reference.scan(request).output
    assert_close(done[:, 0], expected[:, 0], scale=10)
    assert torch.equal(done.isnan(), expected.isnan())
    assert done[1:, 1].isnan().any()


@pytest.mark.skipif(not WITH_BF16, reason="this machine has no products of bfloat16")
@pytest.mark.parametrize("isa", WITH_BF16)
@pytest.mark.parametrize("kind", PLAIN)
def test_products_of_bfloat16_are_as_near_as_torchs(kind, isa, monkeypatch):
    """Both against the definition in float32; torch's own layer in bf16 sets the measure."""
    monkeypatch.setenv(ISA_VARIABLE, isa)
    for (rows, units), parts in product([(17, 40), (33, 128)], [{}, {"reverse": True}]):
        request = ask(kind, {}, rows, units, **parts)
        pull = [torch.randn_like(each) for each in outputs(reference.scan(request))]
        exact = values_and_gradients(reference, request, pull)

        with torch.autocast("cpu", torch.bfloat16):
            ours, theirs = (
                values_and_gradients(ByName(name), request, pull) for name in ("cpu", "torch")
            )
        assert all(each.dtype == torch.bfloat16 for each in ours[: len(pull)])
        errors = [
            max(
                ((found.float() - true).abs().max() / true.abs().max()).item()
                for found, true in zip(done, exact, strict=True)
            )
            for done in (ours, theirs)
        ]
        assert errors[0] <= max(1.5 * errors[1], TOLERANCES[torch.bfloat16].atol)


@pytest.mark.skipif(not WITH_BF16, reason="this machine has no products of bfloat16")
@pytest.mark.parametrize("isa", WITH_BF16)
@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_bfloat16_of_every_cell_is_near_the_definition(kind, options, isa, monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, isa)
    request = ask(kind, options, 6, 40, trace=True)
    for parts in [*lengths_and_restarts(6)[::3], *regularised(request)]:
        exact = reference.scan(replace(request, **parts))
        with torch.autocast("cpu", torch.bfloat16):
            done = scan(replace(request, **parts), "cpu")
        for ours, true in zip(outputs(done), outputs(exact), strict=True):
            # A norm of few units makes of a rounding error what the units' spread makes of it.
            atol = 6e-2 if options.get("layer_norm") else 2e-2
            torch.testing.assert_close(ours.float(), true, rtol=2e-2, atol=atol)


@pytest.mark.skipif("avx2" not in instruction_sets(), reason="this machine has no avx2")
def test_without_products_of_bfloat16_torch_runs(monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, "avx2")
    request = ask("lstm", {}, 3, 10)
    with torch.autocast("cpu", torch.bfloat16):
        assert isinstance(resolve(request)[0], TorchBackend)
        with pytest.raises(BackendError, match="no products of bfloat16"):
            scan(request, "cpu")


@pytest.mark.parametrize(("kind", "options"), NATIVE)
def test_is_what_auto_takes(kind, options):
    assert isinstance(resolve(ask(kind, options, 3, 10))[0], CpuBackend)


@pytest.mark.parametrize(
    ("dtype", "parts", "message"),
    [
        (torch.float64, {"x": torch.zeros(T, 3, I).double()}, "weights are float32"),
        (None, {"zoneout": {"y": torch.tensor(0.5)}}, "zoneout names y, no field of lstm's"),
        (None, {"zoneout": {"h": torch.tensor(0.5, requires_grad=True)}}, "a zoneout share"),
        (None, {"recurrent_mask": torch.ones(3, 10, requires_grad=True)}, "the recurrent mask"),
    ],
)
def test_says_what_it_cannot_run(dtype, parts, message):
    cell = LSTMCell(I, 10, dtype=dtype)
    request = ScanRequest(cell, cell.weights(), torch.zeros(T, 3, I), cell.initial_state(3))
    with pytest.raises(BackendError, match=message):
        native.scan(replace(request, **parts))


def test_the_binding_refuses_memory_that_it_would_misread():
    from suimon.kernels.cpu import _native

    sizes = {"x": (2, 3, 4), "weight_ih": (64, 4), "weight_hh": (64, 16)}
    sizes |= {"bias_ih": (64,), "bias_hh": (64,), "h_0": (3, 16), "c_0": (3, 16)}
    sizes |= {"h_before": (2, 3, 16), "gates": (2, 1, 3, 4, 16), "carry": (2, 1, 3, 16)}
    sizes |= {"output": (2, 3, 16), "h_n": (3, 16), "c_n": (3, 16)}
    arrays = {name: torch.zeros(shape) for name, shape in sizes.items()}
    names = "peephole marks mask keep_h keep_c c_gain c_bias c_rate weight_hr reset_h unprojected"
    names += " gain_h normed_h rate_h gain_x normed_x rate_x sums"
    absent = dict.fromkeys(names.split())
    how = {"units": 16, "reverse": False, "threads": 1, "isa": "baseline"}
    _native.sequence_forward("lstm", {**absent, **arrays}, **how)
    for name in sizes.keys() - {"weight_hh"}:  # which says how wide all others are
        with pytest.raises(ValueError, match=f"`{name}`|whole blocks"):
            _native.sequence_forward(
                "lstm", {**absent, **arrays, name: arrays[name][..., :1]}, **how
            )
    unnamed = {name: array for name, array in arrays.items() if name != "carry"}
    with pytest.raises(ValueError, match="`carry` is not named"):
        _native.sequence_forward("lstm", {**absent, **unnamed}, **how)
    with pytest.raises(ValueError, match="no native cell 'lstn'"):
        _native.sequence_forward("lstn", {**absent, **arrays}, **how)
    shifted = torch.zeros(2 * 3 * 64 + 1)[1:].view(sizes["gates"])
    with pytest.raises(ValueError, match="multiple of 64 bytes"):
        _native.sequence_forward("lstm", {**absent, **arrays, "gates": shifted}, **how)
    paired = {name: arrays[name].bfloat16() for name in ("x", "h_before", "output")}
    with pytest.raises(ValueError, match="baseline has no products of bfloat16"):
        _native.sequence_forward("lstm", {**absent, **arrays, **paired}, **how)


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
