"""The engine's draw against the definition, ``distribution`` and ``draw``."""

import math

import pytest
import torch

from suimon.inference import pick
from suimon.kernels.cpu.native import arrays
from tests.kernels.linear_recurrence_cases import needs_native

pytestmark = needs_native

OPTIONS = [
    {"temperature": temperature, "top_k": top_k, "top_p": top_p, "never": never}
    for temperature in (0.0, 1e-4, 0.7, 3.0)
    for top_k in (None, 1, 5, 999)
    for top_p in (None, 0.05, 0.8, 1.0)
    for never in (None, 2)
]


def drawn(logits, uniform, *, temperature, top_k, top_p, never) -> list[int]:
    from suimon.kernels.cpu import _native

    return _native.draw_tokens(
        *arrays(logits),
        uniform,
        temperature=temperature,
        top_k=top_k or 0,
        top_p=1.0 if top_p is None else top_p,
        never=-1 if never is None else never,
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_is_the_definition_for_the_same_numbers(options):
    generator = torch.Generator().manual_seed(3)
    for V in (3, 65, 700):
        logits = 3 * torch.randn(300, V, generator=generator)
        uniform = torch.rand(300, dtype=torch.float64, generator=generator).tolist()
        assert drawn(logits, uniform, **options) == pick(logits, uniform, **options).tolist()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_ties_are_the_definitions(options):
    """Few different logits: many are equal at the edges of what is kept."""
    generator = torch.Generator().manual_seed(4)
    logits = torch.randint(0, 3, (300, 16), generator=generator).float()
    uniform = torch.rand(300, dtype=torch.float64, generator=generator).tolist()
    assert drawn(logits, uniform, **options) == pick(logits, uniform, **options).tolist()


@pytest.mark.parametrize("uniform", [0.0, math.nextafter(1.0, 0.0)])
def test_the_ends_never_draw_what_has_no_share(uniform):
    logits = torch.tensor([[-math.inf, 0.0, 1.0, -math.inf, -math.inf]])
    expected = [1] if uniform == 0.0 else [2]
    plain = {"temperature": 1.0, "top_k": None, "top_p": None, "never": None}
    assert drawn(logits, [uniform], **plain) == expected
    assert drawn(logits, [uniform], **{**plain, "top_p": 0.99}) == expected
