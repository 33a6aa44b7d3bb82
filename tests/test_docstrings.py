"""The examples in the docstrings, run as they stand; ``torch`` needs no import there."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import suimon

MODULES = [
    "suimon",
    *(
        module.name
        for module in pkgutil.walk_packages(suimon.__path__, "suimon.")
        # The extension holds no Python, and __main__ would run the command line.
        if module.name.rpartition(".")[2] not in ("_native", "__main__")
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"torch": torch}, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0, f"see above: python -m doctest of {module.__file__}"


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    found = [
        test.name
        for name in MODULES
        for test in finder.find(importlib.import_module(name), name)
        if test.examples
    ]
    assert len(found) >= 10, found
