"""Signals: the first is noted, the second obeyed."""

import signal
from collections.abc import Iterator

import pytest

from suimon.training.interrupt import StopSignals, TrainingInterrupted


@pytest.fixture
def ctrl_c_interrupts() -> Iterator[None]:
    """As in a terminal: what runs in a script's background begins with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_the_first_ctrl_c_is_noted_and_the_second_obeyed() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignals() as signals:
        assert signals.received == 0
        signal.raise_signal(signal.SIGINT)
        assert signals.received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="broken"), StopSignals():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_is_no_ordinary_exception() -> None:
    stop = TrainingInterrupted("training stopped", signal.SIGTERM, None)
    assert not isinstance(stop, Exception)
    assert str(stop) == "training stopped"
    assert stop.exit_code == 143
