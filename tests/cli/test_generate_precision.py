import shutil

import pytest

from suimon import load
from suimon.kernels.cpu.native import ISA_VARIABLE
from tests.kernels.linear_recurrence_cases import needs_native

pytestmark = needs_native
WORDS = ["--prompt", "the ", "--length", "40", "--seed", "1"]


@pytest.fixture
def own_run(trained, tmp_path):
    """A copy of the run, for a note to be written into."""
    return shutil.copytree(trained, tmp_path / "gates")


def test_int8_reports_what_it_changes_the_first_time(suimon, own_run):
    first = suimon("generate", own_run, *WORDS, "--precision", "int8")
    assert (
        first.out
        == "the "
        + load(own_run).generate("the ", length=40, seed=1, precision="int8").rstrip("\n")
        + "\n"
    )
    assert first.err.startswith("int8 changes the validation loss by ")
    assert "nats a unit" in first.err
    again = suimon("generate", own_run, *WORDS, "--precision", "int8")
    assert (again.code, again.out, again.err) == (0, first.out, "")
    noted = suimon("generate", own_run, *WORDS, "--precision", "int8", "--json").json()
    assert abs(noted["quantisation"]["int8_loss"] - noted["quantisation"]["fp32_loss"]) < 0.05
    assert "quantisation" not in suimon("generate", own_run, *WORDS, "--json").json()


def test_int8_without_the_text_says_that_nothing_was_measured(suimon, own_run, tmp_path):
    config = own_run / "config.toml"
    lines = config.read_text().splitlines()
    gone = tmp_path / "gone.txt"
    begin = next(n for n, line in enumerate(lines) if line.startswith("paths"))
    end = next(n for n in range(begin, len(lines)) if "]" in lines[n])
    config.write_text("\n".join([*lines[:begin], f'paths = ["{gone}"]', *lines[end + 1 :]]))
    outcome = suimon("generate", own_run, *WORDS, "--precision", "int8", "--json")
    assert outcome.json()["quantisation"] is None
    assert outcome.err.startswith("what int8 changes was not measured: ")
    assert "gone.txt" in outcome.err


def test_what_cannot_run_is_refused(suimon, trained, monkeypatch):
    message = suimon("generate", trained, *WORDS, "--precision", "int4").refusal()
    assert message == "precision is 'int4'; give one of fp32, bf16, int8"
    monkeypatch.setenv(ISA_VARIABLE, "baseline")
    message = suimon("generate", trained, *WORDS, "--precision", "bf16").refusal()
    assert message.startswith("precision bf16 cannot run: baseline has no products of bfloat16")
    assert message.endswith("give precision fp32")
