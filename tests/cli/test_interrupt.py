"""Ctrl-C while training: everything is saved, and the last line says how to go on."""

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(suimon, text, tmp_path, sent, code):
    run = tmp_path / "run"
    words = ["train", "text", str(text), "--out", str(run), "--steps", "1000000", "--hidden", "8"]
    options = ["--batch-size", "2", "--tbptt-steps", "8", "--evaluate-every", "5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "suimon", *words, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stdout is not None
    for line in process.stderr:
        if line.startswith("step 10"):
            break
    process.send_signal(sent)
    rest = process.stderr.read()
    assert process.wait() == code
    assert process.stdout.read() == ""
    process.stdout.close()
    process.stderr.close()
    assert "Traceback" not in rest
    assert f"saved in {run}: add --resume to go on" in rest.splitlines()[-1]
    facts = suimon("info", run, "--json").json()
    reached = facts["step"]
    assert reached >= 10
    words = ["train", "text", "--out", run, "--resume", "--steps", reached + 50, "--json"]
    assert suimon(*words).json()["step"] == reached + 50
