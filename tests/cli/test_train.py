import gzip
import tomllib

import pytest

from suimon.training.metrics import read_metrics
from suimon.training.run_directory import RunDirectory

TINY = ["--hidden", "8", "--batch-size", "2", "--tbptt-steps", "8"]


def test_a_run_is_made_and_summed_up(suimon, text, tmp_path):
    outcome = suimon("train", "text", text, "--out", tmp_path / "run", "--steps", "3", *TINY)
    assert outcome.code == 0
    assert outcome.out.count("\n") == 1
    assert outcome.out.startswith(f"{tmp_path / 'run'} · loss ")
    assert "best at step 3 of 3" in outcome.out
    assert "chosen for" in outcome.err
    assert "layers 1" in outcome.err
    assert "hidden" not in outcome.err.partition("chosen for")[2].splitlines()[0]  # it was given
    assert {file.name for file in (tmp_path / "run").iterdir()} >= {
        "manifest.json",
        "config.toml",
        "preprocess.json",
        "model.safetensors",
        "metrics.jsonl",
        "checkpoint.safetensors",
        "environment.json",
    }


def test_json_is_the_result(suimon, text, tmp_path):
    run = tmp_path / "run"
    facts = suimon("train", "text", text, "--out", run, "--steps", "3", *TINY, "--json").json()
    assert facts["run"] == str(run)
    assert (facts["step"], facts["best_step"], facts["stopped_by"]) == (3, 3, "budget")
    saved = RunDirectory.open(run).weights()
    assert facts["loss"] == saved.loss
    assert facts["bits_per_char"] == saved.metrics["bits_per_char"]


def test_options_given_and_chosen_are_kept(suimon, text, tmp_path):
    run = tmp_path / "run"
    suimon("train", "text", text, "--out", run, "--steps", "2", *TINY, "--tie-weights")
    kept = tomllib.loads((run / "config.toml").read_text())
    assert kept["language_model"]["hidden"] == 8
    assert kept["language_model"]["tie_weights"] is True
    assert kept["language_model"]["layers"] == 1
    assert kept["training"]["steps"] == 2
    assert "minutes" not in kept["training"]


def test_a_file_of_options_which_flags_override(suimon, text, tmp_path):
    file = tmp_path / "options.toml"
    file.write_text('cell = "gru"\nhidden = 6\nminutes = 90\n[training]\nbatch-size = 2\n')
    outcome = suimon(
        *("train", "text", text, "--out", tmp_path / "run", "--config", file),
        *("--steps", "2", "--hidden", "8"),
    )
    assert outcome.code == 0
    assert f"from {file}: cell gru, batch_size 2\n" in outcome.err
    kept = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert (kept["language_model"]["cell"], kept["language_model"]["hidden"]) == ("gru", 8)
    assert (kept["training"]["steps"], kept["training"]["batch_size"]) == (2, 2)


def test_the_config_of_a_run_trains_its_twin(suimon, trained, tmp_path):
    outcome = suimon(
        "train", "text", "--config", trained / "config.toml", "--out", tmp_path / "twin"
    )
    assert outcome.code == 0
    losses = [
        [row["valid_loss"] for row in read_metrics(run)] for run in (trained, tmp_path / "twin")
    ]
    assert losses[0] == losses[1]


def test_interrupted_and_resumed_is_the_same_run(suimon, text, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    suimon("train", "text", text, "--out", whole, "--steps", "6", *TINY, "--schedule", "constant")
    suimon("train", "text", text, "--out", parts, "--steps", "3", *TINY, "--schedule", "constant")
    outcome = suimon("train", "text", "--out", parts, "--resume", "--steps", "6")
    assert outcome.code == 0
    assert "going on from step 3" in outcome.err
    tensors = [RunDirectory.open(run).weights().tensors for run in (whole, parts)]
    assert all((tensors[0][name] == tensors[1][name]).all() for name in tensors[0])


def test_a_finished_run_resumed_is_left_as_it_is(suimon, text, tmp_path):
    words = ["train", "text", text, "--out", tmp_path / "run", "--steps", "2", *TINY]
    suimon(*words)
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    assert suimon(*words, "--resume").code == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before


def test_gzip(suimon, text, tmp_path):
    packed = tmp_path / "gates.txt.gz"
    packed.write_bytes(gzip.compress(text.read_bytes()))
    words = ["train", "text", packed, "--out", tmp_path / "run", "--steps", "1", *TINY]
    assert suimon(*words).code == 0


def test_standard_input(suimon, text, tmp_path, monkeypatch):
    with text.open() as fed:
        monkeypatch.setattr("sys.stdin", fed)
        words = ["train", "text", "-", "--out", tmp_path / "run", "--steps", "1", *TINY, "--json"]
        assert suimon(*words).json()["step"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hidden", "0"], "hidden = '0': give a whole number from 1, at most 65536"),
        (["--hidden", "much"], "hidden = 'much': give a whole number from 1"),
        (["--dropout", "1"], "dropout = '1': give a number from 0, below 1"),
        (["--cell", "lsmt"], "cell = 'lsmt': give one of elman, gru, jordan, lstm, mingru"),
        (["--units", "letters"], "units = 'letters': give one of chars, bytes, words, bpe"),
        (["--minutes", "-1"], "minutes = '-1': give a number above 0"),
        (["--minutes", "nan"], "minutes = 'nan': give a number above 0"),
        (["--steps", "1.5"], "steps = '1.5': give a whole number from 1"),
        (["--minutes", "1", "--steps", "2"], "give one budget only"),
        (["--learning-rate", "0"], "learning_rate = '0': give a number above 0, at most 100"),
        (["--seed", "-1"], "seed = '-1': give a whole number from 0"),
        (["--cell", "gru", "--forget-bias", "1", "--steps", "1"], "leave it out, or give cell"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_made(suimon, text, tmp_path, words, message):
    run = tmp_path / "run"
    assert message in suimon("train", "text", text, "--out", run, *words).refusal()
    assert not run.exists()


def test_a_wrong_option_in_the_file(suimon, text, tmp_path):
    file = tmp_path / "options.toml"
    file.write_text("hiden = 3\n")
    words = ["train", "text", text, "--out", tmp_path / "run", "--config", file]
    assert "unknown option hiden: did you mean hidden?" in suimon(*words).refusal()
    file.write_text("hidden = 0\n")
    assert "hidden = 0: give a whole number from 1" in suimon(*words).refusal()


def test_no_place_to_write(suimon, text):
    assert "--out runs/first" in suimon("train", "text", text, "--steps", "1").refusal()


def test_no_text(suimon, tmp_path):
    assert "no text given" in suimon("train", "text", "--out", tmp_path / "run").refusal()


def test_nothing_to_go_on_with(suimon, text, tmp_path):
    words = ["train", "text", text, "--out", tmp_path / "run", "--resume"]
    assert "there is no run at" in suimon(*words).refusal()
