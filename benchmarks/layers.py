"""Our layers against torch's: what a training step and a forward pass take, at many sizes.

``python benchmarks/layers.py [--rounds 30] [--seconds 30] [--cells LSTM GRU RNN] [--sizes 2 5]
[--threads 1 2]`` writes ``benchmarks/results/layers.json``. The peer of RNN, GRU and LSTM is
torch.nn's own layer, with the same weights. torch has no MinGRU or MinLSTM; their peer is the
parallel scan in logarithms of Feng et al. (2024), appendix B, in plain torch. It makes the
candidate positive, so that it computes something else, with as many weights and products. The LSTM
has JAX's ``lax.scan`` beside it too, where that is installed and has as many threads.
``variants.py`` has the LSTM's variants.

A training step is forward and backward, gradients of the input included, as for a layer within a
network; ``forward`` is a pass under ``torch.inference_mode``. bfloat16 is that of autocast, the
weights in float32, its peer both torch's bfloat16 and torch's float32. Beside each row stands the
share that either side reaches of the peak of float32 products, which a matrix product of torch's
gives that takes its turn with both: two operations a weight, step and row forward, four backward.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from peers import installed, jax_lstm, jax_takes_as_many_threads
from report import Timings, interleaved, rounded, write_report
from torch import Tensor, nn
from torch.cpu import get_capabilities

from suimon.layers import GRU, LSTM, RNN, MinGRU, MinLSTM

Step = Callable[[], object]


class Size(NamedTuple):
    """Steps, rows, inputs and hidden units of one layer."""

    T: int
    B: int
    I: int
    H: int

    def __str__(self) -> str:
        return "T={} B={} I={} H={}".format(*self)


SIZES = (
    Size(50, 50, 128, 128),
    Size(100, 32, 256, 256),
    Size(100, 64, 512, 512),
    Size(28, 128, 28, 128),
    Size(35, 20, 650, 650),
    Size(200, 1, 64, 64),
    Size(100, 1, 512, 512),
    Size(64, 128, 1024, 1024),
)
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
LINEAR = {"MinGRU": (MinGRU, 2), "MinLSTM": (MinLSTM, 3)}


class LogSpace(nn.Module):
    """A minimal layer whose scan over time is a cumulative sum of logarithms."""

    def __init__(self, gates: int, inputs: int, hidden: int) -> None:
        super().__init__()
        self.product = nn.Linear(inputs, gates * hidden)
        self.coefficients = log_mingru if gates == 2 else log_minlstm

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_a, log_b = self.coefficients(self.product(x))  # each (T, B, H)
        h = scan_in_logarithms(log_a, log_b)
        return h, h[-1]


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


def pair(name: str, size: Size) -> tuple[nn.Module, nn.Module]:
    """Our layer and its peer."""
    if name in LINEAR:
        ours, gates = LINEAR[name]
        return ours(size.I, size.H), LogSpace(gates, size.I, size.H)
    layer = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}[name](size.I, size.H)
    peer = getattr(nn, name)(size.I, size.H)
    layer.load_state_dict(peer.state_dict())
    return layer, peer


def training_step(layer: nn.Module, x: Tensor, bf16: bool) -> Step:
    """Forward, and the gradients of the weights and of the input."""
    x = x.clone().requires_grad_()
    leaves = [x, *layer.parameters()]
    gradient = torch.rand_like(layer(x)[0])

    def step() -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            output = layer(x)[0]
        return torch.autograd.grad(output, leaves, gradient.to(output.dtype))

    return step


def forward_pass(layer: nn.Module, x: Tensor, bf16: bool) -> Step:
    """The forward pass alone."""
    layer.eval()

    def step() -> object:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return layer(x)

    return step


MODES = {"training": training_step, "forward": forward_pass}


def measure(
    name: str, size: Size, mode: str, dtype: str, rounds: int, seconds: float
) -> dict[str, Any]:
    """Both layers in turns, and how far apart their outputs are where they compute the same."""
    ours, peer = pair(name, size)
    x = torch.randn(size.T, size.B, size.I)
    bf16 = dtype == "bfloat16"
    make = MODES[mode]
    steps = {"suimon": make(ours, x, bf16), "peer": make(peer, x, bf16)}
    if bf16:
        steps["peer_float32"] = make(peer, x, False)
    beside_jax = name == "LSTM" and not bf16 and jax_takes_as_many_threads() and installed("jax")
    if beside_jax:
        own = {key.removesuffix("_l0"): weight for key, weight in peer.named_parameters()}
        steps["jax"], of_jax = jax_lstm(own, x, mode == "training")
    steps["product"] = float32_product()
    times = interleaved(steps, rounds=rounds, most_s=seconds)
    found: dict[str, Any] = {
        "rounds": times.rounds,
        **times.summary(),
        "peer_times_suimon": rounded(times.ratio("peer", "suimon")),
    }
    if bf16:
        found["peer_float32_times_suimon"] = rounded(times.ratio("peer_float32", "suimon"))
    if beside_jax:
        with torch.inference_mode():
            found["jax_largest_difference"] = rounded((ours(x)[0] - of_jax).abs().max().item())
        found["jax_times_suimon"] = rounded(times.ratio("jax", "suimon"))
    if name in LINEAR:
        return {"peer_is": "log space", **found}
    return {
        "peer_is": "torch.nn",
        **found,
        **shares_of_peak(times, name, size, mode),
        "largest_difference": rounded(apart(ours, peer, x, bf16)),
    }


def shares_of_peak(times: Timings, name: str, size: Size, mode: str) -> dict[str, float]:
    """Of the float32 products' peak, by the products that the definition has."""
    peak = PRODUCT / times.median("product")
    passes = 3 if mode == "training" else 1
    weights = GATES[name] * size.H * (size.I + size.H)
    operations = 2.0 * passes * weights * size.T * size.B
    return {
        f"{side}_share_of_peak": rounded(operations / times.median(side) / peak)
        for side in ("suimon", "peer")
    }


@torch.inference_mode()
def apart(ours: nn.Module, peer: nn.Module, x: Tensor, bf16: bool) -> float:
    """Largest difference of the outputs, the peer's in float32."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        output = ours(x)[0]
    return (output.float() - peer(x)[0]).abs().max().item()


PRODUCT = 2.0 * 1024**3
"""Operations of what :func:`float32_product` gives."""


def float32_product() -> Step:
    """torch's product of two matrices of 1024 by 1024: what a peak is measured by."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return lambda: a @ b


def dtypes_for(name: str) -> tuple[str, ...]:
    """float32; bfloat16 too for cells that torch.nn has, where the processor multiplies it."""
    paired = get_capabilities().get("amx_bf16") and name not in LINEAR
    return ("float32", "bfloat16") if paired else ("float32",)


def parse_arguments() -> argparse.Namespace:
    every = sorted({1, torch.get_num_threads()})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="turns that each side takes")
    parser.add_argument(
        "--seconds", type=float, default=30, help="of a row, after which 5 turns must do"
    )
    parser.add_argument("--cells", nargs="+", default=[*GATES, *LINEAR])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(range(len(SIZES))))
    parser.add_argument("--threads", nargs="+", type=int, default=every)
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=list(MODES))
    return parser.parse_args()


def main() -> None:
    given = parse_arguments()
    torch.manual_seed(0)
    results: dict[str, Any] = {}
    for threads in given.threads:
        torch.set_num_threads(threads)
        for name in given.cells:
            for size in (SIZES[n] for n in given.sizes):
                for mode in given.modes:
                    for dtype in dtypes_for(name):
                        key = f"{name}, {mode}: {size} threads={threads} {dtype}"
                        row = measure(name, size, mode, dtype, given.rounds, given.seconds)
                        results[key] = row
                        print(f"{key:75} {row['peer_is']}: {row['peer_times_suimon']}", flush=True)
    write_report("layers", results, settings=vars(given))


if __name__ == "__main__":
    main()
