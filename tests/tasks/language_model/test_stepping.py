"""A language model in each precision: who runs it, what it writes, and what int8 costs it."""

import json

import pytest
import torch

from suimon.data.text.units.chars import CharUnits
from suimon.errors import BackendError, ConfigError
from suimon.inference import StepEngine
from suimon.kernels.cpu.native import ISA_VARIABLE, multiplies_bf16
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.model import LanguageNetwork, build_network
from suimon.tasks.language_model.stepping import stepping_network
from suimon.tasks.language_model.writing import Writer
from tests.kernels.linear_recurrence_cases import needs_native

pytestmark = needs_native

UNITS = CharUnits("\n abcdefg")


def network(**options) -> LanguageNetwork:
    torch.manual_seed(5)
    sizes = {"layers": 2, "hidden": 24, "embedding": 8}
    config = LanguageModelConfig.model_validate({"cell": "lstm", **sizes, **options})
    return build_network(config, UNITS.size).eval()


def written(net, count: int = 1, **options) -> list[str]:
    writer = Writer(net, UNITS, count=count, seed=3)
    writer.read("abc")
    texts = [""] * count
    for row, text in writer.write(60, **options):
        texts[row] += text
    return texts


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman", "mingru", "minlstm"])
@pytest.mark.parametrize("tie_weights", [False, True])
def test_the_engine_writes_what_the_layers_write(cell, tie_weights):
    net = network(cell=cell, tie_weights=tie_weights, residual=True)
    engine = stepping_network(net)
    assert isinstance(engine, StepEngine)
    options = {"temperature": 1.5, "top_k": 7, "top_p": 0.9}
    assert written(engine, 3, **options) == written(net, 3, **options)
    assert written(engine, temperature=0.0) == written(net, temperature=0.0)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_text_is_the_same_whatever_is_written_beside_it(precision):
    engine = stepping_network(network(), precision)
    assert written(engine, 20)[:1] == written(engine, 1)


def test_fp32_falls_back_to_the_layers_and_other_precisions_say_why_they_cannot():
    net = network(norm_between=True)
    assert stepping_network(net) is net
    with pytest.raises(BackendError, match="precision int8 cannot run: it has norm_between; give"):
        stepping_network(net, "int8")


def test_without_products_of_bfloat16_bf16_is_refused(monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, "baseline")
    with pytest.raises(BackendError, match="precision bf16 cannot run: baseline has no products"):
        stepping_network(network(), "bf16")


@pytest.mark.skipif(not multiplies_bf16(), reason="no products of bfloat16 here")
def test_bf16_writes():
    assert len(written(stepping_network(network(), "bf16"))[0]) == 60


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match="precision is 'int4'; give one of fp32, bf16, int8"):
        stepping_network(network(), "int4")


def test_the_losses_are_noted_once_and_belong_to_their_weights(tmp_path):
    from suimon import LanguageModel
    from suimon.tasks.language_model.infer import load
    from suimon.tasks.language_model.quantisation import QUANTISATION, quantisation_loss
    from suimon.tasks.language_model.train import train
    from suimon.training.config import TrainingConfig
    from suimon.training.options import parse_options
    from suimon.training.run_directory import RunDirectory

    text = tmp_path / "rain.txt"
    text.write_text("the rain in spain stays mainly in the plain. " * 60)
    config = LanguageModelConfig.model_validate({"hidden": 16, "layers": 1, "embedding": 8})
    train([text], tmp_path / "run", config, parse_options(TrainingConfig, {"steps": 30}))
    run = RunDirectory.open(tmp_path / "run")
    model = load(run)
    loss, line = quantisation_loss(run, model.network, model.config)
    assert loss is not None
    assert line is not None
    assert line.startswith("int8 changes the validation loss by ")
    saved = run.weights().loss
    assert saved is not None
    assert loss.fp32_loss == pytest.approx(saved, abs=1e-4)
    assert 0 < abs(loss.int8_loss - loss.fp32_loss) < 0.02
    assert json.loads((run.path / QUANTISATION).read_text())["int8_loss"] == loss.int8_loss

    assert quantisation_loss(run, model.network, model.config) == (loss, None)
    text.unlink()
    assert quantisation_loss(run, model.network, model.config) == (loss, None)
    with torch.no_grad():
        model.network.head.bias.add_(0.1)
    found, why = quantisation_loss(run, model.network, model.config)
    assert found is None
    assert why is not None
    assert why.startswith("what int8 changes was not measured: ")
    assert "rain.txt" in why

    without_files = LanguageModel(hidden_size=8, num_layers=1).fit(
        "to be or not to be " * 40, steps=1
    )
    saved_run = RunDirectory.open(without_files.save(tmp_path / "saved") and tmp_path / "saved")
    found, why = without_files.model_.quantisation_loss(saved_run)
    assert found is None
    assert "does not name the files" in str(why)
