"""One safetensors file that proves itself: tensors, a JSON header, and a checksum over both.

The file holds its own checksum because a checksum kept in a second file would be renamed at
another instant, and a kill between the two would leave a good file that looks damaged.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from suimon.errors import CheckpointError
from suimon.training.atomic import write_atomically
from suimon.training.versions import FORMAT_VERSION, refuse_newer


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-able header as one safetensors file, atomically.

    Raises:
        CheckpointError: the disk is full or cannot be written; the old file is still there.
    """
    stored = _separate(tensors)
    text = json.dumps({"format_version": FORMAT_VERSION, **header}, ensure_ascii=False)
    metadata = {"suimon": text, "sha256": _digest(stored, text)}
    write_atomically(path, save(stored, metadata))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of :func:`write_tensors` whole, verified.

    Returns:
        The tensors, each in storage of its own that torch allocated (64-byte aligned, as those of
        a running model are, so that sums over them come out the same), and the header.

    Raises:
        CheckpointError: the file is missing, truncated, altered, or from a newer version.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: train the run with --resume to make it")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _damaged(path, str(error)) from error
    if "suimon" not in metadata or "sha256" not in metadata:
        raise CheckpointError(f"{path} was not written by suimon: it has no checksum")
    text = metadata["suimon"]
    if _digest(tensors, text) != metadata["sha256"]:
        raise _damaged(path, "its contents do not match its checksum")
    header = json.loads(text)
    refuse_newer(path, header.pop("format_version"))
    return tensors, header


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged ({reason}): restore it from a copy, or train into a new directory"
    )


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors on the CPU, no two sharing memory (tied weights are stored twice)."""
    seen: set[int] = set()
    stored = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().to("cpu").contiguous()
        if tensor.untyped_storage().data_ptr() in seen:
            tensor = tensor.clone()
        seen.add(tensor.untyped_storage().data_ptr())
        stored[name] = tensor
    return stored


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """SHA-256 over the header and every tensor's name, dtype, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
