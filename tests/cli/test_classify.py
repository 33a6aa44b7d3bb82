import io
import sys

import numpy as np
import pytest
from PIL import Image

from tests.tasks.classification.conftest import opinions, waves
from tests.tasks.classification.videos import write_classes

TINY = ["--hidden", "16", "--epochs", "12", "--learning-rate", "0.01"]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """A table of opinions, and one of others for the test."""
    folder = tmp_path_factory.mktemp("reviews")
    for name, data in (("train", opinions(120)), ("test", opinions(300).take(range(200, 300)))):
        rows = [
            f'{label},"{text}"' for label, text in zip(data.labels, data.sequences, strict=True)
        ]
        (folder / f"{name}.csv").write_text("\n".join(["verdict,review", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def trained(reviews, tmp_path_factory):
    """A run that has learnt the one word that matters."""
    from suimon.cli.main import main

    run = tmp_path_factory.mktemp("runs") / "reviews"
    words = ["train", "classify", str(reviews / "train.csv"), "--label", "verdict"]
    words += ["--text", "review", "--out", str(run), *TINY]
    assert main(words) == 0
    return run


def test_texts_of_a_table(suimon, trained, reviews):
    facts = suimon("evaluate", trained, reviews / "test.csv", "--json").json()
    assert facts["accuracy"] == facts["macro_f1"] == 1.0
    assert facts["labels"] == ["neg", "pos"]
    assert facts["confusion"] == [[50, 0], [0, 50]]
    assert facts["sequences"] == 100


def test_a_bag_of_words_stands_beside(suimon, trained, reviews):
    facts = suimon("evaluate", trained, reviews / "test.csv").json()
    assert facts["bag_of_words"] == {"accuracy": 1.0, "macro_f1": 1.0}
    assert facts["branch"] == "none"
    assert set(facts["overlap"]) == {"count", "share"}
    again = suimon("train", "classify", "--out", trained, "--resume")
    assert "bag of words: accuracy 1.0000, macro f1 1.0000" in again.out


def test_a_picture_of_the_confusion(suimon, trained, reviews, tmp_path):
    pytest.importorskip("matplotlib")
    suimon("evaluate", trained, reviews / "test.csv", "--picture", tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    refused = suimon("evaluate", trained, reviews / "test.csv", "--picture", "c.gif").refusal()
    assert "ends in .png" in refused


def test_from_a_language_model(suimon, reviews, text, tmp_path):
    options = ["--units", "words", "--words", "marks", "--hidden", "8", "--embedding", "6"]
    suimon("train", "text", text, "--out", tmp_path / "text", "--steps", "1", *options)
    data = ["train", "classify", reviews / "train.csv", "--label", "verdict", "--text", "review"]
    begun = ["--from", tmp_path / "text", "--steps", "2"]
    outcome = suimon(*data, *begun, "--out", tmp_path / "run", "--reject-below", "auto")
    assert outcome.code == 0
    assert "reject below" in outcome.out
    refused = suimon(*data, *begun, "--out", tmp_path / "no", "--hidden", "9").refusal()
    assert "hidden = 9, but the language model in" in refused
    refused = suimon(*data, "--out", tmp_path / "no", "--reject-below", "2").refusal()
    assert "reject_below = '2': give auto or a number above 0, below 1" in refused


def test_what_it_says_of_lines_and_tables(suimon, trained, reviews, monkeypatch):
    lines = b"What a lovely film\n\nso dull a story\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    rows = [line.split("\t") for line in suimon("predict", trained, "-").out.splitlines()]
    assert [(row[0], row[2]) for row in rows] == [
        ("pos", "standard input, line 1"),
        ("neg", "standard input, line 3"),
    ]
    assert all(0.5 < float(row[1]) <= 1 for row in rows)
    outcome = suimon("predict", trained, reviews / "test.csv", "--json")
    assert len(outcome.out.splitlines()) == 100
    assert '"label": "neg"' in outcome.out.splitlines()[0]


def test_series_of_an_archive_and_going_on(suimon, tmp_path):
    data = tmp_path / "waves.ts"
    data.write_text(waves(40))
    run = tmp_path / "run"
    outcome = suimon("train", "classify", data, "--out", run, "--steps", "20", "--cell", "gru")
    assert outcome.code == 0
    assert "36 sequences to learn from, 4 to validate on; classes: fast 18, slow 18" in outcome.err
    assert "chosen for 36 sequences and 20 steps: layers 1, hidden 128" in outcome.err
    again = suimon("train", "classify", "--out", run, "--resume", "--steps", "30", "--json").json()
    assert again["step"] == 30
    assert suimon("info", run).code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--label", "verdikt", "--text", "review"], "verdikt"),
        (["--label", "verdict"], "text"),
        (["--label", "verdict", "--text", "review", "--pooling", "min"], "pooling = 'min': give"),
    ],
)
def test_slips_are_answered_in_a_line(suimon, reviews, tmp_path, words, message):
    run = tmp_path / "run"
    refused = suimon("train", "classify", reviews / "train.csv", "--out", run, *words).refusal()
    assert message in refused
    assert not run.exists()


def test_a_label_that_was_not_learnt_is_named_with_its_row(suimon, trained, tmp_path):
    (tmp_path / "new.csv").write_text("verdict,review\npos,lovely\nmeh,a film\n")
    refused = suimon("evaluate", trained, tmp_path / "new.csv").refusal()
    assert "new.csv, row 2: the label 'meh' was not learnt; there are: neg, pos" in refused


def test_other_runs_do_not_predict(suimon, text, tmp_path):
    run = tmp_path / "text"
    suimon("train", "text", text, "--out", run, "--steps", "1", "--hidden", "8")
    assert "writes texts: use suimon generate" in suimon("predict", run, "-").refusal()


def test_recordings_of_a_table_and_by_themselves(suimon, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    rows = []
    for n in range(24):
        label, pitch = (("low", 200), ("high", 2500))[n % 2]
        t = np.arange(800 + 40 * n) / 8000
        soundfile.write(tmp_path / f"{n}.wav", 0.3 * np.sin(2 * np.pi * (pitch + n) * t), 8000)
        rows.append(f"{label},{n}.wav")
    (tmp_path / "tones.csv").write_text("\n".join(["pitch,file", *rows]) + "\n")
    run = tmp_path / "run"
    words = ["--label", "pitch", "--audio", "file", "--hidden", "8", "--steps", "30"]
    assert suimon("train", "classify", tmp_path / "tones.csv", "--out", run, *words).code == 0
    assert suimon("evaluate", run, tmp_path / "tones.csv").json()["accuracy"] == 1.0
    said = suimon("predict", run, tmp_path / "0.wav", tmp_path / "1.wav").out.splitlines()
    assert [row.split("\t")[0] for row in said] == ["low", "high"]
    assert "name the data: a table" in suimon("predict", run).refusal()
    soundfile.write(tmp_path / "fast.wav", np.zeros(4000), 16000)
    refused = suimon("predict", run, tmp_path / "fast.wav").refusal()
    assert "fast.wav has 16,000 samples a second, and the network was trained on 8,000" in refused


def shades(folder, size=(6, 5)):
    """A folder of classes: dark and bright PNG images."""
    rng = np.random.default_rng(0)
    for label, level in (("bright", 200), ("dark", 40)):
        (folder / label).mkdir(parents=True)
        for n in range(12):
            pixels = (level + rng.integers(-30, 30, (*size, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{n}.png")
    return folder


@pytest.mark.parametrize("words", [(), ("--pixels", "--size", "4x3", "--color", "grey")])
def test_a_folder_of_classes_of_images(suimon, tmp_path, words):
    folder, run = shades(tmp_path / "shades"), tmp_path / "run"
    train = ("train", "classify", folder, "--out", run, "--epochs", "8", "--hidden", "8")
    outcome = suimon(*train, "--learning-rate", "0.02", *words)
    assert outcome.code == 0, outcome.err
    assert (
        "22 sequences to learn from, 2 to validate on; classes: bright 11, dark 11" in outcome.err
    )
    assert suimon("evaluate", run, shades(tmp_path / "new", (9, 12))).json()["accuracy"] == 1.0
    lines = suimon("predict", run, folder / "dark" / "3.png", folder / "bright" / "3.png").out
    rows = [line.split("\t") for line in lines.splitlines()]
    assert [row[0] for row in rows] == ["dark", "bright"]
    assert rows[0][2] == str(folder / "dark" / "3.png")


def test_a_broken_image_among_the_classes_is_named(suimon, tmp_path):
    folder, run = shades(tmp_path / "shades"), tmp_path / "run"
    (folder / "dark" / "7.png").write_bytes((folder / "dark" / "6.png").read_bytes()[:80])
    refused = suimon("train", "classify", folder, "--out", run, "--steps", "1").refusal()
    assert "7.png is broken" in refused
    assert not run.exists()
    (folder / "dark" / "7.png").write_text("")
    (folder / "dark" / "notes.txt").write_text("notes")
    refused = suimon("train", "classify", folder, "--out", run, "--steps", "1").refusal()
    assert "notes.txt is no image file" in refused


def test_tables_from_standard_input(suimon, trained, reviews, tmp_path, piped):
    expected = suimon("evaluate", trained, reviews / "test.csv").json()
    piped((reviews / "test.csv").read_bytes())
    assert suimon("evaluate", trained, "-").json() == expected
    piped('{"verdict": "meh", "review": "a film"}\n')
    refused = suimon("evaluate", trained, "-").refusal()
    assert "standard input, row 1: the label 'meh' was not learnt" in refused
    for content, message in (("", "standard input is empty"), ("a,b\n1,2\n", "has no column")):
        piped(content)
        assert message in suimon("evaluate", trained, "-").refusal()
    piped(" \n")
    assert (
        "standard input has no text: give a text a line"
        in suimon("predict", trained, "-").refusal()
    )
    piped("so dull a film\n".encode("utf-16"))
    assert suimon("predict", trained, "-", "--encoding", "utf-16").out.startswith("neg")
    piped("dull à la café\n".encode("latin-1"))
    assert "name its encoding by --encoding" in suimon("predict", trained, "-").refusal()
    (tmp_path / "numbers.csv").write_text("label,x,y\n" + "a,0,1\nb,9,8\n" * 4)
    words = ["--label", "label", "--values", "x,y", "--out", tmp_path / "run", "--steps", "2"]
    assert suimon("train", "classify", tmp_path / "numbers.csv", *words).code == 0
    piped("x\ty\n0\t1\n")
    assert suimon("predict", tmp_path / "run", "-").out.endswith("\tstandard input, row 1\n")
    piped("x,y\n0,high\n")
    refused = suimon("predict", tmp_path / "run", "-").refusal()
    assert "standard input, row 1: column 'y' has 'high', which is no number" in refused


def test_folders_of_frames(suimon, tmp_path):
    folder, run = write_classes(tmp_path / "squares", 4, seed=0), tmp_path / "run"
    train = ("train", "classify", folder, "--out", run, "--steps", "2", "--hidden", "8")
    outcome = suimon(*train)
    assert outcome.code == 0, outcome.err
    assert "12 sequences to learn from, 4 to validate on; classes: down 3, left 3" in outcome.err
    assert suimon("evaluate", run, folder).json()["sequences"] == 16
    video = folder / "up" / "video2"
    (line,) = suimon("predict", run, video).out.splitlines()
    assert line.split("\t")[2] == str(video)
    (video / "2.png").write_bytes(b"nothing")
    refused = suimon("predict", run, video).refusal()
    assert f"cannot read {video / '2.png'}: it is no image" in refused
    again = suimon(*train[:4], tmp_path / "no", *train[5:]).refusal()
    assert f"cannot read {video / '2.png'}" in again
    assert not (tmp_path / "no").exists()


def test_noise_is_a_class_that_is_none_of_these(suimon, tmp_path):
    data, run = tmp_path / "waves.ts", tmp_path / "run"
    data.write_text(waves(40))
    words = ["train", "classify", data, "--out", run, "--steps", "20", "--hidden", "8"]
    outcome = suimon(*words, "--noise", "0.5")
    assert outcome.code == 0, outcome.err
    assert "classes: fast 18, slow 18, none of these 18" in outcome.err
    assert "noise rejected" in outcome.out
    facts = suimon("evaluate", run, data).json()
    assert (facts["labels"], facts["sequences"]) == (["fast", "slow"], 40)
    assert "coverage" in facts
    assert "noise = '-1': give a number from 0" in suimon(*words, "--noise", "-1").refusal()
