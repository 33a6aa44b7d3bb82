"""Every task as torchrun starts it: two processes train the model that one trains."""

import json
import os

import pytest

from suimon.tasks import discover
from tests.training.programs import run_module

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="the processes are forks of one program"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return json.loads(run_module("tests.tasks.joined_runs", tmp_path_factory.mktemp("joined")))


@pytest.mark.parametrize("folder", sorted(discover()))
def test_the_same_model_as_one_process_without_dropout(folder, report):
    found = report[folder]
    assert found["codes"] == [0, 0, 0]
    # float32; Adam divides by small numbers, so its first steps enlarge rounding
    assert found["weights"] < 2e-5
    assert found["tokens"][0] == found["tokens"][1] > 0
