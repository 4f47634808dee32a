"""How pictures look: colours, styles of lines, bands, legends, notes."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._show.names import shortened
from .._show.table import without_heaps
from .._values.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Literal

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

__all__ = [
    "COLORS", "OPEN", "Style", "band", "finite", "footnote", "grid", "legend", "note", "plain", "style_of",
    "text_color",
]  # fmt: skip

#: Blue, vermilion, green and purple of Okabe & Ito (Color Universal Design, 2008), an ochre and a grey.  The relative
#: luminance of each is in 0.12..0.29, so its contrast is at least 3:1 both to white and to black (WCAG 2, 1.4.11).
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a67c00", "#808080")

#: For each colour a style of lines, so that curves differ without colours.
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)), (0, (8, 2)), (0, (3, 1, 1, 1)))

MAX_NAME_WIDTH = 36  # columns of a name in a legend
MAX_NAMES = 12  # in a legend
MANY = 6  # entries of a legend; more of them are smaller

#: Stands for infinity in coordinates, and its inverse for 0: beyond every picture, but the logarithm is finite.
OPEN = 1e307


class Style(NamedTuple):
    """Colour and line of a curve."""

    color: str
    line: Any

    @property
    def curve(self) -> dict[str, Any]:
        """The arguments for a line of matplotlib."""
        return {"color": self.color, "linestyle": self.line, "linewidth": 1.8}


def style_of(k: int) -> Style:
    """Return the style of the k-th curve; there are 36, and then they begin again."""
    return Style(COLORS[k % len(COLORS)], LINES[(k + k // len(COLORS)) % len(LINES)])


def text_color(ax: Axes) -> Any:
    """Return the colour of texts, which suits the background."""
    return ax.xaxis.label.get_color()


def band(
    ax: Axes, x: _Floats, lower: _Floats, upper: _Floats, color: str, *, is_share: bool = False, alpha: float = 0.32
) -> list[Artist]:
    """Draw the intervals from `lower` to `upper` as a band; return it, and its open part if there is one.

    Where a bound is missing (infinity, or 0 unless it is that of a share), the band goes on to the edge of the picture,
    and is hatched.
    """
    import numpy
    from matplotlib.collections import PolyCollection

    is_open = ~numpy.isfinite(upper) | ((lower <= 0) & (not is_share))
    low, high = numpy.clip(lower, 1 / OPEN, None), numpy.clip(upper, None, OPEN)
    look: dict[str, Any] = {"color": color, "linewidth": 0, "zorder": 1.5}
    hatched = {"alpha": 1.6 * alpha, "hatch": "////"}
    drawn: list[Artist] = []
    for where, more in ((~is_open, {"alpha": alpha}), (_with_neighbours(is_open), hatched)):
        if where.any():
            fill = PolyCollection([_outline(x[run], low[run], high[run]) for run in _runs(where)], **look, **more)
            if "hatch" in more:
                fill.set_facecolor("none")
            drawn.append(ax.add_collection(fill, autolim=False))  # the limits of the axes stay finite
    return drawn


def _outline(x: _Floats, low: _Floats, high: _Floats) -> _Floats:
    import numpy

    there, back = numpy.column_stack([x, low]), numpy.column_stack([x, high])[::-1]
    return numpy.concatenate([there, back])


def _runs(where: NDArray[np.bool_]) -> list[slice]:
    """Return the slices in which `where` is true.

    >>> import numpy
    >>> _runs(numpy.array([True, True, False, True]))
    [slice(0, 2, None), slice(3, 4, None)]
    """
    import numpy

    changes = numpy.flatnonzero(numpy.diff(numpy.concatenate([[False], where, [False]]).astype(numpy.int8)))
    return [slice(int(start), int(end)) for start, end in zip(changes[::2], changes[1::2])]


def _with_neighbours(is_open: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where to draw the open part, so that it touches the closed part."""
    wide: NDArray[np.bool_] = is_open.copy()
    wide[:-1] |= is_open[1:]
    wide[1:] |= is_open[:-1]
    return wide


def legend(
    ax: Axes,
    handles: Sequence[Artist],
    names: Sequence[str],
    bands: Sequence[Artist],
    confidence: float | None,
    *,
    loc: Literal["lower left", "lower right", "upper left", "upper right", "best"],
    simultaneous: bool = False,
    more: Sequence[tuple[Artist, str]] = (),
    notes: Sequence[str] = (),
) -> None:
    """Draw a legend: the names of curves if they have names, what the bands are, and notes on what is not drawn."""
    from matplotlib.patches import Patch

    entries: list[tuple[Artist, str]] = []
    if any(names):
        shown = shortened([printable(name) for name in names], MAX_NAME_WIDTH)
        entries = list(zip(handles, shown))[:MAX_NAMES]
        if len(handles) > MAX_NAMES:
            entries.append((Patch(alpha=0), f"and {len(handles) - MAX_NAMES:,} more"))
    if bands and confidence is not None:
        percent = f"{100 * confidence:.9g} % {'band of the whole curve' if simultaneous else 'interval'}"
        color = "#808080" if len(handles) > 1 else style_of(0).color
        if any(not _hatch(one) for one in bands):
            entries.append((Patch(color=color, alpha=0.3, linewidth=0), percent))
        if any(_hatch(one) for one in bands):
            patch = Patch(facecolor="none", edgecolor=color, alpha=0.5, linewidth=0, hatch="////")
            entries.append((patch, f"{percent}, open"))
    entries += [*more, *((Patch(alpha=0), text) for text in notes)]
    if not entries:
        return
    # Labels are set afterwards: a legend would leave out those that begin with an underscore.
    look: dict[str, Any] = {"fontsize": "small"}
    if len(entries) > MANY:
        look = {"fontsize": "x-small", "labelspacing": 0.2}
    drawn = ax.legend([one for one, _ in entries], ["-"] * len(entries), framealpha=0.6, loc=loc, **look)
    for text, (_, label) in zip(drawn.get_texts(), entries):
        plain(text, label)


def _hatch(artist: Any) -> str | None:
    found: str | None = artist.get_hatch()
    return found


def plain(text: Any, content: str) -> None:
    """Set the content of a text of matplotlib; dollar signs are dollar signs, and begin no formula."""
    text.set_parse_math(False)
    text.set_text(without_heaps(content))


def note(ax: Axes, text: str) -> list[Artist]:
    """Write a line into the middle of axes, such as "no data"; return it."""
    drawn = ax.text(0.5, 0.5, "", transform=ax.transAxes, ha="center", va="center", color=text_color(ax), alpha=0.7)
    plain(drawn, text)
    return [drawn]


def footnote(ax: Axes, lines: Sequence[str]) -> list[Artist]:
    """Write lines at the lower left of axes, for what the curves do not show; return the text, if there are lines."""
    if not lines:
        return []
    look: dict[str, Any] = {"ha": "left", "va": "bottom", "fontsize": "small", "zorder": 3}
    drawn = ax.text(0.02, 0.02, "", transform=ax.transAxes, color=text_color(ax), **look)
    plain(drawn, "\n".join(lines))
    drawn.set_bbox({"facecolor": ax.get_facecolor(), "alpha": 0.6, "linewidth": 0, "pad": 1})
    return [drawn]


def grid(ax: Axes) -> None:
    """Draw a faint grid, below all curves."""
    ax.grid(True, which="major", color=text_color(ax), alpha=0.15, linewidth=0.6)
    ax.set_axisbelow(True)


def finite(values: Any) -> list[float]:
    """Return the values that a logarithmic axis is to show: those above the zero bucket.

    >>> finite([0.0, 1.5, math.inf, math.nan])
    [1.5]
    """
    return [value for value in map(float, values) if 2.0**-32 < value < math.inf]
