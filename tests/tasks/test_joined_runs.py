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
    assert found["weights"] < 2e-6  # float32, weights of about 1
    assert found["tokens"][0] == found["tokens"][1] > 0
