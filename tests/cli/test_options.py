import inspect
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from suimon.cli.help_page import SETTINGS, HeadedCommand, example
from suimon.cli.options import flags, given
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.training.config import TrainingConfig
from suimon.training.options import accepted_range


class Sluice(BaseModel):
    width: int | None = Field(None, ge=1, le=9, description="How wide it is.")
    share: float = Field(0.25, gt=0.0, lt=1.0, description="How far it opens.")
    shape: Literal["round", "square"] = Field("round", description="Its shape.")
    name: str = Field("gate", description="Its name [in full].")
    locked: bool = Field(False, description="Whether it is locked.")
    keys: tuple[str, ...] = Field((), description="Who may open it.")
    odd: Annotated[Literal["a", "b"], Field(description="An annotated choice.")] = "a"


def run(*words: str) -> tuple[Any, dict[str, Any]]:
    """What the flags make of a command line: the runner's result and the values received."""
    received: dict[str, Any] = {}

    def command(**values: Any) -> None:
        received.update(values)

    command.__signature__ = inspect.Signature(list(flags(Sluice, "Sluice")))  # type: ignore
    command.__annotations__ = {p.name: p.annotation for p in flags(Sluice, "Sluice")}
    app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=SETTINGS)
    app.command(cls=HeadedCommand, epilog=example("open the gate --width 3"))(command)
    return CliRunner().invoke(app, list(words)), received


def test_every_field_is_a_flag_left_out_by_default():
    result, received = run()
    assert result.exit_code == 0
    assert set(received) == set(Sluice.model_fields)
    assert given(Sluice, received) == {}


def test_given_values_reach_the_option_class():
    result, received = run(
        *("--width", "3", "--share", "0.5", "--shape", "square", "--locked"),
        *("--keys", "one", "--keys", "two", "--odd", "b"),
    )
    assert result.exit_code == 0
    options = given(Sluice, received)
    assert "name" not in options
    assert Sluice(**options) == Sluice(
        width=3, share=0.5, shape="square", locked=True, keys=("one", "two"), odd="b"
    )


def test_a_switch_can_be_set_to_either_side():
    assert given(Sluice, run("--no-locked")[1]) == {"locked": False}


def test_a_wrong_value_is_left_to_the_option_class():
    result, received = run("--width", "much")
    assert result.exit_code == 0
    assert given(Sluice, received) == {"width": "much"}


def test_the_help_page_says_all_that_the_fields_say():
    page = " ".join(run("--help")[0].stdout.split())
    assert "--width INT How wide it is. [a whole number from 1, at most 9]" in page
    assert "How far it opens. [a number above 0, below 1; default: 0.25]" in page
    assert "--shape round|square Its shape. [default: round]" in page
    assert "--name TEXT Its name [in full]. [default: gate]" in page
    assert "--locked / --no-locked Whether it is locked. [default: no]" in page
    assert "Who may open it. May be given several times." in page
    assert "--odd a|b" in page
    assert "Sluice: --width" in page
    assert page.endswith("Example: open the gate --width 3")


def test_a_default_that_a_rule_replaces_is_not_shown():
    told = {
        parameter.name: parameter.annotation.__metadata__[0].help
        for parameter in flags(Sluice, "Sluice", chosen=["width", "share", "locked"])
    }
    assert told["width"] == "How wide it is.  [a whole number from 1, at most 9; default: by rule]"
    assert told["share"].endswith("[a number above 0, below 1; default: by rule]")
    assert told["locked"].endswith("[default: by rule]")
    assert told["shape"].endswith("[default: round]")


@pytest.mark.parametrize("options", [LanguageModelConfig, TrainingConfig])
def test_real_option_classes_have_a_described_flag_for_every_field(options):
    parameters = {parameter.name: parameter for parameter in flags(options, "Panel")}
    assert set(parameters) == set(options.model_fields)
    for name, field in options.model_fields.items():
        information = parameters[name].annotation.__metadata__[0]
        assert field.description in information.help, name
        if field.metadata and information.metavar in ("INT", "FLOAT"):
            assert accepted_range(field) in information.help, name


def test_no_option_belongs_to_both():
    assert not set(LanguageModelConfig.model_fields) & set(TrainingConfig.model_fields)
