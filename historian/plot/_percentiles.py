"""`percentiles`: values against percentiles, on an axis on which each further nine has the same width."""

from __future__ import annotations

import math
import warnings

from .._stats.arrays import each_number
from .._stats.checks import check_bool, check_confidence
from .._stats.estimate import TailWarning
from .._values.decimals import share_of
from ..tail.intervals import ci
from ..tail.sampling import scope_of, single
from ._axes import nines_axis, panel, value_axis
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

__all__ = ["percentiles"]

POINTS = 400  # of a curve
SYNTHETIC_POINTS = 120  # of a corrected histogram, whose intervals take longer


def percentiles(
    histograms: Histograms, *, ax: Axes | None = None, confidence: float | None = 0.95, simultaneous: bool = False
) -> list[Artist]:
    """Draw values against percentiles, with the confidence band of each curve: see `Histogram.ci`.

    50, 90, 99, 99.9, ... are at nearly equal distances, so the tail is as wide as the rest.  The axis of values is
    logarithmic and in the histograms' unit.  A curve ends with the maximum, at the percentile of half a value.  With
    ``confidence=None`` there is no band; with ``simultaneous=True`` it holds the whole curve, not each point by itself.
    A line is exactly ``histogram.percentile`` of its points, of which there are 400.  Values in the zero bucket lie
    below the axis; the legend says how many there are.

    Returns the line and the parts of its band for each histogram.  About 10 ms, and 5 ms for each further
    histogram.  Raises as the functions of `historian.plot` do, and ValueError for a confidence that is not between 0
    and 1, and TypeError unless `simultaneous` is a bool.

    >>> from historian import Histogram
    >>> curve, *bands = percentiles({"look-up": Histogram.from_values(range(1, 1001), unit="ms")})
    >>> bool((curve.get_ydata() == Histogram.from_values(range(1, 1001)).percentile(curve.get_xdata())).all())
    True
    """
    found = named(histograms)
    if confidence is not None:
        confidence = check_confidence(confidence)
    simultaneous = check_bool("simultaneous", simultaneous)
    scope = max((scope_of(one, False, simultaneous) for _, one in found), default="")  # the same of all
    on = panel(ax)
    filled = [(name, one) for name, one in found if one.count]
    value_axis(on.ax.yaxis, unit_of(one for _, one in found))
    nines_axis(on.ax.xaxis)
    lines: list[Artist] = []
    bands: list[Artist] = []
    artists: list[Artist] = []
    values, most = [], 50.0
    first = len(on.ax.lines)
    for k, (_, histogram) in enumerate(filled):
        p, style = _places(histogram), style_of(first + k)
        value = histogram.percentile(p)
        (line,) = on.ax.plot(p, value, **style.curve, scalex=False, scaley=False)
        lines.append(line)
        values += finite(value)
        most = max(most, float(p[-1]))
        drawn = []
        if confidence is not None:
            level = single(histogram, confidence, scope)
            interval = _intervals(histogram, p, level)
            drawn = band(on.ax, p, interval.lower, interval.upper, style.color)
            values += finite(interval.lower[p >= 1]) + finite(interval.upper[p >= 1])
        bands += drawn
        artists += [line, *drawn]
    on.limit_x(0.0, most, is_log=False)
    on.limit_y(min(values, default=1.0), max(values, default=1.0))
    names, notes = [name for name, _ in filled], about_zero(filled)
    legend(on.ax, lines, names, bands, confidence, notes=notes, simultaneous=simultaneous, loc="best")
    return artists if filled else note(on.ax, "no data")


def _places(histogram: BaseHistogram) -> NDArray[np.float64]:
    """Return percentiles at equal distances on the axis, up to that of half a value."""
    import numpy

    points = SYNTHETIC_POINTS if histogram.synthetic else POINTS
    nines = numpy.linspace(0.0, math.log10(2 * histogram.count), points)
    p: NDArray[np.float64] = numpy.minimum(100 * -numpy.expm1(-nines * math.log(10)), 100.0)
    return p


def _intervals(histogram: BaseHistogram, p: NDArray[np.float64], confidence: float) -> Estimates:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return ci(histogram, each_number(share_of, p, shape=p.shape), confidence, None)
