"""Starting a helper program of these tests with the same Python path as the tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def run_module(module: str, *arguments: object, limit: float = 120) -> str:
    """Run ``python -m module`` and return what it printed; fails with its errors if it fails."""
    path = [str(REPOSITORY / "src"), str(REPOSITORY), *filter(None, sys.path)]
    program = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = program.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)  # its forks too
        program.communicate()
        raise
    assert program.returncode == 0, errors
    return output
