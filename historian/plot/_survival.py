"""`survival`: the share above each value, on logarithmic axes."""

from __future__ import annotations

import warnings

from .._stats.checks import check_bool, check_confidence
from .._stats.estimate import TailWarning
from ..tail.leaf import from_histogram
from ..tail.sampling import scope_of, single
from ._axes import panel, share_axis, value_axis
from ._inputs import about_zero, named, unit_of
from ._look import band, finite, legend, note, style_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .._stats.estimates import Estimates
    from .._values.base import BaseHistogram
    from ._inputs import Histograms

__all__ = ["survival"]


def survival(
    histograms: Histograms, *, ax: Axes | None = None, confidence: float | None = 0.95, simultaneous: bool = False
) -> list[Artist]:
    """Draw the share of values above each value, 1 - cdf, with the confidence band of each curve.

    Both axes are logarithmic: shares in percent, values in the histograms' unit.  The points of a line are the edges of
    the populated buckets, where ``histogram.sf`` is exact.  At the maximum the share is 0, and the line goes down to
    the edge of the picture.  With ``confidence=None`` there is no band; the intervals are those of `Histogram.dist`.
    With ``simultaneous=True`` the band holds the whole curve: see `Histogram.ci`.

    Returns the line and the parts of its band for each histogram.  About 10 ms.  Raises as the functions of
    `historian.plot` do, and ValueError for a confidence that is not between 0 and 1, and TypeError unless
    `simultaneous` is a bool.

    >>> from historian import Histogram
    >>> curve = survival(Histogram.from_values([1.0, 2.0, 4.0, 8.0]), confidence=None)[0]
    >>> curve.get_ydata()[-3:]
    array([0.25, 0.25, 0.  ])
    """
    found = named(histograms)
    if confidence is not None:
        confidence = check_confidence(confidence)
    simultaneous = check_bool("simultaneous", simultaneous)
    scope = max((scope_of(one, False, simultaneous) for _, one in found), default="")  # the same of all
    on = panel(ax)
    filled = [(name, one) for name, one in found if one.count]
    unit = unit_of(one for _, one in found)
    value_axis(on.ax.xaxis, unit)
    share_axis(on.ax.yaxis, "share of values above")
    lines: list[Artist] = []
    bands: list[Artist] = []
    artists: list[Artist] = []
    values: list[float] = []
    first = len(on.ax.lines)
    for k, (_, histogram) in enumerate(filled):
        t, style = _edges(histogram), style_of(first + k)
        (line,) = on.ax.plot(t, histogram.sf(t), **style.curve, scalex=False, scaley=False)
        lines.append(line)
        values += finite(t)
        drawn = []
        if confidence is not None:
            level = single(histogram, confidence, scope)
            interval = _intervals(histogram, t, level)
            drawn = band(on.ax, t, interval.lower, interval.upper, style.color, is_share=True)
        bands += drawn
        artists += [line, *drawn]
    on.limit_x(min(values, default=1.0), max(values, default=1.0))
    on.limit_y(0.5 / max((one.count for _, one in filled), default=1), 1.0)
    names, notes = [name for name, _ in filled], about_zero(filled)
    legend(on.ax, lines, names, bands, confidence, notes=notes, simultaneous=simultaneous, loc="lower left")
    return artists if filled else note(on.ax, "no data")


def _edges(histogram: BaseHistogram) -> NDArray[np.float64]:
    """Return the edges of the populated buckets, ascending; the last one is the maximum."""
    import numpy

    upper = numpy.append(histogram.upper[:-1], histogram.max)
    return numpy.unique(numpy.stack([histogram.lower, upper]))


def _intervals(histogram: BaseHistogram, t: NDArray[np.float64], confidence: float) -> Estimates:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return from_histogram(histogram, confidence).sf(t)
