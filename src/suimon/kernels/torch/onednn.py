"""The LSTM of oneDNN, called as torch's own layer calls it, but in either direction of time."""

import torch

from suimon.cells import LSTMCell
from suimon.kernels.api import ScanRequest, ScanResult
from suimon.kernels.autocast import autocast_dtype

LSTM_MODE = 2
"""What torch calls the LSTM among the modes of the operator."""


def suits(request: ScanRequest) -> bool:
    """Whether oneDNN can run this request of a plain cell, all of its rows of full length."""
    cell, x = request.cell, request.x
    if not isinstance(cell, LSTMCell) or cell.proj_size or x.device.type != "cpu":
        return False
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return False
    dtype = autocast_dtype(request) or x.dtype
    supported = dtype == torch.float32 or (
        dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    return supported and x.numel() > 0


def scan(request: ScanRequest) -> ScanResult:
    """Run a request that :func:`suits`; torch differentiates the operator to any order."""
    cell = request.cell
    assert isinstance(cell, LSTMCell)
    weights = cell.weights() if request.weights is None else request.weights
    ordered = [weights[name] for name in cell.parameter_shapes()]
    sequence = [request.x, *request.state]
    dtype = autocast_dtype(request)
    if dtype is not None:
        ordered = [weight.to(dtype) for weight in ordered]
        sequence = [tensor.to(dtype) for tensor in sequence]
    # The operator reads the memory of these as if they were contiguous, and does not check.
    x, h_0, c_0 = (tensor.contiguous() for tensor in sequence)
    weight_ih, weight_hh, *biases = ordered
    if not cell.bias:
        biases = [weight_ih.new_zeros(weight_ih.shape[0])] * 2  # the operator wants some
    output, h_n, c_n, _ = torch.ops.aten.mkldnn_rnn_layer.default(
        x,
        weight_ih,
        weight_hh,
        *biases,
        h_0,
        c_0,
        reverse=request.reverse,
        batch_sizes=[],
        mode=LSTM_MODE,
        hidden_size=cell.hidden_size,
        num_layers=1,
        has_biases=cell.bias,
        bidirectional=False,
        batch_first=False,
        train=torch.is_grad_enabled(),  # keep what backward needs
    )
    return ScanResult(output, type(request.state)(h_n, c_n))
