"""Task folders: found by their config modules alone, each name once."""

import subprocess
import sys
import textwrap

import pytest

from suimon.errors import CheckpointError, ConfigError
from suimon.tasks import by_command, by_name, discover, load
from suimon.tasks.discovery import collect
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.training.config import TrainingConfig


def make_task(folder, name: str, command: str) -> None:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "config.py").write_text(
        textwrap.dedent(
            f"""
            from pydantic import BaseModel
            from suimon.tasks.description import TaskDescription

            class Options(BaseModel):
                pass

            DESCRIPTION = TaskDescription({name!r}, {command!r}, "", "", Options)
            """
        )
    )


def test_the_language_model_is_found():
    description = discover()["language_model"]
    assert (description.name, description.command) == ("language_model", "text")
    assert description.config is LanguageModelConfig


def test_its_code_is_found_by_command_and_by_name():
    assert by_command("text")[1].__name__ == "suimon.tasks.language_model.train"
    assert by_name("language_model")[1].__name__ == "suimon.tasks.language_model.infer"


@pytest.mark.parametrize("find", [by_command, by_name])
def test_unknown_tasks_are_refused_with_those_there_are(find):
    with pytest.raises(ConfigError, match=r"no task.*'painting'; there are: .*(text|language)"):
        find("painting")


def test_every_description_is_complete_and_every_option_described():
    for description in discover().values():
        assert description.summary.endswith(".")
        assert description.measures
        assert description.example.startswith(f"suimon train {description.command} ")
        for name, field in description.config.model_fields.items():
            assert field.description, f"{description.name}: {name} has no description"
        known = {*description.config.model_fields, *TrainingConfig.model_fields}
        assert set(description.chosen) <= known


def test_folders_are_collected_and_those_without_a_config_left_out(tmp_path, monkeypatch):
    make_task(tmp_path / "somewhere" / "painting", "painting", "paint")
    (tmp_path / "somewhere" / "notes").mkdir()
    (tmp_path / "somewhere" / "notes" / "__init__.py").write_text("")
    (tmp_path / "somewhere" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(collect(tmp_path / "somewhere", "somewhere")) == ["painting"]


@pytest.mark.parametrize(
    ("names", "commands", "message"),
    [
        (("one", "one"), ("a", "b"), "the task name 'one' is claimed by first/ and second/"),
        (("one", "two"), ("a", "a"), "the task command 'a' is claimed by first/ and second/"),
    ],
)
def test_what_two_folders_claim_is_an_error(tmp_path, monkeypatch, names, commands, message):
    package = f"twice_{names[1]}"
    for folder, name, command in zip(("first", "second"), names, commands, strict=True):
        make_task(tmp_path / package / folder, name, command)
    (tmp_path / package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=message):
        collect(tmp_path / package, package)


def test_reading_the_options_of_all_tasks_imports_no_torch():
    program = (
        "import sys; from suimon.tasks import discover; discover(); "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_loading_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="is not a run"):
        load(tmp_path)
