"""Pictures as inline SVG: no script, colours by the classes of `historian._show.html`, and of the text around.

Places are percentages, so a picture takes the width that there is, and its texts keep their size.  The curve alone is
stretched: it is in an inner picture of its own.
"""

from __future__ import annotations

import math

from .names import cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .view import Density, Interval

__all__ = ["density", "interval", "spark"]

COLUMNS = 120  # of a curve, at most
SPARK_COLUMNS = 40
NARROW = 320  # pixels: the width at which labels must not overlap
CHARACTER = 7  # pixels of a character of a label
LINE, CURVE = 13, 84  # pixels: the heights of a line of labels, and of the curve
TICKS = 5  # at most


def density(picture: Density, label: str) -> str:
    """Return a picture of a density with its marks above and its axis below; `label` is escaped text for readers."""
    lines = _lines_of_labels(picture)
    top = 4 + LINE * (1 + max(lines, default=0)) if lines else 2
    foot = top + CURVE
    parts = [f'<svg class="hsn-d" role="img" aria-label="{label}" width="100%" height="{foot + 18}">']
    parts.append(f'<svg y="{top}" width="100%" height="{CURVE}" {_curves(picture)}</svg>')
    parts.append(f'<line x2="100%" y1="{foot}" y2="{foot}" stroke="currentColor" stroke-opacity=".5"/>')
    for place, text in picture.axis.ticks(TICKS):
        x = _percent(place)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{foot}" y2="{foot + 4}" stroke="currentColor" stroke-opacity=".5"/>')
        parts.append(_text(place, foot + 15, text, "hsn-f"))
    for (name, value), line in zip(picture.marks, lines):
        place = picture.axis.place(value)
        x, y = _percent(place), 11 + LINE * line
        parts.append(f'<line class="hsn-m" x1="{x}" x2="{x}" y1="{top}" y2="{foot}" stroke="currentColor"/>')
        parts.append(_text(place, y, name, "hsn-t"))
    return "".join([*parts, "</svg>"])


def spark(picture: Density, label: str) -> str:
    """Return a small picture of a density without axis."""
    return (
        f'<svg class="hsn-s" role="img" aria-label="{label}" width="96" height="18" '
        f"{_curves(picture, SPARK_COLUMNS)}</svg>"
    )


def interval(cell: Interval, label: str) -> str:
    """Return a small picture of an interval: a line with a dot; an open side is dashed to the end."""
    parts = [f'<svg class="hsn-i" role="img" aria-label="{label}" width="96" height="14">']
    if cell.reference is not None:
        x = _at(cell, cell.reference)
        parts.append(f'<line x1="{x}" x2="{x}" y2="14" stroke="currentColor" stroke-opacity=".5"/>')
    for end, edge in ((cell.lower, 0.0), (cell.upper, 1.0)):
        is_open = math.isinf(end)
        x = f"{100 * edge:g}%" if is_open else _at(cell, end)
        dashes = ' stroke-dasharray="3 2"' if is_open else ""
        parts.append(f'<line class="hsn-l" x1="{x}" x2="{_at(cell, cell.value)}" y1="7" y2="7"{dashes}/>')
        if not is_open:
            parts.append(f'<line class="hsn-l" x1="{x}" x2="{x}" y1="4" y2="10"/>')
    parts.append(f'<circle class="hsn-c" cx="{_at(cell, cell.value)}" cy="7" r="3.5"/>')
    return "".join([*parts, "</svg>"])


def _at(cell: Interval, value: float) -> str:
    """Return where a value lies in a picture of an interval, with room for the dot at both ends."""
    return _percent(0.04 + 0.92 * cell.axis.place(value))


def _curves(picture: Density, most: int = COLUMNS) -> str:
    """Return what follows in a picture's tag that holds the curves, stretched to its size."""
    front, behind = picture.heights(most)
    paths = f'<path class="hsn-b" d="{_path(behind)}"/>' if behind else ""
    paths += f'<path class="hsn-a" d="{_path(front)}"/>'
    return f'viewBox="0 0 {len(front)} 100" preserveAspectRatio="none">{paths}'


def _path(heights: Sequence[float]) -> str:
    """Return the outline of bars: a value that is there at all is seen."""
    parts, last = ["M0 100"], 100
    for k, height in enumerate(heights):
        y = 100 - max(math.ceil(100 * height), 2) if height else 100
        if y != last:
            parts.append(f"H{k}V{y}")
            last = y
    return "".join([*parts, f"H{len(heights)}V100Z"])


def _text(place: float, y: int, text: str, name: str) -> str:
    """Return a label and a space: the label is all that Jupyter leaves of it in a notebook that it does not trust."""
    anchor = "start" if place < 0.08 else "end" if place > 0.92 else "middle"
    return f'<text class="{name}" x="{_percent(place)}" y="{y}" text-anchor="{anchor}">{text}</text> '


def _percent(place: float) -> str:
    return f"{100 * place:.4g}%"


def _lines_of_labels(picture: Density) -> list[int]:
    """Return the line of each mark's label, from 0: the lowest in which it overlaps no other on a narrow screen."""
    found: list[int] = []
    ends: list[float] = []  # of the last label in each line, in pixels
    for name, value in picture.marks:
        place, width = picture.axis.place(value), CHARACTER * len(cut(name, 12))
        start = NARROW * place - (0 if place < 0.08 else width if place > 0.92 else width / 2)
        line = next((k for k, end in enumerate(ends) if end < start), len(ends))
        ends[line : line + 1] = [start + width + 4]
        found.append(line)
    return found
