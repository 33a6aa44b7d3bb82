from types import ModuleType

import pytest

from suimon.cells import Cell, ElmanCell, LSTMCell, cell_class, cell_classes, cell_from_options
from suimon.cells.registry import collect
from suimon.errors import ConfigError


def test_every_cell_is_found_by_its_name():
    assert set(cell_classes()) >= {"elman", "jordan", "lstm", "gru", "mingru", "minlstm"}
    for kind, cls in cell_classes().items():
        assert issubclass(cls, Cell)
        assert cls.kind == kind
        assert cell_class(kind) is cls


def module_with(name: str, *classes: type) -> ModuleType:
    module = ModuleType(name)
    for position, cls in enumerate(classes):
        setattr(module, f"class_{position}", cls)
    return module


def test_two_cells_of_one_name_are_an_error():
    twin = type("TwinCell", (Cell,), {"kind": "elman", "__module__": "elsewhere"})
    original = module_with("suimon.cells.elman", ElmanCell)
    message = "'elman' is defined by suimon.cells.elman and by elsewhere; rename one"
    with pytest.raises(ConfigError, match=message):
        collect([original, module_with("elsewhere", twin)])


def test_an_imported_cell_is_not_found_twice():
    found = collect([module_with("suimon.cells.lstm", LSTMCell, Cell), module_with("x", LSTMCell)])
    assert found == {"lstm": LSTMCell}


def test_unknown_name():
    with pytest.raises(ConfigError, match="cell is 'lstn'; it must be one of elman, gru, "):
        cell_from_options("lstn", {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"input_size": 2, "hidden_size": 3, "coupled": True},
            "coupled is no option of cell 'gru'",
        ),
        ({"input_size": 2}, "hidden_size is missing; cell 'gru' needs it"),
    ],
)
def test_unknown_and_missing_options(options, message):
    with pytest.raises(ConfigError, match=message):
        cell_from_options("gru", options)
