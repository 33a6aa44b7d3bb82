"""kill -9 at any instant, resume, and nothing differs from a run never interrupted."""

import json
import os
from pathlib import Path

import pytest

from tests.training.programs import run_module


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the sessions are forks of one process")
def test_ten_kills_leave_no_trace(tmp_path: Path) -> None:
    report = json.loads(run_module("tests.training.killed_sessions", tmp_path, 1))
    assert report["different"] == []
    # model, optimiser, random streams, carried state and place, both headers, 15 evaluations
    assert report["compared"] == 80
    assert len(report["reached"]) == 11
    assert 0 < report["reached"][-1] < 60, "the kills did not fall inside the run"
    assert len(set(report["reached"])) > 3, "the sessions did not go on from one another"
    assert report["partial"], "no kill fell inside the writing of a file"
    assert report["files"] == [
        "checkpoint.safetensors",
        "config.toml",
        "environment.json",
        "manifest.json",
        "metrics.jsonl",
        "model.safetensors",
        "preprocess.json",
    ]
