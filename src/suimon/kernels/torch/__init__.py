"""torch's own fused recurrent operators (oneDNN, cuDNN, MPS), for the cells that torch knows."""

from suimon.kernels.torch.backend import TorchBackend

__all__ = ["TorchBackend"]
