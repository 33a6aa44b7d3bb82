"""The optimisers on offer, in torch's fastest deterministic form, and their state by name."""

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from suimon.training.config import TrainingConfig
from suimon.training.muon import Muon, gate_matrices


class Updating(Protocol):
    """What the loop asks of an optimiser; torch's are such.

    Attributes:
        param_groups: options of groups of parameters, among them the rate, ``"lr"``.
        state: what is remembered of each parameter.
    """

    param_groups: list[dict[str, Any]]
    state: Any

    def step(self) -> None:
        """Move the parameters by their gradients."""


def build_optimizer(model: nn.Module, config: TrainingConfig) -> Updating:
    """The optimiser that the options ask for.

    Weight decay pulls matrices only: a bias or a normalisation's gain has no scale to keep small,
    and a forget gate's bias would be pulled shut.

    ``fused`` updates a tensor in one pass; for 2x256 it took 0.9 ms a step where ``foreach`` took
    3.5 ms. RMSprop has no fused form.
    """
    matrices = gate_matrices(model) if config.optimizer == "muon" else {}
    parameters = [p for p in model.parameters() if p.requires_grad and p not in matrices]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    rate = config.learning_rate
    betas = (config.momentum, config.beta2)
    match config.optimizer:
        case "adamw":
            kind = _light(torch.optim.AdamW)
            return kind(groups, lr=rate, betas=betas, fused=True)
        case "muon":
            rest = _light(torch.optim.AdamW)(groups, lr=rate, betas=betas, fused=True)
            return Muon(matrices, rest, rate, config.momentum, config.weight_decay)
        case "adam":
            kind = _light(torch.optim.Adam)
            return kind(groups, lr=rate, betas=betas, fused=True)
        case "sgd":
            kind = _light(torch.optim.SGD)
            return kind(groups, lr=rate, momentum=config.momentum, fused=True)
        case "rmsprop":
            return _light(torch.optim.RMSprop)(groups, lr=rate, alpha=config.beta2)


def _light(kind: type[Optimizer]) -> Any:
    """A torch optimiser that does not import torch's compiler.

    torch wraps two methods in code that keeps the compiler away from them, and that code imports
    the whole compiler when first called: 1.7 s that a run of three minutes would rather train.
    The methods inside the wrappers are what runs here, under ``no_grad`` as the wrappers have it.
    """
    add_param_group, step = inspect.unwrap(kind.add_param_group), inspect.unwrap(kind.step)

    class Light(kind):
        def add_param_group(self, param_group: dict[str, Any]) -> None:
            add_param_group(self, param_group)

        @torch.no_grad()
        def step(self, closure: None = None) -> None:
            step(self, closure)

    Light.__name__ = kind.__name__
    return Light


def optimizer_state(model: nn.Module, optimizer: Updating) -> dict[str, Tensor]:
    """What the optimiser remembers, as ``{"PARAMETER/WHAT": tensor}``."""
    return {
        f"{name}/{what}": value
        for name, parameter in model.named_parameters()
        for what, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def restore_optimizer_state(
    model: nn.Module, optimizer: Updating, state: Mapping[str, Tensor]
) -> None:
    """Put back what :func:`optimizer_state` gave.

    Rates, decay and the like are not part of it: they follow from the options, which a user may
    change when resuming.
    """
    parameters = dict(model.named_parameters())
    for key, value in state.items():
        name, _, what = key.rpartition("/")
        parameter = parameters[name]
        on_cpu = what == "step" and isinstance(optimizer, torch.optim.RMSprop)
        optimizer.state[parameter][what] = value.clone() if on_cpu else value.to(parameter.device)
