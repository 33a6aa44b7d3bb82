"""Muon: its update against torch's, its iteration against the singular value decomposition."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from suimon.layers import GRU, LSTM, RNN, MinGRU, Recurrent
from suimon.training.config import TrainingConfig
from suimon.training.muon import COEFFICIENTS, ITERATIONS, gate_matrices, orthogonal
from suimon.training.optimizers import build_optimizer
from tests.training.toy import set_gradients


class OneField(NamedTuple):
    h: Tensor


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=dtype)


def iterated(values: torch.Tensor) -> torch.Tensor:
    """What the iteration's polynomial makes of singular values."""
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        values = a * values + b * values**3 + c * values**5
    return values


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 5, 9), (4, 9, 5), (2, 4, 1)])
def test_singular_vectors_stay_and_values_go_through_the_polynomial(shape):
    matrices = drawn(*shape)
    U, S, V = torch.linalg.svd(matrices, full_matrices=False)
    expected = iterated(S / S.norm(dim=-1, keepdim=True))
    torch.testing.assert_close(orthogonal(matrices), U @ torch.diag_embed(expected) @ V)


def test_a_drawn_matrix_comes_near_an_orthogonal_one():
    values = torch.linalg.svdvals(orthogonal(drawn(2, 64, 96)))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_the_size_of_the_gradient_does_not_matter():
    matrices = drawn(2, 5, 5)
    torch.testing.assert_close(orthogonal(1e-5 * matrices), orthogonal(matrices))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_left_of_gradients_long_gone_moves_nothing(dtype):
    assert not orthogonal(torch.zeros(2, 5, 5, dtype=dtype)).any()
    for size in (1e-12, 1e-25, 1e-40):  # squares of the smaller ones are zero in float32
        assert orthogonal(size * drawn(2, 5, 5, dtype=dtype)).abs().max() < 1e-3


def test_float32_is_as_float64_but_for_the_rounding_of_bfloat16():
    matrices = drawn(3, 40, 24)
    found = orthogonal(matrices.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), orthogonal(matrices), rtol=0, atol=0.03)


def test_one_gate_moves_as_with_torch():
    ours, theirs = RNN(48, 48), RNN(48, 48)
    theirs.load_state_dict(ours.state_dict())
    config = TrainingConfig(optimizer="muon", learning_rate=0.02, weight_decay=0.1, momentum=0.8)
    optimizer = build_optimizer(ours, config)
    expected = torch.optim.Muon(
        [p for p in theirs.parameters() if p.dim() == 2],
        lr=0.02,
        weight_decay=0.1,
        momentum=0.8,
        ns_steps=ITERATIONS,
        adjust_lr_fn="match_rms_adamw",
    )
    before = {name: p.detach().clone() for name, p in ours.named_parameters()}
    for seed in range(3):
        for model, step in ((ours, optimizer.step), (theirs, expected.step)):
            set_gradients(model, seed)
            step()
    for (name, parameter), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if parameter.dim() == 2:
            moved, as_torch = parameter - before[name], other - before[name]
            assert (moved - as_torch).norm() < 0.02 * as_torch.norm()  # torch rounds to bfloat16


def test_each_gate_is_made_orthogonal_by_itself():
    layer = LSTM(8, 8).double()
    before = layer.weight_hh_l0.detach().clone()
    config = TrainingConfig(optimizer="muon", learning_rate=1.0, weight_decay=0.0, momentum=0.0)
    optimizer = build_optimizer(layer, config)
    set_gradients(layer, 1)
    gradient = layer.weight_hh_l0.grad.view(4, 8, 8)
    optimizer.step()
    moved = (layer.weight_hh_l0.detach() - before).view(4, 8, 8)
    torch.testing.assert_close(moved, -0.2 * 8**0.5 * orthogonal(gradient))


def test_all_but_the_gates_moves_as_with_adamw():
    models = [nn.ModuleList([nn.Embedding(5, 3), GRU(3, 4), nn.Linear(4, 5)]) for _ in "ab"]
    models[1].load_state_dict(models[0].state_dict())
    for name, model in zip(("muon", "adamw"), models, strict=True):
        optimizer = build_optimizer(model, TrainingConfig(optimizer=name, learning_rate=0.1))
        for seed in range(3):
            set_gradients(model, seed)
            optimizer.step()
    for (name, parameter), other in zip(
        models[0].named_parameters(), models[1].parameters(), strict=True
    ):
        same = torch.equal(parameter, other)
        assert same == (not name.startswith("1.weight")), name


def test_which_matrices_are_gates():
    model = nn.ModuleList([nn.Embedding(7, 6), LSTM(6, 8, num_layers=2, proj_size=4), MinGRU(4, 3)])
    names = {parameter: name for name, parameter in model.named_parameters()}
    found = {names[parameter]: gates for parameter, gates in gate_matrices(model).items()}
    assert found == {
        **{f"1.weight_{side}_l{n}": 4 for side in ("ih", "hh") for n in (0, 1)},
        **{f"1.weight_hr_l{n}": 1 for n in (0, 1)},
        "2.weight_ih_l0": 2,
    }


class BottleneckCell(nn.Module):
    """A user's cell with a matrix whose rows are not whole gates."""

    def __init__(self) -> None:
        super().__init__()
        self.input_size, self.hidden_size = 3, 4
        self.narrow, self.back = nn.Linear(7, 9), nn.Linear(9, 4)

    def initial_state(self, batch_size):
        return OneField(torch.zeros(batch_size, 4))

    def step(self, x_t, state):
        h = self.back(self.narrow(torch.cat([x_t, state.h], dim=-1)).tanh())
        return h, OneField(h)


def test_a_cell_of_one_s_own_learns():
    layer = Recurrent(BottleneckCell())
    assert sorted(gate_matrices(layer).values()) == [1, 1]
    before = [p.detach().clone() for p in layer.parameters()]
    optimizer = build_optimizer(layer, TrainingConfig(optimizer="muon"))
    layer(torch.ones(2, 1, 3))[0].sum().backward()
    optimizer.step()
    assert not any(map(torch.equal, before, layer.parameters()))


def test_a_frozen_weight_and_one_without_a_gradient_stay():
    layer = LSTM(4, 4)
    layer.weight_ih_l0.requires_grad_(False)
    before = {name: p.detach().clone() for name, p in layer.named_parameters()}
    optimizer = build_optimizer(layer, TrainingConfig(optimizer="muon"))
    layer.bias_ih_l0.grad = torch.ones_like(layer.bias_ih_l0)
    optimizer.step()
    changed = [n for n, p in layer.named_parameters() if not torch.equal(p, before[n])]
    assert changed == ["bias_ih_l0"]
