"""What is dropped and kept inside a recurrent layer, and the options that say so."""

import math
from collections.abc import Mapping
from typing import Any, TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor

from suimon.cells import Cell, RecurrentCell, State
from suimon.errors import ConfigError
from suimon.layers.ownership import state_widths
from suimon.shapes import Weights


class BeyondTorch(TypedDict, total=False):
    """Keyword options that every layer takes beyond ``torch.nn``'s, all off by default.

    Attributes:
        recurrent_dropout: probability in [0, 1) that a unit of ``h_{t-1}`` is dropped where it
            enters the recurrent product, in training: one mask for a whole sequence, drawn anew
            for each sequence, layer and direction. Kept units are scaled by 1/(1 - p).
        weight_dropout: probability in [0, 1) that an entry of ``weight_hh`` is dropped, in
            training: one draw for a whole forward pass. Kept ones are scaled by 1/(1 - p).
        zoneout: probability in [0, 1] that a unit of the state keeps its previous value; one
            number for every field of the state, or one each, e.g. ``(h, c)`` for LSTM. Drawn for
            each step in training; in evaluation the expectation is taken.
        norm_between: a layer norm before every layer but the first.
        residual: add the input of every layer but the first to its output.
        checkpoint_time: steps K, at least 1, of a chunk of time that backward runs again, so that
            of the T steps in each layer and direction only every K-th state is kept, beside the
            input and the output; about the square root of T takes the least memory. ``None``:
            keep every step. The answer is the same. Second derivatives, ``torch.func``,
            ``torch.compile`` and ``torch.export`` keep every step in any case.
        backend: which kernels run it: "auto", or a backend's name.

    Source: recurrent dropout as in Gal and Ghahramani (2016), "A theoretically grounded
    application of dropout in recurrent neural networks"; weight drop, Merity, Keskar and Socher
    (2018), "Regularizing and optimizing LSTM language models"; zoneout, Krueger et al. (2017),
    "Zoneout: regularizing RNNs by randomly preserving hidden activations".
    """

    recurrent_dropout: float
    weight_dropout: float
    zoneout: float | tuple[float, ...]
    norm_between: bool
    residual: bool
    checkpoint_time: int | None
    backend: str


def recurrent_mask(probability: float, cell: RecurrentCell, state: State) -> Tensor | None:
    """``(B, S)`` of 0 and 1/(1 - p) for the field of ``state`` that recurs; ``None`` for none."""
    if probability == 0.0:
        return None
    assert isinstance(cell, Cell)
    return F.dropout(torch.ones_like(getattr(state, cell.output_field)), probability)


def drop_weights(probability: float, weights: Weights | None) -> Weights | None:
    """``weights`` with entries of ``weight_hh`` dropped."""
    if probability == 0.0 or weights is None:
        return weights
    return {**weights, "weight_hh": F.dropout(weights["weight_hh"], probability)}


def zoneout_shares(
    zoneout: Mapping[str, float] | None, state: State, steps: int, training: bool
) -> dict[str, Tensor] | None:
    """State field to the share of its old value that it keeps, broadcastable to ``(T, B, S)``."""
    if zoneout is None:
        return None
    shares = {}
    for name, probability in zoneout.items():
        field = getattr(state, name)
        if training:
            shares[name] = drawn_marks(probability, (steps, *field.shape), field.device)
        else:
            shares[name] = field.new_full((), probability)
    return shares


def dropped(x: Tensor, probability: float) -> Tensor:
    """``x`` with units dropped and the others scaled by 1/(1 - p), as ``F.dropout`` does.

    On a processor the draws are what takes the time, and :func:`drawn_marks` makes them sooner.
    """
    if x.device.type != "cpu":
        return F.dropout(x, probability)
    kept = drawn_marks(1.0 - probability, tuple(x.shape), x.device)
    return x * kept.to(x.dtype).mul_(1.0 / (1.0 - probability))


def drawn_marks(probability: float, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """uint8 of the given shape, 1 with ``probability``, else 0.

    A generator is asked for words of 64 bits, each of which has the digits of four entries, for
    drawing is what takes the time: 15 bits d an entry, and 1 where ``d < 2^15 * probability``. What
    is left of that bound beside its whole part is one more draw along the last axis: it makes the
    probability exact to 2^-39, and ties two entries by a covariance of at most 2^-32.
    """
    size = math.prod(shape)
    words = torch.randint(2**63 - 1, (-(-size // 4),), device=device)
    digits = words.view(torch.int16)[:size].view(shape).bitwise_and_(2**15 - 1)
    whole = min(int(probability * 2**15), 2**15 - 1)
    rest = torch.rand((*shape[:-1], 1), device=device) < probability * 2**15 - whole
    # The sign of the difference is the answer: comparing takes six times as long.
    below = digits.sub_(whole).sub_(rest.to(torch.int16)).bitwise_right_shift_(15)
    return below.neg_().to(torch.uint8)


def check_probability(name: str, value: Any, *, below_one: bool = False) -> float:
    """``value`` as a float where it is a probability, else :class:`ConfigError`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0.0 <= value <= 1.0 and not (below_one and value == 1.0):
        return float(value)
    last = ")" if below_one else "]"
    raise ConfigError(f"{name} is {value!r}; it must be a probability in [0, 1{last}")


def check_recurrent(name: str, value: Any, cell: RecurrentCell) -> float:
    """A probability of dropping from a recurrent product, 0 where ``cell`` has none."""
    probability = check_probability(name, value, below_one=True)
    has_product = isinstance(cell, Cell) and "weight_hh" in cell.parameter_shapes()
    if probability > 0.0 and not has_product:
        raise ConfigError(
            f"{name} is {value}, but {type(cell).__name__} has no recurrent product weight_hh; "
            f"leave {name} out"
        )
    return probability


def check_zoneout(value: Any, cell: RecurrentCell) -> dict[str, float] | None:
    """State field to its zoneout probability; ``None`` where there is none."""
    fields = tuple(state_widths(cell))
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * len(fields)
    if len(values) != len(fields):
        raise ConfigError(
            f"zoneout is {value!r}; it must be one probability, or {len(fields)}: "
            f"{', '.join(fields)}"
        )
    checked = {
        name: check_probability("zoneout", each) for name, each in zip(fields, values, strict=True)
    }
    used = {name: probability for name, probability in checked.items() if probability > 0.0}
    if used and not hasattr(cell, "output_field"):
        raise ConfigError(
            f"zoneout is {value!r}, but {type(cell).__name__} does not say which field of its "
            f"state is the output; name it in an attribute output_field"
        )
    return used or None
