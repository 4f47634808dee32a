"""`scalability`: throughput against concurrency, as measured and as fitted."""

from __future__ import annotations

import math
from typing import Protocol

from .._show.scale import Scale
from ._axes import number_axis, panel
from ._look import band, finite, legend, style_of, text_color

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["Fitted", "scalability"]

POINTS = 100


class Fitted(Protocol):
    """The parts of a `historian.queueing.Scalability` that are drawn; that room lies behind this one."""

    concurrency: NDArray[np.float64]
    throughput: NDArray[np.float64]
    confidence: float

    @property
    def law(self) -> str: ...
    @property
    def rate(self) -> Any: ...
    @property
    def peak(self) -> Any: ...
    def at(self, n: Any) -> Any: ...


def scalability(fit: Fitted, *, ax: Axes | None = None) -> list[Artist]:
    """Draw throughput against concurrency: the measurements, the fitted law with its interval, and linear growth.

    Both axes are logarithmic, so that linear growth is a straight line.  The curve goes on to twice the largest
    concurrency that was measured.  A dotted line marks the concurrency of the most throughput, if it lies before that.

    Returns the line of the law, the parts of its band, the points, the line of linear growth, and that of the peak if
    there is one.  About 20 ms.  Raises ImportError without matplotlib, and TypeError for an object that is not a fit.

    >>> from historian import queueing
    >>> n = [1, 2, 4, 8, 16, 32, 64]
    >>> fit = queueing.fit_usl(n, queueing.usl(n, contention=0.02, coherency=0.0005))
    >>> round(float(scalability(fit)[0].get_ydata().max()), 2)
    15.68
    """
    if not all(hasattr(fit, name) for name in ("concurrency", "throughput", "at", "peak", "law")):
        raise TypeError(f"pass a fit, as historian.queueing.fit_usl returns it, not {type(fit).__name__}")
    import numpy

    on = panel(ax)
    number_axis(on.ax.xaxis, "concurrency")
    number_axis(on.ax.yaxis, "throughput")
    most = 2 * float(fit.concurrency.max())
    x, style = numpy.geomspace(1.0, most, POINTS), style_of(len(on.ax.lines))
    found = fit.at(x)
    (line,) = on.ax.plot(x, found.value, **style.curve, scalex=False, scaley=False)
    drawn = band(on.ax, x, found.lower, found.upper, style.color)
    plain: dict[str, Any] = {"color": text_color(on.ax), "linewidth": 1, "alpha": 0.7, "scalex": False, "scaley": False}
    (linear,) = on.ax.plot(x, fit.rate.value * x, linestyle="--", **plain)
    look: dict[str, Any] = {"color": style.color, "zorder": 3, "linestyle": "none", "scalex": False, "scaley": False}
    (points,) = on.ax.plot(fit.concurrency, fit.throughput, marker="o", markersize=4, **look)
    values = [*finite(found.lower), *finite(found.upper), *finite(fit.throughput)]
    on.limit_x(1.0, most)
    on.limit_y(min(values), max(values))
    more: list[tuple[Artist, str]] = [(line, fit.law), (points, "measured"), (linear, "linear")]
    artists = [line, *drawn, points, linear]
    if fit.peak < min(most, math.inf):
        artists.append(on.ax.axvline(float(fit.peak), linestyle=":", color=style.color, linewidth=1))
        more.append((artists[-1], f"peak at {Scale('', 1.0).show(fit.peak)}"))
    legend(on.ax, [line], [""], drawn, fit.confidence, more=more, loc="lower right")
    return artists
