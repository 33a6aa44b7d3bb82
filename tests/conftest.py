"""What every test starts from: one thread, one seed, and where the real data is."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Let pass the one warning that torch causes itself: forward-mode AD loads its TorchScript."""
    config.addinivalue_line(
        "filterwarnings", "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny tensors are slower on many threads, and one thread adds up in one order."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seed() -> int:
    """The seed that every generator is set to before each test."""
    value = 20241
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)
    return value


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("SUIMON_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}: set SUIMON_DATA to the folder of data sets")
    return folder
