import re
import subprocess
import sys

import pytest
import typer

import suimon as package
from suimon.cli.main import app
from suimon.tasks import discover

COMMANDS = ["train", "generate", "chat", "predict", "evaluate", "runs", "info", "plot"]


def test_the_commands_are_those_of_the_contract(suimon):
    page = suimon("--help").out
    listed = re.findall(r"^  ([a-z]+)  +[A-Z]", page.partition("Commands:")[2], re.M)
    assert listed == COMMANDS


@pytest.mark.parametrize("words", [[], ["train"]])
def test_a_command_without_words_shows_its_help(suimon, words):
    outcome = suimon(*words)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Usage: suimon")


@pytest.mark.parametrize(
    "command",
    [
        *(["train", description.command] for description in discover().values()),
        *([name] for name in COMMANDS[1:]),
    ],
)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_an_example_and_json(suimon, command, flag):
    outcome = suimon(*command, flag)
    assert outcome.code == 0
    assert "--json" in outcome.out
    assert re.search(f"Example:\n    .*suimon {' '.join(command)} ", outcome.out)
    assert len(outcome.out.splitlines()[4]) > 0


def test_every_task_is_a_train_command(suimon):
    page = suimon("train", "--help").out
    for description in discover().values():
        assert re.search(f"^  {description.command} +{re.escape(description.summary)}$", page, re.M)


def test_a_new_task_needs_no_change_of_the_command_line(suimon, monkeypatch):
    import dataclasses

    from pydantic import BaseModel, Field

    class Config(BaseModel):
        depth: int = Field(3, ge=1, le=7, description="How deep the water is.")

    other = dataclasses.replace(
        next(iter(discover().values())),
        name="sounding",
        command="sound",
        summary="Sound a depth.",
        example="suimon train sound lake.csv --out runs/lake",
        config=Config,
        chosen=("depth", "tbptt_steps"),
    )
    monkeypatch.setattr("suimon.tasks.discover", lambda: {"sounding": other})
    assert "sound  Sound a depth." in suimon("train", "--help").out
    page = " ".join(suimon("train", "sound", "--help").out.split())
    assert "How deep the water is. [a whole number from 1, at most 7; default: by rule]" in page
    assert "default: 64" not in page
    assert "suimon train sound lake.csv" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trin"], "No such command 'trin'. Did you mean 'train'?"),
        (["train", "txet"], "No such command 'txet'"),
        (["generate"], "Missing argument"),
        (["generate", "runs/x", "--lenght", "3"], r"--lenght.*--length"),
        (["generate", "runs/x", "--length", "much"], "Invalid value for '--length'"),
        (["--nonsense"], "No such option: --nonsense"),
    ],
)
def test_wrong_use_is_one_line_and_2(suimon, words, message):
    assert re.search(message, suimon(*words).refusal())


def test_the_version(suimon):
    assert suimon("--version") == (0, package.__version__ + "\n", "")


@pytest.mark.parametrize(
    "words",
    [["--help"], ["train", "--help"], ["train", "text", "--help"], ["generate", "--help"]],
)
def test_help_imports_no_torch(words):
    program = (
        "import sys; from suimon.cli.main import main; code = main(sys.argv[1:])\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'tokenizers'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_python_m_suimon():
    done = subprocess.run(
        [sys.executable, "-m", "suimon", "nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("suimon: error: No such command 'nonsense'")


def test_no_completion_options():
    assert isinstance(app(), typer.Typer)
    page = typer.main.get_command(app()).get_help(typer.Context(typer.main.get_command(app())))
    assert "completion" not in page


def test_a_short_command_reads_no_tasks_options():
    program = (
        "import sys; from suimon.cli.main import main; main(['--version']); "
        "sys.exit('suimon.tasks.classification.config' in sys.modules or 'pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
