"""What holds for every cell of the registry and each of its switches."""

import inspect
import json

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from suimon.cells import RecurrentCell, cell_classes, cell_from_options
from suimon.errors import ConfigError, ShapeError
from tests.cells.variants import H, I, make_cell, random_state, variants
from tests.tolerances import assert_close

B = 2
every_variant = pytest.mark.parametrize(("kind", "options"), variants())
every_kind = pytest.mark.parametrize("kind", list(cell_classes()))


@every_variant
def test_state_is_a_named_tuple_of_zeros_at_first(kind, options):
    cell = make_cell(kind, options, torch.float32)
    state = cell.initial_state(B)
    assert isinstance(cell, RecurrentCell)
    assert isinstance(state, tuple)
    assert isinstance(state, cell.State)
    assert state._fields == tuple(cell.state_sizes())
    for name, size in cell.state_sizes().items():
        assert_close(getattr(state, name), torch.zeros(B, size))
    wide = cell.initial_state(B, dtype=torch.float64, device="meta")
    assert all(s.dtype == torch.float64 and s.is_meta for s in wide)


@every_variant
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_step_is_transition_with_own_weights(kind, options, dtype):
    cell = make_cell(kind, options, dtype)
    x_t, state = torch.randn(B, I, dtype=dtype), random_state(cell, B, dtype)
    output, new = cell.step(x_t, state)
    done = cell.transition(x_t, state, cell.weights())
    called, called_state = cell(x_t, state)
    assert torch.equal(output, done.output)
    assert torch.equal(output, called)
    assert output.shape == (B, cell.output_size)
    assert output.dtype == dtype
    assert torch.equal(output, getattr(new, cell.output_field))
    for a, b, c in zip(new, done.state, called_state, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


@every_variant
def test_gates_name_every_field_of_the_state(kind, options):
    cell = make_cell(kind, options)
    done = cell.transition(torch.randn(B, I).double(), random_state(cell, B), cell.weights())
    for name, value in zip(done.state._fields, done.state, strict=True):
        assert torch.equal(done.gates[name], value)
    assert all(gate.shape[0] == B for gate in done.gates.values())


@every_variant
def test_transition_is_pure(kind, options):
    cell = make_cell(kind, options)
    x_t, state = torch.randn(B, I).double(), random_state(cell, B)
    inputs = [x_t, *state, *cell.parameters()]
    before = [(v.detach().clone(), v._version) for v in inputs]
    done = cell.transition(x_t, state, cell.weights())
    for value, (copy, version) in zip(inputs, before, strict=True):
        assert torch.equal(value, copy)
        assert value._version == version
    owned = {v.untyped_storage().data_ptr() for v in inputs}
    assert all(v.untyped_storage().data_ptr() not in owned for v in (done.output, *done.state))


@every_variant
def test_rows_of_a_batch_do_not_meet(kind, options):
    cell = make_cell(kind, options)
    x_t, state = torch.randn(3, I).double(), random_state(cell, 3)
    output, new = cell.step(x_t, state)
    for b in range(3):
        alone, alone_state = cell.step(x_t[b : b + 1], type(state)(*(s[b : b + 1] for s in state)))
        assert_close(alone, output[b : b + 1])
        for a, n in zip(alone_state, new, strict=True):
            assert_close(a, n[b : b + 1])


@every_variant
def test_empty_batch(kind, options):
    cell = make_cell(kind, options)
    output, state = cell.step(torch.zeros(0, I).double(), cell.initial_state(0))
    assert output.shape == (0, cell.output_size)
    assert [s.shape for s in state] == [(0, size) for size in cell.state_sizes().values()]


@every_variant
def test_options_make_a_twin(kind, options):
    cell = make_cell(kind, options)
    stored = json.loads(json.dumps(dict(cell.options())))
    twin = cell_from_options(kind, stored).double()
    assert type(twin) is type(cell)
    assert twin.options() == cell.options()
    twin.load_state_dict(cell.state_dict())
    x_t, state = torch.randn(B, I).double(), random_state(cell, B)
    assert torch.equal(twin.step(x_t, state)[0], cell.step(x_t, state)[0])
    accepted = set(inspect.signature(type(cell).__init__).parameters)
    assert set(stored) == accepted - {"self", "device", "dtype"}


@every_variant
def test_meta_template_runs_on_given_weights(kind, options):
    cell = make_cell(kind, options)
    template = cell_from_options(kind, {**cell.options(), "device": "meta"})
    assert all(p.is_meta for p in template.parameters())
    x_t, state = torch.randn(B, I).double(), random_state(cell, B)
    given = template.transition(x_t, state, cell.weights())
    assert torch.equal(given.output, cell.step(x_t, state)[0])


@every_variant
def test_initialise_draws_into_given_weights_what_a_new_cell_draws(kind, options, seed):
    sizes = {"input_size": I, "hidden_size": H}
    torch.manual_seed(seed)
    cell = cell_from_options(kind, {**sizes, **options})
    template = cell_from_options(kind, {**sizes, **options, "device": "meta"})
    weights = {name: torch.empty(shape) for name, shape in template.parameter_shapes().items()}
    torch.manual_seed(seed)
    template.initialise(weights)
    assert list(weights) == list(cell.weights())
    for name, weight in cell.named_parameters():
        assert torch.equal(weights[name], weight)
        if name.startswith("norm_"):
            assert (weight == (1.0 if name.endswith("_gain") else 0.0)).all()
        else:
            assert 0 < weight.abs().max() <= cell.initial_bound


@every_variant
def test_gradients_of_first_and_second_order(kind, options):
    cell = make_cell(kind, options)
    names = list(cell.weights())
    state = random_state(cell, B)

    def outcome(x_t, *rest):
        fields, weights = rest[: len(state)], dict(zip(names, rest[len(state) :], strict=True))
        done = cell.transition(x_t, type(state)(*fields), weights)
        return (*done.state, *done.gates.values())

    leaves = [torch.randn(B, I).double(), *state, *(w.detach() for w in cell.weights().values())]
    leaves = [leaf.clone().requires_grad_() for leaf in leaves]
    assert gradcheck(outcome, leaves, check_forward_ad=True, check_batched_grad=True)
    # Second order by its sum over a random direction: exact, and H*B times cheaper.
    assert gradgradcheck(lambda *v: outcome(*v)[: len(state)], leaves, fast_mode=True)


@every_variant
def test_functional_transforms_agree(kind, options):
    cell = make_cell(kind, options)
    x_t, state = torch.randn(B, I).double(), random_state(cell, B)

    def output(x):
        return cell.step(x, state)[0]

    assert_close(torch.func.jacfwd(output)(x_t), torch.func.jacrev(output)(x_t))
    many = torch.randn(5, B, I).double()
    assert_close(torch.func.vmap(output)(many), torch.stack([output(x) for x in many]))
    forward_over_reverse = torch.func.hessian(lambda x: output(x).square().sum())(x_t)
    twice = torch.func.jacrev(torch.func.jacrev(lambda x: output(x).square().sum()))(x_t)
    assert_close(forward_over_reverse, twice)


@every_variant
def test_recurrent_mask_acts_on_the_recurrent_product_alone(kind, options):
    cell = make_cell(kind, options)
    weights = {name: w.detach() for name, w in cell.weights().items()}
    x_t, state = torch.randn(1, I).double(), random_state(cell, 1)
    mask = 2.0 * torch.randn(1, cell.output_size).double().ge(0)
    if "weight_hh" not in weights:
        with pytest.raises(ConfigError, match=f"{kind} has no recurrent product"):
            cell.transition(x_t, state, weights, mask)
        return
    masked = cell.transition(x_t, state, weights, mask)
    # For one row, W (m * h) = (W * m) h: the mask may as well scale the columns of W.
    scaled = {**weights, "weight_hh": weights["weight_hh"] * mask}
    expected = cell.transition(x_t, state, scaled)
    assert_close(masked.gates, expected.gates)
    assert not torch.allclose(masked.output, cell.step(x_t, state)[0])


@every_kind
@pytest.mark.parametrize("name", ["input_size", "hidden_size"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, None, "8"])
def test_sizes_out_of_range(kind, name, value):
    sizes = {"input_size": I, "hidden_size": H, name: value}
    with pytest.raises(ConfigError, match=f"^{name} is .*; it must be an integer of at least 1$"):
        cell_from_options(kind, sizes)


@every_variant
def test_switches_take_only_true_and_false(kind, options):
    switches = [name for name, value in options.items() if isinstance(value, bool)]
    for name in switches:
        with pytest.raises(ConfigError, match=f"{name} is 1; it must be True or False"):
            cell_from_options(kind, {"input_size": I, "hidden_size": H, **options, name: 1})


@every_kind
def test_wrong_shapes_of_a_step(kind):
    cell = make_cell(kind, {})
    state = cell.initial_state(B)
    with pytest.raises(ShapeError, match=rf"x_t has shape \(2, 7\).*\(B, {I}\)"):
        cell.step(torch.zeros(B, 7).double(), state)
    with pytest.raises(ShapeError, match=rf"x_t has shape \({I},\)"):
        cell.step(torch.zeros(I).double(), state)
    with pytest.raises(ShapeError, match=rf"state\.\w has shape \({B}, {H}\); expected \(3, {H}\)"):
        cell.step(torch.zeros(3, I).double(), state)
    with pytest.raises(ShapeError, match=f"state is a tuple; .* takes the {cell.State.__name__}"):
        cell.step(torch.zeros(B, I).double(), tuple(state))


@every_kind
def test_repr_shows_the_options(kind):
    assert f"input_size={I}, hidden_size={H}" in repr(make_cell(kind, {}))
