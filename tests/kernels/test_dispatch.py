"""The resolver: what "auto" chooses, what a name demands, and how backends are found."""

from dataclasses import replace
from types import ModuleType

import pytest
import torch

from suimon.errors import BackendError
from suimon.kernels import backends, resolve, scan
from suimon.kernels.reference import ReferenceBackend
from suimon.kernels.resolver import check_backend_name, collect
from suimon.kernels.torch import TorchBackend
from tests.cells.variants import I, make_cell
from tests.kernels.test_torch_backend import B, T, ask


def module(name: str, *classes: type) -> ModuleType:
    made = ModuleType(name)
    made.__all__ = [cls.__name__ for cls in classes]
    for cls in classes:
        setattr(made, cls.__name__, cls)
    return made


def test_folders_are_found_and_the_general_ones_asked_last():
    assert list(backends())[-2:] == ["torch", "reference"]
    assert "cpu" in backends()


def test_a_folder_exports_one_backend():
    with pytest.raises(BackendError, match="somewhere exports 0 classes"):
        collect([module("somewhere")])
    with pytest.raises(BackendError, match="somewhere exports 2 classes"):
        collect([module("somewhere", TorchBackend, ReferenceBackend)])


def test_a_name_is_given_once():
    with pytest.raises(BackendError, match="two backends are named 'torch'"):
        collect([module("one", TorchBackend), module("two", TorchBackend)])


def test_auto_takes_the_fused_operator_of_a_plain_cell_and_says_why():
    chosen, reason = resolve(ask(make_cell("gru", {}), torch.float64))
    assert chosen.name == "torch"
    assert "not cpu: " in reason


def test_auto_takes_the_definition_where_nothing_else_can():
    chosen, reason = resolve(ask(make_cell("gru", {"reset_after": False}), torch.float64))
    assert chosen.name == "reference"
    assert "not torch: torch's fused operator is for GRUCell with reset_after=True" in reason


def test_auto_takes_the_native_kernel_of_a_linear_recurrence():
    request = ask(make_cell("mingru", {}), torch.float64)
    expected = "reference" if backends()["cpu"].unavailable() else "cpu"
    assert resolve(request)[0].name == expected


def test_a_name_is_never_overruled():
    request = ask(make_cell("gru", {}), torch.float64)
    assert resolve(request, "reference")[0].name == "reference"
    jordan = ask(make_cell("jordan", {}), torch.float64)
    with pytest.raises(BackendError, match="'torch' cannot run this: torch has no fused"):
        scan(jordan, "torch")


def test_a_name_must_exist():
    with pytest.raises(BackendError, match="backend is 'fast'; it must be one of auto, cpu, torch"):
        scan(ask(make_cell("gru", {}), torch.float64), "fast")
    assert check_backend_name("auto") == "auto"


def test_a_backend_that_is_not_there_is_passed_over_or_named(monkeypatch):
    monkeypatch.setattr(TorchBackend, "unavailable", lambda self: "torch is on holiday")
    request = ask(make_cell("gru", {}), torch.float64)
    assert resolve(request)[0].name == "reference"
    with pytest.raises(BackendError, match="'torch' cannot run this: torch is on holiday"):
        scan(request, "torch")


def test_no_backend_at_all_is_an_error_with_every_reason():
    request = ask(make_cell("mingru", {}), torch.float64)
    masked = replace(request, recurrent_mask=torch.ones(B, 4).double())
    with pytest.raises(BackendError, match=r"no backend can run this: not cpu: .*not reference: "):
        resolve(masked)


def test_a_named_backend_refuses_a_transform_it_gets_wrong():
    request = ask(make_cell("gru", {}, torch.float32), torch.float32)

    def output(x, backend):
        return scan(replace(request, x=x), backend).output

    xs = torch.randn(2, T, B, I)
    assert torch.func.vmap(lambda x: output(x, "reference"))(xs).shape == (2, T, B, 4)
    with pytest.raises(BackendError, match=r"'torch' cannot run under a torch\.func transform"):
        torch.func.vmap(lambda x: output(x, "torch"))(xs)
