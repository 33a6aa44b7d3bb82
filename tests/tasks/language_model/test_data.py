"""What a user names becomes a split text; strings that could be either are told apart."""

from pathlib import Path

import pytest

from suimon.errors import CheckpointError, DataError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.data import (
    preprocess_of,
    read_path_or_text,
    read_paths,
    read_text,
    units_of,
)
from tests.tasks.language_model.conftest import RAIN

CHARS = LanguageModelConfig()


def decoded(part) -> str:
    return part.corpus.units.decode(part.tokens)


def test_a_text_is_split_at_its_last_tenth():
    split = read_text(RAIN, CHARS)
    assert decoded(split.train) + decoded(split.valid) == RAIN
    assert len(split.train) == int(0.9 * len(RAIN))


def test_no_more_is_kept_for_validation_than_its_limit():
    whole, limited = read_text(RAIN, CHARS), read_text(RAIN, LanguageModelConfig(valid_limit=5))
    assert decoded(limited.valid) == decoded(whole.valid)[:5]
    assert decoded(limited.train) == decoded(whole.train)


def test_a_file_gives_what_its_text_gives(rain_file):
    from_file, from_text = read_paths([rain_file], CHARS), read_text(RAIN, CHARS)
    assert decoded(from_file.train) == decoded(from_text.train)
    assert from_file.train.corpus.units.state() == from_text.train.corpus.units.state()


def test_validation_files_are_held_out_and_their_characters_not_learnt(tmp_path, rain_file):
    other = tmp_path / "other.txt"
    other.write_text("rain again!\n")
    split = read_paths([rain_file], LanguageModelConfig(valid_files=(str(other),)))
    assert decoded(split.train) == RAIN
    assert decoded(split.valid) == "rain a\N{REPLACEMENT CHARACTER}ain\N{REPLACEMENT CHARACTER}\n"
    assert split.valid.unknown == 2


def test_every_third_file_is_held_out(tmp_path):
    for n in range(6):
        (tmp_path / f"{n}.txt").write_text(f"text {n}\n")
    split = read_paths([tmp_path / "[0-5].txt"], LanguageModelConfig(valid_every=3))
    assert decoded(split.train) == "text 0\ntext 1\ntext 3\ntext 4\n"


@pytest.mark.parametrize("kind", [str, Path])
def test_the_name_of_a_file_is_a_path(rain_file, kind):
    assert decoded(read_path_or_text(kind(rain_file), CHARS).train) == RAIN[: int(0.9 * len(RAIN))]


def test_the_name_of_a_folder_is_a_path(rain_file):
    assert decoded(read_path_or_text(str(rain_file.parent), CHARS).train).startswith("the rain")


@pytest.mark.parametrize(
    "text",
    [RAIN, "no such file.txt is named here", "あ" * 300, "a/b " * 20],
)
def test_other_strings_are_the_text_itself(text):
    split = read_path_or_text(text, CHARS)
    assert decoded(split.train) + decoded(split.valid) == text


@pytest.mark.parametrize("name", ["missing.txt", "folder/missing", "/no/such/place", "book.gz"])
def test_what_looks_like_a_path_and_is_not_there_is_refused(name):
    with pytest.raises(DataError, match="is neither an existing file nor much of a text"):
        read_path_or_text(name, CHARS)


def test_a_path_object_is_never_a_text():
    with pytest.raises(DataError, match="does not exist"):
        read_path_or_text(Path("the rain in spain stays mainly in the plain"), CHARS)


@pytest.mark.parametrize("text", ["", "a", "ab", "null\0byte" * 5])
def test_what_is_no_text_to_learn_is_refused(text):
    with pytest.raises(DataError):
        read_path_or_text(text, CHARS)


def test_units_come_back_from_what_is_stored():
    units = read_text(RAIN, CHARS).train.corpus.units
    again = units_of(preprocess_of(units, CHARS))
    assert again.encode("the rain").tolist() == units.encode("the rain").tolist()


def test_a_preprocess_file_without_units_is_refused():
    with pytest.raises(CheckpointError, match="describes no units"):
        units_of({"labels": []})
