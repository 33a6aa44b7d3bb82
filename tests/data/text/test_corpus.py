import errno
import io
import sys
from multiprocessing import get_context
from types import SimpleNamespace

import numpy as np
import pytest

from suimon.data.cache import cache_folder
from suimon.data.text import UnitsOptions, corpus_of_text, load_corpus, units_from_state
from suimon.data.text.encoder import Encoder
from suimon.errors import ConfigError, DataError

TEXT = "It was the best of times,\r\nit was the worst of times. 😀\n"


@pytest.fixture
def encodings(monkeypatch):
    """How often documents were encoded, as opposed to mapped from the cache."""
    calls = []
    iterate = Encoder.__iter__

    def counted(self):
        calls.append(self)
        return iterate(self)

    monkeypatch.setattr(Encoder, "__iter__", counted)
    return calls


def cached_file(cache):
    (path,) = cache.glob("*.tokens")
    return path


KINDS = [UnitsOptions(kind) for kind in ("chars", "bytes", "words")] + [UnitsOptions("bpe", 300)]


@pytest.mark.parametrize("units", KINDS, ids=lambda units: units.kind)
def test_a_string_and_its_file_give_the_same_corpus(write, units):
    of_file, of_text = (
        load_corpus(write("a.txt", TEXT), units=units),
        corpus_of_text(TEXT, units=units),
    )
    assert of_file.tokens.tolist() == of_text.tokens.tolist()
    assert of_file.documents.tolist() == of_text.documents.tolist() == [0, len(of_file)]
    assert of_file.units.symbols == of_text.units.symbols
    assert of_file.characters() == of_text.characters() == len(TEXT)


def test_tokens_are_mapped_read_only_and_small(write):
    corpus = load_corpus(write("a.txt", TEXT))
    assert isinstance(corpus.tokens, np.memmap)
    assert corpus.tokens.dtype == np.uint8
    assert not corpus.tokens.flags.writeable
    assert corpus.units.decode(corpus.tokens) == TEXT


@pytest.mark.parametrize("units", KINDS, ids=lambda units: units.kind)
def test_documents_are_joined_in_order_and_their_starts_kept(write, units):
    parts = ["one two\n", "three 水 four", "five six seven\n"]
    corpus = load_corpus([write(f"{i}.txt", part) for i, part in enumerate(parts)], units=units)
    bounds = list(zip(corpus.documents[:-1], corpus.documents[1:], strict=True))
    assert [corpus.characters(a, b) for a, b in bounds] == list(map(len, parts))
    assert [corpus.units.decode(corpus.tokens[a:b]) for a, b in bounds] == parts
    assert sum(corpus.characters(i, i + 1) for i in range(len(corpus))) == sum(map(len, parts))


def test_second_load_is_mapped_from_the_cache(write, encodings):
    path = write("a.txt", TEXT)
    first = load_corpus(path)
    second = load_corpus(path)
    assert len(encodings) == 1
    assert second.tokens.tolist() == first.tokens.tolist()
    assert second.units.state() == first.units.state()


def test_cache_goes_by_content_and_not_by_name(write, encodings):
    load_corpus(write("a.txt", TEXT))
    load_corpus(write("b.txt", TEXT))
    assert len(encodings) == 1
    path = write("a.txt", TEXT[:-1] + "!")
    assert load_corpus(path).units.decode(load_corpus(path).tokens) == TEXT[:-1] + "!"
    assert len(encodings) == 2


def test_cache_goes_by_every_option(write, encodings):
    a, b = write("a.txt", "caf\u00e9 au lait" * 3), write("b.txt", "cafe")
    other_units = load_corpus(b).units
    for number, (paths, options) in enumerate(
        [
            ([a], {}),
            ([a], {"units": UnitsOptions("bytes")}),
            ([a], {"units": UnitsOptions("words")}),
            ([a], {"units": UnitsOptions("words", 2)}),
            ([a], {"units": UnitsOptions("chars", 2)}),
            ([a], {"units": other_units}),
            ([a], {"encoding": "latin-1"}),
            ([a], {"aozora": True}),
            ([a, b], {}),
            ([b, a], {}),
            ([b, a], {"valid_every": 2}),
        ],
        start=2,
    ):
        load_corpus(paths, **options)
        assert len(encodings) == number
    load_corpus([a], encoding="utf8")
    assert len(encodings) == number


def test_cache_tells_packed_from_plain(write):
    packed = write("a.gz", TEXT)
    plain = write("a.bin", packed.read_bytes())
    assert load_corpus(packed, units=UnitsOptions("bytes")).characters() == len(TEXT)
    corpus = load_corpus(plain, units=UnitsOptions("bytes"))
    assert corpus.tokens.tobytes() == packed.read_bytes()


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "header", "magic"])
def test_damaged_cache_file_is_made_again(write, cache, encodings, damage):
    path = write("a.txt", TEXT)
    expected = load_corpus(path).tokens.tolist()
    file = cached_file(cache)
    data = bytearray(file.read_bytes())
    whole = bytes(data)
    if damage == "cut":
        del data[-100:]
    elif damage == "flip":
        data[5] ^= 1
    elif damage == "empty":
        data.clear()
    elif damage == "header":
        data[-40] ^= 1
    else:
        data[-1] ^= 1
    file.write_bytes(data)
    assert load_corpus(path).tokens.tolist() == expected
    assert len(encodings) == 2
    assert file.read_bytes() == whole


def test_interrupted_encoding_leaves_nothing_behind(write, cache, monkeypatch):
    path = write("a.txt", TEXT)
    monkeypatch.setattr("suimon.data.text.corpus._require_two", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load_corpus(path)
    assert [file.suffix for file in cache.iterdir()] == [".lock"]


def test_leftovers_of_a_killed_process_are_cleared(write, cache):
    path = write("a.txt", TEXT)
    load_corpus(path)
    file = cached_file(cache)
    leftover = file.with_suffix(".99999.tmp")
    leftover.write_text("half")
    file.unlink()
    load_corpus(path)
    assert not leftover.exists()


def _load(path):
    return load_corpus(path, units=UnitsOptions("bpe", 280)).units.state()


def test_processes_at_once_get_the_same_units(write):
    path = write("a.txt", TEXT * 200)
    with get_context("spawn").Pool(2) as pool:
        states = pool.map(_load, [path] * 4)
    assert states == [states[0]] * 4


def test_full_disk(write, cache, monkeypatch):
    path = write("a.txt", TEXT)

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("suimon.data.cache.CacheWriter._write", full)
    with pytest.raises(
        DataError,
        match=r"cannot write the cache in .*: No space left on device; free some .*SUIMON_CACHE",
    ):
        load_corpus(path)
    assert not list(cache.glob("*.tmp"))


def test_unwritable_cache(write, tmp_path, monkeypatch):
    blocked = write("file", "in the way") / "cache"
    monkeypatch.setenv("SUIMON_CACHE", str(blocked))
    with pytest.raises(
        DataError,
        match=r"cannot write the cache in .*/file/cache: Not a directory; make it writable, or set",
    ):
        load_corpus(write("a.txt", TEXT))


def test_place_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SUIMON_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("SUIMON_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "suimon"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "suimon"


def test_file_that_changes_while_it_is_read(write, monkeypatch):
    path = write("a.txt", TEXT)
    iterate = Encoder.__iter__

    def meddling(self):
        yield from iterate(self)
        path.write_text(TEXT + "more")

    monkeypatch.setattr(Encoder, "__iter__", meddling)
    with pytest.raises(DataError, match=r"a\.txt changed while it was read; try again"):
        load_corpus(path)


def test_known_units_score_unknown_characters_as_one_token(write):
    units = load_corpus(write("a.txt", "abab")).units
    corpus = load_corpus(write("b.txt", "abcbcdéa"), units=units)
    assert corpus.tokens.tolist() == [1, 2, 0, 2, 0, 0, 0, 1]
    assert corpus.unknown() == 4
    assert corpus.unknown(3) == 3
    assert corpus.unknown_examples == ("c", "d", "é")
    assert corpus.characters() == 8
    # and from the cache
    assert load_corpus(write("b.txt", "abcbcdéa"), units=units).unknown_examples == ("c", "d", "é")


def test_examples_of_the_unknown_are_few(write):
    units = corpus_of_text("aa").units
    assert len(load_corpus(write("b.txt", TEXT), units=units).unknown_examples) == 10


def test_held_out_files_come_last_and_are_not_fitted_on(write):
    folder = write("1.txt", "ab").parent
    for number, text in enumerate(["cd", "xy", "ef", "gh", "zz"], start=2):
        write(f"{number}.txt", text)
    corpus = load_corpus(folder, valid_every=3)
    assert corpus.held_out == 2
    assert corpus.units.symbols == ("<unk>", *"abcdefgh")
    assert corpus.units.decode(corpus.tokens) == "abcdefgh" + "\ufffd" * 4
    assert corpus.unknown() == 4


def test_validation_files(write):
    train, valid = write("train.txt", "abcd"), write("valid.txt", "abx")
    corpus = load_corpus(train, valid_paths=valid)
    assert (corpus.held_out, corpus.documents.tolist()) == (1, [0, 4, 7])
    assert corpus.unknown_examples == ("x",)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"valid_every": 1}, ConfigError, "valid_every 1 holds out everything; use 2 or more"),
        (
            {"valid_every": 3},
            DataError,
            "2 files are too few to hold out every 3th; name at least 3",
        ),
        ({"valid_every": 2, "valid_paths": "x"}, ConfigError, "exclude each other"),
        ({"valid_paths": "{a}"}, DataError, r"a\.txt is named for training and for validation"),
        ({"encoding": "klingon"}, ConfigError, "encoding 'klingon' is not known"),
    ],
)
def test_wrong_options(write, options, error, message):
    a, b = write("a.txt", "abc"), write("b.txt", "abc")
    options = {
        key: value.format(a=a) if isinstance(value, str) else value
        for key, value in options.items()
    }
    with pytest.raises(error, match=message):
        load_corpus([a, b], **options)


def test_texts_that_are_too_short(write):
    with pytest.raises(
        DataError, match=r"a\.txt is too short: 1 token of units chars.*give a longer"
    ):
        load_corpus(write("a.txt", "x"))
    with pytest.raises(DataError, match="is too short: 1 token of units words"):
        load_corpus(write("b.txt", "word"), units=UnitsOptions("words"))
    with pytest.raises(DataError, match=r"c\.txt holds no text; name a file with text"):
        load_corpus(write("c.txt", "\ufeff"))
    with pytest.raises(DataError, match="the text holds no text"):
        corpus_of_text("")
    with pytest.raises(DataError, match="the text is too short: 1 token"):
        corpus_of_text("x")
    with pytest.raises(DataError, match="lone surrogate at character 2"):
        corpus_of_text("ab\ud800")


def test_binary_file_as_text_and_as_bytes(write):
    path = write("a.bin", bytes(range(256)))
    with pytest.raises(DataError, match=r"a\.bin is a binary file: it has a zero byte at byte 0"):
        load_corpus(path)
    corpus = load_corpus(path, units=UnitsOptions("bytes"))
    assert corpus.tokens.tolist() == list(range(256))


def test_other_encodings(write):
    path = write("sjis.txt", "水門\r\n".encode("shift_jis"))
    with pytest.raises(DataError, match=r"sjis\.txt is not utf-8 at byte 0 \(0x90"):
        load_corpus(path)
    corpus = load_corpus(path, encoding="shift_jis")
    assert corpus.units.decode(corpus.tokens) == "水門\r\n"


def test_gzip_and_standard_input(write, monkeypatch, encodings):
    assert load_corpus(write("a.gz", TEXT)).characters() == len(TEXT)
    for _ in range(2):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TEXT.encode())))
        corpus = load_corpus("-")
        assert corpus.units.decode(corpus.tokens) == TEXT
    assert len(encodings) == 2


def test_text_of_many_chunks(write):
    text = "0123456789水門\n" * 60_000
    corpus = load_corpus(write("long.txt", text))
    assert corpus.units.decode(corpus.tokens) == text
    words = load_corpus(write("long.txt", text), units=UnitsOptions("words"))
    assert words.tokens.tolist() == [words.tokens[0], words.tokens[1]] * 60_000
    assert words.characters(0, 2) == 13
    assert words.characters() == len(text)


def test_bpe_learns_from_an_even_share_of_a_long_text(write, monkeypatch):
    monkeypatch.setattr("suimon.data.text.encoder._FIT_BYTES", {"bpe": 300_000})
    text = "abab " * 120_000 + "cdcd " * 120_000
    units = load_corpus(write("a.txt", text), units=UnitsOptions("bpe", 262)).units
    assert {" abab", " cdcd"} <= set(units.symbols)


def test_names_one_a_line(write):
    corpus = load_corpus(write("names.txt", "emma\nolivia\nava\n"))
    assert corpus.units.symbols == ("<unk>", "\n", *"aeilmov")


def test_tinyshakespeare(data_dir):
    corpus = load_corpus(data_dir / "text/tinyshakespeare/input.txt")
    assert corpus.characters() == len(corpus) == 1_115_394
    assert len(corpus.units.symbols) - 1 == 65  # one more for what it does not know
    assert corpus.unknown() == 0
    again = units_from_state(corpus.units.state())
    assert again.decode(corpus.tokens[:13]) == "First Citizen"


def test_war_and_peace_has_a_byte_order_mark(data_dir):
    path = data_dir / "text/warpeace/warpeace_input.txt"
    assert len(load_corpus(path)) == 3_258_227 - 1
    in_bytes = load_corpus(path, units=UnitsOptions("bytes"))
    assert len(in_bytes) == 3_258_246 - 3
    assert in_bytes.characters() == 3_258_227 - 1


def test_linux_is_not_utf8(data_dir):
    path = data_dir / "text/linux/linux_kernel_c.txt"
    with pytest.raises(DataError, match=r"is not utf-8 at byte [\d,]+ \(0xa9"):
        load_corpus(path)
    assert len(load_corpus(path, encoding="latin-1")) == 6_546_114
