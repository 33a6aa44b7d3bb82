"""Several processes training one model, as ``torchrun`` starts them; one process alone too."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from suimon.errors import ConfigError

PATIENCE = timedelta(hours=6)
"""How long the others wait for the first process, which alone evaluates."""


class Processes:
    """The processes of one run, as one of them sees it. Alone, everything is a no-op.

    Args:
        rank: this process, from 0.
        world_size: how many there are.
        device: where this one computes.
    """

    def __init__(self, rank: int, world_size: int, device: torch.device) -> None:
        self.rank = rank
        self.world_size = world_size
        self.device = device

    @property
    def is_first(self) -> bool:
        """Whether this process evaluates, writes and reports."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model whose backward averages gradients over the processes."""
        if self.world_size == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=ids)

    def sum(self, values: Sequence[float]) -> list[float]:
        """Each value summed over the processes, in float64, the same in all of them."""
        if self.world_size == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(shared)
        return shared.tolist()

    def from_first(self, values: Sequence[float]) -> list[float]:
        """The first process's values, in all of them."""
        return self.sum(values if self.is_first else [0.0] * len(values))

    def wait(self) -> None:
        """Go on when all have come here."""
        self.sum([0.0])

    def gather(self, tensors: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """Every process's tensors, in order of rank; names, shapes and dtypes are the same in all.

        They travel as bytes, since not every dtype does.
        """
        local = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        if self.world_size == 1:
            return [local]
        gathered: list[dict[str, Tensor]] = [{} for _ in range(self.world_size)]
        for name, tensor in local.items():
            raw = tensor.reshape(-1).view(torch.uint8)
            parts = [torch.empty_like(raw) for _ in range(self.world_size)]
            dist.all_gather(parts, raw)
            for rank, part in enumerate(parts):
                gathered[rank][name] = part.view(tensor.dtype).reshape(tensor.shape)
        return gathered


def choose_device(name: str, local_rank: int) -> torch.device:
    """The device of this process for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ConfigError: ``cuda`` was asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("device = 'cuda': torch finds no CUDA device here; give auto or cpu")
    if name == "cpu" or not available:
        return torch.device("cpu")
    return torch.device("cuda", local_rank)


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """Join the other processes of ``torchrun``; alone where there are none."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    here = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world_size == 1:
        yield Processes(0, 1, here)
        return
    joined_here = not dist.is_initialized()
    if joined_here:
        # The CPU's part is needed beside NCCL: counts and generators' states live there.
        backend = "cpu:gloo,cuda:nccl" if here.type == "cuda" else "gloo"
        if here.type == "cuda":
            torch.cuda.set_device(here)
        dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Processes(dist.get_rank(), world_size, here)
    finally:
        if joined_here:
            dist.destroy_process_group()
