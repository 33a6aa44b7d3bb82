"""Two processes as torchrun starts them: one model, the same as one process trains."""

import json
import os
from typing import Any

import pytest

from tests.training.programs import run_module

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="the processes are forks of one program"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("processes")
    return json.loads(run_module("tests.training.joined_sessions", folder))


def test_the_same_model_as_one_process_without_dropout(report: dict[str, Any]) -> None:
    assert report["codes"]["alone"] == [0]
    assert report["codes"]["two"] == [0, 0]
    # float32; Adam divides by small numbers, so its first steps enlarge rounding
    assert report["weights"] < 2e-5
    assert report["optimizer"] < 2e-5


def test_tokens_are_counted_over_both(report: dict[str, Any]) -> None:
    """The processes have different numbers of tokens in a window."""
    assert report["tokens"][0] == report["tokens"][1] > 0


def test_one_log(report: dict[str, Any]) -> None:
    assert report["rows"] == [5, 10, 15, 20, 25, 30]


def test_each_has_its_rows_and_its_random_stream(report: dict[str, Any]) -> None:
    assert report["carried"] == [[2, 3, 8], [2, 3, 8]]
    assert report["own randomness"]


def test_resumed_bit_for_bit_with_dropout(report: dict[str, Any]) -> None:
    assert report["codes"]["whole"] == [0, 0]
    assert report["codes"]["crash"][0] == 7
    assert report["codes"]["crash"][1] != 0
    assert report["codes"]["resumed"] == [0, 0]
    assert report["same names"]
    assert report["resumed"] == []


def test_another_number_of_processes_is_refused(report: dict[str, Any]) -> None:
    assert report["codes"]["another number"] == [2]


def test_a_budget_in_minutes_ends_all(report: dict[str, Any]) -> None:
    assert report["codes"]["time"] == [0, 0]
