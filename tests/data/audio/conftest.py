"""A way to write recordings that the readers read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Record = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def record(tmp_path) -> Record:
    """Write samples ``(N,)`` or ``(N, channels)`` as a recording below the test's own folder."""
    soundfile = pytest.importorskip("soundfile")

    def record(name: str, samples, rate: int = 8000, **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.asarray(samples), rate, **options)
        return path

    return record
