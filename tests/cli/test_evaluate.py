import math

import pytest

from suimon import load


def test_the_numbers_are_the_models(suimon, trained, text):
    outcome = suimon("evaluate", trained, text)
    found = outcome.json()
    surprise = load(trained).surprise(text.read_text())
    assert found["loss"] == pytest.approx(surprise.loss, rel=1e-6)
    assert found["bits_per_char"] == pytest.approx(found["loss"] / math.log(2))
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]))
    assert found["tokens"] == len(text.read_text()) - 1
    assert suimon("evaluate", trained, text, "--json").json() == found
    assert "notices" not in found


def test_what_the_model_never_saw_is_reported(suimon, trained, tmp_path):
    (tmp_path / "other.txt").write_text("the gate Ω and the water\n" * 3)
    outcome = suimon("evaluate", trained, tmp_path / "other.txt")
    assert outcome.json()["unknown"] == 3
    assert "3 units are outside the vocabulary, such as 'Ω'" in outcome.err


def test_another_encoding(suimon, trained, tmp_path):
    (tmp_path / "other.txt").write_bytes("thé gate and the water\n".encode("latin-1"))
    refused = suimon("evaluate", trained, tmp_path / "other.txt")
    assert "UTF-8" in refused.refusal() or "utf-8" in refused.refusal()
    found = suimon("evaluate", trained, tmp_path / "other.txt", "--encoding", "latin-1")
    assert found.json()["unknown"] == 1


def test_no_such_file(suimon, trained, tmp_path):
    assert "does not exist" in suimon("evaluate", trained, tmp_path / "no.txt").refusal()
