"""What the tests of the native sequence kernel share: scans of every variant, what near is."""

from dataclasses import replace
from itertools import product

import torch
from torch import Tensor

from suimon.cells import Cell
from suimon.kernels import ScanRequest
from suimon.kernels.cpu import CpuBackend
from suimon.kernels.cpu.forms import form_of
from suimon.kernels.flattening import differentiable_inputs, outputs, with_inputs
from suimon.kernels.reference import ReferenceBackend
from tests.cells.variants import make_cell, variants

I, T = 7, 6
native, reference = CpuBackend(), ReferenceBackend()

NATIVE = [case for case in variants() if form_of(make_cell(*case.values)) is not None]
"""Every cell of the registry that the kernel runs, plain and with each switch thrown."""


def ask(kind: str, options: dict, rows: int, units: int, steps: int = T, **parts) -> ScanRequest:
    """A request on random input from a random state, a gradient wanted of everything."""
    sizes = {"input_size": I, "hidden_size": units}
    if options.get("proj_size"):
        sizes["proj_size"] = max(1, units // 3)
    cell = make_cell(kind, {**options, **sizes}, torch.float32)
    with torch.no_grad():
        for weight in cell.parameters():
            if weight.dim() == 2:  # what was added to a small cell's would drive a large one wild
                weight.uniform_(-(units**-0.5), units**-0.5)
    x = torch.randn(steps, rows, I, requires_grad=True)
    fields = (torch.randn(rows, width, requires_grad=True) for width in cell.state_sizes().values())
    return replace(ScanRequest(cell, cell.weights(), x, cell.State(*fields)), **parts)


def lengths_and_restarts(rows: int, steps: int = T) -> list[dict]:
    """Lengths, restarts, both and neither, in either direction."""
    lengths = torch.randint(0, steps + 1, (rows,))
    reset = torch.rand(steps, rows) < 0.3
    reset[:1, :1] = reset[-1:, :1] = True
    return [
        {"reverse": reverse, "lengths": ragged, "reset": marks}
        for reverse, ragged, marks in product([False, True], [None, lengths], [None, reset])
    ]


def regularised(request: ScanRequest) -> list[dict]:
    """A recurrent mask; zoneout as drawn, as expected, of one field alone; all with restarts."""
    steps, rows = request.x.shape[:2]
    cell = request.cell
    assert isinstance(cell, Cell)
    widths = cell.state_sizes()
    mask = torch.bernoulli(torch.full((rows, widths[cell.output_field]), 0.5)) * 2
    drawn = {name: (torch.rand(steps, rows, width) < 0.3).float() for name, width in widths.items()}
    return [
        {"recurrent_mask": mask},
        {"zoneout": drawn},
        {"zoneout": {name: torch.tensor(0.3) for name in widths}},
        {"zoneout": {cell.output_field: torch.rand(rows, widths[cell.output_field])}},
        {
            "zoneout": drawn,
            "recurrent_mask": mask,
            "reset": torch.rand(steps, rows) < 0.3,
            "lengths": torch.randint(0, steps + 1, (rows,)),
            "reverse": True,
        },
    ]


def as_double(request: ScanRequest) -> ScanRequest:
    """The same scan in float64."""
    double = with_inputs(
        request, [each.detach().double() for each in differentiable_inputs(request)]
    )
    cell = request.cell
    assert isinstance(cell, Cell)
    inputs = differentiable_inputs(double)
    kept = 1 + len(double.state) + len(cell.parameter_shapes())  # masks and shares want none
    for each in inputs[:kept]:
        each.requires_grad_()
    return double


def wanted(request: ScanRequest) -> list[Tensor]:
    """The inputs whose gradient is asked for: all but masks and shares."""
    return [each for each in differentiable_inputs(request) if each.requires_grad]


def values_and_gradients(backend, request: ScanRequest, pull: list[Tensor]) -> list[Tensor]:
    """All that a scan gives, and the gradient of all that it reads."""
    done = outputs(backend.scan(request))[: len(pull)]
    pulled = [gradient.to(result.dtype) for gradient, result in zip(pull, done, strict=True)]
    return [*done, *torch.autograd.grad(done, wanted(request), pulled, materialize_grads=True)]


def assert_as_exact_as_the_definition(request: ScanRequest, trace: bool = False) -> None:
    """Values and gradients as near to those in float64 as the definition in float32 is.

    Four times its error is let through, for the rounding is another, and some units in the last
    place of the largest value. A norm of few units multiplies errors, a tolerance fixed beforehand
    would say little.
    """
    exact_request = as_double(request)
    count = len(outputs(reference.scan(request))) if trace else 1 + len(request.state)
    with torch.no_grad():
        shapes = outputs(reference.scan(request))[:count]
    pull = [torch.randn_like(each) for each in shapes]
    exact = values_and_gradients(reference, exact_request, pull)
    ours = values_and_gradients(native, request, pull)
    theirs = values_and_gradients(reference, request, pull)
    assert len(ours) == len(exact)
    for found, other, true in zip(ours, theirs, exact, strict=True):
        assert found.shape == true.shape
        assert found.dtype == other.dtype
        if true.numel() == 0:
            continue
        unit = torch.finfo(torch.float32).eps * true.abs().max().clamp(min=1)
        allowed = 4 * (other.double() - true).abs().max() + 16 * unit
        error = (found.double() - true).abs().max()
        assert error <= allowed, f"off by {error:.2e}, allowed {allowed:.2e}"
