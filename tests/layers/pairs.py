"""Our drop-ins beside torch's own modules, with the same weights."""

from typing import Any

import torch

from suimon.layers import GRU, LSTM, RNN

PAIRS = {"RNN": (RNN, torch.nn.RNN), "LSTM": (LSTM, torch.nn.LSTM), "GRU": (GRU, torch.nn.GRU)}
T, B, I, H = 6, 4, 3, 5


def pair(name: str, seed: int = 7, **options: Any) -> tuple[Any, Any]:
    """Ours and torch's, each built after seeding alike: their weights are equal, see the tests."""
    made = []
    for cls in PAIRS[name]:
        torch.manual_seed(seed)
        made.append(cls(I, H, **options))
    return made[0], made[1]


def random_hx(module: Any, batch_size: int | None = B) -> Any:
    """A state that is not zero, in the form that ``module`` takes; ``None``: no batch axis."""
    count = module.num_layers * (2 if module.bidirectional else 1)
    like = next(module.parameters())
    batch = () if batch_size is None else (batch_size,)
    fields = [
        torch.randn(count, *batch, width, dtype=like.dtype, requires_grad=True)
        for width in (module.proj_size or H, H)
    ]
    return tuple(fields) if module.mode == "LSTM" else fields[0]


def tensors(nest: Any) -> list[torch.Tensor]:
    """Every tensor of a nest, in order."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(nest) if leaf is not None]
