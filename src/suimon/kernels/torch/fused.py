"""One call of torch's fused operator, in either direction, for sequences of any lengths."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from suimon.cells import Cell
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.torch import onednn
from suimon.kernels.torch.packing import Packing

OPERATORS: dict[str, Callable[..., Any]] = {
    "tanh": torch._VF.rnn_tanh,  # pyright: ignore
    "relu": torch._VF.rnn_relu,  # pyright: ignore
    "lstm": torch._VF.lstm,  # pyright: ignore
    "gru": torch._VF.gru,  # pyright: ignore
}


def scan_fused(request: ScanRequest) -> ScanResult:
    """Run a plain cell over ``T >= 1`` steps, the trace left out."""
    x, lengths = request.x, request.lengths
    T, B = x.shape[:2]
    if lengths is not None and not bool((lengths == T).all()):
        return _scan_packed(request, lengths)
    if onednn.suits(request):
        if T == 1 and not torch.is_grad_enabled():
            # oneDNN packs the weights anew at each call, which takes longer than one step does.
            return ReferenceBackend().scan(request)
        return onednn.scan(request)
    if x.device.type == "cpu" and len({field.shape for field in request.state}) > 1:
        # With a projection, torch's operator for sequences of one length warns about oneDNN.
        return _scan_packed(request, torch.full((B,), T))
    output, state = _call(request, x.flip(0) if request.reverse else x, request.state)
    return ScanResult(output.flip(0) if request.reverse else output, state)


def _scan_packed(request: ScanRequest, lengths: Tensor) -> ScanResult:
    """Run rows of different lengths, the empty ones left out."""
    packing = Packing.of(lengths, request.x, request.reverse)
    if packing.rows.numel() == 0:
        return _nothing(request)
    first = type(request.state)(*(field.index_select(0, packing.rows) for field in request.state))
    data, last = _call(request, packing.pack(request.x), first, packing.batch_sizes)
    state = (
        field.index_copy(0, packing.rows, new)
        for field, new in zip(request.state, last, strict=True)
    )
    return ScanResult(packing.unpack(data), type(last)(*state))


def _nothing(request: ScanRequest) -> ScanResult:
    """What a scan gives where every row is empty: zeros, and the state it was given."""
    cell = request.cell
    assert isinstance(cell, Cell)
    output = request.x.new_zeros(*request.x.shape[:2], cell.output_size)
    return ScanResult(output, type(request.state)(*(field.clone() for field in request.state)))


def _call(
    request: ScanRequest, x: Tensor, state: tuple[Tensor, ...], batch_sizes: Tensor | None = None
) -> tuple[Tensor, Any]:
    """torch's operator on ``x (T, B, I)``, or on packed ``x (N, I)`` with ``batch_sizes (T,)``."""
    cell: Any = request.cell
    weights = cell.weights() if request.weights is None else request.weights
    ordered = [weights[name] for name in cell.parameter_shapes()]
    x = x.to(ordered[0].dtype)  # under autocast the layer below gave bfloat16
    fields = [field[None] for field in state]  # each (1, B, S)
    hidden = tuple(fields) if len(fields) > 1 else fields[0]
    sequence = (x, hidden) if batch_sizes is None else (x, batch_sizes, hidden)
    # cuDNN keeps what backward needs only where it is told to train.
    options = (cell.bias, 1, 0.0, torch.is_grad_enabled(), False)
    batch_first = (False,) if batch_sizes is None else ()
    operator = OPERATORS[getattr(cell, "nonlinearity", cell.kind)]
    output, *last = operator(*sequence, ordered, *options, *batch_first)
    return output, type(request.state)(*(field[0] for field in last))
