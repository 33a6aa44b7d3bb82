"""The compiled extension: whether it is there, and which instruction set it runs on."""

import logging
import os
from functools import cache
from importlib import import_module
from typing import Any

from torch import Tensor
from torch.utils.dlpack import to_dlpack  # pyright: ignore[reportPrivateImportUsage]

from suimon.errors import BackendError
from suimon.kernels.transforms import constant_when_compiling

ISA_VARIABLE = "SUIMON_CPU_ISA"
"""Environment variable that forces an instruction set, e.g. ``avx2``; empty or unset: the best."""

_log = logging.getLogger("suimon")


@cache
def why_missing() -> str | None:
    """Why the extension cannot be used, or ``None`` where it can. Says so once in the log."""
    try:
        import_module("suimon.kernels.cpu._native")
    except ModuleNotFoundError:
        fault = "are not built"
    except ImportError as error:
        fault = f"do not load ({error})"
    else:
        return None
    reason = (
        f"suimon's native kernels {fault}; install a C++20 compiler (g++ 10, clang++ 12 or newer) "
        f"and install suimon again"
    )
    _log.warning("%s. Until then torch's operators do the work, more slowly.", reason)
    return reason


@cache
def instruction_sets() -> tuple[str, ...]:
    """Those that this build and this machine have, best last; none without the extension."""
    if why_missing() is not None:
        return ()
    from suimon.kernels.cpu import _native

    return tuple(_native.instruction_sets())


def instruction_set() -> str:
    """The one to run on: what ``SUIMON_CPU_ISA`` names, else the best.

    Raises:
        BackendError: where the variable names one that is not there.
    """
    present = instruction_sets()
    wanted = os.environ.get(ISA_VARIABLE)
    if wanted and wanted not in present:
        has = ", ".join(present) if present else f"none, for {why_missing()}"
        raise BackendError(
            f"{ISA_VARIABLE}={wanted} cannot run here; unset it or choose from what this build "
            f"and machine have: {has}"
        )
    return wanted or present[-1]


@cache
def _multiplies_bf16(isa: str) -> bool:
    from suimon.kernels.cpu import _native

    return _native.multiplies_bf16(isa)


def multiplies_bf16() -> bool:
    """Whether the instruction set to run on has products of bfloat16.

    Raises:
        BackendError: where ``SUIMON_CPU_ISA`` asks for what is not there.
    """
    return _multiplies_bf16(instruction_set())


@constant_when_compiling
def native_ready() -> bool:
    """Whether native kernels can run.

    Raises:
        BackendError: where ``SUIMON_CPU_ISA`` asks for what is not there.
    """
    if os.environ.get(ISA_VARIABLE):
        instruction_set()
    return why_missing() is None


def arrays(*tensors: Tensor | None) -> list[Any]:
    """The memory of each tensor that there is, contiguous, as a DLPack capsule.

    Capsules go straight to the binding, which is some 5 times quicker than its calling
    ``__dlpack__`` of each tensor: 4 against 25 microseconds for four of them.
    """
    return [None if tensor is None else to_dlpack(tensor.contiguous()) for tensor in tensors]


def named_arrays(**tensors: Tensor | None) -> dict[str, Any]:
    """As :func:`arrays`, by name."""
    return dict(zip(tensors, arrays(*tensors.values()), strict=True))
