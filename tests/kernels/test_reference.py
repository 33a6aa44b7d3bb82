"""The reference scan of every cell, against the long way, and the equalities that it must obey."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from suimon.cells import Cell, GRUCell, LSTMCell, MinGRUCell, cell_classes
from suimon.errors import BackendError
from suimon.kernels.api import Backend, ScanRequest, ScanResult
from suimon.kernels.reference import ReferenceBackend
from tests.cells.variants import I, make_cell, random_state, variants
from tests.kernels.row_by_row import scan_row_by_row
from tests.tolerances import assert_close

T, B = 6, 4
LENGTHS = torch.tensor([T, 0, 3, 5])
reference = ReferenceBackend()
every_variant = pytest.mark.parametrize(("kind", "options"), variants())
every_kind = pytest.mark.parametrize("kind", list(cell_classes()))
both_directions = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def ask(cell: Cell, **parts) -> ScanRequest:
    """A request on random input from a random state."""
    x = torch.randn(T, B, I).double()
    return replace(ScanRequest(cell, cell.weights(), x, random_state(cell, B)), **parts)


def marks() -> torch.Tensor:
    """Where sequences start anew: at no, one and several steps, in the padding and at t = 0."""
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[0, 0] = reset[2, 0] = reset[3, 0] = reset[2, 2] = reset[3, 2] = reset[5, 3] = True
    return reset


def assert_same(actual: ScanResult, expected: ScanResult) -> None:
    assert_close(actual.output, expected.output)
    assert_close(tuple(actual.state), tuple(expected.state))


def test_is_a_backend_that_is_always_there():
    backend: Backend = reference
    assert backend.name == "reference"
    assert backend.unavailable() is None


@every_variant
@both_directions
def test_everything_at_once_is_the_long_way(kind, options, reverse):
    cell = make_cell(kind, options)
    for with_lengths, with_reset, with_zoneout in product([False, True], repeat=3):
        request = ask(
            cell,
            reverse=reverse,
            trace=True,
            lengths=LENGTHS if with_lengths else None,
            reset=marks() if with_reset else None,
        )
        if "weight_hh" in cell.weights():
            request = replace(request, recurrent_mask=torch.rand(B, cell.output_size).double())
        if with_zoneout:
            keep = {n: torch.rand(T, B, s).double() for n, s in cell.state_sizes().items()}
            request = replace(request, zoneout=keep)
        done, expected = reference.scan(request), scan_row_by_row(request)
        assert_same(done, expected)
        assert_close(done.trace, expected.trace)


@every_variant
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scan_is_its_steps(kind, options, dtype):
    cell = make_cell(kind, options, dtype)
    x, state = torch.randn(T, B, I, dtype=dtype), random_state(cell, B, dtype)
    done = reference.scan(ScanRequest(cell, cell.weights(), x, state))
    for t, x_t in enumerate(x):
        output, state = cell.step(x_t, state)
        assert torch.equal(done.output[t], output)
    assert all(torch.equal(a, b) for a, b in zip(done.state, state, strict=True))
    assert done.trace is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kind", "options", "module"),
    [
        ("elman", {}, torch.nn.RNN),
        ("elman", {"nonlinearity": "relu"}, torch.nn.RNN),
        ("lstm", {}, torch.nn.LSTM),
        ("gru", {}, torch.nn.GRU),
    ],
)
def test_scan_equals_torch(kind, options, module, dtype):
    cell = make_cell(kind, options, dtype)
    theirs = module(I, cell.hidden_size, dtype=dtype, **options)
    theirs.load_state_dict({f"{n}_l0": w for n, w in cell.state_dict().items()})
    x, state = torch.randn(T, B, I, dtype=dtype), random_state(cell, B, dtype)
    done = reference.scan(ScanRequest(cell, cell.weights(), x, state))
    first = tuple(s[None] for s in state)
    expected, last = theirs(x, first if kind == "lstm" else first[0])
    assert_close(done.output, expected)
    assert_close(tuple(done.state), tuple(s[0] for s in (last if kind == "lstm" else (last,))))
    grads = torch.autograd.grad(done.output.square().sum(), cell.parameters())
    # Gradients add up over T*B products, hence the wider tolerance.
    expected_grads = torch.autograd.grad(expected.square().sum(), theirs.parameters())
    assert_close(grads, expected_grads, scale=10)


@every_variant
def test_chunks_with_carried_state_are_the_whole(kind, options):
    cell = make_cell(kind, options)
    request = ask(cell, reset=marks(), trace=True)
    whole = reference.scan(request)
    state, outputs, traces = request.state, [], []
    for part in (slice(0, 1), slice(1, 4), slice(4, T)):
        chunk = replace(request, x=request.x[part], reset=request.reset[part], state=state)
        done = reference.scan(chunk)
        state = done.state
        outputs.append(done.output)
        traces.append(done.trace)
    assert_same(ScanResult(torch.cat(outputs), state), whole)
    assert_close({n: torch.cat([t[n] for t in traces]) for n in whole.trace}, whole.trace)


@every_variant
@both_directions
def test_padded_is_unpadded_whatever_the_padding_holds(kind, options, reverse):
    cell = make_cell(kind, options)
    request = ask(cell, lengths=LENGTHS, reverse=reverse)
    padding = torch.arange(T)[:, None] >= LENGTHS
    x = request.x.masked_fill(padding[..., None], float("nan")).requires_grad_()
    padded = reference.scan(replace(request, x=x))
    leaves = [x, *cell.parameters()]
    grads = torch.autograd.grad(padded.output.square().sum(), leaves)
    assert (grads[0][padding] == 0).all()

    total = torch.zeros(()).double()
    for b, length in enumerate(LENGTHS.tolist()):
        row = replace(
            request,
            x=x[:length, b : b + 1],
            state=type(request.state)(*(s[b : b + 1] for s in request.state)),
            lengths=None,
        )
        alone = reference.scan(row)
        assert_close(padded.output[:length, b : b + 1], alone.output)
        assert (padded.output[length:, b] == 0).all()
        for whole, own in zip(padded.state, alone.state, strict=True):
            assert_close(whole[b : b + 1], own)
        total = total + alone.output.square().sum()
    assert_close(grads, torch.autograd.grad(total, leaves))


@every_variant
@both_directions
def test_a_reset_separates_sequences(kind, options, reverse):
    cell = make_cell(kind, options)
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[2] = True
    request = ask(cell, reset=reset, reverse=reverse)
    together = reference.scan(request)
    parts = {"first": request.x[:2], "second": request.x[2:]}
    # The given state enters where time starts: the first part forwards, the second backwards.
    starts = {"first": request.state, "second": cell.initial_state(B)}
    if reverse:
        starts = {"first": cell.initial_state(B), "second": request.state}
    alone = {
        name: reference.scan(replace(request, x=x, state=starts[name], reset=None))
        for name, x in parts.items()
    }
    output = torch.cat([alone["first"].output, alone["second"].output])
    assert_same(together, ScanResult(output, alone["first" if reverse else "second"].state))


@every_variant
def test_reverse_is_the_flipped_input(kind, options):
    cell = make_cell(kind, options)
    request = ask(cell, trace=True)
    backwards = reference.scan(replace(request, reverse=True))
    flipped = reference.scan(replace(request, x=request.x.flip(0)))
    assert_same(backwards, replace(flipped, output=flipped.output.flip(0)))
    assert_close(backwards.trace, {name: gate.flip(0) for name, gate in flipped.trace.items()})


@every_variant
def test_zoneout_of_nothing_and_of_everything(kind, options):
    cell = make_cell(kind, options)
    request = ask(cell)
    never = dict.fromkeys(cell.state_sizes(), torch.zeros(()).double())
    assert_same(reference.scan(replace(request, zoneout=never)), reference.scan(request))

    always = dict.fromkeys(cell.state_sizes(), torch.ones(1, 1, 1))
    frozen = reference.scan(replace(request, zoneout=always, trace=True))
    held = getattr(request.state, cell.output_field)
    assert_same(frozen, ScanResult(held.expand(T, *held.shape), request.state))
    for name, value in request.state._asdict().items():
        assert_close(frozen.trace[name], value.expand(T, *value.shape))


def test_zoneout_of_the_memory_alone_leaves_the_output_of_the_step():
    # Krueger et al. (2017): h is read from the new c, whichever c is then carried on.
    cell = make_cell("lstm", {})
    request = ask(cell, zoneout={"c": torch.ones(1, 1, 1).double()}, trace=True)
    done = reference.scan(replace(request, x=request.x[:1]))
    output, state = cell.step(request.x[0], request.state)
    assert_close(done.output[0], output)
    assert_close(done.state.h, state.h)
    assert_close(done.state.c, request.state.c)
    assert_close(done.trace["c"][0], request.state.c)


@every_variant
@both_directions
def test_no_steps(kind, options, reverse):
    cell = make_cell(kind, options)
    request = ask(cell, trace=True)
    full = reference.scan(request)
    empty = replace(
        request,
        x=request.x[:0].clone().requires_grad_(),
        lengths=torch.zeros(B, dtype=torch.int64),
        reset=torch.zeros(0, B, dtype=torch.bool),
        reverse=reverse,
    )
    done = reference.scan(empty)
    assert done.output.shape == (0, B, cell.output_size)
    assert_close(tuple(done.state), tuple(request.state))
    assert list(done.trace) == list(full.trace)
    assert all(done.trace[n].shape == (0, *g.shape[1:]) for n, g in full.trace.items())
    # A loss over nothing has a gradient: zero.
    grads = torch.autograd.grad(done.output.sum(), [empty.x, cell.weight_ih])
    assert grads[0].shape == empty.x.shape
    assert (grads[1] == 0).all()


@every_kind
def test_empty_batch(kind):
    cell = make_cell(kind, {})
    request = ScanRequest(
        cell, cell.weights(), torch.zeros(T, 0, I).double(), cell.initial_state(0)
    )
    none = torch.zeros(0, dtype=torch.int64)
    for asked in (
        request,
        replace(request, lengths=none, x=request.x[:0]),
        replace(request, lengths=none),
    ):
        done = reference.scan(asked)
        assert done.output.shape == (asked.x.shape[0], 0, cell.output_size)
        assert all(field.shape[0] == 0 for field in done.state)


@every_variant
def test_results_never_share_memory_with_the_request(kind, options):
    cell = make_cell(kind, options)
    request = ask(cell)
    asked = [
        request,
        replace(request, x=request.x[:0]),
        replace(request, lengths=torch.zeros(B, dtype=torch.int64)),
        replace(request, zoneout={cell.output_field: torch.ones(())}),
        replace(request, reset=torch.ones(T, B, dtype=torch.bool)),
    ]
    owned = {v.untyped_storage().data_ptr() for v in (request.x, *request.state)}
    for one in asked:
        before = [v.clone() for v in (one.x, *one.state)]
        done = reference.scan(replace(one, trace=True))
        results = [done.output, *done.state, *done.trace.values()]
        pointers = [v.untyped_storage().data_ptr() for v in results if v.numel()]
        assert not owned & set(pointers)
        assert len(pointers) == len(set(pointers))
        assert all(torch.equal(a, b) for a, b in zip(before, (one.x, *one.state), strict=True))


def test_meta_template_with_a_layers_weights():
    cell = make_cell("lstm", {"peephole": True})
    request = ask(cell, reset=marks(), lengths=LENGTHS)
    template = LSTMCell(I, cell.hidden_size, peephole=True, device="meta")
    assert_same(reference.scan(replace(request, cell=template)), reference.scan(request))


def test_weights_left_out_are_the_cells_own():
    request = ask(make_cell("gru", {}))
    assert_same(reference.scan(replace(request, weights=None)), reference.scan(request))


@pytest.mark.parametrize(
    ("cell", "parts", "reason"),
    [
        (MinGRUCell(I, 4), {"recurrent_mask": torch.ones(B, 4)}, "MinGRUCell has no recurrent pr"),
        (GRUCell(I, 4), {"zoneout": {"c": torch.ones(())}}, r"'c'.* no field of GRUCell's .*\(h\)"),
    ],
)
def test_refusals(cell, parts, reason):
    request = ask(cell, **parts)
    assert reference.refuses(ask(cell)) is None
    with pytest.raises(BackendError, match=f"^backend 'reference' cannot run this: .*{reason}"):
        reference.scan(request)
