"""The torch backend against the definition: values, gradients, traces, and what it refuses."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from suimon.cells import Cell
from suimon.errors import BackendError
from suimon.kernels import ScanRequest, resolve, scan
from suimon.kernels.flattening import differentiable_inputs, outputs
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.torch import TorchBackend
from tests.cells.variants import I, make_cell, random_state, variants
from tests.tolerances import assert_close

T, B = 6, 5
LENGTHS = torch.tensor([3, 0, T, 5, 1])
PLAIN = [
    ("elman", {}),
    ("elman", {"nonlinearity": "relu", "bias": False}),
    ("lstm", {}),
    ("lstm", {"bias": False}),
    ("lstm", {"proj_size": 2}),
    ("gru", {}),
    ("gru", {"bias": False}),
]
every_plain = pytest.mark.parametrize(
    ("kind", "options"), PLAIN, ids=[f"{kind}-{options}" for kind, options in PLAIN]
)
both_dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
fused, reference = TorchBackend(), ReferenceBackend()


def ask(cell: Cell, dtype: torch.dtype, steps: int = T, **parts) -> ScanRequest:
    """A request on random input from a random state, a gradient wanted of everything."""
    x = torch.randn(steps, B, I, dtype=dtype, requires_grad=True)
    state = cell.State(*(field.requires_grad_() for field in random_state(cell, B, dtype)))
    return replace(ScanRequest(cell, cell.weights(), x, state), **parts)


def assert_equal_with_gradients(request: ScanRequest) -> None:
    """The same result as the definition's, and the same gradient of every input."""
    done, expected = outputs(fused.scan(request)), outputs(reference.scan(request))
    assert_close(done, expected)
    pull = [torch.randn_like(each) for each in done]
    inputs = differentiable_inputs(request)
    found, wanted = (
        torch.autograd.grad(each, inputs, pull, allow_unused=True, materialize_grads=True)
        for each in (done, expected)
    )
    assert_close(found, wanted, scale=10)  # sums over T*B products


@every_plain
@both_dtypes
def test_equals_the_definition(kind, options, dtype):
    cell = make_cell(kind, options, dtype)
    for reverse, lengths in product([False, True], [None, LENGTHS, torch.full((B,), T)]):
        assert_equal_with_gradients(ask(cell, dtype, reverse=reverse, lengths=lengths))


@every_plain
@both_dtypes
def test_trace_equals_the_definition(kind, options, dtype):
    cell = make_cell(kind, options, dtype)
    for reverse, lengths in product([False, True], [None, LENGTHS]):
        request = ask(cell, dtype, reverse=reverse, lengths=lengths, trace=True)
        done, expected = fused.scan(request).trace, reference.scan(request).trace
        assert list(done) == list(expected)
        assert_close(done, expected)
        assert_equal_with_gradients(request)


@every_plain
def test_tensors_in_any_memory_order(kind, options):
    """oneDNN reads some memory as if it were contiguous; it must not get any other."""
    cell = make_cell(kind, options, torch.float32)
    request = ask(cell, torch.float32)

    def strided(tensor):
        return tensor.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()

    state = type(request.state)(*(strided(field) for field in request.state))
    weights = {n: strided(w) if w.dim() == 2 else w for n, w in request.weights.items()}
    assert_equal_with_gradients(
        replace(request, x=strided(request.x), state=state, weights=weights)
    )


@every_plain
def test_rows_may_all_be_empty_and_time_too(kind, options):
    cell = make_cell(kind, options)
    for steps, lengths in [
        (0, None),
        (0, torch.zeros(B, dtype=int)),
        (T, torch.zeros(B, dtype=int)),
    ]:
        request = ask(cell, torch.float64, steps=steps, lengths=lengths)
        done = fused.scan(request)
        assert_close(done.output, torch.zeros(steps, B, cell.output_size).double())
        assert_close(tuple(done.state), tuple(request.state))
        assert all(a is not b for a, b in zip(done.state, request.state, strict=True))


def test_no_rows_at_all():
    cell = make_cell("lstm", {}, torch.float32)
    request = ScanRequest(cell, cell.weights(), torch.ones(T, 0, I), cell.initial_state(0))
    assert fused.scan(request).output.shape == (T, 0, cell.output_size)


def test_padding_may_hold_anything():
    cell = make_cell("lstm", {}, torch.float32)
    request = ask(cell, torch.float32, lengths=LENGTHS, trace=True)
    clean = request.x.detach()
    padding = torch.arange(T)[:, None] >= LENGTHS
    dirty = clean.masked_fill(padding[..., None], float("nan")).requires_grad_()
    done = fused.scan(replace(request, x=dirty))
    assert_close(outputs(done), outputs(fused.scan(request)))
    sum(each.sum() for each in outputs(done)).backward()
    assert all(weight.grad.isfinite().all() for weight in cell.parameters())
    assert torch.equal(dirty.grad[padding], torch.zeros_like(dirty.grad[padding]))


def test_refuses_what_torch_has_no_operator_for():
    plain = make_cell("lstm", {})
    request = ask(plain, torch.float64)
    ones = torch.ones(T, B, dtype=torch.bool)
    cases = {
        "reset": replace(request, reset=ones),
        "recurrent_mask": replace(request, recurrent_mask=torch.ones(B, 4).double()),
        "zoneout": replace(request, zoneout={"h": torch.tensor(0.1).double()}),
        "no fused operator for JordanCell": ask(make_cell("jordan", {}), torch.float64),
        "with peephole=False": ask(make_cell("lstm", {"peephole": True}), torch.float64),
    }
    for reason, refused in cases.items():
        assert reason in fused.refuses(refused)
        with pytest.raises(BackendError, match=f"'torch' cannot run this: .*{reason}"):
            fused.scan(refused)


@pytest.mark.parametrize(("kind", "options"), variants())
def test_takes_a_cell_only_where_it_computes_the_same(kind, options):
    cell = make_cell(kind, options)
    request = ask(cell, torch.float64)
    if fused.refuses(request) is None:
        assert_equal_with_gradients(request)
    else:
        assert resolve(request)[0].name in ("cpu", "reference")


@pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("with_lengths", [False, True])
def test_autocast_gives_its_dtype_and_nearly_the_values(kind, with_lengths):
    cell = make_cell(kind, {}, torch.float32)
    request = ask(cell, torch.float32, lengths=LENGTHS if with_lengths else None, trace=True)
    exact = outputs(reference.scan(request))
    for backend in ("torch", "reference"):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            done = outputs(scan(request, backend))
        assert all(each.dtype == torch.bfloat16 for each in done)
        assert_close(done, [each.bfloat16() for each in exact], scale=2)
        sum(each.float().sum() for each in done).backward()
    assert all(weight.grad.dtype == torch.float32 for weight in cell.parameters())
