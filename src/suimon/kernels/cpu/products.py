"""The products over all steps that end a backward pass: of the weights, and of the input."""

from typing import NamedTuple

from torch import Tensor

from suimon.cells import Cell
from suimon.kernels.api import ScanRequest
from suimon.kernels.cpu.blocks import padded
from suimon.kernels.cpu.forms import Form
from suimon.kernels.cpu.phases import Gradients, Kept, vector_gradients
from suimon.shapes import Weights

NARROW = 64
"""Columns of a weight up to which its gradient is quicker made the other way round."""


class Pulled(NamedTuple):
    """What the kernel's way back through time leaves to multiply.

    Attributes:
        sums: the gradient of the sums, ``(T*B, Z*U or more)``, sum after sum.
        x: ``(T, B, X)``, in the dtype of the products.
        h_before: ``(T, B, P)``, the factors of the recurrent product.
        U: the units, rounded up.
        kept: what the phases left on the way there.
        gradients: what they left on the way back.
    """

    sums: Tensor
    x: Tensor
    h_before: Tensor
    U: int
    kept: Kept
    gradients: Gradients


def through_the_products(
    request: ScanRequest, form: Form, pulled: Pulled, of_x: bool, wanted: dict[str, bool]
) -> tuple[Tensor | None, dict[str, Tensor]]:
    """The gradients of x ``(T, B, I)``, and of the weights by name.

    Args:
        request: the scan.
        form: of its cell.
        pulled: what to multiply.
        of_x: whether the gradient of x is wanted.
        wanted: the same of each weight; others may be among what is returned.
    """
    cell = request.cell
    assert isinstance(cell, Cell)
    weights = cell.weights() if request.weights is None else request.weights
    T, B = pulled.x.shape[:2]
    # The gradient of the products: of what a norm was made of, where there is one.
    of_h, of_x_alone = pulled.gradients.product_h, pulled.gradients.product_x
    normed = of_h if of_x_alone is None else of_x_alone
    before_norm = pulled.sums if normed is None else normed.flatten(0, 1)
    found = vector_gradients(form, pulled.gradients, weights, cell.hidden_size)
    product_h = None if of_h is None else of_h.flatten(0, 1)
    found |= _of_recurrent(form, pulled, product_h, cell, wanted)
    if wanted.get("weight_ih"):
        factor = pulled.x.flatten(0, 1)[:, : cell.input_size]
        rows = _weight_gradient(before_norm[:, : form.gates * pulled.U], factor)
        found["weight_ih"] = form.stored_first(_by_gate(rows, form, pulled, cell)).flatten(0, 1)
    grad_x = None
    if of_x:
        grad_x = _of_input(form, pulled.U, before_norm, weights, cell).view(T, B, -1)
        grad_x = grad_x.to(request.x.dtype)
    return grad_x, found


def _weight_gradient(sums: Tensor, factor: Tensor) -> Tensor:
    """``sums^T factor``, ``(G*U, I)``, contiguous."""
    if factor.shape[1] <= NARROW < sums.shape[1] and sums.shape[0] >= sums.shape[1]:
        return (factor.t() @ sums).t().contiguous()
    return sums.t() @ factor


def _by_gate(rows: Tensor, form: Form, pulled: Pulled, cell: Cell) -> Tensor:
    """``(G*U, …)`` to ``(G, H, …)`` float32."""
    gates = rows.view(form.gates, pulled.U, *rows.shape[1:])
    return gates[:, : cell.hidden_size].float()


def _of_input(form: Form, U: int, sums: Tensor, weights: Weights, cell: Cell) -> Tensor:
    """``(T*B, I)``."""
    by_gate = weights["weight_ih"].detach().view(form.gates, cell.hidden_size, cell.input_size)
    rows = padded(form.sums_first(by_gate), U).flatten(0, 1).to(sums.dtype)  # (G*U, I)
    return sums[:, : form.gates * U] @ rows


def _of_recurrent(
    form: Form, pulled: Pulled, product: Tensor | None, cell: Cell, wanted: dict[str, bool]
) -> dict[str, Tensor]:
    """``weight_hh`` and ``weight_hr`` where they are wanted.

    ``product`` is the gradient before a norm, ``None`` where there is no norm.
    """
    found, U, G, H = {}, pulled.U, form.gates, cell.hidden_size
    if wanted.get("weight_hh"):
        if product is None:
            first = form.first_from_h * U
            product = pulled.sums[:, first : first + G * U]
        rows = product[:, : G * U].t() @ pulled.h_before.flatten(0, 1)[:, : cell.output_size]
        by_gate = _by_gate(rows, form, pulled, cell)  # (G, H, P)
        if pulled.kept.reset_h is not None:  # the last gate's product is with r*h
            last = product[:, (G - 1) * U : G * U].t() @ pulled.kept.reset_h.flatten(0, 1)
            by_gate[G - 1] = last[:H, :H]
        found["weight_hh"] = by_gate.flatten(0, 1)
    projected, unprojected = pulled.gradients.projected, pulled.kept.unprojected
    if wanted.get("weight_hr") and projected is not None and unprojected is not None:
        rows = projected.flatten(0, 1).t() @ unprojected.flatten(0, 1)
        found["weight_hr"] = rows[: cell.output_size, :H].float()
    return found
