"""`Correlation`: how the share of slow values in a window of time is correlated with that of the next windows.

Minutes that follow each other resemble each other: the same load, the same full queue.  So they tell less of the share
of slow values than as many independent values would.  The variance of this share is v, that of N independent values
p(1 - p)/N.  Their ratio, the inflation, is 1 if all values are independent.  N divided by it is the effective number of
values (Kish, Survey Sampling, 1965, 8.2).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .._show.scale import quantity
from .._show.shown import in_html, in_rich, in_terminal
from .._stats.checks import check_confidence, check_n, number
from .._stats.correlation import autocorrelation
from .._stats.estimate import Estimate, no_data
from .._stats.estimates import Estimates, estimates_of
from .._stats.windows import dependence_sizes
from .._values.text import counted
from .sampling import effective_sample_size, sampled, warn_if_uncertain, windows_above

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .._show.view import View
    from .._values.base import BaseHistogram

__all__ = ["METHOD", "Correlation", "correlation"]

METHOD = "Fisher's z of the long-run variance"  # of correlations


class Correlation(NamedTuple):
    """How intervals of time depend on each other, for the share of values above `t`.  See `History.correlation`.

    >>> from historian import Histogram, History, Interval
    >>> quiet, busy = Histogram.from_values([0.01] * 99 + [1.0]), Histogram.from_values([0.01] * 90 + [1.0] * 10)
    >>> minutes = [busy if k % 10 < 3 else quiet for k in range(200)]  # three bad minutes of ten
    >>> history = History(Interval(60 * k, 60 * k + 60, {"get": one}) for k, one in enumerate(minutes))
    >>> found = history.correlation(0.5)
    >>> print(found.lags[0], "|", found.values)
    0.546 (0.439 to 0.638) | 20000
    """

    t: float  # above it, a value is slow
    unit: str  # label, of t
    share: float  # of all values that are slow, in 0..1; NaN without values
    values: int  # from 0
    windows: int  # that hold values, from 0
    lags: Estimates  # correlation of windows 1, 2, ... places apart, each in -1..1
    effective_values: Estimate  # independent values that would tell as much of the share, in 0..values
    used: float  # values that intervals of the share count with ``windows=``: fewer, because it is not known exactly

    @property
    def inflation(self) -> Estimate:
        """How many times larger the variance of the share is than that of independent values: 1 if they are."""
        size = self.effective_values
        if size != size:
            return no_data(1.0, math.inf)
        value, low, high = (self.values / one if one else math.inf for one in (size.value, size.upper, size.lower))
        return Estimate(value, low, high, size.why, confidence=size.confidence, method=size.method)

    def __repr__(self) -> str:
        return f"<Correlation of {counted(self.windows, 'window')} at {quantity(self.t, self.unit)}>"

    def __str__(self) -> str:
        from .._show.terminal import text

        return text(self._view(), 120, pictures=False)

    def _view(self) -> View:
        from .views import correlation_view

        return correlation_view(self)

    def _repr_html_(self) -> str:
        return in_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        in_terminal(self, printer, cycle)

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


Correlation.__module__ = "historian.tail"  # set here, because a NamedTuple cannot set it in its body


def correlation(
    whole: BaseHistogram, windows: Sequence[BaseHistogram], t: Any, lags: int, confidence: float
) -> Correlation:
    """Answer `History.correlation`."""
    import numpy

    t, lags, confidence = number("t", t), check_n(lags, "lags"), check_confidence(confidence)
    if t != t:
        raise ValueError("t must not be NaN")
    if lags > max(len(windows), 10):
        raise ValueError(f"lags must be at most the number of intervals, {len(windows):,}, not {lags:,}")
    above, counts = windows_above(whole, windows, t), [one.count for one in windows]
    shares = numpy.array([a / n if n else math.nan for a, n in zip(above, counts)], dtype=numpy.float64)
    held = [one for one in windows if one.count]
    why = f"{sampled(whole)}, in {counted(len(held), 'window')}"
    found = [
        Estimate(*three, why, confidence=confidence, method=METHOD) if three[0] == three[0] else no_data(-1.0, 1.0)
        for three in autocorrelation(shares, lags, confidence)
    ]
    effective = effective_sample_size(whole, held, t, confidence) if held else None
    if effective is not None:
        warn_if_uncertain(effective, stacklevel=4)
    sizes = None
    if len(held) > 1:
        pairs = [(a, n) for a, n in zip(above, counts) if n]
        sizes = dependence_sizes([a for a, _ in pairs], [n for _, n in pairs], confidence)
    return Correlation(
        t,
        whole.unit,
        sum(above) / whole.count if whole.count else math.nan,
        whole.count,
        len(held),
        estimates_of(found, (lags,), ""),
        no_data(0.0, float(whole.count))
        if sizes is None
        else Estimate(*sizes, why, confidence=confidence, method="chi-squared, of the long-run variance"),
        effective.size if effective is not None else 0.0,
    )
