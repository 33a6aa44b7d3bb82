import pytest
import torch
from torch import nn

from suimon.training.averaging import RunningMean


def test_the_mean_of_a_growing_weight_by_hand():
    line = nn.Linear(1, 1, bias=False)
    mean = RunningMean(line, 0.5)
    expected = line.weight.item()
    for step, weight in enumerate((2.0, 3.0, 5.0, 7.0)):
        nn.init.constant_(line.weight, weight)
        mean.follow()
        kept = min(0.5, step / (step + 10))
        expected = kept * expected + (1 - kept) * weight
        assert mean.model.weight.item() == pytest.approx(expected)
    assert not mean.model.weight.requires_grad


def test_it_goes_on_from_its_state_as_if_it_had_not_stopped():
    line = nn.Linear(2, 2)
    whole = RunningMean(line, 0.9)
    for step in range(4):
        nn.init.constant_(line.weight, float(step))
        whole.follow()
        if step == 1:
            state = {name: tensor.clone() for name, tensor in whole.state().items()}
            halves = RunningMean(line, 0.9)
            halves.load_state(state)
        elif step > 1:
            halves.follow()
    assert torch.equal(halves.model.weight, whole.model.weight)


def test_buffers_are_those_of_the_model():
    norm = nn.BatchNorm1d(1)
    mean = RunningMean(norm, 0.9)
    norm(torch.tensor([[1.0], [3.0]]))
    mean.follow()
    assert norm.running_mean is not None
    assert torch.equal(mean.model.get_buffer("running_mean"), norm.running_mean)
    assert torch.equal(mean.state()["running_mean"], norm.running_mean)
