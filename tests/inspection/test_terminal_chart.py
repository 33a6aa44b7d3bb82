import pytest

from suimon.inspection import Curve, draw_terminal
from suimon.inspection.terminal_chart import BrailleCanvas


def test_each_dot_has_its_unicode_bit():
    # Unicode names the dots of U+2801 … U+2880 "DOTS-1" … "DOTS-8"; 1 2 3 7 stand on the left.
    order = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    for number, (x, y) in enumerate(order):
        canvas = BrailleCanvas(1, 1)
        canvas.dot(x, y, "")
        assert canvas.row(0).plain == chr(0x2800 + (1 << number))


def test_dots_outside_are_left_out():
    canvas = BrailleCanvas(1, 1)
    for place in [(-1, 0), (0, -1), (2, 0), (0, 4)]:
        canvas.dot(*place, style="")
    assert canvas.row(0).plain == " "


def test_a_line_reaches_both_ends():
    canvas = BrailleCanvas(4, 2)
    canvas.line((0, 0), (7, 7), "")
    assert canvas.row(0).plain[0] == "⠑"
    assert canvas.row(1).plain[3] == "⢄"


def test_every_second_dot():
    canvas = BrailleCanvas(3, 1)
    canvas.line((0, 0), (5, 0), "", every=2)
    assert canvas.row(0).plain == "⠁⠁⠁"


def lines(curves, **size):
    return draw_terminal(curves, **size).plain.split("\n")


FALLING = Curve("valid", [0, 50, 100], [3.0, 2.0, 1.0])


def test_the_frame_names_its_ends():
    drawn = lines([FALLING], width=60, height=9)
    assert len(drawn) == 9 + 3
    assert all(len(line) <= 60 for line in drawn)
    assert drawn[0].lstrip().startswith("3.000 │⠉")
    assert drawn[4].lstrip().startswith("2.000 │")
    assert drawn[8].lstrip().startswith("1.000 │")
    assert drawn[8].endswith(("⢄", "⡀", "⣀"))
    assert drawn[10].split() == ["0", "100", "steps"]
    assert drawn[11].strip() == "── valid (lowest 1.0000 at step 100)"


def test_the_curve_goes_down_from_left_to_right():
    columns = {}
    for number, line in enumerate(lines([FALLING], width=60, height=9)[:9]):
        for column, character in enumerate(line.split("│")[1]):
            if character != " ":
                columns.setdefault(column, number)
    heights = [columns[column] for column in sorted(columns)]
    assert heights == sorted(heights)
    assert (heights[0], heights[-1]) == (0, 8)


def test_the_first_of_two_is_dotted():
    above = Curve("train", [0, 100], [3.0, 3.0])
    below = Curve("valid", [0, 100], [1.0, 1.0])
    drawn = lines([above, below], width=40, height=4)
    assert set(drawn[0].split("│")[1]) == {"⠁"}
    assert set(drawn[3].split("│")[1]) == {"⣀"}
    assert "┄┄ train" in drawn[-1]


@pytest.mark.parametrize("curve", [Curve("a", [7], [2.0]), Curve("a", [1, 2], [2.0, 2.0])])
def test_a_flat_curve_stands_in_the_middle(curve):
    drawn = lines([curve], width=40, height=5)
    filled = [number for number in range(5) if drawn[number].split("│")[1].strip()]
    assert filled == [2]
    assert drawn[2].lstrip().startswith("2.000")
