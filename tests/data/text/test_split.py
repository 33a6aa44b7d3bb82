import pytest

from suimon.data.text import UnitsOptions, corpus_of_text, load_corpus, split_corpus, whole
from suimon.errors import ConfigError, DataError


def test_the_last_tenth():
    corpus = corpus_of_text("0123456789" * 10)
    train, valid = split_corpus(corpus)
    assert (train.start, train.stop, valid.start, valid.stop) == (0, 90, 90, 100)
    assert corpus.units.decode(train.tokens) == "0123456789" * 9
    assert corpus.units.decode(valid.tokens) == "0123456789"
    assert (train.characters, valid.characters, valid.target_characters) == (90, 10, 9)


def test_tinyshakespeare_is_cut_where_others_cut_it(data_dir):
    split = split_corpus(load_corpus(data_dir / "text/tinyshakespeare/input.txt"))
    assert (len(split.train), len(split.valid)) == (1_003_854, 111_540)


def test_other_fractions():
    corpus = corpus_of_text("ab" * 50)
    assert [len(split_corpus(corpus, f).valid) for f in (0.02, 0.25, 0.5, 0.98)] == [2, 25, 50, 98]


@pytest.mark.parametrize("kind", ["bytes", "words", "bpe"])
def test_characters_of_parts_add_up(kind):
    text = "水門 means  sluice gate\r\n" * 40
    corpus = corpus_of_text(text, units=UnitsOptions(kind))
    split = split_corpus(corpus, 0.37)
    assert split.train.characters + split.valid.characters == len(text)
    assert whole(corpus).characters == len(text)
    first = corpus.characters(split.valid.start, split.valid.start + 1)
    assert split.valid.target_characters == split.valid.characters - first


def test_characters_of_a_part_are_those_of_its_text():
    text = "水門 means sluice gate\n" * 40
    corpus = corpus_of_text(text, units=UnitsOptions("bpe", 300))
    valid = split_corpus(corpus, 0.3).valid
    assert text.endswith(corpus.units.decode(valid.tokens))
    assert valid.characters == len(corpus.units.decode(valid.tokens))


def test_held_out_documents_are_the_validation_part(write):
    for name, text in (("1", "abc"), ("2", "defg"), ("3", "hi"), ("4", "jkl")):
        folder = write(name, text).parent
    corpus = load_corpus(folder, valid_every=2)
    train, valid = split_corpus(corpus)
    assert corpus.units.decode(train.tokens) == "abchi"
    assert (len(valid), valid.unknown, train.unknown) == (7, 7, 0)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_fraction_out_of_range(fraction):
    with pytest.raises(
        ConfigError, match=r"valid_fraction .* is not between 0 and 1, such as 0\.1"
    ):
        split_corpus(corpus_of_text("abc"), fraction)


@pytest.mark.parametrize("fraction", [0.1, 0.01, 0.5, 0.9, 1 / 3])
def test_too_small_a_text_says_what_is_needed(fraction):
    message = r"a text of 3 tokens is too small for valid_fraction .*: ([\d,]+) are needed"
    with pytest.raises(DataError, match=message) as caught:
        split_corpus(corpus_of_text("abc"), fraction)
    words = str(caught.value).split()
    needed = int(words[words.index("are") - 1].replace(",", ""))
    split_corpus(corpus_of_text("a" * needed), fraction)
    with pytest.raises(DataError):
        split_corpus(corpus_of_text("a" * (needed - 1)), fraction)


def test_too_small_held_out_files(write):
    corpus = load_corpus(write("a", "abc"), valid_paths=write("b", "x"))
    with pytest.raises(
        DataError, match="3 tokens for training and 1 for validation, and each needs 2"
    ):
        split_corpus(corpus)
