"""`View`: what is shown of an object, by whatever shows it: a title, a picture, tables and notes.

Texts are plain: a renderer escapes what its output would not show as it is.  All of them pass `plain`.
"""

from __future__ import annotations

from typing import NamedTuple

from .._values.text import printable, shortened
from .axis import Axis
from .density import column_shares, columns_for
from .names import cut
from .table import without_heaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

__all__ = ["Cell", "Density", "Interval", "Table", "View", "plain"]


class Density(NamedTuple):
    """A density on a logarithmic axis, with marks.

    Heights are square roots of densities: a mode of 1 % of the values is a tenth as high as one of all, and is seen.
    """

    axis: Axis
    below: Callable[[Sequence[float]], Sequence[float]]  # the shares at or below values, in 0..1
    size: float  # number of values, in (0, inf]: more of them support more columns
    marks: Sequence[tuple[str, float]] = ()  # name and value, ascending
    behind: Callable[[Sequence[float]], Sequence[float]] | None = None  # another distribution to compare with
    behind_name: str = ""

    def heights(self, most: int) -> tuple[list[float], list[float]]:
        """Return the heights in at most so many columns, 0..1; of `below`, and of `behind` or none."""
        columns = min(most, columns_for(self.size))
        shares = [column_shares(below, self.axis, columns) for below in (self.below, self.behind) if below]
        top = max(map(max, shares)) or 1.0
        heights = [[(share / top) ** 0.5 for share in part] for part in shares]
        return heights[0], heights[1] if len(heights) > 1 else []


class Interval(NamedTuple):
    """An interval on an axis that all intervals of its column share."""

    axis: Axis
    value: float
    lower: float  # at most `value`, or -inf
    upper: float  # at least `value`, or inf
    reference: float | None = None  # a value to compare with, such as 1 for a ratio


Cell: TypeAlias = str | Interval | Density


class Table(NamedTuple):
    """Rows below headers.  The first column is aligned left, the others right."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    spare: Sequence[str] = ()  # headers of columns that a narrow terminal leaves out, in this order


class View(NamedTuple):
    """What is shown of an object."""

    title: str
    facts: str  # what is said beside the title
    picture: Density | None = None
    caption: str = ""  # what the picture shows, for those who do not see it
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


def plain(text: str, width: int) -> str:
    r"""Return text of at most `width` columns that neither moves a cursor nor changes the direction of writing.

    Marks over and under a character take no column, and four of them stay: a heap would cover the lines around.

    >>> plain("a\u202eb" + "c" * 3_000, 12)
    'a\\u202~ccccc'
    >>> plain("e" + "\u0301" * 30, 12) == "e" + "\u0301" * 4 + "~"
    True
    """
    text = without_heaps(printable(shortened(text, 4 * width)))
    if len(text) <= width and text.isascii():
        return text
    short = cut(text, width)
    return short if len(short) <= 2 * width else f"{short[:width]}~"
