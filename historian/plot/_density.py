"""`density`: where the values are, on a logarithmic axis, so that two modes are seen."""

from __future__ import annotations

import math

from .._show.summary import is_supported
from ..buckets import BUCKETS_PER_OCTAVE as OCTAVE
from ..buckets import OVERFLOW_INDEX, ZERO_INDEX, upper
from ._axes import mark_text, panel, share_axis, value_axis
from ._inputs import about_zero, beyond, named, unit_of
from ._look import finite, footnote, legend, note, plain, style_of, text_color

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .._values.base import BaseHistogram
    from ._inputs import Histograms

__all__ = ["bin_text", "bins", "density", "width_of"]

MAX_BINS = 120  # of a picture
WIDTHS = (1, 2, 4, 8, 16, 32, 64)  # of bins, in buckets
MARKS = {"p50": 50, "p90": 90, "p99": 99}
ROOM = 0.3  # of the height, for the marks


def density(histograms: Histograms, *, ax: Axes | None = None, marks: bool = True) -> list[Artist]:
    """Draw where the values are: the share of values in each of many bins, on logarithmic axes.

    Several modes, such as hits and misses of a cache, are seen as several hills.  A bin has 1, 2, 4, ... or 64 buckets,
    so that there are at most 120 bins, and few enough that most have several values.  All bins have the same width on
    the axis, a factor that the label tells.  Several histograms have the same bins.  Marks show p50,
    p90, p99 and the maximum of a single histogram, if there are enough values for them.  Values in the zero bucket and
    in the overflow bucket have no width; notes say how many there are.

    Returns the outline of each histogram, a `StepPatch`, then marks and notes.  About 10 ms.  Raises as the functions
    of `historian.plot` do.

    >>> from historian import Histogram
    >>> outline = density(Histogram.from_values([1.0] * 60 + [2.0] * 40))[0]
    >>> share, edges, _ = outline.get_data()
    >>> share[share > 0]
    array([0.6, 0.4])
    """
    found = named(histograms)
    on = panel(ax)
    filled = [(name, one) for name, one in found if one.count]
    unit = unit_of(one for _, one in found)
    value_axis(on.ax.xaxis, unit)
    shown = [one for _, one in filled if _has_width(one)]
    width = width_of(shown)
    share_axis(on.ax.yaxis, f"share of values, bins of {bin_text(width)}")
    artists: list[Artist] = []
    values: list[float] = []
    heights: list[float] = []
    first = len(on.ax.patches)
    names = [name for name, one in filled if _has_width(one)]
    for k, histogram in enumerate(shown):
        share, edges = bins(histogram, width)
        style = style_of(first + k)
        floor = 0.3 / histogram.count
        look: dict[str, Any] = {"edgecolor": style.color, "linestyle": style.line, "linewidth": 1.5}
        outline = on.ax.stairs(share, edges, baseline=floor, **look)
        outline.set(fill=True, facecolor=(style.color, 0.22 if len(shown) == 1 else 0.08))
        artists.append(outline)
        values += finite(edges)
        heights += share[share > 0].tolist()
    least, most = min(heights, default=0.01), max(heights, default=1.0)
    has_marks = marks and len(shown) == 1 and len(filled) == 1
    on.limit_x(min(values, default=1.0), max(values, default=1.0))
    on.limit_y(least / 2, most * (2 * most / least) ** (ROOM / (1 - ROOM)) if has_marks else most)
    legend(on.ax, artists, names, [], None, loc="upper right")
    if has_marks:
        artists += _marks(on.ax, shown[0])
    notes = about_zero(filled) + beyond(filled)
    return artists + (footnote(on.ax, notes) if filled else note(on.ax, "no data"))


def _has_width(histogram: BaseHistogram) -> bool:
    return histogram.zero_count + histogram.overflow_count < histogram.count


def width_of(histograms: list[BaseHistogram]) -> int:
    """Return the number of buckets in a bin of a picture of these histograms, a power of 2 up to 64."""
    if not histograms:
        return 1
    ends = [[one.indices[k] for k in _ends(one)] for one in histograms]
    low, high = min(first for first, _ in ends), max(last for _, last in ends)
    largest = max(histograms, key=lambda one: one.count)
    # The rule of Freedman & Diaconis (1981), with half its width: hills matter more than noise here.
    quarters = [math.log2(min(max(largest.quantile(q), 2.0**-32), 2.0**64)) * OCTAVE for q in (0.25, 0.75)]
    needed = max((quarters[1] - quarters[0]) / largest.count ** (1 / 3), (high - low + 1) / MAX_BINS)
    return next((width for width in WIDTHS if width >= needed), WIDTHS[-1])


def bin_text(width: int) -> str:
    """Return how wide a bin of so many buckets is.

    >>> bin_text(4), bin_text(64)
    ('4.4 %', 'a factor of 2')
    """
    return f"{100 * (2 ** (width / OCTAVE) - 1):.2g} %" if width < OCTAVE else "a factor of 2"


def _ends(histogram: BaseHistogram) -> tuple[int, int]:
    """Return the positions of the first and the last populated bucket with a width on the axis."""
    return int(bool(histogram.zero_count)), -1 - bool(histogram.overflow_count)


def bins(histogram: BaseHistogram, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of values in each bin, shape (bins,), and the edges of the bins, shape (bins + 1,).

    Bins of the same width have the same edges in all histograms.  O(buckets).
    """
    import numpy

    index, counts = histogram.indices, histogram.counts
    kept = (index > ZERO_INDEX) & (index < OVERFLOW_INDEX)
    place = index[kept] // width
    first = int(place[0])
    totals = numpy.bincount(place - first, weights=counts[kept])
    edges = numpy.array([upper(k * width - 1) for k in range(first, first + len(totals) + 1)])
    share: NDArray[np.float64] = totals / histogram.count
    return share, edges


def _marks(ax: Axes, histogram: BaseHistogram) -> list[Artist]:
    """Draw a line at p50, p90, p99 and the maximum, with its value: each label has a row of its own."""
    wanted = {name: histogram.percentile(p) for name, p in MARKS.items() if is_supported(histogram.count, p)}
    low, high = ax.get_xlim()
    found = {name: value for name, value in {**wanted, "max": histogram.max}.items() if low < value < high}
    drawn: list[Artist] = []
    for row, (name, value) in enumerate(found.items()):
        top = 0.97 - 0.07 * row
        color = text_color(ax)
        line = ax.plot([value, value], [0, top], transform=ax.get_xaxis_transform(), color=color, linewidth=0.8,
                       linestyle=(0, (1, 1.5)), alpha=0.8, scalex=False, scaley=False)  # fmt: skip
        place = math.log(value / low) / math.log(high / low)
        side, gap = ("right", "  ") if place > 0.6 else ("left", "  ")
        text = ax.text(value, top, "", transform=ax.get_xaxis_transform(), ha=side, va="center", fontsize="small",
                       in_layout=False, color=color)  # fmt: skip
        label = f"{name} {mark_text(value, histogram.unit)}"
        plain(text, label + gap if side == "right" else gap + label)
        drawn += [*line, text]
    return drawn
