"""What the native kernel needs for the cells whose step has phases, and the gradients of that.

Layer norms, a projection, and a reset before the product: each needs all units of a row at once.
``src/sequence.h`` has the arrays under the same names.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from suimon.cells import Cell, GRUCell
from suimon.cells.normalisation import layer_norm
from suimon.kernels.api import ScanRequest
from suimon.kernels.cpu import pages
from suimon.kernels.cpu.blocks import LANES, PANEL, in_blocks, out_of_blocks, round_up
from suimon.kernels.cpu.forms import Form
from suimon.kernels.reference.schedule import valid_steps, zero_padding
from suimon.shapes import Weights

PEEPHOLES = ("peephole_i", "peephole_f", "peephole_o")


class Kept(NamedTuple):
    """What forward leaves to backward, ``None`` where the cell has no such phase.

    Attributes:
        normed: ``(T, U/16, B, G, 16)``, the recurrent product, normalised.
        rate: ``(T, B, 2)``, one over its deviation.
        c_rate: ``(T, B, 2)``, mean of c and one over its deviation.
        reset_h: ``(T, B, U)``, r*h.
        unprojected: ``(T, B, U)``, o*tanh(c).
    """

    normed: Tensor | None
    rate: Tensor | None
    c_rate: Tensor | None
    reset_h: Tensor | None
    unprojected: Tensor | None


def sums_with_x(request: ScanRequest, form: Form, weights: Weights, U: int) -> Tensor | None:
    """``W x`` of all steps, normalised, ``(T, B, G, U)``; ``None`` where the kernel makes it.

    Made of torch's operators, which differentiate it.
    """
    if "norm_ih_gain" not in weights:
        return None
    cell = request.cell
    assert isinstance(cell, Cell)
    H, gain = cell.hidden_size, weights["norm_ih_gain"]
    x = zero_padding(request.x, valid_steps(request))
    product = F.linear(x, weights["weight_ih"])  # (T, B, G*H)
    if isinstance(cell, GRUCell):  # r and z have a norm of their own
        cut = 2 * H
        parts = [product[..., :cut], product[..., cut:]]
        gains = [gain[:cut], gain[cut:]]
        product = torch.cat([layer_norm(*each) for each in zip(parts, gains, strict=True)], dim=-1)
    else:
        product = layer_norm(product, gain)
    sums = product.unflatten(-1, (form.gates, H))
    if form.from_x != tuple(range(form.gates)):
        sums = sums[..., list(form.from_x), :]  # (T, B, G, H) in the order of the sums
    return (F.pad(sums, (0, U - H)) if U > H else sums).float()


def kept_of(
    request: ScanRequest, form: Form, weights: Weights, U: int, dtype: torch.dtype, history: bool
) -> Kept:
    """Room for what the phases leave, undefined; all that only backward needs by ``history``."""
    T, B = request.x.shape[:2]
    normed = history and gain_name(weights) is not None
    steps = (T, B, U)
    return Kept(
        normed=pages.empty(T, U // LANES, B, form.gates, LANES) if normed else None,
        rate=torch.zeros(T, B, 2) if normed else None,
        c_rate=torch.zeros(T, B, 2) if history and "norm_c_gain" in weights else None,
        reset_h=pages.empty(*steps, dtype=dtype) if form.resets_first else None,
        unprojected=pages.empty(*steps, dtype=dtype) if "weight_hr" in weights else None,
    )


def _phased(form: Form, weights: Weights) -> bool:
    """Whether a step has phases at all."""
    return gain_name(weights) is not None or "weight_hr" in weights or form.resets_first


def gain_name(weights: Weights) -> str | None:
    """The gain of the recurrent product's norm."""
    return next((name for name in ("norm_hh_gain", "norm_gain") if name in weights), None)


def shared_arrays(form: Form, weights: Weights, H: int, U: int) -> dict[str, Tensor | None]:
    """The arrays of peepholes and norms that both passes read."""
    gain = gain_name(weights)
    named = {name: weights[name].detach() for name in weights if weights[name].dim() == 1}
    c_gain = named.get("norm_c_gain")
    c_bias = None if c_gain is None else named.get("norm_c_bias", torch.zeros(H))
    sees = None
    if "peephole_i" in named:
        sees = in_blocks(torch.stack([named.get(n, torch.zeros(H)) for n in PEEPHOLES]), U)
    hr = weights.get("weight_hr")
    return {
        "peephole": sees,
        "gain": None if gain is None else in_blocks(named[gain].view(form.gates, H), U),
        "c_gain": _in_blocks(c_gain, U),
        "c_bias": _in_blocks(c_bias, U),
        "weight_hr": None if hr is None else hr.detach(),
    }


def _in_blocks(row: Tensor | None, U: int) -> Tensor | None:
    """``(H,)`` to ``(U/16, 16)``."""
    return None if row is None else in_blocks(row[None], U).view(-1, LANES)


def room_forward(form: Form, weights: Weights, B: int, U: int) -> dict[str, Tensor | None]:
    """Arrays for the kernel to work in."""
    tiles = -(-(U // LANES) // form.blocks_in_tile)
    return {
        "sums": torch.empty(tiles, B, PANEL) if _phased(form, weights) else None,
        "settled": torch.empty(tiles, B, PANEL) if gain_name(weights) else None,
    }


class Gradients(NamedTuple):
    """Arrays that the backward pass fills, ``None`` where the cell has no such phase.

    Attributes:
        product: ``(T, B, …)`` like the sums' gradient: that of the product before its norm.
        projected: ``(T, B, P)``, of the projection.
        added_up: of gains, biases of norms and peepholes, by name, each ``(threads, U/16, N, 16)``.
    """

    product: Tensor | None
    projected: Tensor | None
    added_up: dict[str, Tensor | None]


def gradients_of(
    form: Form, weights: Weights, grad_sums: Tensor, U: int, P: int, threads: int
) -> Gradients:
    """Room for them; what is added up begins with zeros."""
    T, B = grad_sums.shape[:2]
    normed = gain_name(weights) is not None

    def sums(count: int, wanted: bool) -> Tensor | None:
        return torch.zeros(threads, U // LANES, count, LANES) if wanted else None

    return Gradients(
        product=pages.empty(*grad_sums.shape, dtype=grad_sums.dtype) if normed else None,
        projected=pages.empty(T, B, P, dtype=grad_sums.dtype) if "weight_hr" in weights else None,
        added_up={
            "grad_gain": sums(form.gates, normed),
            "grad_c_norm": sums(2, "norm_c_gain" in weights),
            "grad_peephole": sums(len(PEEPHOLES), "peephole_i" in weights),
        },
    )


def room_backward(form: Form, weights: Weights, B: int, U: int) -> dict[str, Tensor | None]:
    """Arrays for the kernel to work in."""
    panels = round_up(U, PANEL) // PANEL
    return {
        "units": torch.empty(panels, B, PANEL) if _phased(form, weights) else None,
        "reads": torch.empty(U // LANES, B, LANES) if "norm_c_gain" in weights else None,
    }


def vector_gradients(gradients: Gradients, weights: Weights, H: int) -> dict[str, Tensor]:
    """Name to gradient of the gains, their bias and the peepholes among ``weights``."""
    rows = {
        name: out_of_blocks(value.sum(0), H)  # (N, H)
        for name, value in gradients.added_up.items()
        if value is not None
    }
    found: dict[str, Tensor] = {}
    gain = gain_name(weights)
    if gain is not None:
        found[gain] = rows["grad_gain"].flatten()
    if "grad_c_norm" in rows:
        found |= dict(zip(("norm_c_gain", "norm_c_bias"), rows["grad_c_norm"], strict=True))
    if "grad_peephole" in rows:
        found |= dict(zip(PEEPHOLES, rows["grad_peephole"], strict=True))
    return {name: value for name, value in found.items() if name in weights}
