"""Our layers against torch's: what a training step and a pass over one stream take.

``python benchmarks/layers.py [--rounds 15]`` writes ``benchmarks/results/layers.json``. The peer of
RNN, GRU and LSTM is torch.nn's own layer, with the same weights. torch has no MinGRU or MinLSTM;
their peer is the parallel scan in logarithms of Feng et al. (2024), appendix B, in plain torch. It
makes the candidate positive, so that it computes something else, with as many weights and products.

A training step is forward and backward, gradients of the input included, as for a layer within a
network; inference is the forward pass alone. The input is as wide as the layer. bfloat16 is that of
autocast, the weights in float32.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from report import interleaved, rounded, write_report
from torch import Tensor, nn
from torch.cpu import get_capabilities

from suimon.layers import GRU, LSTM, RNN, MinGRU, MinLSTM

Step = Callable[[], object]


class Case(NamedTuple):
    """``hidden`` is the width of the input too."""

    layers: int
    hidden: int
    batch: int
    steps: int
    training: bool = True


CASES = {
    "training, 2 x 256": Case(layers=2, hidden=256, batch=32, steps=100),
    "training, 1 x 512": Case(layers=1, hidden=512, batch=32, steps=64),
    "training, 1 x 128": Case(layers=1, hidden=128, batch=16, steps=100),
    "training, one small stream": Case(layers=1, hidden=64, batch=1, steps=200),
    "inference, one stream": Case(layers=1, hidden=256, batch=1, steps=500, training=False),
}


class LogSpace(nn.Module):
    """A stack of minimal layers whose scan over time is a cumulative sum of logarithms."""

    def __init__(self, gates: int, layers: int, hidden: int) -> None:
        super().__init__()
        self.products = nn.ModuleList(nn.Linear(hidden, gates * hidden) for _ in range(layers))
        self.coefficients = log_mingru if gates == 2 else log_minlstm

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for product in self.products:
            log_a, log_b = self.coefficients(product(x))  # each (T, B, H)
            x = scan_in_logarithms(log_a, log_b)
        return x, x[-1]


def log_mingru(from_x: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of the share kept and of what is added, from ``(T, B, 2*H)``."""
    update, candidate = from_x.chunk(2, dim=-1)
    return -F.softplus(update), -F.softplus(-update) + log_positive(candidate)


def log_minlstm(from_x: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of the share kept and of what is added, from ``(T, B, 3*H)``."""
    i, f, candidate = from_x.chunk(3, dim=-1)
    odds = F.softplus(-f) - F.softplus(-i)
    return -F.softplus(odds), -F.softplus(-odds) + log_positive(candidate)


def log_positive(v: Tensor) -> Tensor:
    """Logarithm of g(v): v + 1/2 from zero on, sigmoid(v) below."""
    return torch.where(v >= 0, (F.relu(v) + 0.5).log(), -F.softplus(-v))


def scan_in_logarithms(log_a: Tensor, log_b: Tensor) -> Tensor:
    """``h_t = a_t*h_{t-1} + b_t`` of ``(T, B, H)``, from ``h_0 = g(0)``."""
    log_h_0 = log_positive(torch.zeros_like(log_b[:1]))
    log_products = F.pad(log_a.cumsum(0), (0, 0, 0, 0, 1, 0))  # (T + 1, B, H): of a_1*…*a_t
    ratios = torch.cat([log_h_0, log_b]) - log_products
    return (log_products + torch.logcumsumexp(ratios, dim=0)).exp()[1:]


def pairs(case: Case) -> dict[str, tuple[nn.Module, nn.Module]]:
    """Name to our layer and its peer."""
    sizes = (case.hidden, case.hidden, case.layers)
    made: dict[str, tuple[nn.Module, nn.Module]] = {}
    for name, ours in {"RNN": RNN, "GRU": GRU, "LSTM": LSTM}.items():
        made[name] = (ours(*sizes), getattr(nn, name)(*sizes))
        made[name][0].load_state_dict(made[name][1].state_dict())
    for name, ours, gates in (("MinGRU", MinGRU, 2), ("MinLSTM", MinLSTM, 3)):
        made[name] = (ours(*sizes), LogSpace(gates, case.layers, case.hidden))
    return made


def training_step(layer: nn.Module, x: Tensor, bf16: bool) -> Step:
    """Forward, and the gradients of the weights and of the input."""
    x = x.clone().requires_grad_()
    leaves = [x, *layer.parameters()]
    gradient = torch.rand_like(x)

    def step() -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            output = layer(x)[0]
        return torch.autograd.grad(output, leaves, gradient.to(output.dtype))

    return step


def inference(layer: nn.Module, x: Tensor, bf16: bool) -> Step:
    """The forward pass."""
    layer.eval()

    def step() -> object:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return layer(x)

    return step


def measure(
    ours: nn.Module, peer: nn.Module, case: Case, rounds: int, bf16: bool = False
) -> dict[str, Any]:
    """Both layers in turns, and how far apart their outputs are where they compute the same."""
    x = torch.randn(case.steps, case.batch, case.hidden)
    make = training_step if case.training else inference
    steps = {"suimon": make(ours, x, bf16), "peer": make(peer, x, bf16)}
    times = interleaved(steps, rounds=rounds)
    found = {**times.summary(), "peer_times_suimon": rounded(times.ratio("peer", "suimon"))}
    if isinstance(peer, LogSpace):
        return {"peer_is": "log space", **found}
    with torch.inference_mode():
        apart = (ours(x)[0] - peer(x)[0]).abs().max().item()
    return {"peer_is": "torch.nn", **found, "largest_difference": rounded(apart)}


def dtypes_for(peer: nn.Module) -> tuple[str, ...]:
    """float32; for torch's own layers bfloat16 under autocast too, where the processor has it."""
    paired = get_capabilities().get("amx_bf16") and not isinstance(peer, LogSpace)
    return ("float32", "bfloat16") if paired else ("float32",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns that each side takes")
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    available = torch.get_num_threads()
    results: dict[str, Any] = {}
    for title, case in CASES.items():
        for threads in sorted({1, available}):
            torch.set_num_threads(threads)
            for name, (ours, peer) in pairs(case).items():
                for dtype in dtypes_for(peer):
                    key = (
                        f"{name}, {title}: L={case.layers} H={case.hidden} B={case.batch} "
                        f"T={case.steps} threads={threads} {dtype}"
                    )
                    row = measure(ours, peer, case, rounds, bf16=dtype == "bfloat16")
                    results[key] = row
                    print(f"{key:88} {row['peer_is']}: {row['peer_times_suimon']} times as long")
    write_report("layers", results, settings={"rounds": rounds})


if __name__ == "__main__":
    main()
