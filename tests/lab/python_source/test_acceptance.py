import pytest

from suimon.lab.python_source.acceptance import (
    ACCEPTED,
    LONGEST,
    NOT_PYTHON,
    REPEATED,
    SHORT_BODY,
    TOO_LONG,
    VERBATIM,
    first_function,
    is_complete,
    parsed_share,
)

GOOD = "def f(x):\n    y = x\n    return y\n"
END = "\ndef"


def dictated(*texts):
    """A sampler that writes what it is told to."""

    def sampler(prompt, *, count, limit, done):
        assert (prompt, count) == ("def ", len(texts))
        return list(texts)

    return sampler


def outcome(text: str, training_text: str = "") -> str:
    share = parsed_share(dictated(text), training_text, count=1)
    assert sum(share.outcomes.values()) == 1
    return next(iter(share.outcomes))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + END, ACCEPTED),
        ("def f(x):\n    if x:\n        return 1\nclass", ACCEPTED),
        ("def f(x):\n\n    y = x\n\n\n    return y\n\n\n\n@", ACCEPTED),
        ("def f():\n    for x in y:\n        pass\n    return\nx", ACCEPTED),
        (
            "def f():\n    a = 1\n    break\nx",
            ACCEPTED,
        ),  # the parser's business, not the compiler's
        ("def f():\n    assert (x, 'y')\n    return x is 1\nx", ACCEPTED),  # SyntaxWarning is quiet
        # empty and one-line bodies
        ("def f(): return x\nx", SHORT_BODY),
        ("def f(): a = 1; b = 2; return a\nx", SHORT_BODY),
        ("def f():\n    return x\nx", SHORT_BODY),
        ("def f():\n    a = 1; return a\nx", SHORT_BODY),
        ("def f():\n    pass\nx", SHORT_BODY),
        ("def f():\n    ...\n    pass\nx", SHORT_BODY),
        ("def f():\n    'a string'\n    return x\nx", SHORT_BODY),
        ('def f():\n    """Two\n    lines."""\n    return x\nx', SHORT_BODY),
        ("def f():\n    return (x,\n        y)\nx", SHORT_BODY),
        ("def f():\n\n    # a comment\n    return x\nx", SHORT_BODY),
        # what the parser refuses
        ("def f(:\n    a = 1\n    return a\nx", NOT_PYTHON),
        ("def f(x):\n    a = (1\n    return a\nx", NOT_PYTHON),
        ("def f(x):\n    a = 1\n      return a\nx", NOT_PYTHON),
        ("def f(x):\n    a = 'open\n    return a\nx", NOT_PYTHON),
        ("def f(x):\nreturn x", NOT_PYTHON),
        ("def f(x):\n    a = '''long\nstring'''\n    return a\n", NOT_PYTHON),
        ("def f(x):\n    a = (1,\n)\n    return a\n", NOT_PYTHON),  # ends at the bracket
        ("def f(x):\n    a = 1\n    return '\0'\nx", NOT_PYTHON),
        ("def f(x):\n    a = 1\n    return " + "(" * 900 + ")" * 500 + "\nx", NOT_PYTHON),
        ("def \nx", NOT_PYTHON),
        # no end
        (GOOD, TOO_LONG),
        (GOOD + "\n    \n", TOO_LONG),
        ("def ", TOO_LONG),
    ],
)
def test_each_rule(text, expected):
    assert outcome(text) == expected


def padded(length: int) -> str:
    head = "def f():\n    a = 1\n    return '"
    return head + "x" * (length - len(head) - 1) + "'"


def test_the_longest_function_and_one_character_more():
    assert len(padded(LONGEST)) == LONGEST
    assert outcome(padded(LONGEST) + "\n\n\nx") == ACCEPTED
    assert outcome(padded(LONGEST + 1) + "\n\n\nx") == TOO_LONG


def test_none_that_stands_in_the_training_text():
    function = GOOD.rstrip()
    assert outcome(GOOD + END, f"import x\n\n{GOOD}\nx = 1\n") == VERBATIM
    assert outcome(GOOD + END, f"{function} + 1\n") == VERBATIM  # as a part, too
    assert outcome(GOOD + END, GOOD.replace("y", "z")) == ACCEPTED


def test_duplicates_count_once_and_the_denominator_stays():
    refused = "def f(:\n    a\n    b\nx"
    share = parsed_share(dictated(GOOD + END, GOOD + "\n\nclass", refused, refused), "", count=4)
    assert share.outcomes == {ACCEPTED: 1, REPEATED: 1, NOT_PYTHON: 2}
    assert share.share == 0.25
    assert share.accepted == (GOOD.rstrip(),)
    assert len(share.samples) == 4


def test_all_alike_is_one_in_a_hundred():
    assert parsed_share(dictated(*[GOOD + END] * 100), "").share == 0.01


def test_a_sampler_that_writes_too_few_is_no_share():
    with pytest.raises(ValueError, match="wrote 1 texts, not the 100"):
        parsed_share(lambda prompt, **_: [GOOD], "")


def test_a_sampler_is_told_where_to_stop():
    told = {}

    def sampler(prompt, *, count, limit, done):
        told.update(limit=limit, done=done)
        return [GOOD + END]

    parsed_share(sampler, "", count=1)
    assert told["limit"] > LONGEST
    assert told["done"] is is_complete


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("def f():\n    a\n\n    b\nc", "def f():\n    a\n\n    b"),
        ("def f():\n    a\n   \n\t\nc", "def f():\n    a"),
        ("def f():\n    a\n# c", "def f():\n    a"),
        ("def f():\n    a\n", None),
        ("def f", None),
    ],
)
def test_where_a_function_ends(text, function):
    assert first_function(text) == function
    # A sampler may stop where is_complete says so: it has then written the whole function.
    stops = [size for size in range(1, len(text) + 1) if is_complete(text[:size])]
    assert bool(stops) == (function is not None)
    if stops:
        assert first_function(text[: stops[0]]) == function
