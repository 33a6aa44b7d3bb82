"""checkpoint_time: the answers and gradients of the stored form, in less memory."""

import subprocess
import sys
from typing import NamedTuple

import pytest
import torch

from suimon.errors import ConfigError
from suimon.layers import GRU, LSTM, MinGRU, Recurrent
from tests.layers.pairs import H, I
from tests.layers.zoo import every_kind, random_state
from tests.tolerances import assert_close

T, B, K = 7, 4, 3
LENGTHS = [T, 0, 3, 5]


def learn(layer, checkpoint_time, x, **given):
    """Everything that a layer gives, with what it draws seeded, and all gradients."""
    layer.checkpoint_time = checkpoint_time
    layer.zero_grad()
    x = x.detach().requires_grad_()
    torch.manual_seed(3)
    results = [r for r in torch.utils._pytree.tree_leaves(layer(x, **given)) if r.requires_grad]
    torch.manual_seed(4)
    sum((r * torch.randn_like(r)).sum() for r in results).backward()
    gradients = [x.grad, *(weight.grad for weight in layer.parameters())]
    return [r.detach() for r in results], gradients


def assert_same_as_stored(layer, x, **given):
    (done, found), (expected, wanted) = (learn(layer, k, x, **given) for k in (K, None))
    assert_close(done, expected)
    assert_close(found, wanted, scale=10)  # sums over T*B products, in another order


@every_kind
@pytest.mark.parametrize("bidirectional", [False, True])
def test_is_the_stored_form(make, bidirectional):
    layer = make(num_layers=2, bidirectional=bidirectional, dropout=0.2, dtype=torch.float64)
    x, reset = torch.randn(T, B, I).double(), torch.rand(T, B) < 0.3
    state = random_state(layer, B)
    assert_same_as_stored(layer, x)
    assert_same_as_stored(layer, x, hx=state, lengths=LENGTHS, reset=reset, trace=True)
    assert_same_as_stored(layer, x[:0])


@pytest.mark.parametrize(
    "options", [{"recurrent_dropout": 0.4}, {"weight_dropout": 0.4}, {"zoneout": 0.4}]
)
def test_what_was_drawn_is_used_again(options):
    layer = LSTM(I, H, 2, bidirectional=True, dtype=torch.float64, **options)
    assert_same_as_stored(layer, torch.randn(T, B, I).double(), lengths=LENGTHS)


def test_norms_and_residuals_between_layers():
    layer = GRU(I, H, 3, norm_between=True, residual=True, dtype=torch.float64)
    assert_same_as_stored(layer, torch.randn(T, B, I).double())


class OwnState(NamedTuple):
    h: torch.Tensor


class OwnCell(torch.nn.Module):
    """One that draws at random, learns where it starts, and takes a tensor from outside."""

    def __init__(self, width, scale, dropout):
        super().__init__()
        self.input_size, self.hidden_size = width, H
        self.scale, self.dropout = scale, dropout
        self.into = torch.nn.Linear(width + H, H, dtype=torch.float64)
        self.start = torch.nn.Parameter(torch.ones(H, dtype=torch.float64))

    def initial_state(self, batch_size):
        return OwnState(self.start.expand(batch_size, H))

    def step(self, x_t, state):
        joined = torch.nn.functional.dropout(torch.cat([x_t, state.h], -1), self.dropout)
        h = torch.tanh(self.scale * self.into(joined))
        return h, OwnState(h)


@pytest.mark.parametrize(("bidirectional", "dropout"), [(False, 0.3), (True, 0.0)])
def test_a_cell_of_one_s_own(bidirectional, dropout):
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    layer = Recurrent(
        lambda width: OwnCell(width, scale, dropout),
        2,
        input_size=I,
        bidirectional=bidirectional,
    )
    x, reset = torch.randn(T, B, I).double(), torch.rand(T, B) < 0.3
    assert_same_as_stored(layer, x, lengths=LENGTHS, reset=reset, trace=True)
    chunked_and_stored, scale.grad = scale.grad, None
    learn(layer, None, x, lengths=LENGTHS, reset=reset, trace=True)
    assert_close(chunked_and_stored, 2 * scale.grad, scale=10)  # a sum over T*B products


def test_compiled_it_is_the_stored_form():
    layer = GRU(I, H, checkpoint_time=K)
    x = torch.randn(T, B, I)
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    assert_close(compiled(x)[0], layer(x)[0])


def test_it_is_shown_and_checked():
    assert str(MinGRU(I, H, checkpoint_time=100)) == "MinGRU(3, 5, checkpoint_time=100)"
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(ConfigError, match=r"checkpoint_time is .*; it must be an integer of"):
            LSTM(I, H, checkpoint_time=wrong)


PEAK = """
import sys, threading, torch
from pathlib import Path
from suimon.layers import LSTM

def anonymous_mb():
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024

def learn(steps):
    output, _ = layer(torch.randn(steps, 1, 1))
    (output @ torch.ones(64)).square().mean().backward()

torch.set_num_threads(1)
layer = LSTM(1, 64, checkpoint_time=int(sys.argv[1]) or None)
learn(1000)
start = peak = anonymous_mb()
done = threading.Event()

def watch():
    global peak
    while not done.wait(0.001):
        peak = max(peak, anonymous_mb())

watcher = threading.Thread(target=watch)
watcher.start()
learn(50_000)
done.set()
watcher.join()
print(peak - start)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_holds_the_output_and_its_gradient_and_little_more():
    def peak(checkpoint_time):
        command = [sys.executable, "-c", PEAK, str(checkpoint_time)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stdout)

    output_mb = 50_000 * 64 * 4 / 2**20  # 12
    assert peak(250) < 4 * output_mb
    assert peak(0) > 8 * output_mb
