import pytest

from suimon.cli.config_file import read_options
from suimon.errors import ConfigError


def written(folder, text: str):
    file = folder / "options.toml"
    file.write_bytes(text.encode())
    return file


def test_options_at_the_top_and_in_tables(tmp_path):
    file = written(tmp_path, 'hidden = 8\n[training]\nbatch-size = 4\nschedule = "plateau"\n')
    assert read_options(file) == {"hidden": 8, "batch_size": 4, "schedule": "plateau"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden = \n", "is not a TOML file"),
        ("hidden = 1\n[model]\nhidden = 2\n", "gives hidden twice"),
        ("batch-size = 1\nbatch_size = 2\n", "gives batch_size twice"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        read_options(written(tmp_path, text))


def test_a_file_that_is_not_text(tmp_path):
    file = tmp_path / "options.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not a TOML file"):
        read_options(file)


def test_no_such_file(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read --config .*No such file"):
        read_options(tmp_path / "nothing.toml")
