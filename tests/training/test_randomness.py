"""The generators: saved, restored and kept from evaluations."""

import random

import numpy as np
import torch

from suimon.training.randomness import (
    random_state,
    restore_random_state,
    seed_everything,
    untouched_randomness,
)


def draw() -> list[float]:
    """Numbers from every generator, of both kinds that keep a spare normal number."""
    return [
        torch.rand(()).item(),
        torch.randn(()).item(),
        random.random(),
        random.gauss(0, 1),
        np.random.random(),
        np.random.normal(),
    ]


def test_a_seed_decides_all() -> None:
    seed_everything(5)
    first = draw()
    seed_everything(5)
    assert draw() == first
    seed_everything(2**32 - 1)
    assert draw() != first


def test_a_saved_state_comes_back_with_its_spare_numbers() -> None:
    seed_everything(5)
    draw()  # an odd number of normal draws: Python and NumPy hold a spare one
    state = random_state()
    expected = [draw(), draw()]
    restore_random_state({name: tensor.clone() for name, tensor in state.items()})
    assert [draw(), draw()] == expected


def test_shapes_do_not_depend_on_the_place() -> None:
    seed_everything(1)
    before = random_state()
    draw()
    after = random_state()
    assert {k: (v.shape, v.dtype) for k, v in before.items()} == {
        k: (v.shape, v.dtype) for k, v in after.items()
    }


def test_what_happens_inside_is_not_noticed() -> None:
    seed_everything(5)
    expected = draw()
    seed_everything(5)
    with untouched_randomness():
        draw()
        seed_everything(9)
    assert draw() == expected
