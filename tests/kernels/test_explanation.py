"""explain: which backend each place of a layer takes and why, told without running it."""

import pytest
import torch

from suimon.cells import JordanCell
from suimon.errors import ConfigError, ShapeError
from suimon.kernels import backends, explain, resolve
from suimon.layers import GRU, LSTM, RNN, Recurrent
from tests.layers.pairs import H, I
from tests.layers.test_own_cell import own
from tests.layers.zoo import every_kind

native = pytest.mark.skipif(
    backends()["cpu"].unavailable() is not None, reason="the native kernels are not built"
)


def taken(layer, *given, **options):
    return [each.backend for each in explain(layer, *given, **options).scans]


@every_kind
@pytest.mark.parametrize("training", [False, True])
def test_tells_what_is_then_asked_of_the_resolver(make, training, monkeypatch):
    layer = make(num_layers=2, bidirectional=True, dropout=0.1).train(training)
    x = torch.randn(7, 4, I)
    given = {"lengths": [7, 0, 3, 5], "reset": torch.rand(7, 4) < 0.3, "trace": True}
    told = explain(layer, x, **given).scans
    asked = []

    def listen(request, backend):
        chosen, reason = resolve(request, backend)
        asked.append((chosen.name, reason))
        return chosen, reason

    monkeypatch.setattr("suimon.kernels.resolver.resolve", listen)
    layer(x, **given)
    assert [(each.backend, each.reason) for each in told] == asked
    assert [(each.layer, each.direction) for each in told] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_one_line_a_place():
    told = explain(GRU(I, H, 2, bidirectional=True, backend="torch"))
    assert str(told).splitlines() == [
        "layer 0 forwards: torch: asked for by name",
        "layer 0 backwards: torch: asked for by name",
        "layer 1 forwards: torch: asked for by name",
        "layer 1 backwards: torch: asked for by name",
    ]


def test_says_why_not_the_ones_asked_before():
    (place,) = explain(GRU(I, H, reset_after=False, dtype=torch.float64)).scans
    assert place.backend == "reference"
    assert "not torch: torch's fused operator is for GRUCell with reset_after=True" in place.reason


def test_a_name_that_cannot_run_is_told_and_not_raised():
    (place,) = explain(Recurrent(JordanCell(I, H), backend="torch")).scans
    assert place.backend is None
    assert "backend 'torch' cannot run this: torch has no fused operator" in place.reason


def test_options_of_the_call_count():
    layer = RNN(I, H, batch_first=True, dtype=torch.float64)
    reset = torch.zeros(2, 5, dtype=torch.bool)
    assert taken(layer) == ["torch"]
    assert taken(layer, torch.zeros(2, 5, I).double(), reset=reset) == ["reference"]


@native
def test_dtype_and_mode_count():
    assert taken(LSTM(I, H)) == ["cpu"]
    assert taken(LSTM(I, H, dtype=torch.float64)) == ["torch"]
    dropping = LSTM(I, H, recurrent_dropout=0.5, dtype=torch.float64)
    assert taken(dropping) == ["reference"]
    assert taken(dropping.eval()) == ["torch"]


def test_a_cell_of_one_s_own_runs_by_the_definition():
    assert taken(own(num_layers=2)) == ["reference"] * 2


def test_nothing_is_run_and_no_random_number_used(monkeypatch):
    def run(*_):
        raise AssertionError("a backend was run")

    for backend in backends().values():
        monkeypatch.setattr(type(backend), "scan", run)
    layer = GRU(I, H, 2, dropout=0.5, recurrent_dropout=0.5, weight_dropout=0.5, zoneout=0.5)
    before = torch.get_rng_state()
    explain(layer)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be_explained_is_named():
    with pytest.raises(ConfigError, match=r"layer is a Linear; give a layer of suimon\.layers"):
        explain(torch.nn.Linear(3, 5))
    with pytest.raises(ShapeError, match="input has 2 features a step"):
        explain(GRU(I, H), torch.zeros(7, 4, 2))
