"""Variants of the LSTM: beside our plain LSTM, and beside a loop of torch's operators over time.

``python benchmarks/variants.py [--rounds 15]`` writes ``benchmarks/results/variants.json``. A
training step each, forward and backward, gradients of the input included. The loop is what one
writes without native kernels: the input's product of all steps at once, time unbound, then a step
of torch operators at a time. It computes the same, which the report shows by the largest
difference of the outputs. The peephole LSTM has torchrecurrent's beside it, where it is installed.
"""

import argparse
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from peers import installed, torchrecurrent_peephole
from report import interleaved, rounded, write_report
from torch import Tensor, nn

from layers import SIZES, Size, training_step
from suimon.layers import LSTM

OURS: dict[str, dict[str, Any]] = {
    "layer norm": {"layer_norm": True},
    "peephole": {"peephole": True},
    "zoneout": {"zoneout": (0.05, 0.15)},
    "recurrent dropout": {"recurrent_dropout": 0.2},
    "coupled gates": {"coupled": True},
    "projection": {"proj_size": 0},  # half the units, set by the size
}


class Loop(nn.Module):
    """The LSTM of a layer of ours as a loop over time, in its variant."""

    def __init__(self, layer: LSTM, variant: str) -> None:
        super().__init__()
        self.layer, self.variant = layer, variant

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        own = dict(self.layer.named_parameters())
        weights = {name.removesuffix("_l0"): weight for name, weight in own.items()}
        from_x = F.linear(x, weights["weight_ih"])
        if self.variant == "layer norm":
            from_x = normed(from_x, weights["norm_ih_gain"], None)
        from_x = from_x + weights["bias_ih"] + weights["bias_hh"]
        c = x.new_zeros(x.shape[1], self.layer.hidden_size)
        h = x.new_zeros(x.shape[1], weights["weight_hh"].shape[1])
        mask = F.dropout(torch.ones_like(h), 0.2) if self.variant == "recurrent dropout" else None
        outputs = []
        for now in from_x.unbind(0):
            h, c = self.step(now, h, c, weights, mask)
            outputs.append(h)
        return torch.stack(outputs), None

    def step(
        self, from_x: Tensor, h: Tensor, c: Tensor, weights: dict[str, Tensor], mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """One step, from the sums with x."""
        from_h = F.linear(h if mask is None else h * mask, weights["weight_hh"])
        if self.variant == "layer norm":
            from_h = normed(from_h, weights["norm_hh_gain"], None)
        parts = (from_x + from_h).chunk(3 if self.variant == "coupled gates" else 4, dim=-1)
        i, g, o = parts[0], parts[-2], parts[-1]
        f = parts[1]
        if self.variant == "peephole":
            i, f = i + weights["peephole_i"] * c, f + weights["peephole_f"] * c
        i = torch.sigmoid(i)
        f = 1 - i if self.variant == "coupled gates" else torch.sigmoid(f)
        new = f * c + i * torch.tanh(g)
        if self.variant == "peephole":
            o = o + weights["peephole_o"] * new
        read = new
        if self.variant == "layer norm":
            read = normed(new, weights["norm_c_gain"], weights["norm_c_bias"])
        out = torch.sigmoid(o) * torch.tanh(read)
        if self.variant == "projection":
            out = F.linear(out, weights["weight_hr"])
        if self.variant == "zoneout" and self.training:
            out = torch.where(torch.rand_like(out) < 0.05, h, out)
            new = torch.where(torch.rand_like(new) < 0.15, c, new)
        elif self.variant == "zoneout":
            out, new = 0.05 * h + 0.95 * out, 0.15 * c + 0.85 * new
        return out, new


def normed(v: Tensor, gain: Tensor, bias: Tensor | None) -> Tensor:
    """Layer norm over the last axis."""
    return F.layer_norm(v, gain.shape, gain, bias)


def measure(variant: str, size: Size, rounds: int) -> dict[str, Any]:
    """The variant, our plain LSTM and the loop in turns."""
    options = dict(OURS[variant])
    if "proj_size" in options:
        options["proj_size"] = size.H // 2
    ours = LSTM(size.I, size.H, **options)
    loop = Loop(ours, variant)
    x = torch.randn(size.T, size.B, size.I)
    with torch.inference_mode():  # in evaluation, where nothing is drawn
        apart = (ours.eval()(x)[0] - _in_evaluation(loop, x)).abs().max().item()
    ours.train(), loop.train()
    steps: dict[str, Callable[[], object]] = {
        "variant": training_step(ours, x, False),
        "plain": training_step(LSTM(size.I, size.H), x, False),
        "loop": training_step(loop, x, False),
    }
    peer = None
    if variant == "peephole" and installed("torchrecurrent"):
        own = {name.removesuffix("_l0"): weight for name, weight in ours.named_parameters()}
        peer = torchrecurrent_peephole(own)
        steps["torchrecurrent"] = training_step(peer, x, False)
    times = interleaved(steps, rounds=rounds)
    beside = {}
    if peer is not None:
        with torch.inference_mode():
            peer_apart = (ours(x)[0] - peer(x)[0]).abs().max().item()
        beside = {
            "torchrecurrent_times_variant": rounded(times.ratio("torchrecurrent", "variant")),
            "torchrecurrent_largest_difference": rounded(peer_apart),
        }
    return {
        **times.summary(),
        **beside,
        "variant_times_plain": rounded(times.ratio("variant", "plain")),
        "loop_times_variant": rounded(times.ratio("loop", "variant")),
        "largest_difference": rounded(apart),
    }


def _in_evaluation(loop: Loop, x: Tensor) -> Tensor:
    kept, loop.variant = loop.variant, loop.variant.replace("recurrent dropout", "plain")
    output = loop.eval()(x)[0]
    loop.variant = kept
    return output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns that each takes")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(range(len(SIZES) - 1)))
    given = parser.parse_args()
    torch.manual_seed(0)
    results: dict[str, Any] = {}
    for size in (SIZES[n] for n in given.sizes):
        for variant in OURS:
            key = f"{variant}: {size} threads={torch.get_num_threads()}"
            row = results[key] = measure(variant, size, given.rounds)
            print(
                f"{key:60} {row['variant_times_plain']} times our plain LSTM, "
                f"the loop {row['loop_times_variant']} times it",
                flush=True,
            )
    write_report("variants", results, settings={"rounds": given.rounds})


if __name__ == "__main__":
    main()
