"""The network: against torch.nn with the same weights; tying; every option reaches its layer."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from suimon import layers
from suimon.cells import cell_classes
from suimon.errors import ConfigError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.model import LanguageNetwork, build_network, build_stack

SIZES = {"layers": 2, "hidden": 6, "embedding": 4}


def network(vocabulary_size: int = 9, **options) -> LanguageNetwork:
    return build_network(LanguageModelConfig(**{**SIZES, **options}), vocabulary_size)


@pytest.mark.parametrize(("cell", "kind"), [("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)])
def test_forward_is_embedding_recurrence_and_head_of_torch(cell, kind):
    ours = network(cell=cell)
    theirs = kind(4, 6, 2)
    theirs.load_state_dict(ours.recurrent.state_dict())
    tokens = torch.randint(9, (5, 3))
    output, end = theirs(ours.embedding.weight[tokens])
    expected = output @ ours.head.weight.T + ours.head.bias
    logits, state = ours(tokens)
    torch.testing.assert_close(logits, expected)
    for field, torch_field in zip(state, end if isinstance(end, tuple) else (end,), strict=True):
        torch.testing.assert_close(field, torch_field)


@pytest.mark.parametrize(
    ("cell", "layer", "options"),
    [
        ("lstm", layers.LSTM, {"forget_bias": 1.0}),
        ("lstm", layers.LSTM, {"layer_norm": True}),
        ("gru", layers.GRU, {"layer_norm": True, "norm_between": True}),
        ("rnn", layers.RNN, {"layer_norm": True}),
        ("rnn", layers.RNN, {}),
        ("mingru", layers.MinGRU, {"norm_between": True}),
        ("minlstm", layers.MinLSTM, {}),
    ],
)
def test_a_stack_is_the_layer_of_its_name_weight_for_weight(cell, layer, options):
    """So that the weights of runs from before there was one stack for all cells still load."""
    torch.manual_seed(5)
    expected = layer(4, 6, 2, **options).state_dict()
    torch.manual_seed(5)
    stack = build_stack(LanguageModelConfig(cell=cell, **options), 4, 6, 2).state_dict()
    assert list(stack) == list(expected)
    for name, weight in expected.items():
        assert torch.equal(stack[name], weight)


@pytest.mark.parametrize("cell", cell_classes())
def test_state_carries_from_call_to_call(cell):
    model = network(cell=cell).eval()
    tokens = torch.randint(9, (7, 3))
    whole, end = model(tokens)
    first, state = model(tokens[:3])
    second, state = model(tokens[3:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(tuple(state), tuple(end))


@pytest.mark.parametrize(("embedding", "projected"), [(6, False), (4, True)])
def test_tied_weights_are_one_parameter_through_saving_and_loading(tmp_path, embedding, projected):
    model = network(tie_weights=True, embedding=embedding)
    assert model.head.weight.data_ptr() == model.embedding.weight.data_ptr()
    assert (model.projection is not None) == projected
    names = [name for name, _ in model.named_parameters()]
    assert "head.weight" not in names

    contiguous = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(contiguous, tmp_path / "model.safetensors")
    again = network(tie_weights=True, embedding=embedding)
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert again.head.weight is again.embedding.weight
    tokens = torch.randint(9, (5, 3))
    assert torch.equal(again.eval()(tokens)[0], model.eval()(tokens)[0])


def test_a_tied_matrix_gets_the_gradient_of_both_its_uses():
    model = network(tie_weights=True, embedding=6)
    tokens = torch.tensor([[0]])
    model(tokens)[0].sum().backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    # As output matrix every row has a gradient, as embedding only the row that was read: a row
    # that was not read has the hidden state as its gradient, so these are all equal.
    torch.testing.assert_close(gradient[1:], gradient[1].expand(8, -1))
    assert not torch.allclose(gradient[0], gradient[1])


def test_the_unknown_unit_starts_as_zeros():
    config = LanguageModelConfig(**SIZES)
    torch.manual_seed(3)
    plain = build_network(config, 9)
    torch.manual_seed(3)
    model = build_network(config, 9, unknown_id=2)
    assert torch.equal(model.embedding.weight[2], torch.zeros(4))
    rest = torch.arange(9) != 2
    assert torch.equal(model.embedding.weight[rest], plain.embedding.weight[rest])


@pytest.mark.parametrize("name", ["input_dropout", "dropout"])
def test_dropout_acts_in_training_and_not_in_evaluation(name):
    model = network(layers=1, **{name: 0.5})
    tokens = torch.randint(9, (5, 3))
    assert not torch.equal(model(tokens)[0], model(tokens)[0])
    model.eval()
    assert torch.equal(model(tokens)[0], model(tokens)[0])


def test_output_dropout_keeps_the_expected_output():
    torch.manual_seed(1)
    recurrent = layers.LSTM(4, 6)
    model = LanguageNetwork(9, 4, recurrent, output_dropout=0.5)
    with torch.no_grad():
        model.head.weight.copy_(torch.eye(9, 6))
        model.head.bias.zero_()
        tokens = torch.zeros(1, 4000, dtype=torch.long)
        dropped = model(tokens)[0][..., :6]  # the hidden state itself, some of it dropped
        kept = model.eval()(tokens)[0][..., :6]
    scaled = dropped[dropped != 0] / kept[dropped != 0]
    torch.testing.assert_close(scaled, torch.full_like(scaled, 2.0))
    assert 0.45 < (dropped == 0).double().mean() < 0.55


@pytest.mark.parametrize(
    "options",
    [
        {"recurrent_dropout": 0.2},
        {"weight_dropout": 0.3},
        {"norm_between": True},
        {"residual": True},
        {"dropout": 0.4},
    ],
)
def test_every_option_reaches_the_stack(options):
    stack = build_stack(LanguageModelConfig(**options), 6, 6, 2)
    for name, value in options.items():
        assert getattr(stack, name) == value


def test_zoneout_and_layer_norm_reach_the_cell():
    stack = build_stack(LanguageModelConfig(zoneout=0.1, layer_norm=True), 6, 6, 2)
    assert stack.zoneout == {"h": 0.1, "c": 0.1}
    assert any("norm" in name for name, _ in stack.named_parameters())


def test_the_forget_bias_is_written_into_the_weights():
    stack = build_stack(LanguageModelConfig(forget_bias=1.5), 4, 6, 1)
    forget = stack.bias_ih_l0[6:12] + stack.bias_hh_l0[6:12]
    torch.testing.assert_close(forget, torch.full((6,), 1.5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "gru", "forget_bias": 1.0}, r"forget_bias is 1\.0, but cell gru does not take"),
        ({"cell": "mingru", "recurrent_dropout": 0.1}, "recurrent_dropout"),
        ({"cell": "minlstm", "weight_dropout": 0.1}, "weight_dropout"),
        (
            {"cell": "mingru", "layer_norm": True},
            "layer_norm is True, but cell mingru does not take it; give norm_between instead, "
            "or give cell elman or gru or lstm",
        ),
        ({"hidden": None}, "embedding, hidden or layers is not set"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        network(**options)


@pytest.mark.parametrize(
    ("options", "small"),
    [
        ({"units": "words"}, True),
        ({"units": "bpe"}, True),
        ({"tie_weights": True}, True),
        ({}, False),
    ],
)
def test_vectors_of_words_and_shared_ones_begin_small(options, small):
    vectors = network(400, **options).embedding.weight.detach()
    assert (vectors.abs().max() <= 0.1) == small
    assert vectors.std() == pytest.approx(0.2 / 12**0.5 if small else 1.0, rel=0.1)
