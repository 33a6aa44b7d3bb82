"""What the native kernel needs for the cells whose step has phases, and the gradients of that.

Layer norms, a projection, and a reset before the product: each needs all units of a row at once.
``src/sequence.h`` has the arrays under the same names.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from suimon.kernels.api import ScanRequest
from suimon.kernels.cpu import pages
from suimon.kernels.cpu.blocks import LANES, PANEL, in_blocks, out_of_blocks, round_up, wide
from suimon.kernels.cpu.forms import Form
from suimon.shapes import Weights

PEEPHOLES = ("peephole_i", "peephole_f", "peephole_o")
PLAIN = frozenset(("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
"""A cell of no other weights has no norm, no peephole and no projection."""


class Kept(NamedTuple):
    """What forward leaves to backward, ``None`` where the cell has no such phase.

    Attributes:
        normed_h: ``(T, B, U/16, G, 16)``, the recurrent product, normalised.
        rate_h: ``(T, B, 2)``, one over its deviation.
        normed_x: the same of the product with x.
        rate_x: the same of the product with x.
        c_rate: ``(T, B, 2)``, mean of c and one over its deviation.
        reset_h: ``(T, B, U)``, r*h.
        unprojected: ``(T, B, U)``, o*tanh(c).
    """

    normed_h: Tensor | None
    rate_h: Tensor | None
    normed_x: Tensor | None
    rate_x: Tensor | None
    c_rate: Tensor | None
    reset_h: Tensor | None
    unprojected: Tensor | None


def kept_of(
    request: ScanRequest, form: Form, weights: Weights, U: int, dtype: torch.dtype, history: bool
) -> Kept:
    """Room for what the phases leave, undefined; all that only backward needs by ``history``."""
    T, B = request.x.shape[:2]
    steps = (T, B, U)

    def norm(of: str) -> tuple[Tensor | None, Tensor | None]:
        if not history or gain_name(weights, of) is None:
            return None, None
        return pages.empty(T, B, U // LANES, form.gates, LANES), torch.empty(T, B, 2)

    return Kept(
        *norm("h"),
        *norm("x"),
        c_rate=torch.empty(T, B, 2) if history and "norm_c_gain" in weights else None,
        reset_h=pages.empty(*steps, dtype=dtype) if form.resets_first else None,
        unprojected=pages.empty(*steps, dtype=dtype) if "weight_hr" in weights else None,
    )


def _phased(form: Form, weights: Weights) -> bool:
    """Whether a step has phases at all."""
    return gain_name(weights) is not None or "weight_hr" in weights or form.resets_first


def gain_name(weights: Weights, of: str = "h") -> str | None:
    """The gain of the norm of the product with "h", or with "x"; an Elman layer's is of both."""
    names = ("norm_hh_gain", "norm_gain") if of == "h" else ("norm_ih_gain",)
    return next((name for name in names if name in weights), None)


def shared_arrays(form: Form, weights: Weights, H: int, U: int) -> dict[str, Tensor | None]:
    """The arrays of peepholes and norms that both passes read."""
    if weights.keys() <= PLAIN:
        return dict.fromkeys(("peephole", "gain_h", "gain_x", "c_gain", "c_bias", "weight_hr"))
    named = {name: weights[name].detach() for name in weights if weights[name].dim() == 1}
    c_gain = named.get("norm_c_gain")
    c_bias = None if c_gain is None else named.get("norm_c_bias", torch.zeros(H))
    sees = None
    if "peephole_i" in named:
        sees = in_blocks(torch.stack([named.get(n, torch.zeros(H)) for n in PEEPHOLES]), U)
    hr, gain_h, gain_x = weights.get("weight_hr"), gain_name(weights), gain_name(weights, "x")
    by_gate = (form.gates, H)
    return {
        "peephole": sees,
        "gain_h": None if gain_h is None else in_blocks(named[gain_h].view(by_gate), U),
        "gain_x": None
        if gain_x is None
        else in_blocks(form.sums_first(named[gain_x].view(by_gate)), U),
        "c_gain": _in_blocks(c_gain, U),
        "c_bias": _in_blocks(c_bias, U),
        "weight_hr": None if hr is None else hr.detach(),
    }


def _in_blocks(row: Tensor | None, U: int) -> Tensor | None:
    """``(H,)`` to ``(U/16, 16)``."""
    return None if row is None else wide(row, U).view(-1, LANES)


def room_forward(form: Form, weights: Weights, B: int, U: int) -> dict[str, Tensor | None]:
    """Arrays for the kernel to work in."""
    tiles = -(-(U // LANES) // form.blocks_in_tile)
    return {
        "sums": torch.empty(tiles, B, PANEL) if _phased(form, weights) else None,
        "sums_x": torch.empty(tiles, B, PANEL) if gain_name(weights, "x") else None,
        "settled": torch.empty(tiles, B, PANEL) if gain_name(weights) else None,
    }


class Gradients(NamedTuple):
    """Arrays that the backward pass fills, ``None`` where the cell has no such phase.

    Attributes:
        product_h: ``(T, B, …)`` like the sums' gradient: that of the recurrent product before its
            norm.
        product_x: the same of the product with x.
        projected: ``(T, B, P)``, of the projection.
        added_up: of gains, biases of norms and peepholes, by name, each ``(threads, U/16, N, 16)``.
    """

    product_h: Tensor | None
    product_x: Tensor | None
    projected: Tensor | None
    added_up: dict[str, Tensor | None]


def gradients_of(
    form: Form, weights: Weights, grad_sums: Tensor, U: int, P: int, threads: int
) -> Gradients:
    """Room for them; what is added up begins with zeros."""
    T, B = grad_sums.shape[:2]
    normed_h, normed_x = (gain_name(weights, of) is not None for of in "hx")

    def product(wanted: bool) -> Tensor | None:
        return pages.empty(*grad_sums.shape, dtype=grad_sums.dtype) if wanted else None

    def sums(count: int, wanted: bool) -> Tensor | None:
        return torch.zeros(threads, U // LANES, count, LANES) if wanted else None

    return Gradients(
        product_h=product(normed_h),
        product_x=product(normed_x),
        projected=pages.empty(T, B, P, dtype=grad_sums.dtype) if "weight_hr" in weights else None,
        added_up={
            "grad_gain_h": sums(form.gates, normed_h),
            "grad_gain_x": sums(form.gates, normed_x),
            "grad_c_norm": sums(2, "norm_c_gain" in weights),
            "grad_peephole": sums(len(PEEPHOLES), "peephole_i" in weights),
        },
    )


def room_backward(form: Form, weights: Weights, B: int, U: int) -> dict[str, Tensor | None]:
    """Arrays for the kernel to work in."""
    panels = round_up(U, PANEL) // PANEL
    return {
        "units": torch.empty(panels, B, PANEL) if _phased(form, weights) else None,
        "reads": torch.empty(U // LANES, B, 3, LANES) if "norm_c_gain" in weights else None,
    }


def vector_gradients(
    form: Form, gradients: Gradients, weights: Weights, H: int
) -> dict[str, Tensor]:
    """Name to gradient of the gains, their bias and the peepholes among ``weights``."""
    rows = {
        name: out_of_blocks(value.sum(0), H)  # (N, H)
        for name, value in gradients.added_up.items()
        if value is not None
    }
    found: dict[str, Tensor] = {}
    gain_h, gain_x = gain_name(weights), gain_name(weights, "x")
    if gain_h is not None:
        found[gain_h] = rows["grad_gain_h"].flatten()
    if gain_x is not None:
        found[gain_x] = form.stored_first(rows["grad_gain_x"]).flatten()
    if "grad_c_norm" in rows:
        found |= dict(zip(("norm_c_gain", "norm_c_bias"), rows["grad_c_norm"], strict=True))
    if "grad_peephole" in rows:
        found |= dict(zip(PEEPHOLES, rows["grad_peephole"], strict=True))
    return {name: value for name, value in found.items() if name in weights}
