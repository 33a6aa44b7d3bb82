"""The linear recurrence: against what the memory allows, a loop of torch operators, and log space.

    python benchmarks/linear_recurrence.py

Writes ``benchmarks/results/linear_recurrence.json``. The floor of a pass is a torch operator, into
memory that exists already, that reads and writes as many arrays as the pass does: an addition for
the forward pass (two read, one written), an addition and a negation for the backward pass (three
read, two written).
"""

from collections.abc import Callable
from typing import Any

import torch
from report import interleaved, rounded, write_report
from torch import Tensor
from torch.utils.dlpack import to_dlpack

from suimon.kernels import linear_recurrence
from suimon.kernels.cpu import _native
from suimon.kernels.cpu.native import instruction_sets

SHAPES = {  # T, B, H
    "training, 1 x 512": (64, 32, 512),
    "long sequences": (512, 32, 512),
    "small network": (100, 8, 64),
    "one stream": (1000, 1, 256),
}

ROUNDS = 9


def unbind_loop(a: Tensor, b: Tensor, h_0: Tensor) -> Tensor:
    """The definition in torch operators; time is unbound once, so that backward is linear in T."""
    h_t, states = h_0, []
    for a_t, b_t in zip(a.unbind(0), b.unbind(0), strict=True):
        h_t = a_t * h_t + b_t
        states.append(h_t)
    return torch.stack(states)


def log_space(a: Tensor, b: Tensor, h_0: Tensor) -> Tensor:
    """The parallel form by cumulative sums of logarithms; everything must be positive."""
    log_products = torch.cumsum(a.log(), dim=0)  # (T, B, H): log of a_1*…*a_t
    ratios = torch.cat([h_0[None].log(), b.log() - log_products])
    return (log_products + torch.logcumsumexp(ratios, dim=0)[1:]).exp()


def training_step(run: Callable[..., Tensor], tensors: tuple[Tensor, ...]) -> Callable[[], object]:
    """Forward and backward, as a layer would call it."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    gradient = torch.rand_like(tensors[0])

    def step() -> object:
        return torch.autograd.grad(run(*leaves), leaves, gradient)

    return step


def against_memory(tensors: tuple[Tensor, ...], threads: int) -> dict[str, Any]:
    """Both passes of the extension, per instruction set, as a share of the memory's speed."""
    a, b, h_0 = tensors
    h, grad_a, grad_b, gradient = (torch.rand_like(a) for _ in range(4))
    grad_h_0 = torch.empty_like(h_0)

    def backward_traffic() -> None:
        torch.add(a, h, out=grad_a)
        torch.neg(gradient, out=grad_b)

    candidates: dict[str, Callable[[], object]] = {
        "floor forward": lambda: torch.add(a, b, out=h),
        "floor backward": backward_traffic,
    }
    for isa in instruction_sets():
        how = {"threads": threads, "isa": isa}
        candidates[f"{isa} forward"] = lambda how=how: _native.linear_recurrence_forward(
            *map(to_dlpack, (a, b, h_0, h)), **how
        )
        candidates[f"{isa} backward"] = lambda how=how: _native.linear_recurrence_backward(
            *map(to_dlpack, (a, h_0, h, gradient, grad_a, grad_b, grad_h_0)), **how
        )
    times = interleaved(candidates, rounds=ROUNDS)
    arrays = {"forward": 3, "backward": 5}
    return {
        name: {
            "median_s": rounded(times.median(name)),
            "gb_per_s": rounded(arrays[name.split()[1]] * a.nbytes / times.median(name) / 1e9),
            "share_of_floor_speed": rounded(times.ratio(f"floor {name.split()[1]}", name)),
        }
        for name in candidates
    }


def against_torch(tensors: tuple[Tensor, ...]) -> dict[str, Any]:
    """A training step through autograd, and a forward pass without it."""
    runs = {"suimon": linear_recurrence, "unbind loop": unbind_loop, "log space": log_space}
    steps = interleaved(
        {name: training_step(run, tensors) for name, run in runs.items()}, rounds=ROUNDS
    )
    with torch.inference_mode():
        forwards = interleaved(
            {name: lambda run=run: run(*tensors) for name, run in runs.items()}, rounds=ROUNDS
        )
    expected = unbind_loop(*(tensor.double() for tensor in tensors))
    return {
        name: {
            "training_step_s": rounded(steps.median(name)),
            "forward_s": rounded(forwards.median(name)),
            "training_step_times_suimon": rounded(steps.ratio(name, "suimon")),
            "forward_times_suimon": rounded(forwards.ratio(name, "suimon")),
            "largest_relative_error": rounded(
                ((run(*tensors) - expected) / expected).abs().max().item()
            ),
        }
        for name, run in runs.items()
    }


def main() -> None:
    torch.manual_seed(0)
    results = {}
    available = torch.get_num_threads()
    for name, (T, B, H) in SHAPES.items():
        # Positive, for log space's sake.
        tensors = (torch.rand(T, B, H), torch.rand(T, B, H) + 0.01, torch.rand(B, H) + 0.01)
        # What is smaller the kernel leaves to one thread, however many there are.
        for threads in sorted({1, available}) if T * B * H >= 2**18 else [1]:
            torch.set_num_threads(threads)
            found = {"memory": against_memory(tensors, threads), "torch": against_torch(tensors)}
            results[f"{name}: T={T} B={B} H={H} threads={threads}"] = found
            slower = {key: row["training_step_times_suimon"] for key, row in found["torch"].items()}
            print(f"{name:20} threads={threads} training step, times suimon's: {slower}")
    write_report("linear_recurrence", results, settings={"dtype": "float32"})


if __name__ == "__main__":
    main()
