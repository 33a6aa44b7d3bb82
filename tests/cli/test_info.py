import json
import shutil

from suimon import load


def test_the_facts(suimon, trained):
    facts = suimon("info", trained, "--json").json()
    model = load(trained)
    assert facts["parameters"] == sum(weight.numel() for weight in model.network.parameters())
    assert facts["vocabulary"] == model.units.size
    assert facts["task"] == "language_model"
    assert facts["step"] == 20
    assert facts["config"]["language_model"]["hidden"] == 16
    assert facts["best"]["valid_loss"] <= facts["last"]["valid_loss"]
    assert facts["environment"]["torch"]
    assert facts["files"]["model.safetensors"] == (trained / "model.safetensors").stat().st_size


def test_tied_weights_count_once(suimon, text, tmp_path):
    run = tmp_path / "tied"
    sizes = ["--hidden", "8", "--embedding", "8", "--layers", "1", "--batch-size", "2"]
    suimon("train", "text", text, "--out", run, "--steps", "1", *sizes, "--tie-weights")
    facts = suimon("info", run, "--json").json()
    V = facts["vocabulary"]
    lstm = 4 * 8 * (8 + 8 + 2)
    assert facts["parameters"] == V * 8 + lstm + V


def test_the_page(suimon, trained):
    page = suimon("info", trained).out
    assert "\nconfig: training\n" in page
    assert "\nenvironment\n" in page
    lines = dict(line.split(maxsplit=1) for line in page.splitlines() if "  " in line.strip())
    assert lines["hidden"] == "16"
    assert lines["steps"] == "20"
    assert lines["tie_weights"] == "no"


def test_a_run_that_was_not_evaluated_yet(suimon, trained, tmp_path):
    run = tmp_path / "young"
    shutil.copytree(trained, run)
    for name in ("model.safetensors", "checkpoint.safetensors", "metrics.jsonl"):
        (run / name).unlink()
    facts = suimon("info", run, "--json").json()
    assert (facts["parameters"], facts["best"], facts["step"]) == (None, None, None)
    assert suimon("info", run).code == 0
    assert "no loss to draw yet" in suimon("plot", run).refusal()
    assert suimon("runs", tmp_path).out.splitlines()[1].startswith("young  language_model")


def test_the_facts_are_json(suimon, trained):
    assert json.loads(suimon("info", trained, "--json").out)["path"] == str(trained)
