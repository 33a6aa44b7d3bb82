"""A scan in chunks that backward runs again: the same answers and gradients as the stored form."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from suimon.cells import cell_class
from suimon.kernels import ScanRequest, scan
from suimon.kernels.chunks import chunks
from suimon.kernels.flattening import differentiable_inputs, outputs
from tests.cells.variants import I, make_cell, random_state, variants
from tests.tolerances import assert_close

T, B = 7, 4
LENGTHS = torch.tensor([T, 0, 3, 5])
both_directions = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def marks() -> torch.Tensor:
    """Sequences that start at no, one and several steps: at t = 0, inside and first in a chunk."""
    reset = torch.zeros(T, B, dtype=torch.bool)
    for t, b in [(0, 0), (2, 0), (3, 0), (2, 2), (3, 2), (6, 2), (4, 3), (5, 3)]:
        reset[t, b] = True
    return reset


def ask(cell, steps: int = T, dtype: torch.dtype = torch.float64, **parts) -> ScanRequest:
    """A request on random input from a random state, a gradient wanted of everything."""
    x = torch.randn(steps, B, I, dtype=dtype, requires_grad=True)
    state = cell.State(*(field.requires_grad_() for field in random_state(cell, B, dtype)))
    return replace(ScanRequest(cell, cell.weights(), x, state), **parts)


def results_and_gradients(request: ScanRequest, steps: int | None, backend: str = "auto"):
    """All outputs of a scan, and the gradient of all inputs for outputs pulled at random."""
    done = outputs(scan(request, backend, steps))
    torch.manual_seed(5)
    pull = [torch.randn_like(each) for each in done]
    inputs = [each for each in differentiable_inputs(request) if each.requires_grad]
    found = torch.autograd.grad(done, inputs, pull, allow_unused=True, materialize_grads=True)
    return [each.detach() for each in done], list(found)


def assert_same_as_stored(request: ScanRequest, steps: int, backend: str = "auto") -> None:
    done, found = results_and_gradients(request, steps, backend)
    expected, wanted = results_and_gradients(request, None, backend)
    assert_close(done, expected)
    assert_close(found, wanted, scale=10)  # sums over T*B products, in another order


@pytest.mark.parametrize(("kind", "options"), variants())
@both_directions
def test_everything_at_once_is_the_stored_form(kind, options, reverse):
    cell = make_cell(kind, options)
    for with_lengths, with_reset, with_zoneout, trace in product([False, True], repeat=4):
        request = ask(
            cell,
            reverse=reverse,
            trace=trace,
            lengths=LENGTHS if with_lengths else None,
            reset=marks() if with_reset else None,
        )
        if "weight_hh" in cell.weights():
            mask = torch.rand(B, cell.output_size).double().requires_grad_()
            request = replace(request, recurrent_mask=mask)
        if with_zoneout:
            keep = {
                name: torch.rand(T, B, size).double().requires_grad_()
                for name, size in cell.state_sizes().items()
            }
            request = replace(request, zoneout=keep)
        assert_same_as_stored(request, 3)


@pytest.mark.parametrize("kind", ["elman", "lstm", "gru", "mingru"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@both_directions
def test_on_the_backend_that_auto_chooses(kind, dtype, reverse):
    cell = make_cell(kind, {}, dtype)
    for lengths, reset in product([None, LENGTHS], [None, marks()]):
        request = ask(cell, dtype=dtype, reverse=reverse, lengths=lengths, reset=reset)
        assert_same_as_stored(request, 3)


@pytest.mark.parametrize("steps", [1, 2, T - 1, T, T + 1, 1000])
@pytest.mark.parametrize("length", [0, 1, T])
@both_directions
def test_any_chunk_of_any_length(steps, length, reverse):
    request = ask(make_cell("lstm", {}), length, reverse=reverse, trace=True)
    assert_same_as_stored(request, steps, "reference")


def test_chunks_are_in_the_order_of_time_and_say_which_rows_restart_between_them():
    request = ask(make_cell("gru", {}), reset=marks(), lengths=LENGTHS)
    assert [each[:2] for each in chunks(request, 3)] == [(0, 3), (3, 6), (6, 7)]
    assert all(each.restart is None for each in chunks(request, 3))
    last, middle, first = chunks(replace(request, reverse=True), 3)
    assert (last.start, middle.start, first.start) == (6, 3, 0)
    assert last.restart is None
    assert middle.restart.tolist() == [False] * B  # the mark at 6 lies in row 2's padding
    assert first.restart.tolist() == [True, False, False, False]  # row 2 ends before step 3


def test_a_share_of_zoneout_without_a_time_axis_is_used_in_every_chunk():
    share = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    rows = torch.rand(B, 4, dtype=torch.float64, requires_grad=True)
    request = ask(make_cell("lstm", {}), zoneout={"h": share, "c": rows})
    assert_same_as_stored(request, 2)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_only_what_is_wanted_gets_a_gradient(kind):
    cell = make_cell(kind, {})
    request = ask(cell)
    fixed = {
        "x": request.x.detach(),
        "state": type(request.state)(*(field.detach() for field in request.state)),
        "weights": {name: weight.detach() for name, weight in request.weights.items()},
    }
    for name in fixed:
        others = {other: value for other, value in fixed.items() if other != name}
        assert_same_as_stored(replace(request, **others), 3)


def test_a_loss_of_the_last_state_alone():
    request = ask(make_cell("lstm", {}))
    inputs = differentiable_inputs(request)
    found, wanted = (
        torch.autograd.grad(scan(request, "auto", steps).state.c.sum(), inputs)
        for steps in (3, None)
    )
    assert_close(found, wanted, scale=10)  # sums over T*B products


def test_weights_that_the_request_leaves_to_the_cell_get_gradients():
    cell = make_cell("gru", {})
    request = replace(ask(cell), weights=None)
    scan(request, "auto", 3).output.sum().backward()
    found = [weight.grad.clone() for weight in cell.parameters()]
    wanted = torch.autograd.grad(scan(request).output.sum(), list(cell.parameters()))
    assert_close(found, list(wanted), scale=10)  # sums over T*B products


@both_directions
def test_derivatives_of_the_gradient(reverse):
    cell = make_cell("lstm", {})
    request = ask(cell, reverse=reverse, reset=marks(), lengths=LENGTHS)
    inputs = differentiable_inputs(request)

    def second(steps):
        output = scan(request, "auto", steps).output
        first = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)
        return torch.autograd.grad(sum(each.square().sum() for each in first), inputs)

    assert_close(second(3), second(None), scale=10)  # sums over T*B products


@pytest.mark.parametrize(("kind", "dtype"), [("gru", torch.float64), ("lstm", torch.float32)])
def test_gradients_for_several_pulls_at_once(kind, dtype):
    request = ask(make_cell(kind, {}, dtype), dtype=dtype)
    pulls = torch.randn(2, T, B, 4, dtype=dtype)
    inputs = differentiable_inputs(request)

    def gradients(steps, pull, **batched):
        return torch.autograd.grad(scan(request, "auto", steps).output, inputs, pull, **batched)

    one_by_one = zip(*(gradients(None, pull) for pull in pulls), strict=True)
    expected = tuple(torch.stack(each) for each in one_by_one)
    for steps in (3, None):
        assert_close(gradients(steps, pulls, is_grads_batched=True), expected, scale=10)


def test_torch_func_and_forward_mode_give_the_stored_answer():
    request = ask(make_cell("gru", {}))

    def output(x, steps):
        return scan(replace(request, x=x), "auto", steps).output

    x = request.x.detach()
    for transform in (
        lambda steps: torch.func.jvp(lambda x: output(x, steps), (x,), (torch.ones_like(x),)),
        lambda steps: torch.func.grad(lambda x: output(x, steps).square().sum())(x),
        lambda steps: torch.func.vmap(lambda x: output(x, steps))(torch.stack([x, x + 1])),
    ):
        assert_close(transform(3), transform(None))


def test_compiled_it_is_one_node_that_gives_the_stored_answer():
    cell = make_cell("lstm", {})
    request = ask(cell)
    compiled = torch.compile(
        lambda x: scan(replace(request, x=x), "auto", 3).output, fullgraph=True, backend="eager"
    )
    assert_close(compiled(request.x), scan(request).output)


@pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])
def test_under_autocast(kind):
    cell = make_cell(kind, {}, torch.float32)
    request = ask(cell, dtype=torch.float32)

    def run(steps):
        with torch.autocast("cpu", torch.bfloat16):
            done = scan(request, "auto", steps)
        # Backward runs outside: what counts is autocast in the forward pass.
        return done.output, torch.autograd.grad(
            done.output.float().square().sum(), differentiable_inputs(request)
        )

    (output, found), (expected, wanted) = run(3), run(None)
    assert output.dtype == torch.bfloat16
    assert_close(output, expected)
    # Sums over T*B products, each rounded to bfloat16.
    torch.testing.assert_close(found, wanted, rtol=0.1, atol=0.1)


def test_autocast_keeps_no_cast_of_a_weight_without_its_gradient():
    """Chunks run without a graph; what autocast keeps of them must not reach a later call."""
    cell = make_cell("gru", {"reset_after": False}, torch.float32)
    request = ask(cell, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        scan(request, "auto", 3)
        stored = scan(request).output
    stored.float().sum().backward()
    assert all(weight.grad is not None for weight in cell.parameters())


def test_many_terms_in_bfloat16_still_add_up():
    cell = cell_class("gru")(1, 4, dtype=torch.bfloat16)
    x = torch.ones(600, 1, 1, dtype=torch.bfloat16)
    request = ScanRequest(cell, cell.weights(), x, cell.initial_state(1, dtype=torch.bfloat16))
    found = torch.autograd.grad(scan(request, "reference", 1).output.sum(), cell.bias_ih)[0]
    exact = cell_class("gru")(1, 4)
    exact.load_state_dict(cell.state_dict())
    single = ScanRequest(exact, exact.weights(), x.float(), exact.initial_state(1))
    wanted = torch.autograd.grad(scan(single).output.sum(), exact.bias_ih)[0]
    torch.testing.assert_close(
        found.float(), wanted, rtol=0.05, atol=0.05 * wanted.abs().max().item()
    )


def test_without_a_graph_the_answer_is_the_same():
    request = ask(make_cell("lstm", {}), reset=marks())
    with torch.no_grad():
        done = scan(request, "auto", 3)
    assert not done.output.requires_grad
    assert_close(done.output, scan(request).output)


def test_an_input_that_was_changed_before_backward_is_an_error():
    request = ask(make_cell("lstm", {}))
    x = request.x.clone()
    done = scan(replace(request, x=x), "auto", 3)
    x.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        done.output.sum().backward()
