import pytest
from PIL import Image

from tests.tasks.rows.conftest import stripes, write_idx

TINY = ("--hidden", "16", "--epochs", "12", "--learning-rate", "0.02")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_idx(tmp_path_factory.mktemp("images") / "stripes.idx3", stripes(60))


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    """A run that has learnt how stripes go on."""
    from suimon.cli.main import main

    run = tmp_path_factory.mktemp("runs") / "stripes"
    assert main(["train", "rows", str(images), "--out", str(run), *TINY]) == 0
    return run


def test_lower_halves_are_judged(suimon, trained, images):
    facts = suimon("evaluate", trained, images, "--json").json()
    assert facts["mse"] < 0.25 * facts["mean_image_mse"]
    assert facts["repeat_last_row_mse"] == pytest.approx(2 * (200 / 255) ** 2 / 5, rel=1e-4)
    assert (facts["given"], facts["images"]) == (3, 60)
    assert "next_row_mse" in facts
    assert suimon("evaluate", trained, images, "--given", "5", "--json").json()["given"] == 5


def test_a_line_and_a_picture(suimon, trained, images, tmp_path):
    picture = tmp_path / "completed.png"
    lines = suimon("predict", trained, images, "--picture", picture).out.splitlines()
    assert len(lines) == 60
    assert lines[6].endswith("stripes.idx3, image 7")
    assert 0 <= float(lines[6].split("\t")[0]) < 0.05
    with Image.open(picture) as drawn:
        assert drawn.size == (8 * (50 + 2) + 2, 15 * (60 + 2) + 2)  # pixels ten times as large
    found = suimon("predict", trained, images, "--given", "2", "--json")
    assert '"repeat_last_row_mse":' in found.out.splitlines()[0]


def test_samples(suimon, trained, images, tmp_path):
    run, picture = tmp_path / "run", tmp_path / "samples.png"
    words = ("--output", "mixture", "--hidden", "8", "--steps", "3")
    assert suimon("train", "rows", images, "--out", run, *words).code == 0
    outcome = suimon("predict", run, "--sample", "5", "--picture", picture)
    assert len(outcome.out.splitlines()) == 5
    with Image.open(picture) as drawn:
        assert drawn.size[0] == 5 * 52 + 2
    assert "bits_per_pixel" in suimon("evaluate", run, images).json()
    refused = suimon("predict", trained, "--sample", "5", "--picture", picture).refusal()
    assert "has no chances to draw from: train with --output mixture" in refused


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--given", "6"], "given = 6 leaves nothing to complete: the images have 6 rows"),
        (["--picture", "a.jpg"], "a.jpg is no name of a PNG file"),
        (["--picture", "none/a.png"], "there is no folder none for a.png"),
        (["--sample", "2", "--picture", "a.png"], "leave out INPUT and --given"),
    ],
)
def test_slips_are_answered_in_a_line(suimon, trained, images, words, message):
    assert message in suimon("predict", trained, images, *words).refusal()


def test_nothing_to_read_and_nothing_to_draw_into(suimon, trained):
    assert "name the images" in suimon("predict", trained).refusal()
    assert "name it by --picture" in suimon("predict", trained, "--sample", "2").refusal()


def test_going_on(suimon, images, tmp_path):
    run = tmp_path / "run"
    words = ("--steps", "4", "--hidden", "8", "--cell", "gru")
    begun = suimon("train", "rows", images, "--out", run, *words)
    assert "57 images of 6 x 5, grey to learn from, 3 to validate on" in begun.err
    again = suimon("train", "rows", "--out", run, "--resume", "--steps", "6", "--json").json()
    assert again["step"] == 6
    assert suimon("info", run).code == 0
