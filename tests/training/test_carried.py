"""The carried state: any nest of tensors, restarted by rows and cut from its gradient."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from suimon.errors import CheckpointError
from suimon.training.carried import detach, map_tensors, rebuilt, restart_rows, tensors_of


class Pair(NamedTuple):
    h: Tensor
    c: Tensor


def nest() -> Any:
    """Two layers of a named tuple, a dict and an absent part: every tensor ``(…, B=2, S)``."""
    return {
        "layers": [Pair(torch.ones(2, 3), torch.ones(1, 2, 4)), (torch.ones(2, 1), None)],
    }


def test_the_form_is_kept() -> None:
    doubled = map_tensors(lambda tensor: 2 * tensor, nest())
    pair, (last, absent) = doubled["layers"]
    assert isinstance(pair, Pair)
    assert absent is None
    assert pair.c.shape == (1, 2, 4)
    assert all(torch.equal(tensor, torch.full_like(tensor, 2)) for tensor in (*pair, last))
    assert map_tensors(torch.neg, None) is None


def test_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="it holds a float"):
        detach((torch.ones(1, 1), 0.5))


def test_only_flagged_rows_restart() -> None:
    restarted = restart_rows(nest(), torch.tensor([True, False]))
    for tensor in tensors_of(restarted):
        assert torch.equal(tensor[..., 0, :], torch.zeros_like(tensor[..., 0, :]))
        assert torch.equal(tensor[..., 1, :], torch.ones_like(tensor[..., 1, :]))


def test_a_restart_forgets_nan() -> None:
    state = torch.full((1, 2, 3), torch.nan)
    assert torch.equal(restart_rows(state, torch.tensor([True, True])), torch.zeros(1, 2, 3))


def test_no_restart_changes_nothing() -> None:
    state = nest()
    assert restart_rows(state, None) is state
    assert restart_rows(None, torch.tensor([True])) is None


def test_detached_state_is_a_copy_without_gradient() -> None:
    base = torch.ones(5, 2, 3, requires_grad=True)
    state = detach((2 * base)[1:2])
    assert not state.requires_grad
    assert state.untyped_storage().nbytes() == state.nbytes  # the window's output can go
    assert state.data_ptr() % 64 == 0


def test_a_checkpoint_refills_the_form() -> None:
    filled = rebuilt(nest(), [torch.zeros(2, 3), torch.zeros(1, 2, 4), torch.zeros(2, 1)])
    assert isinstance(filled["layers"][0], Pair)
    assert all(not tensor.any() for tensor in tensors_of(filled))


@pytest.mark.parametrize(
    "tensors",
    [
        [torch.zeros(2, 3)],
        [torch.zeros(2, 3), torch.zeros(1, 2, 4), torch.zeros(2, 9)],
        [torch.zeros(2, 3), torch.zeros(1, 2, 4), torch.zeros(2, 1, dtype=torch.bfloat16)],
    ],
)
def test_a_state_that_does_not_fit_is_refused(tensors: list[Tensor]) -> None:
    with pytest.raises(CheckpointError, match="resume with the batch size, model and precision"):
        rebuilt(nest(), tensors)
