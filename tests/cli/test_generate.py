import re
import subprocess
import sys

import pytest

from suimon import load


def test_standard_output_is_the_text_alone(suimon, trained):
    outcome = suimon("generate", trained, "--prompt", "the ", "--length", "40", "--seed", "1")
    assert outcome.code == 0
    expected = "the " + load(trained).generate("the ", length=40, seed=1)
    assert outcome.out == expected + ("" if expected.endswith("\n") else "\n")
    assert outcome.err == ""


def test_one_seed_is_the_same_twice(suimon, trained):
    outs = [
        suimon("generate", trained, "--length", "40", "--seed", seed).out
        for seed in ("1", "1", "2")
    ]
    assert outs[0] == outs[1] != outs[2]


def test_without_a_seed_it_differs(suimon, trained):
    outs = {suimon("generate", trained, "--temperature", "2").out for _ in range(2)}
    assert len(outs) == 2


def test_several_texts_with_a_line_between(suimon, trained):
    outcome = suimon(
        *("generate", trained, "--prompt", "the ", "--length", "30", "--count", "3", "--seed", "4")
    )
    texts = outcome.out.split("-----\n")
    assert len(texts) == 3
    expected = load(trained).generate_many("the ", count=3, length=30, seed=4)
    assert [text.rstrip("\n") for text in texts] == [
        ("the " + text).rstrip("\n") for text in expected
    ]
    assert all(text.endswith("\n") for text in texts)


def test_json_has_the_same_texts(suimon, trained):
    words = ["generate", trained, "--prompt", "Xthe ", "--length", "30", "--count", "2"]
    found = suimon(*words, "--seed", "4", "--json").json()
    assert found["prompt"] == "Xthe "
    assert found["unknown"] == {"X": 1}
    assert found["texts"] == load(trained).generate_many("Xthe ", count=2, length=30, seed=4)


def test_until_stops(suimon, trained):
    outcome = suimon("generate", trained, "--length", "400", "--until", "e", "--seed", "1")
    assert outcome.out.count("e") == 1
    assert outcome.out.endswith("e\n")


@pytest.mark.parametrize("prompt", ["水門", "Ω", "🌊"])
def test_a_prompt_in_another_script_is_reported(suimon, trained, prompt):
    outcome = suimon("generate", trained, "--prompt", prompt, "--length", "3", "--seed", "1")
    assert outcome.code == 0
    assert outcome.out.startswith(prompt)
    assert f"never saw {prompt[0]!r}" in outcome.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--temperature", "-1"], "temperature is -1.0; give 0"),
        (["--top-k", "0"], "top_k is 0; give 1 or more"),
        (["--top-p", "2"], "top_p is 2.0; give a share above 0 and up to 1"),
        (["--length", "-5"], "length is -5; give 0 or more"),
        (["--count", "0"], "count is 0; give 1 or more"),
        (["--until", ""], "until is empty"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(suimon, trained, words, message):
    assert message in suimon("generate", trained, "--prompt", "the", *words).refusal()


def test_a_task_that_writes_no_text(suimon, trained, monkeypatch):
    monkeypatch.setattr("suimon.tasks.load", lambda run: object())
    assert re.search("task that writes no text", suimon("generate", trained).refusal())


def test_text_comes_as_it_is_written(trained):
    """The first characters arrive while a text that takes much longer is still being written."""
    words = ["generate", str(trained), "--prompt", "the ", "--length", "1000000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "suimon", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(30).startswith(b"the ")
    assert process.poll() is None
    process.stdout.close()  # as head does
    complaints = process.stderr.read()
    process.stderr.close()
    assert b"Traceback" not in complaints
    assert b"pipe" not in complaints.lower()
    assert process.wait() == 141
