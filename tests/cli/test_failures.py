import subprocess
import sys
import warnings

import pytest
import typer

from suimon.cli.failures import FIRST_SPEAKS_SECONDS, reported
from suimon.errors import ConfigError, DataError
from suimon.training.interrupt import TrainingInterrupted


def raising(error: BaseException):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ConfigError("hidden = 0: give 1 or more"), "hidden = 0: give 1 or more"),
        (DataError("two\n  lines"), "two lines"),
        (typer.BadParameter("no such flag"), "Invalid value: no such flag"),
        (FileNotFoundError(2, "No such file", "a.txt"), "No such file: a.txt"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("odd"), "odd"),
    ],
)
def test_what_the_user_can_put_right_is_one_line_and_2(error, line, capsys):
    assert reported(raising(error)) == 2
    captured = capsys.readouterr()
    assert captured.err == f"suimon: error: {line}\n"
    assert captured.out == ""


def test_a_mistake_of_our_own_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        reported(raising(ZeroDivisionError()))


def test_success_and_an_exit_code_of_its_own():
    assert reported(lambda: None) == 0
    assert reported(raising(typer.Exit(3))) == 3


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (TrainingInterrupted("stopped; add --resume", 2, None), 130, "add --resume"),
        (TrainingInterrupted("stopped; add --resume", 15, None), 143, "add --resume"),
    ],
)
def test_an_interruption(error, code, words, capsys):
    assert reported(raising(error)) == code
    assert words in capsys.readouterr().err


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line(capsys):
    def command():
        warnings.warn("mind\nthe gate", stacklevel=1)

    assert reported(command) == 0
    assert capsys.readouterr().err == "suimon: warning: mind the gate\n"


def test_another_process_lets_the_first_one_speak_before_it_says_what_is_wrong(capsys, monkeypatch):
    """torchrun ends the others once the first has ended, so that they come to say nothing."""
    said_before_waiting = []

    def wait(seconds):
        assert seconds == FIRST_SPEAKS_SECONDS
        said_before_waiting.append(capsys.readouterr().err)

    monkeypatch.setattr("suimon.cli.failures.time.sleep", wait)
    monkeypatch.setenv("RANK", "1")
    assert reported(raising(ConfigError("x"))) == 2
    assert (said_before_waiting, capsys.readouterr().err) == ([""], "suimon: error: x\n")
    monkeypatch.setenv("RANK", "0")
    assert reported(raising(ConfigError("y"))) == 2
    assert (said_before_waiting, capsys.readouterr().err) == ([""], "suimon: error: y\n")


def test_two_processes_of_torchrun_give_one_line():
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    words = ["train", "text", "--out", "run", "--hidden", "0"]
    done = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", "-m", "suimon", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("suimon: error: ")]
    assert len(lines) == 1, done.stderr
    assert "hidden = '0'" in lines[0]


def test_a_closed_pipe_is_quiet():
    program = (
        "import sys; from suimon.cli.failures import reported\n"
        "def command():\n"
        "    for number in range(100_000): print(number)\n"
        "sys.exit(reported(command))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().strip() == b"0"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141
