"""Pictures of block characters, for terminals."""

from __future__ import annotations

import math

from .names import cut
from .table import text_width
from .view import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .view import Density, Interval

__all__ = ["density", "interval", "spark"]

BLOCKS = " ▁▂▃▄▅▆▇█"
LINES = 4  # of a curve
SPARK, INTERVAL = 16, 21  # columns


def density(picture: Density, width: int) -> list[str]:
    """Return the lines of a picture: the curve, the axis with its marks, the names of the marks, the ticks."""
    front, behind = picture.heights(width)
    axis = picture.axis
    marks = [(_column(axis.place(value), width), name) for name, value in picture.marks]
    ticks = [(_column(place, width), label) for place, label in axis.ticks(max(2, min(6, width // 12)))]
    line = ["─"] * width
    for column, _ in ticks:
        line[column] = "┬"
    for column, _ in marks:
        line[column] = "┴" if line[column] == "─" else "┼"
    found = [*_names(marks, width), *_bars(front, width), "".join(line), *_names(ticks, width)]
    if behind:
        found = [*found, f"{plain(picture.behind_name, width - 1)}:", *_bars(behind, width, lines=2)]
    return [one.rstrip() for one in found]


def spark(picture: Density) -> str:
    """Return a curve in one line of 16 columns."""
    return _bars(picture.heights(SPARK)[0], SPARK, lines=1)[0]


def interval(cell: Interval) -> str:
    """Return an interval in 21 columns, such as ``├──●────┤``; an open side is dotted to the end."""
    line = [" "] * INTERVAL
    if cell.reference is not None:
        line[_column(cell.axis.place(cell.reference), INTERVAL)] = "│"
    at = _column(cell.axis.place(cell.value), INTERVAL)
    for end, edge, mark in ((cell.lower, 0, "├"), (cell.upper, INTERVAL - 1, "┤")):
        is_open = math.isinf(end)
        to = edge if is_open else _column(cell.axis.place(end), INTERVAL)
        line[min(at, to) : max(at, to) + 1] = ("┄" if is_open else "─") * (abs(at - to) + 1)
        line[to] = line[to] if is_open else mark
    line[at] = "●"
    return "".join(line)


def _bars(heights: Sequence[float], width: int, lines: int = LINES) -> list[str]:
    """Return the lines of bars, highest first; each height takes an equal part of the width."""
    eighths = [max(1, math.ceil(8 * lines * height)) if height else 0 for height in heights]
    spread = [eighths[k * len(eighths) // width] for k in range(width)]
    return ["".join(BLOCKS[min(8, max(0, one - 8 * line))] for one in spread) for line in reversed(range(lines))]


def _names(found: Iterable[tuple[int, str]], width: int) -> list[str]:
    """Return lines with names, each centred on its column, as many lines as are needed so that none overlap."""
    lines: list[str] = []
    for column, name in found:
        name = cut(name, width)
        wide = text_width(name)
        start = max(0, min(column - wide // 2, width - wide))
        free = [k for k, line in enumerate(lines) if text_width(line) < start + (not line)]
        if not free:
            lines.append("")
            free = [len(lines) - 1]
        lines[free[0]] += " " * (start - text_width(lines[free[0]])) + name
    return lines[::-1]


def _column(place: float, width: int) -> int:
    return min(width - 1, int(place * width))
