"""In which arithmetic a task trains fastest without losing anything by it."""

from __future__ import annotations

import torch
from torch.cpu import get_capabilities

from suimon.cells import cell_class
from suimon.cells.linear import LinearCell
from suimon.kernels import explain
from suimon.tasks.network_options import NetworkOptions
from suimon.tasks.stack import build_stack
from suimon.training.config import TrainingConfig
from suimon.training.processes import choose_device


def fastest_precision(config: NetworkOptions, training: TrainingConfig) -> str:
    """bf16 where training runs on a processor with AMX and a native kernel takes the stack in it.

    AMX multiplies bf16 at several times the speed of fp32, and the kernel keeps gates and states in
    fp32. A cell with a linear recurrence stays in fp32: its gates would be rounded, and one near 1
    is what it remembers by.
    """
    on_cpu = choose_device(training.device, 0).type == "cpu"
    if not on_cpu or not get_capabilities().get("amx_bf16"):
        return "fp32"
    if issubclass(cell_class(config.cell), LinearCell):
        return "fp32"
    with torch.random.fork_rng([]):
        stack = build_stack(config, input_size=2, hidden_size=2, num_layers=config.layers or 1)
    with torch.autocast("cpu", torch.bfloat16):
        native = all(scan.backend == "cpu" for scan in explain(stack).scans)
    return "bf16" if native else "fp32"
