"""Which backend runs a scan: found from the folders here, asked in order, chosen in one place."""

import importlib
import inspect
import pkgutil
from functools import cache, partial
from types import ModuleType
from typing import Any

import suimon.kernels
from suimon.cells import Cell
from suimon.errors import BackendError
from suimon.kernels.api import Backend, ScanRequest, ScanResult
from suimon.kernels.autocast import autocast_dtype, scan_under_autocast
from suimon.kernels.checkpointing import scan_in_chunks

GENERAL = ("torch", "reference")
"""Asked last and in this order; a folder made for some cells or machines goes before them."""


@cache
def backends() -> dict[str, Backend]:
    """Name to backend of every folder in ``suimon/kernels/``, in the order "auto" asks them.

    Raises:
        BackendError: where a folder exports no backend, or two have one name.
    """
    folders = sorted(
        entry.name for entry in pkgutil.iter_modules(suimon.kernels.__path__) if entry.ispkg
    )
    return collect([importlib.import_module(f"suimon.kernels.{name}") for name in folders])


def collect(modules: list[ModuleType]) -> dict[str, Backend]:
    """The backends that ``modules`` export, by name, the general ones last."""
    found: dict[str, Backend] = {}
    for module in modules:
        made: list[Any] = [
            member()
            for name, member in inspect.getmembers(module, inspect.isclass)
            if name in module.__all__ and name.endswith("Backend")
        ]
        if len(made) != 1:
            raise BackendError(
                f"{module.__name__} exports {len(made)} classes named …Backend; it must be one"
            )
        backend = made[0]
        if backend.name in found:
            raise BackendError(f"two backends are named {backend.name!r}; rename one")
        found[backend.name] = backend
    rank = {name: GENERAL.index(name) if name in GENERAL else -1 for name in found}
    return dict(sorted(found.items(), key=lambda item: (rank[item[0]], item[0])))


def check_backend_name(name: str) -> str:
    """``name`` where it is "auto" or a backend's, else :class:`BackendError`."""
    if name != "auto" and name not in backends():
        raise BackendError(f"backend is {name!r}; it must be one of auto, {', '.join(backends())}")
    return name


def resolve(request: ScanRequest, backend: str = "auto") -> tuple[Backend, str]:
    """Which backend is to run ``request``, and why.

    Args:
        request: what is to be run.
        backend: a backend's name, or "auto" for the first that can.

    Returns:
        The backend, and one line on the choice: why those asked before it cannot.

    Raises:
        BackendError: where the backend asked for by name does not exist or cannot run this, or
            no backend can; the message says why.
    """
    if backend != "auto":
        chosen = backends()[check_backend_name(backend)]
        reason = chosen.unavailable() or chosen.refuses(request)
        if reason is not None:
            raise BackendError(f"backend {backend!r} cannot run this: {reason}")
        return chosen, f"{backend}: asked for by name"
    reasons = []
    for name, candidate in backends().items():
        reason = candidate.unavailable() or candidate.refuses(request)
        if reason is None:
            return candidate, "; ".join([f"{name}: the first that can", *reasons])
        reasons.append(f"not {name}: {reason}")
    raise BackendError(f"no backend can run this: {'; '.join(reasons)}")


def run(request: ScanRequest, backend: str, checkpoint_time: int | None = None) -> ScanResult:
    """Run ``request`` here and now, on the backend that :func:`resolve` chooses."""
    chosen, _ = resolve(request, backend)
    return run_on(chosen, request, checkpoint_time)


def run_on(
    backend: Backend, request: ScanRequest, checkpoint_time: int | None = None
) -> ScanResult:
    """Run ``request`` on ``backend``, under autocast where that is on.

    Args:
        backend: what runs it.
        request: what is to be run.
        checkpoint_time: steps of a chunk that backward runs again; ``None``: keep every step.
    """
    scan = backend.scan
    if checkpoint_time is not None:
        # Inside autocast's rule, so that a state goes from chunk to chunk unrounded.
        scan = partial(scan_in_chunks, scan, steps=checkpoint_time)
    dtype = autocast_dtype(request) if isinstance(request.cell, Cell) else None
    if dtype is None:
        return scan(request)
    return scan_under_autocast(scan, request, dtype)
