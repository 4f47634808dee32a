"""`fanout`: what users wait who need n calls, against n."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from .._show.scale import quantity
from .._stats.checks import check_confidence, check_share, number
from .._stats.estimate import TailWarning, nines
from ..tail.fanouts import Fanouts
from ..tail.intervals import ci
from ..tail.shares import DEPENDENCE, tail_of
from ._axes import number_axis, panel, share_axis, value_axis
from ._inputs import named, unit_of
from ._look import Style, band, finite, legend, note, style_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .._values.base import BaseHistogram
    from ._inputs import Histograms

    _Floats = NDArray[np.float64]

__all__ = ["fanout"]

MOST = 10_000  # calls, by default
POINTS = 200  # of a curve, by default

NAMES = {"positive": "calls slow down together", "any": "any dependence"}


def fanout(
    histograms: Histograms,
    n: Any = None,
    *,
    t: float | None = None,
    q: float | None = None,
    ax: Axes | None = None,
    confidence: float | None = 0.95,
    dependence: Literal["independent", "positive", "any"] = "any",
) -> list[Artist]:
    """Draw what users wait who need all of `n` calls, against n: a quantile, or the share who wait longer than `t`.

    Pass `t`, in the histograms' unit, for the share: see `Fanout.p_wait`.  Pass `q` for the quantile: see
    `Fanout.quantile`; 0.99 if both are None.  The line assumes independent calls, and so does its band, the confidence
    interval.  The wider, lighter band has what is possible if calls slow down together (``dependence="positive"``) or
    under any dependence, as `Fanout.bounds`.  It is drawn for a single histogram, and not for "independent".  `n` is an
    array-like of whole numbers, by default about 200 from 1 to 10,000.

    Returns the line, the parts of its band and of the wider one for each histogram.  A curve of 1,000 points with both
    bands takes 20 ms.  Raises as the functions of `historian.plot` do, and ValueError if both t and q are given, and
    for numbers that `Histogram.fanout` refuses.

    >>> from historian import Histogram
    >>> h = Histogram.from_values([0.010] * 9_900 + [1.0] * 100)
    >>> line = fanout(h, [1, 10, 100], t=0.5)[0]
    >>> line.get_ydata().round(3)
    array([0.01 , 0.096, 0.634])
    """
    if t is not None and q is not None:
        raise ValueError("pass t for the share who wait longer, or q for a quantile of the waits, not both")
    if dependence not in DEPENDENCE:
        raise ValueError(f"dependence must be 'independent', 'positive' or 'any', not {dependence!r}")
    found = named(histograms)
    question = _Question(
        None if t is None else number("t", t),
        check_share("q", 0.99 if q is None else q),
        0.95 if confidence is None else check_confidence(confidence),
        dependence if len(found) == 1 and confidence is not None else "independent",
    )
    calls = _numbers(n)
    on = panel(ax)
    filled = [(name, one) for name, one in found if one.count]
    number_axis(on.ax.xaxis, "calls that a user waits for")
    _label(on.ax, question, unit_of(one for _, one in found))
    lines: list[Artist] = []
    bands: list[Artist] = []
    wider: list[Artist] = []
    artists: list[Artist] = []
    values: list[float] = []
    early: list[float] = []  # of each curve, a third along the axis
    first = len(on.ax.lines)
    for k, (_, histogram) in enumerate(filled):
        style, curve = style_of(first + k), _curve(histogram, calls, question)
        (line,) = on.ax.plot(curve.x, curve.value, **style.curve, scalex=False, scaley=False)
        lines.append(line)
        early.append(float(curve.value[len(calls) // 3]))
        values += finite(curve.value)
        drawn: list[Artist] = []
        if confidence is not None:
            drawn = band(on.ax, curve.x, curve.lower, curve.upper, style.color, is_share=t is not None)
            values += finite(curve.lower) + finite(curve.upper)
        bands += drawn
        wider += _wider(on.ax, curve, style, is_share=t is not None)
        values += finite(curve.least) + finite(curve.most)
        artists += [line, *drawn, *wider]
    on.limit_x(float(calls[0]), float(calls[-1]))
    if t is None:
        on.limit_y(min(values, default=1.0), max(values, default=1.0))
    else:
        on.limit_y(0.0, min(1.02, 1.1 * max(values, default=1.0)), is_log=False)
    more = [(one, NAMES[dependence]) for one in wider[:1]]
    is_low = t is not None and all(share < 0.5 for share in early)  # else the curves lie at the upper left
    loc: Literal["upper left", "lower right"] = "upper left" if is_low else "lower right"
    legend(on.ax, lines, [name for name, _ in filled], bands, confidence, more=more, loc=loc)
    return artists if filled else note(on.ax, "no data")


class _Question(NamedTuple):
    t: float | None  # draw the share who wait longer than this, if it is given
    q: float  # else this quantile
    confidence: float
    dependence: str


class _Curve(NamedTuple):
    """The points of a curve, shape (n,), and the bounds of its bands."""

    x: _Floats
    value: _Floats
    lower: _Floats
    upper: _Floats
    least: _Floats  # under the given dependence; empty for independent calls
    most: _Floats


def _numbers(n: Any) -> NDArray[Any]:
    """Return numbers of calls, ascending, each once."""
    import numpy

    from .._stats.arrays import wholes

    if n is None:
        return numpy.unique(numpy.rint(numpy.geomspace(1, MOST, POINTS)).astype(numpy.int64))
    calls = numpy.unique(wholes("n", n))
    if not calls.size:
        raise ValueError("n must hold at least one number of calls, not none")
    return calls


def _label(ax: Axes, question: _Question, unit: str) -> None:
    if question.t is None:
        value_axis(ax.yaxis, unit, f"p{nines(question.q)[2:].ljust(2, '0')} of the waits" if 0 < question.q < 1 else "")
    else:
        share_axis(ax.yaxis, f"users who wait over {quantity(question.t, unit)}", is_log=False)


def _curve(histogram: BaseHistogram, calls: NDArray[Any], question: _Question) -> _Curve:
    import numpy

    t, q, confidence, dependence = question
    fans, x = Fanouts(histogram, calls), calls.astype(numpy.float64)
    none = numpy.empty(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        found = fans.quantile(q, confidence) if t is None else fans.p_wait(t, confidence)
        if dependence == "independent":
            return _Curve(x, found.value, found.lower, found.upper, none, none)
        if t is not None:
            bounds = fans.bounds(t, dependence, confidence=confidence)  # type: ignore[arg-type]  # checked above
            return _Curve(x, found.value, found.lower, found.upper, bounds.lower, bounds.upper)
        # Of n calls, at least one is slow with a probability from that of one call to n times that (Boole).
        ends = ci(histogram, numpy.append(1 - tail_of(q) / x, q) if dependence == "any" else [q], confidence, None)
    least = numpy.minimum(found.lower, ends.lower[-1])
    most = numpy.maximum(found.upper, ends.upper[:-1]) if dependence == "any" else found.upper
    return _Curve(x, found.value, found.lower, found.upper, least, most)


def _wider(ax: Axes, curve: _Curve, style: Style, *, is_share: bool) -> list[Artist]:
    """Draw the band of what is possible under dependence, if there is one."""
    if not curve.least.size:
        return []
    return band(ax, curve.x, curve.least, curve.most, style.color, is_share=is_share, alpha=0.15)
