import gzip
import json
import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suimon.data.text.pieces import cut_between_words
from suimon.data.text.units import KINDS, UnitsOptions, fit_units, kind_class, units_from_state
from suimon.data.text.units.joining import joined
from suimon.data.text.units.splitters import SPLITTERS, splitter_named
from suimon.data.text.units.words import WordUnits
from suimon.errors import CheckpointError, ConfigError

any_text = st.text(st.characters(exclude_categories=["Cs"])) | st.text("ab \t\r\n水😀。\u3000")
SAMPLE = "The cat sat.\r\nThe cat  ate\tthe rat!\n\n水門は水の門。😀 café\n"
OPTIONS = [
    UnitsOptions("chars"),
    UnitsOptions("bytes"),
    UnitsOptions("words"),
    UnitsOptions("words", words="marks"),
    UnitsOptions("words", words="sudachi"),
    UnitsOptions("words", words="janome"),
    UnitsOptions("bpe", 300),
]
SPACED = {"whitespace", "marks"}  # forget how much blank there was
EXACT = [options for options in OPTIONS if options.kind != "words" or options.words not in SPACED]


def name(options: UnitsOptions) -> str:
    return options.kind if options.words == "whitespace" else options.words


def fitted(options: UnitsOptions, text: str):
    return fit_units(options, cut_between_words([text]))


every_kind = pytest.mark.parametrize("options", OPTIONS, ids=name)


def test_every_kind_and_splitter_is_tested():
    assert {options.kind for options in OPTIONS} == set(KINDS)
    assert {options.words for options in OPTIONS} == set(SPLITTERS)


@pytest.mark.parametrize("options", EXACT, ids=name)
@settings(max_examples=60, deadline=None)
@given(text=any_text)
def test_round_trip_is_exact(options, text):
    units = fit_units(options, [text])
    assert units.decode(units.encode(text)) == text
    assert units.unknown(text) == {}


@pytest.fixture(scope="module")
def bpe():
    return fitted(UnitsOptions("bpe", 300), SAMPLE * 5)


@settings(max_examples=200)
@given(text=any_text)
def test_bpe_is_exact_on_text_it_never_saw(bpe, text):
    assert bpe.decode(bpe.encode(text)) == text


@settings(max_examples=100, deadline=None)
@given(text=any_text)
def test_bpe_of_stretches_is_bpe_of_the_whole(bpe, text):
    whole = bpe._tokenizer.encode(text).ids
    assert bpe.encode(text).tolist() == whole


def test_bpe_forgets_stretches_but_not_how_to_encode(bpe, monkeypatch):
    before = bpe.encode(SAMPLE).tolist()
    monkeypatch.setattr("suimon.data.text.units.bpe._REMEMBERED_CHARACTERS", 5)
    assert bpe.encode(SAMPLE).tolist() == before
    assert bpe._remembered == {}
    assert bpe.encode(SAMPLE).tolist() == before


def test_bpe_merges_what_is_frequent():
    units = fitted(UnitsOptions("bpe", 260), "the then there " * 50)
    assert units.size == 260
    assert len(units.encode("the")) < 3


@every_kind
def test_state_is_json_and_gives_the_same_units(options):
    units = fitted(options, SAMPLE)
    again = units_from_state(json.loads(json.dumps(units.state())))
    assert again.symbols == units.symbols
    assert again.encode(SAMPLE + "new").tolist() == units.encode(SAMPLE + "new").tolist()
    assert again.state() == units.state()


@every_kind
def test_shape_of_units(options):
    units = fitted(options, SAMPLE)
    ids = units.encode(SAMPLE)
    assert ids.dtype == units.dtype
    assert len(units.symbols) == units.size > int(ids.max())
    assert units.encode("").shape == (0,)
    assert units.decode([]) == ""


@every_kind
@settings(max_examples=40, deadline=None)
@given(text=any_text)
def test_characters_that_tokens_cover_add_up(options, text):
    units = fitted(options, SAMPLE)
    piece = text.encode() if units.reads == "bytes" else text
    ids, lengths = units.encode_piece(piece)
    covered = units.characters_by_id[ids] if lengths is None else lengths
    assert len(covered) == len(ids)
    assert int(covered.sum()) == len(text)


@every_kind
@settings(max_examples=40, deadline=None)
@given(text=any_text, cut=st.integers(0, 20))
def test_streaming_decoder_continues_a_prompt(options, text, cut):
    units = fitted(options, text + SAMPLE)
    ids = units.encode(text).tolist()
    cut = min(cut, len(ids))
    while cut and units.decode(ids[:cut]).endswith("\ufffd"):
        cut -= 1  # a prompt that ends inside a character decodes to what stands for half of it
    decoder = units.streaming_decoder(ids[:cut])
    shown = "".join(map(decoder.push, ids[cut:])) + decoder.finish()
    assert units.decode(ids[:cut]) + shown == units.decode(ids)


def test_half_a_character_is_held_back_and_then_marked():
    units = fitted(UnitsOptions("bytes"), "")
    decoder = units.streaming_decoder()
    assert [decoder.push(byte) for byte in "水".encode()] == ["", "", "水"]
    assert decoder.push("水".encode()[0]) == ""
    assert decoder.finish() == "\ufffd"


def test_unknown_characters_are_reported_and_scored_as_one_token():
    units = fitted(UnitsOptions("chars"), "hello")
    assert units.unknown("hexagon x") == {"x": 2, "a": 1, "g": 1, "n": 1, " ": 1}
    assert units.encode("he?").tolist() == [units.encode("h")[0], units.encode("e")[0], 0]
    assert units.unknown_id == 0
    assert units.decode([0]) == "\ufffd"
    assert units.encode("\ud800").tolist() == [0]  # a lone surrogate from the command line


def test_known_replacement_character_is_not_the_unknown():
    units = fitted(UnitsOptions("chars"), "a\ufffd")
    assert units.encode("\ufffd").tolist() == [2]
    assert units.unknown("\ufffd") == {}


def test_unknown_words():
    units = fitted(UnitsOptions("words", vocabulary=2), "b a b c a b\n")
    assert units.symbols == ("<unk>", "b", "a")
    assert units.encode("a b c d c").tolist() == [2, 1, 0, 0, 0]
    assert units.unknown("a b c d c") == {"c": 2, "d": 1}
    assert units.decode([2, 0, 1]) == "a <unk> b"


def test_unknown_written_out_in_the_text_is_the_unknown():
    units = fitted(UnitsOptions("words"), "the <unk> sat")
    assert units.symbols.count("<unk>") == 1
    assert units.encode("<unk>").tolist() == [0]


def test_vocabulary_keeps_the_most_frequent_characters():
    units = fitted(UnitsOptions("chars", vocabulary=2), "aabbbc")
    assert units.symbols == ("<unk>", "a", "b")
    assert units.unknown("abc") == {"c": 1}


def test_line_ends_are_words_and_text_stays_readable():
    text = "  To be,  or\tnot\r\n\n to be\n"
    units = fitted(UnitsOptions("words"), text)
    ids = units.encode(text)
    assert [units.symbols[i] for i in ids] == [
        *("To", "be,", "or", "not", "\r\n"),
        "\n",
        *("to", "be", "\n"),
    ]
    assert units.decode(ids) == "To be, or not\r\n\nto be\n"


@given(st.lists(st.lists(st.text("abc,", min_size=1), min_size=1), min_size=1))
def test_words_separated_by_one_blank_make_the_round_trip(lines):
    text = "\n".join(map(" ".join, lines))
    units = fitted(UnitsOptions("words"), text)
    assert units.decode(units.encode(text)) == text


@pytest.mark.parametrize(
    ("name", "word"),
    [("whitespace", r"\r\n|[\r\n]|\S+"), ("marks", r"\r\n|[\r\n]|\w+(?:['-]\w+)*|[^\w\s]")],
)
@given(text=st.text("ab,'-☕ \t\r\n\u3000\x1c\x85"))
def test_lengths_of_words_reach_to_the_next_word(name, word, text):
    splitter = splitter_named(name)
    words = splitter.split(text)
    starts = [found.start() for found in re.finditer(word, text)]
    ends = np.cumsum(splitter.lengths(text, words)).tolist()
    assert ends == ([*starts[1:], len(text)] if text else [])


def test_long_japanese_line_is_cut_for_the_analyser():
    line = "吾輩は猫である。名前はまだ無い。" * 4000  # sudachi refuses 49,150 bytes
    words = splitter_named("sudachi").split(line)
    assert "".join(words) == line
    assert words[:4] == ["吾輩", "は", "猫", "で"]


def test_the_rarer_half_is_forgotten_when_there_are_too_many_words(monkeypatch):
    texts = ["a a a b b c d e f g h i j k", "k k"]
    assert fit_units(UnitsOptions("words", vocabulary=2), texts).symbols == ("<unk>", "a", "k")
    monkeypatch.setattr("suimon.data.text.units.words._COUNTED", 10)
    # The first k was among the words forgotten after the first piece, so k ties with b.
    assert fit_units(UnitsOptions("words", vocabulary=2), texts).symbols == ("<unk>", "a", "b")
    assert WordUnits.fit(texts).symbols[:3] == ("<unk>", "a", "k")


def test_many_words_of_one_frequency_still_fill_the_vocabulary(monkeypatch):
    monkeypatch.setattr("suimon.data.text.units.words._COUNTED", 10)
    texts = [f"word{i} other{i}" for i in range(50)]
    assert fit_units(UnitsOptions("words", vocabulary=2), texts).size == 3


def test_wikitext_vocabulary(data_dir):
    text = gzip.decompress((data_dir / "text/wiki/train.txt.gz").read_bytes()).decode()
    units = fit_units(UnitsOptions("words", vocabulary=10**6), [text])
    assert units.size == 33_278
    assert len(units.encode(text)) == 2_088_628


def test_missing_extra_is_named_with_the_command(monkeypatch):
    for package, words in (("sudachipy", "sudachi"), ("janome.tokenizer", "janome")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(
            ConfigError, match=rf"--words {words} needs .*pip install 'suimon\[text-ja\]'"
        ):
            SPLITTERS[words]()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "letters"}, "units 'letters' is not one of chars, bytes, words, bpe"),
        ({"kind": "bytes", "vocabulary": 9}, "vocabulary 9 does not apply to units bytes"),
        ({"kind": "bpe", "vocabulary": 256}, "vocabulary 256 is too small for units bpe: use 257"),
        ({"kind": "words", "vocabulary": 0}, "vocabulary 0 is too small for units words: use 1"),
    ],
)
def test_wrong_options(arguments, message):
    with pytest.raises(ConfigError, match=message):
        UnitsOptions(**arguments)


def test_wrong_splitter():
    with pytest.raises(
        ConfigError, match="words 'mecab' is not one of whitespace, marks, sudachi, janome"
    ):
        fit_units(UnitsOptions("words", words="mecab"), ["a"])


def test_damaged_state():
    with pytest.raises(CheckpointError, match="describes units 'runes', which are not one of"):
        units_from_state({"kind": "runes"})
    with pytest.raises(CheckpointError, match="does not describe its units 'chars' fully"):
        units_from_state({"kind": "chars"})


def test_smallest_dtype():
    assert fit_units(UnitsOptions(), ["".join(map(chr, range(1, 256)))]).dtype == np.uint8
    assert fit_units(UnitsOptions(), ["".join(map(chr, range(1, 257)))]).dtype == np.uint16
    assert kind_class("words")(map(str, range(70_000))).dtype == np.uint32


@given(st.text(alphabet=list("ab1 .,;'\"-()„“”’‘%$\n。「」:!?[]"), max_size=20))
def test_words_and_marks_are_put_together_so_that_they_are_found_again(text):
    splitter = splitter_named("marks")
    words = splitter.split(text) if text.strip(" ") else []
    assert splitter.split(joined(words, splitter.joiner())) == words


@pytest.mark.parametrize(
    "text",
    [
        'He said: "Come on, now!" (twice); the dogs\' owner paid $5, not 90%.',
        "„Ja“, sagte er. Was? Nein…\n¿Qué? Well-made, isn't it?",
        "今日は「晴れ」です。明日は、雨。",
    ],
)
def test_marks_stand_where_they_are_written(text):
    splitter = splitter_named("marks")
    assert joined(splitter.split(text), splitter.joiner()) == text
