"""Optimisers: torch's own numbers, decay of matrices only, state that survives."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from suimon.layers import LSTM
from suimon.training.config import TrainingConfig
from suimon.training.optimizers import (
    build_optimizer,
    optimizer_state,
    restore_optimizer_state,
)
from tests.training.toy import set_gradients

NAMES = ["adamw", "adam", "sgd", "rmsprop"]


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Linear(5, 2)).double()


def reference(name: str, model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The same optimiser as torch makes it, one tensor at a time."""
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    rate = config.learning_rate
    if name == "adamw":
        return torch.optim.AdamW(groups, rate, betas=(0.8, 0.95), foreach=False)
    if name == "adam":
        return torch.optim.Adam(groups, rate, betas=(0.8, 0.95), foreach=False)
    if name == "sgd":
        return torch.optim.SGD(groups, rate, momentum=0.8, foreach=False)
    return torch.optim.RMSprop(groups, rate, alpha=0.95, foreach=False)


def options(name: str) -> TrainingConfig:
    return TrainingConfig(
        optimizer=name, learning_rate=0.05, weight_decay=0.1, momentum=0.8, beta2=0.95
    )


@pytest.mark.parametrize("name", NAMES)
def test_equal_to_torch(name: str) -> None:
    ours, theirs = network(), network()
    config = options(name)
    optimizer, expected = build_optimizer(ours, config), reference(name, theirs, config)
    for seed in range(4):
        for model, step in ((ours, optimizer.step), (theirs, expected.step)):
            set_gradients(model, seed)
            step()
    for parameter, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(parameter, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [*NAMES, "muon"])
def test_goes_on_from_its_state(name: str) -> None:
    whole = nn.Sequential(network(), LSTM(2, 3).double())
    optimizer = build_optimizer(whole, options(name))
    for seed in range(2):
        set_gradients(whole, seed)
        optimizer.step()
    resumed = copy.deepcopy(whole)
    again = build_optimizer(resumed, options(name))
    state = {key: value.clone() for key, value in optimizer_state(whole, optimizer).items()}
    restore_optimizer_state(resumed, again, state)
    for model, step in ((whole, optimizer.step), (resumed, again.step)):
        for seed in range(2, 5):
            set_gradients(model, seed)
            step()
    assert all(map(torch.equal, whole.parameters(), resumed.parameters()))
    found = optimizer_state(resumed, again)
    assert found.keys() == optimizer_state(whole, optimizer).keys()
    assert any(key.startswith("0.0.weight/") for key in found)


def test_biases_do_not_decay() -> None:
    model = network()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    optimizer = build_optimizer(model, options("adamw"))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in model.named_parameters():
        expected = before[name] * (1 - 0.05 * 0.1) if parameter.dim() > 1 else before[name]
        torch.testing.assert_close(parameter, expected)


def test_training_does_not_import_the_compiler() -> None:
    code = """
import sys, torch
from suimon.layers import LSTM
from suimon.training.config import TrainingConfig
from suimon.training.optimizers import build_optimizer
for name in ("adamw", "muon", "adam", "sgd", "rmsprop"):
    model = LSTM(2, 2)
    optimizer = build_optimizer(model, TrainingConfig(optimizer=name))
    model(torch.ones(1, 2))[0].sum().backward()
    optimizer.step()
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
