"""Padding, resets, chunks and their equalities, for layers of every kind."""

import pytest
import torch

from suimon.layers import LSTM, MinGRU
from tests.layers.pairs import H, I, tensors
from tests.layers.zoo import every_kind, random_state
from tests.tolerances import assert_close

T, B = 7, 5
LENGTHS = torch.tensor([3, 0, 7, 1, 6])
both_layouts = pytest.mark.parametrize("batch_first", [False, True], ids=["time", "batch"])


def deep(make, **options):
    return make(num_layers=2, bidirectional=True, dtype=torch.float64, **options).eval()


def rows(state, b):
    """Row b of a state in any form."""
    if isinstance(state, torch.Tensor):
        return state[:, b : b + 1]
    fields = [field[:, b : b + 1] for field in state]
    return type(state)(*fields) if hasattr(state, "_fields") else tuple(fields)


def gradients(layer, results):
    return torch.autograd.grad(sum(each.sin().sum() for each in results), layer.parameters())


@every_kind
@both_layouts
def test_padded_is_unpadded(make, batch_first):
    """Each row alone, without its padding, gives the same; so do the gradients."""
    layer = deep(make, batch_first=batch_first)
    x = torch.randn(T, B, I).double()
    x[torch.arange(T)[:, None] >= LENGTHS] = float("nan")  # what padding holds has no effect
    hx = random_state(layer, B)
    output, state = layer(x.transpose(0, 1) if batch_first else x, hx, lengths=LENGTHS)
    output = output.transpose(0, 1) if batch_first else output
    outputs, states = [], []
    for b, length in enumerate(LENGTHS.tolist()):
        alone = x[:length, b : b + 1]
        y, final = layer(alone.transpose(0, 1) if batch_first else alone, rows(hx, b))
        y = y.transpose(0, 1) if batch_first else y
        outputs.append(torch.nn.functional.pad(y, (0, 0, 0, 0, 0, T - length)))
        states.append(tensors(final))
    expected = torch.cat(outputs, 1)
    assert_close(output, expected)
    final = [torch.cat(field, 1) for field in zip(*states, strict=True)]
    assert_close(tensors(state), final)
    found = gradients(layer, [output, *tensors(state)])
    assert_close(found, gradients(layer, [expected, *final]), scale=10)


@every_kind
def test_whole_is_chunks_with_carried_state(make):
    layer = make(num_layers=2, dtype=torch.float64).eval()
    x, hx = torch.randn(T, B, I).double(), random_state(layer, B)
    output, state = layer(x, hx)
    parts, carried = [], hx
    for chunk in x.split([3, 1, 2, 1]):
        part, carried = layer(chunk, carried)
        parts.append(part)
    assert_close(torch.cat(parts), output)
    assert_close(tensors(carried), tensors(state))
    results = [output, *tensors(state)]
    assert_close(
        gradients(layer, [torch.cat(parts), *tensors(carried)]), gradients(layer, results), scale=10
    )


@every_kind
@both_layouts
def test_reset_is_separate_sequences(make, batch_first):
    """One sequence marked in the middle is two, backwards too; others go on as they were."""
    layer = make(bidirectional=True, batch_first=batch_first, dtype=torch.float64).eval()
    x = torch.randn(T, B, I).double()
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[4, :] = True
    reset[0, 0] = True

    def run(x, **marks):
        if not batch_first:
            return layer(x, **marks)
        marks = {name: mark.transpose(0, 1) for name, mark in marks.items()}
        output, state = layer(x.transpose(0, 1), **marks)
        return output.transpose(0, 1), state

    output, state = run(x, reset=reset)
    (first, before), (second, after) = run(x[:4]), run(x[4:])
    assert_close(output, torch.cat([first, second]))
    # Forwards the last sequence is the second, backwards the first.
    for field, early, late in zip(*map(tensors, (state, before, after)), strict=True):
        assert_close(field[0], late[0])
        assert_close(field[1], early[1])
    one_row = reset & (torch.arange(B) == 2)
    assert_close(run(x, reset=one_row)[0][:, [0, 1, 3, 4]], run(x)[0][:, [0, 1, 3, 4]])


@every_kind
def test_no_time_and_no_rows(make):
    layer = deep(make)
    hx = random_state(layer, B)
    nothing = torch.zeros(0, B, I).double()
    for lengths in (None, torch.zeros(B, dtype=torch.int64)):
        output, state = layer(nothing, hx, lengths=lengths)
        assert output.shape[:2] == (0, B)
        assert_close(tensors(state), tensors(hx))
    assert layer(torch.zeros(T, 0, I).double())[0].shape[:2] == (T, 0)


@pytest.mark.parametrize("cls", [LSTM, MinGRU])
def test_lengths_in_any_form(cls):
    layer = cls(I, H)
    x = torch.randn(T, B, I)
    expected = tensors(layer(x, lengths=LENGTHS))
    for lengths in (LENGTHS.tolist(), tuple(LENGTHS.tolist()), LENGTHS.to(torch.int32)):
        assert_close(tensors(layer(x, lengths=lengths)), expected)


@every_kind
def test_reset_and_lengths_together_without_a_batch_axis_too(make):
    layer = deep(make)
    x = torch.randn(T, B, I).double()
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[2] = True
    output, _ = layer(x, lengths=LENGTHS, reset=reset)
    assert torch.equal(output[3:, 0], torch.zeros_like(output[3:, 0]))
    alone, _ = layer(x[:, 2], reset=reset[:, 2])
    assert_close(alone, output[:, 2])


@every_kind
def test_results_share_no_memory_with_the_state_given(make):
    layer = deep(make)
    hx = random_state(layer, B)
    before = [field.clone() for field in tensors(hx)]
    for steps, lengths in ((0, None), (T, torch.zeros(B, dtype=torch.int64)), (1, None)):
        _, state = layer(torch.zeros(steps, B, I).double(), hx, lengths=lengths)
        for field in tensors(state):
            field.detach().add_(1)
        assert_close(tensors(hx), before)
