"""The demo, from the corpus to the last line, on few modules and with a tiny budget."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from suimon.inspection import describe_run

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.py"


def test_the_demo_trains_and_measures(tmp_path):
    run = tmp_path / "runs" / "demo"
    environment = {
        **os.environ,
        "SUIMON_DEMO_MINUTES": "0.2",
        "SUIMON_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, str(DEMO), "--modules", "60", "--out", str(run)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = done.stdout
    assert "0.2 minutes" in page
    bits = re.search(r"([0-9.]+) bits per character on files it never saw", page)
    assert bits is not None
    best = describe_run(run)["best"]
    assert abs(float(bits.group(1)) - best["valid_bits_per_char"]) < 0.01
    assert page.count("      def ") >= 3
    for writer in (
        "this network",
        "the same network, untrained",
        "a 5-gram model of the same text",
    ):
        assert re.search(rf"{writer} +[0-9]+%", page), writer
    outcomes = re.findall(r"^ +([0-9]+)  [a-z]", page.partition("What became of each")[2], re.M)
    assert sum(map(int, outcomes)) == 100
    assert f"suimon generate {run}" in page
    assert f"suimon train text --out {run} --resume" in page
    # What it says to type next works.
    words = ["generate", str(run), "--prompt", "class Gate:", "--length", "20"]
    again = subprocess.run(
        [sys.executable, "-m", "suimon", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0
    assert again.stdout.startswith("class Gate:")


def test_a_second_demo_leaves_the_first_alone(tmp_path):
    specification = importlib.util.spec_from_file_location("demo", DEMO)
    assert specification is not None
    assert specification.loader is not None
    demo = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(demo)
    names = []
    for _ in range(3):
        names.append(demo.free_name(tmp_path))
        names[-1].mkdir()
    assert [name.name for name in names] == ["demo", "demo-2", "demo-3"]
