"""`shift`: a comparison, as the ratio of each quantile with its interval."""

from __future__ import annotations

import math
import warnings
from typing import Protocol

from .._show.names import shortened
from .._stats.arrays import each_number
from .._stats.estimate import TailWarning
from .._values.decimals import share_of
from .._values.text import printable
from ._axes import nines_axis, number_axis, panel
from ._look import band, finite, legend, note, style_of, text_color

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .._stats.estimates import Estimates
    from .._values.base import BaseHistogram

__all__ = ["Compared", "shift"]

POINTS = 60


class Compared(Protocol):
    """The parts of a `historian.Comparison` that are drawn; `Histogram` calls this room, so it lies below it."""

    @property
    def a(self) -> BaseHistogram: ...
    @property
    def b(self) -> BaseHistogram: ...
    @property
    def confidence(self) -> float: ...
    @property
    def names(self) -> tuple[str, str]: ...
    def ratio(self, q: Any) -> Any: ...


def shift(comparison: Compared, *, ax: Axes | None = None) -> list[Artist]:
    """Draw a comparison: the ratio of each percentile, B over A, with its interval, and a line where both are equal.

    Where the whole band is above 1, B is slower; where it is below, B is faster.  The axis of ratios is logarithmic, so
    2:1 is as far from 1 as 1:2.  The curve ends where one of the two has too few values for a percentile.  The
    intervals are those of ``comparison.ratio``, each with the confidence by itself: a curve may leave the truth
    somewhere although most of its intervals hold it.

    Returns the line of the ratios, the parts of its band, and the line of equality.  About 60 ms; 100 ms for
    interleaved runs.  Raises ImportError without matplotlib, and TypeError for an object that is not a comparison.

    >>> from historian import Histogram, compare
    >>> a = Histogram.from_values(range(100, 10_100), unit="us")
    >>> b = Histogram.from_values(range(80, 8_080), unit="us")
    >>> ratios = shift(compare(a, b))[0]
    >>> round(float(ratios.get_ydata()[30]), 1)
    0.8
    """
    if not all(hasattr(comparison, name) for name in ("a", "b", "ratio", "names")):
        raise TypeError(f"pass a comparison, as historian.compare returns it, not {type(comparison).__name__}")
    on = panel(ax)
    a, b = shortened([printable(name) for name in comparison.names], 16)
    nines_axis(on.ax.xaxis)
    number_axis(on.ax.yaxis, f"{b} / {a}, ratio")
    p = _places(comparison)
    if not p.size:
        on.limit_x(0.0, 90.0, is_log=False)
        on.limit_y(0.5, 2.0)
        return note(on.ax, "no data")
    found, style = _ratios(comparison, p), style_of(0)
    (line,) = on.ax.plot(p, found.value, **style.curve, scalex=False, scaley=False)
    drawn = band(on.ax, p, found.lower, found.upper, style.color)
    equal = on.ax.axhline(1.0, color=text_color(on.ax), linewidth=1, linestyle="--", alpha=0.7)
    values = [1.0, *finite(found.value), *finite(found.lower), *finite(found.upper)]
    on.limit_x(0.0, float(p[-1]), is_log=False)
    on.limit_y(min(values), max(values))
    missing = [f"below p{p[0]:.3g} values are about 0, without a ratio"] if p[0] > 0 else []
    legend(on.ax, [line], [""], drawn, comparison.confidence, notes=missing, loc="best")
    return [line, *drawn, equal]


def _places(comparison: Compared) -> NDArray[np.float64]:
    """Return the percentiles to draw: those of which both have a value above, and A is not about 0."""
    import numpy

    a, b = comparison.a, comparison.b
    fewest = min(a.count, b.count)
    if not fewest:
        return numpy.empty(0)
    p: NDArray[np.float64] = 100 * -numpy.expm1(-numpy.linspace(0.0, math.log(max(fewest, 2)), POINTS))
    return p[(a.percentile(p) > 2.0**-32) & (b.percentile(p) > 2.0**-32)]


def _ratios(comparison: Compared, p: NDArray[np.float64]) -> Estimates:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        found: Estimates = comparison.ratio(each_number(share_of, p, shape=p.shape))
        return found
