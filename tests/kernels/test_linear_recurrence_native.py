"""The compiled extension: every instruction set, any number of threads, fork, and its absence."""

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from suimon.errors import BackendError
from suimon.kernels.cpu import linear_recurrence
from suimon.kernels.cpu.native import ISA_VARIABLE, instruction_set, instruction_sets
from tests.kernels.linear_recurrence_cases import (
    by_hand,
    drawn,
    marked,
    needs_native,
    with_gradients,
)

ONE_THREAD = {"threads": 1, "isa": "baseline"}
LARGE = (50, 3, 5003)  # enough for five threads, and channels that fill no vector evenly


def run_on(isa: str, threads: int, tensors, seed_gradient, restart=None):
    """h and its three gradients from the extension itself."""
    from suimon.kernels.cpu import _native

    a, b, h_0 = tensors
    h, grad_a, grad_b = (torch.full_like(a, torch.nan) for _ in range(3))
    grad_h_0 = torch.full_like(h_0, torch.nan)
    how = {"threads": threads, "isa": isa}
    _native.linear_recurrence_forward(a, b, h_0, h, restart, **how)
    _native.linear_recurrence_backward(
        a, h_0, h, seed_gradient, grad_a, grad_b, grad_h_0, restart, **how
    )
    return h, grad_a, grad_b, grad_h_0


@needs_native
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(9, 3, 37), (3, 1, 1), (50, 500, 31), LARGE])
@pytest.mark.parametrize("restarts", [False, True])
def test_all_instruction_sets_and_thread_counts_give_the_same_bits(shape, dtype, restarts):
    tensors, seed_gradient = drawn(*shape, dtype), torch.randn(shape, dtype=dtype)
    restart = marked(*shape[:2]) if restarts else None
    expected = with_gradients(lambda *t: by_hand(*t, restart), tensors, seed_gradient)
    assert instruction_sets()[0] == "baseline"
    for isa in instruction_sets():
        for threads in (1, 2, 5):
            for actual, wanted in zip(
                run_on(isa, threads, tensors, seed_gradient, restart), expected, strict=True
            ):
                assert torch.equal(actual, wanted), (isa, threads)


@needs_native
def test_two_python_threads_at_once():
    tensors, seed_gradient = drawn(*LARGE), torch.randn(LARGE)
    expected = run_on("baseline", 1, tensors, seed_gradient)
    wrong = []

    def repeat():
        for _ in range(5):
            actual = run_on("baseline", 2, tensors, seed_gradient)
            wrong.extend(i for i in range(4) if not torch.equal(actual[i], expected[i]))

    callers = [threading.Thread(target=repeat) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def _threads_alive() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _run_in_child(connection, tensors):
    before = _threads_alive()
    h = run_on("baseline", 3, tensors, tensors[0])[0]
    connection.send((h.double().sum().item(), _threads_alive() - before))


@needs_native
@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_has_threads_of_its_own(method):
    tensors = drawn(*LARGE)
    here = run_on("baseline", 3, tensors, tensors[0])[0]  # the parent's threads exist and wait
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    child = context.Process(target=_run_in_child, args=(theirs, tensors))
    child.start()
    assert ours.poll(60), "the child hangs"
    assert ours.recv() == (here.double().sum().item(), 2)  # two beside the child's own
    child.join(60)
    assert child.exitcode == 0


@needs_native
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a.double(), "`b` is not float32"),
        (lambda a: a[:, :1], r"`b` has shape \(4, 1, 3\), expected \(4, 2, 3\)"),
        (lambda a: a[0], r"`b` has shape \(2, 3\), expected \(4, 2, 3\)"),
        (lambda a: torch.randn(3, 2, 4).transpose(0, 2), "`b` is not contiguous"),
    ],
)
def test_the_binding_refuses_memory_that_it_would_misread(spoil, message):
    from suimon.kernels.cpu import _native

    a, b, h_0 = drawn(4, 2, 3)
    with pytest.raises(ValueError, match=message):
        _native.linear_recurrence_forward(a, spoil(b), h_0, torch.empty_like(a), **ONE_THREAD)


@needs_native
@pytest.mark.parametrize(
    ("restart", "message"),
    [
        (torch.zeros(4, 2), "`restart` is not bool"),
        (torch.zeros(2, 4) > 0, r"`restart` has shape \(2, 4\), expected \(4, 2\)"),
    ],
)
def test_the_binding_refuses_restarts_that_it_would_misread(restart, message):
    from suimon.kernels.cpu import _native

    a, b, h_0 = drawn(4, 2, 3)
    with pytest.raises(ValueError, match=message):
        _native.linear_recurrence_forward(a, b, h_0, torch.empty_like(a), restart, **ONE_THREAD)


@needs_native
def test_the_binding_refuses_an_instruction_set_that_is_not_there():
    from suimon.kernels.cpu import _native

    a, b, h_0 = drawn(4, 2, 3)
    with pytest.raises(ValueError, match="instruction set 'mmx' cannot run here"):
        _native.linear_recurrence_forward(a, b, h_0, torch.empty_like(a), threads=1, isa="mmx")


@needs_native
def test_the_variable_forces_an_instruction_set(monkeypatch):
    tensors = drawn(3, 1, 2)
    for forced, expected in [("baseline", "baseline"), ("", instruction_sets()[-1])]:
        monkeypatch.setenv(ISA_VARIABLE, forced)
        assert instruction_set() == expected
        assert torch.equal(linear_recurrence(*tensors), by_hand(*tensors))
    monkeypatch.setenv(ISA_VARIABLE, "mmx")
    message = f"SUIMON_CPU_ISA=mmx cannot run here; unset it or choose .*: {instruction_sets()[0]}"
    with pytest.raises(BackendError, match=message):
        linear_recurrence(*tensors)


WITHOUT_EXTENSION = """
import os, sys
sys.modules["suimon.kernels.cpu._native"] = None
import torch
from suimon.kernels.cpu import CpuBackend, linear_recurrence
ones = torch.ones(3, 1, 1)
for _ in range(2):
    print(linear_recurrence(ones, ones, ones[0]).flatten().tolist())
print(CpuBackend().unavailable())
os.environ["SUIMON_CPU_ISA"] = "avx2"
try:
    linear_recurrence(ones, ones, ones[0])
except RuntimeError as error:
    print(type(error).__name__, error)
"""


def test_without_the_extension_torch_does_the_work_and_one_notice_says_so():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTENSION],
        env={**os.environ, "OMP_NUM_THREADS": "1", "SUIMON_CPU_ISA": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second, reason, forced = done.stdout.splitlines()
    assert first == second == "[2.0, 3.0, 4.0]"
    assert "are not built; install a C++20 compiler" in reason
    assert forced.startswith("BackendError SUIMON_CPU_ISA=avx2 cannot run here")
    assert "are not built; install a C++20 compiler" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
