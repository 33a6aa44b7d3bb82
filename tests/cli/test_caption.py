import pytest

from tests.tasks.captioning.conftest import CAPTIONS, write_folder

TINY = ("--hidden", "32", "--epochs", "30", "--learning-rate", "0.01")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("images") / "pictures", 32)


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """A run that can tell four kinds of pictures."""
    from suimon.cli.main import main

    run = tmp_path_factory.mktemp("runs") / "pictures"
    assert main(["train", "caption", str(pictures), "--out", str(run), *TINY]) == 0
    return run


def test_captions_are_judged(suimon, trained, pictures):
    facts = suimon("evaluate", trained, pictures, "--json").json()
    assert facts["exact"] == 1.0
    assert facts["bleu"] == 0  # these captions have no four words in a row
    assert facts["loss"] < 0.3
    assert (facts["images"], facts["captions"]) == (32, 32)
    assert suimon("evaluate", trained, pictures, "--beam", "1").json()["exact"] == 1.0


def test_a_line_a_picture(suimon, trained, pictures):
    lines = suimon("predict", trained, pictures).out.splitlines()
    assert len(lines) == 32
    for n, line in enumerate(lines[:4]):
        assert line == f"{pictures / f'{n:02}.png'}\t{CAPTIONS[n]}"
    one = suimon("predict", trained, pictures / "01.png", "--json").json()
    assert one["caption"] == CAPTIONS[1]


def test_slips_are_answered_in_a_line(suimon, trained, pictures, tmp_path):
    assert "there is no file or folder" in suimon("predict", trained, "none.png").refusal()
    assert "beam = '0'" in suimon("predict", trained, pictures, "--beam", "0").refusal()
    (tmp_path / "01.png").write_bytes((pictures / "01.png").read_bytes()[:45])
    assert "01.png" in suimon("predict", trained, tmp_path).refusal()
    run = tmp_path / "run"
    refused = suimon("train", "caption", tmp_path, "--out", run).refusal()
    assert "has no captions.csv" in refused
    assert not run.exists()


def test_going_on(suimon, pictures, tmp_path):
    run = tmp_path / "run"
    words = ("--steps", "4", "--hidden", "8", "--cell", "gru", "--attention", "additive")
    begun = suimon("train", "caption", pictures, "--out", run, *words)
    assert "29 captions in 7 units to learn from, 3 to validate on; images of 8 x 8" in begun.err
    again = suimon("train", "caption", "--out", run, "--resume", "--steps", "6", "--json").json()
    assert again["step"] == 6
    assert suimon("info", run).code == 0
