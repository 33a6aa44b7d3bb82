"""Curves in a terminal, in braille: each character cell holds two dots across and four down."""

from collections.abc import Sequence

from rich.text import Text

from suimon.inspection.curves import Curve

_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille cell, by row and column; Unicode counts them in this order."""

_STYLES = ("cyan", "bold yellow", "magenta", "green")
_LABEL = 9
"""Characters left of the axis."""


class BrailleCanvas:
    """A grid of dots, ``2 * columns`` across and ``4 * rows`` down, drawn as braille characters.

    Args:
        columns: characters across.
        rows: characters down.

    Example:
        >>> canvas = BrailleCanvas(2, 1)
        >>> canvas.line((0, 3), (3, 0), style="")
        >>> canvas.row(0).plain
        '⡠⠊'
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self._bits = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]

    def dot(self, x: int, y: int, style: str) -> None:
        """Set one dot, counted from the upper left; outside the grid nothing happens."""
        row, column = y // 4, x // 2
        if 0 <= row < self.rows and 0 <= column < self.columns:
            self._bits[row][column] |= _DOTS[y % 4][x % 2]
            self._styles[row][column] = style

    def line(
        self, start: tuple[int, int], end: tuple[int, int], style: str, every: int = 1
    ) -> None:
        """Set the dots between two dots, both included; of these only every so many."""
        (x, y), (last_x, last_y) = start, end
        steps = max(abs(last_x - x), abs(last_y - y), 1)
        for place in range(0, steps + 1, every):
            part = place / steps
            self.dot(round(x + part * (last_x - x)), round(y + part * (last_y - y)), style)

    def row(self, number: int) -> Text:
        """One row of characters."""
        text = Text()
        for bits, style in zip(self._bits[number], self._styles[number], strict=True):
            text.append(chr(_BLANK + bits) if bits else " ", style=style)
        return text


def draw_terminal(curves: Sequence[Curve], *, width: int = 80, height: int = 16) -> Text:
    """Draw the curves over common axes, with a legend.

    The first curve is dotted, so that two are told apart without colour.

    Args:
        curves: at least one.
        width: characters across, 30 or more.
        height: rows of the drawing, without axis and legend, 4 or more.

    Returns:
        Styled text for a ``rich`` console; ``.plain`` is the same without colour.
    """
    columns = max(width, 30) - _LABEL - 2
    height = max(height, 4)
    steps = [step for curve in curves for step in curve.steps]
    values = [value for curve in curves for value in curve.values]
    first, last = min(steps), max(steps)
    lowest, highest = min(values), max(values)
    if highest - lowest < 1e-3:  # a flat line goes through the middle
        lowest, highest = lowest - 0.5, highest + 0.5
    canvas = BrailleCanvas(columns, height)

    def place(step: float, value: float) -> tuple[int, int]:
        across = (step - first) / ((last - first) or 1)
        down = (highest - value) / (highest - lowest)
        return round(across * (2 * columns - 1)), round(down * (4 * height - 1))

    for number, curve in enumerate(curves):
        style = _STYLES[number % len(_STYLES)]
        dots = [place(*point) for point in zip(curve.steps, curve.values, strict=True)]
        for start, end in zip(dots, dots[1:] or dots, strict=False):
            canvas.line(start, end, style, every=2 if number == 0 and len(curves) > 1 else 1)
    return _framed(canvas, (first, last), (lowest, highest), _legend(curves))


def _legend(curves: Sequence[Curve]) -> Text:
    legend = Text(" " * (_LABEL + 2))
    for number, curve in enumerate(curves):
        mark = "┄┄" if number == 0 and len(curves) > 1 else "──"
        legend.append(mark, style=_STYLES[number % len(_STYLES)])
        step, value = curve.lowest
        legend.append(f" {curve.name} (lowest {value:.4f} at step {step:,.0f})   ")
    legend.rstrip()
    return legend


def _framed(
    canvas: BrailleCanvas,
    steps: tuple[float, float],
    values: tuple[float, float],
    legend: Text,
) -> Text:
    """The canvas between its axes: values on the left, steps below."""
    lowest, highest = values
    labelled = {0, canvas.rows // 2, canvas.rows - 1}
    lines = []
    for number in range(canvas.rows):
        value = highest - (highest - lowest) * number / (canvas.rows - 1)
        label = f"{value:.3f}" if number in labelled else ""
        line = Text(f"{label:>{_LABEL}} │")
        line.append_text(canvas.row(number))
        lines.append(line)
    lines.append(Text(" " * _LABEL + " └" + "─" * canvas.columns))
    left, right = f"{steps[0]:,.0f}", f"{steps[1]:,.0f} steps"
    gap = max(1, canvas.columns - len(left) - len(right))
    lines.append(Text(" " * (_LABEL + 2) + left + " " * gap + right))
    lines.append(legend)
    return Text("\n").join(lines)
