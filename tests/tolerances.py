"""How close is equal: the one table of tolerances, by dtype."""

from typing import Any, NamedTuple

import torch


class Tolerance(NamedTuple):
    """``|actual - expected| <= atol + rtol*|expected|``."""

    rtol: float
    atol: float


TOLERANCES = {
    torch.float64: Tolerance(rtol=1e-9, atol=1e-12),
    torch.float32: Tolerance(rtol=1e-5, atol=2e-6),
    torch.float16: Tolerance(rtol=2e-3, atol=2e-3),
    torch.bfloat16: Tolerance(rtol=2e-2, atol=2e-2),
}


def assert_close(actual: Any, expected: Any, scale: float = 1.0) -> None:
    """Fail unless two tensors, or two equal nests of them, have equal shapes, dtypes and values.

    ``scale`` widens the tolerance where an error is summed up, as in the gradient of a weight
    over many steps; say why where it is not 1.
    """
    dtype = _dtype_of(actual)
    tolerance = TOLERANCES[dtype]
    torch.testing.assert_close(
        actual, expected, rtol=scale * tolerance.rtol, atol=scale * tolerance.atol
    )


def _dtype_of(nest: Any) -> torch.dtype:
    """The dtype of the first tensor of a nest."""
    if isinstance(nest, torch.Tensor):
        return nest.dtype
    values = nest.values() if isinstance(nest, dict) else nest
    return _dtype_of(next(iter(values)))
