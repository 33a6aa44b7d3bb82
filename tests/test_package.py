"""The top of the package: one name for each thing, nothing imported before it is used."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import suimon


def test_every_public_name_is_there_and_is_the_one_of_its_home():
    for name in suimon.__all__:
        assert getattr(suimon, name) is not None
    from suimon.layers import LSTM
    from suimon.tasks.language_model.estimator import LanguageModel

    assert suimon.LSTM is LSTM
    assert suimon.LanguageModel is LanguageModel


def test_public_names_are_listed():
    assert set(suimon.__all__) <= set(dir(suimon))
    assert len(suimon.__all__) == len(set(suimon.__all__))


def test_every_name_that_has_a_home_is_public():
    assert {name for names in suimon._HOMES.values() for name in names} <= set(suimon.__all__)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="'suimon' has no attribute 'Transformer'"):
        _ = suimon.Transformer


def test_importing_the_package_imports_no_torch():
    program = "import sys, suimon; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_version_is_that_of_the_project():
    project = Path(__file__).parent.parent / "pyproject.toml"
    assert suimon.__version__ == tomllib.loads(project.read_text())["project"]["version"]
