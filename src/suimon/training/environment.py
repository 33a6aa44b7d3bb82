"""What the last bit of a sum depends on: machine, build and threads."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def describe_environment(device: str) -> dict[str, Any]:
    """The facts under which a resumed run repeats an uninterrupted one bit for bit."""
    return {
        "torch": torch.__version__,
        "torch_build": str(torch.version.git_version),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "native_instruction_set": os.environ.get("SUIMON_CPU_ISA", "auto"),
        "processor": _processor(),
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "platform": platform.platform(),
        "python": platform.python_version(),
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two environments, e.g. ``["threads 2, now 4"]``."""
    return [
        f"{name} {before[name]}, now {value}"
        for name, value in now.items()
        if name in before and before[name] != value and name not in ("platform", "python")
    ]


def _processor() -> str:
    """The processor's model; its libraries choose their kernels by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
