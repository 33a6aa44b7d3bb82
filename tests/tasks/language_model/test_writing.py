"""Writing: against networks that recite, and by what one seed promises."""

import pytest
import torch

from suimon.data.text import UnitsOptions, fit_units
from suimon.data.text.units.chars import CharUnits
from suimon.data.text.units.raw_bytes import ByteUnits
from suimon.errors import ConfigError
from suimon.tasks.language_model.config import LanguageModelConfig
from suimon.tasks.language_model.model import build_network
from suimon.tasks.language_model.writing import Piece, Writer, line_start
from tests.tasks.language_model.conftest import Bigram, Reciter

UNITS = CharUnits("\n abcdefg")


def random_network(cell: str = "gru"):
    torch.manual_seed(5)
    config = LanguageModelConfig(cell=cell, layers=1, hidden=8, embedding=4)
    return build_network(config, UNITS.size).eval()


def reciter(text: str, units) -> Reciter:
    return Reciter(units.encode(text).tolist(), units.size)


def texts(pieces, count: int = 1) -> list[str]:
    written = [""] * count
    for row, text in pieces:
        written[row] += text
    return written


def test_a_reciting_network_is_heard_unit_by_unit():
    writer = Writer(reciter("abc def", UNITS), UNITS, seed=0)
    assert list(writer.write(4)) == [Piece(0, c) for c in "abc "]
    assert texts(writer.write(5)) == ["defab"]


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
def test_only_whole_characters_are_shown(kind):
    text = "水 é\N{WATER WAVE}"
    units = fit_units(UnitsOptions(kind, 257 if kind == "bpe" else None), [text])
    ids = units.encode(text)
    writer = Writer(reciter(text, units), units, seed=0)
    pieces = [piece.text for piece in writer.write(len(ids))]
    assert "".join(pieces) == text
    if kind == "bytes":
        assert pieces == list(text)
        assert len(ids) > len(text)


def test_a_character_that_the_length_cuts_off_is_not_shown_but_can_be_completed():
    units = ByteUnits()
    writer = Writer(reciter("水a", units), units, seed=0)
    assert list(writer.write(2)) == []
    assert texts(writer.write(2)) == ["水a"]


def test_words_are_separated_from_the_prompt_and_each_other():
    units = fit_units(UnitsOptions("words"), ["to be or not"])
    writer = Writer(reciter("be or not", units), units, seed=0)
    writer.read("")
    assert texts(writer.write(3)) == ["be or not"]
    prompted = Writer(reciter("to be or not", units), units, seed=0)
    prompted.read("to")  # recites its second word next
    assert texts(prompted.write(2)) == [" be or"]


@pytest.mark.parametrize(
    ("until", "expected"),
    [("c", "abc"), ("c d", "abc d"), ("f", "abc def"), ("zz", "abc defabc")],
)
def test_writing_stops_at_the_text_asked_for(until, expected):
    writer = Writer(reciter("abc def", UNITS), UNITS, seed=0)
    assert texts(writer.write(10, until=until)) == [expected]


def test_an_ending_inside_a_unit_cuts_it():
    units = fit_units(UnitsOptions("words"), ["spring summer"])
    writer = Writer(reciter("spring summer", units), units, seed=0)
    assert texts(writer.write(5, until="g su")) == ["spring su"]


def test_the_prompt_does_not_count_for_the_ending():
    writer = Writer(reciter("abc def", UNITS), UNITS, seed=0)
    writer.read("abc")
    assert texts(writer.write(20, until="abc")) == [" defabc"]


def test_one_seed_gives_one_text_and_another_seed_another():
    network = random_network()
    first, again, other = (texts(Writer(network, UNITS, seed=seed).write(80)) for seed in (3, 3, 4))
    assert first == again != other
    unseeded = {texts(Writer(network, UNITS).write(80))[0] for _ in range(3)}
    assert len(unseeded) == 3


def test_a_text_does_not_depend_on_how_many_are_written_beside_it():
    network = random_network()
    five = texts(Writer(network, UNITS, count=5, seed=3).write(60), 5)
    two = texts(Writer(network, UNITS, count=2, seed=3).write(60), 2)
    assert five[:2] == two
    assert len(set(five)) == 5


def test_a_longer_text_begins_like_a_shorter_one():
    network = random_network()
    short, long = (texts(Writer(network, UNITS, seed=3).write(n))[0] for n in (50, 300))
    assert long.startswith(short)


def test_frequencies_are_those_of_the_network_at_temperature_one():
    table = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.3, 0.2] + [0.0] * 4).log().expand(10, -1)
    written = texts(Writer(Bigram(table.clone()), UNITS, seed=1).write(3000, temperature=1.0))[0]
    for character, share in zip("abc", (0.5, 0.3, 0.2), strict=True):
        assert written.count(character) / 3000 == pytest.approx(share, abs=0.035)


def test_temperature_zero_takes_the_likeliest_each_time():
    network = random_network()
    writer = Writer(network, UNITS, seed=1)
    writer.read("ab")
    tokens = UNITS.encode("\nab").astype("int64").tolist()
    for _ in range(12):
        with torch.no_grad():
            logits = network(torch.tensor(tokens).unsqueeze(1))[0][-1, 0]
        logits[0] = -torch.inf
        tokens.append(int(logits.argmax()))
    assert texts(writer.write(12, temperature=0.0)) == [UNITS.decode(tokens[3:])]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_unknown_is_never_written_however_likely(temperature):
    table = torch.zeros(UNITS.size, UNITS.size)
    table[:, 0] = 50.0
    written = texts(Writer(Bigram(table), UNITS, seed=1).write(50, temperature=temperature))[0]
    assert "\N{REPLACEMENT CHARACTER}" not in written
    assert len(written) == 50


@pytest.mark.parametrize("count", [1, 3])
def test_turns_go_on_from_all_that_was_read_and_written(count):
    network = random_network("lstm")
    writer = Writer(network, UNITS, count=count, seed=2)
    writer.read("abc")
    said = texts(writer.write(6), count)
    writer.read("gg")
    answered = texts(writer.write(5, temperature=0.0), count)
    for row in range(count):
        fresh = Writer(network, UNITS, seed=0)
        fresh.read("abc" + said[row] + "gg")
        assert texts(fresh.write(5, temperature=0.0)) == [answered[row]]


def test_reading_nothing_between_turns_changes_nothing():
    network = random_network()
    writer, other = Writer(network, UNITS, seed=2), Writer(network, UNITS, seed=2)
    first = texts(writer.write(5))[0]
    writer.read("")
    assert first + texts(writer.write(5))[0] == texts(other.write(10))[0]


@pytest.mark.parametrize(
    ("known", "start"), [("ab\n c", "\n"), ("ab c", " "), ("a。b", "。"), ("xyz", "x")]
)
def test_something_is_read_before_the_prompt(known, start):
    units = CharUnits("".join(sorted(known)))
    assert line_start(units) == units.encode(start).tolist()


def test_units_that_were_never_seen_are_read_as_the_unknown():
    network = random_network()
    one, other = Writer(network, UNITS, seed=2), Writer(network, UNITS, seed=2)
    one.read("aé")
    other.read("a水")
    assert texts(one.write(20)) == texts(other.write(20))


def test_nothing_is_written_where_nothing_is_asked_for():
    assert list(Writer(random_network(), UNITS, seed=0).write(0)) == []


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ({"count": 0}, {}, "count is 0; give 1 or more"),
        ({}, {"length": -1}, "length is -1; give 0 or more"),
        ({}, {"until": ""}, "until is empty"),
        ({}, {"temperature": -1.0}, r"temperature is -1\.0"),
        ({}, {"top_p": 2.0}, r"top_p is 2\.0"),
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_written(arguments, options, message):
    with pytest.raises(ConfigError, match=message):
        Writer(random_network(), UNITS, **arguments).write(**options)
