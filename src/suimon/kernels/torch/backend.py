"""The torch backend: which scans torch's fused operators can run."""

from collections.abc import Mapping
from typing import Any

import torch

from suimon.cells import ElmanCell, GRUCell, LSTMCell
from suimon.errors import BackendError
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.flattening import differentiable_inputs
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.torch.fused import scan_fused
from suimon.kernels.torch.inner_graph import scan_twice_differentiable
from suimon.kernels.torch.retrace import with_trace

PLAIN: Mapping[type, Mapping[str, Any]] = {
    ElmanCell: {"layer_norm": False},
    LSTMCell: {"forget_gate": True, "peephole": False, "coupled": False, "layer_norm": False},
    GRUCell: {"reset_after": True, "layer_norm": False},
}
"""The cells that torch has operators for, and the values that their options must have."""


class TorchBackend:
    """Runs plain Elman, LSTM and GRU cells, one layer and direction a call.

    Sequences of several lengths are packed and unpacked by index, in any order and with empty
    rows; a trace is recomputed from the output, by products over all steps at once. Derivatives
    of every order are right: what torch's operator cannot give is taken from the definition.
    """

    name = "torch"

    def unavailable(self) -> str | None:
        """Why this backend cannot run on this machine: it always can."""
        return None

    def refuses(self, request: ScanRequest) -> str | None:
        """Why this request cannot be run, or ``None`` where it can."""
        kind = type(request.cell)
        if kind not in PLAIN:
            return f"torch has no fused operator for {kind.__name__}"
        for option, value in PLAIN[kind].items():
            if getattr(request.cell, option) != value:
                return f"torch's fused operator is for {kind.__name__} with {option}={value}"
        if request.reset is not None:
            return "torch's fused operators cannot restart a state inside a sequence (reset)"
        if request.recurrent_mask is not None:
            return "torch's fused operators have no recurrent dropout (recurrent_mask)"
        if request.zoneout:
            return "torch's fused operators have no zoneout"
        return None

    def scan(self, request: ScanRequest) -> ScanResult:
        """Run a request, see :class:`~suimon.kernels.api.ScanRequest`.

        Raises:
            BackendError: where :meth:`refuses` gives a reason.
        """
        reason = self.refuses(request)
        if reason is not None:
            raise BackendError(f"backend 'torch' cannot run this: {reason}")
        if request.x.shape[0] == 0:
            return ReferenceBackend().scan(request)  # no step to take, fast or slowly
        recording = torch.is_grad_enabled() and any(
            tensor.requires_grad for tensor in differentiable_inputs(request)
        )
        if recording and request.x.device.type != "cpu":
            done = scan_twice_differentiable(scan_fused, request)
        else:
            done = scan_fused(request)
        return with_trace(request, done) if request.trace else done
