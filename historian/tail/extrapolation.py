"""Beyond the largest recorded value: `TailFit`, a generalised Pareto distribution above a threshold.

Other percentiles of histograms come from values that were recorded.  These come from a model, and their why says so.
The model is right for nearly every distribution above a threshold that is high enough, but no data tell how high that
is.  So a fit brings what can speak against it: a test of the values above the threshold, the fits at other thresholds,
and a warning if they disagree.

Source: Davison & Smith, J. R. Stat. Soc. B 52 (1990), 393-442; Coles (2001), 4.3; for thresholds, Scarrott & MacDonald,
A Review of Extreme Value Threshold Estimation and Uncertainty Quantification, REVSTAT 10 (2012), 33-60.
"""

from __future__ import annotations

import math

from .._show.scale import quantity
from .._show.shown import in_html, in_rich, in_terminal
from .._stats.beyond import warn_beyond
from .._stats.checks import check_confidence, check_number, check_share
from .._stats.estimate import NO_DATA, Estimate, no_data, quantile_name
from .._stats.normal import normal_quantile
from .._stats.pareto import SHAPES, excess_of, highest, interval, maximum
from .._values.answers import is_many
from .._values.text import counted
from .shares import tail_of
from .threshold import check_values, edge_with, exceedances, fit_p_value, lowest, thresholds

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Callable
    from typing import Any, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View
    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar
    from .._values.base import BaseHistogram

__all__ = ["TailFit", "tail_fit"]

REFUTED = 0.01  # p-value: with a smaller one, the model is wrong
NEAR_END = 0.02  # so close to the smallest shape, the likelihood has no maximum within the limits
LOG_TINY = -690.0  # of shares that are nearly the smallest float
METHOD = "profile likelihood"


class TailFit:
    """A model of the values above a `threshold`, to extrapolate beyond the largest one: see `Histogram.tail_fit`.

    Above the threshold, the share of values above t is P(X > t) = above/count * (1 + shape*(t - threshold)/scale) **
    (-1/shape).  A shape of 0 is a tail like that of an exponential, 1/2 like a power law with the exponent 2, and below
    0 the tail ends.  Each answer says that it is extrapolated, and allows for sampling, if the model is right.
    """

    __slots__ = ("_known", "_largest", "_point", "_within", "confidence", "histogram", "p_value", "threshold")
    __module__ = "historian.tail"

    histogram: BaseHistogram
    threshold: float  # in the histogram's unit: the upper edge of a bucket
    confidence: float  # of all intervals, in (0, 1)
    p_value: float  # of the test whether the values above it fit, in [0, 1]; small if they don't; NaN without a test

    def __init__(self, histogram: BaseHistogram, threshold: float, confidence: float = 0.95) -> None:
        confidence = check_confidence(confidence)
        self.histogram, self.confidence = histogram, confidence
        self._known: dict[int, Estimate] = {}  # shape and scale, when first asked for
        if not histogram.count:
            self.threshold = self.p_value = math.nan
            self._known = {0: no_data(*SHAPES), 1: no_data(0.0, math.inf, unit=histogram.unit)}
            return
        self.threshold, self._within = exceedances(histogram, check_number("threshold", threshold, 0))
        self._point, self._largest = maximum(self._within.of_shape_and_scale, self._within.starts(), self._spread)
        self.p_value = fit_p_value(self._within, *self._point.tolist())

    @property
    def above(self) -> int:
        """The number of values above the threshold."""
        return int(self._within.above) if self.histogram.count else 0

    @property
    def shape(self) -> Estimate:
        """The shape, in -1/2 to 5, with its interval."""
        return self._parameter(0)

    @property
    def scale(self) -> Estimate:
        """The scale, in the histogram's unit, with its interval."""
        return self._parameter(1)

    @property
    def doubt(self) -> str:
        """What speaks against the model, in a few words; "" if nothing does."""
        if not self.histogram.count:
            return NO_DATA
        if math.isnan(self.p_value):
            return "too few buckets above the threshold hold values for a test"
        if self._point[0] < SHAPES[0] + NEAR_END:
            return "the tail ends too suddenly for it"
        return f"the values there refute it (p = {self.p_value:.2g})" if self.p_value < REFUTED else ""

    @overload
    def quantile(self, q: _Scalar) -> Estimate: ...
    @overload
    def quantile(self, q: _Numbers) -> Estimates: ...
    def quantile(self, q: Any) -> Estimate | Estimates:
        """Return the q-quantile according to the model, with its interval; for an array-like, `Estimates`.

        It may be far beyond the largest recorded value.  The interval is that of the profile likelihood (Coles 2001,
        4.3.3), also for the share above the threshold.  About 30 ms.  Warns (`TailWarning`) if a threshold that leaves
        half as many values above it gives a quantile outside the interval: the answer then depends on the threshold.
        Raises ValueError for q outside 0..1, for 1, and for q below the threshold: there `Histogram.ci` answers.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([-math.log((k + 0.5) / 10_000) for k in range(10_000)])    # exponential
        >>> print(h.tail_fit().quantile(0.999999))              # the true one is 13.8 s, the largest value 9.9 s
        13.6 s (10.7 to 20.5 s)
        """
        if type(q) is not float and is_many(q):
            from .._stats.arrays import each_estimate, shares

            asked = shares("q", q)
            return each_estimate(self.quantile, asked, shape=asked.shape, unit=self.histogram.unit, stacklevel=2)
        tail = tail_of(check_share("q", q))
        if not self.histogram.count:
            return no_data(0.0, math.inf, unit=self.histogram.unit)
        phi = self.above / self.histogram.count
        if not 0 < tail < phi:
            limit = f"q must be above {1 - phi:.9g}, the share below the threshold, and below 1, not {q!r}"
            raise ValueError(f"{limit}: for smaller ones, use ci(q)")
        shape, log_scale = self._point.tolist()
        best = math.log(excess_of(tail, phi, shape, math.exp(log_scale)))
        log_tail = math.log(tail)
        profile = self._profile(lambda x: (x, log_tail), log_tail)
        low, high = interval(profile, best, self._largest, self._step(log_tail), self._z)
        value, lower, upper = (self.threshold + _exp(one) for one in (best, low, high))
        other = self._at_half(tail)
        why = self._why()
        if other is not None and not lower <= other <= upper:
            far = f"a higher threshold gives {quantity(other, self.histogram.unit)}"
            why += f"; it depends on the threshold: {far}"
            warn_beyond(f"beyond the data: {quantile_name(q)} depends on the threshold: {far}", stacklevel=2)
        unit = self.histogram.unit
        return Estimate(value, lower, upper, why, unit=unit, confidence=self.confidence, method=METHOD)

    @overload
    def sf(self, t: _Scalar) -> Estimate: ...
    @overload
    def sf(self, t: _Numbers) -> Estimates: ...
    def sf(self, t: Any) -> Estimate | Estimates:
        """Return the share of values above `t` according to the model, with its interval; as `quantile`, inverted.

        Raises ValueError unless t is above the threshold: below, `Histogram.sf` answers.
        """
        if type(t) is not float and is_many(t):
            from .._stats.arrays import each_estimate, thresholds

            asked = thresholds("t", t)
            return each_estimate(self.sf, asked, shape=asked.shape, stacklevel=2)
        excess = check_number("t", t, 0) - self.threshold
        if not self.histogram.count:
            return no_data(0.0, 1.0)
        if not excess > 0:
            raise ValueError(f"t must be above the threshold, {self.threshold!r}, not {t!r}: below, use sf of the data")
        log_excess, log_phi = math.log(excess), math.log(self.above / self.histogram.count)
        best = log_phi + self._log_survival(excess)
        profile = self._profile(lambda x: (log_excess, x), best)
        if best > LOG_TINY:
            low, high = interval(profile, best, self._largest, self._step(best), self._z)
        else:  # beyond the end of the tail
            low, high = -math.inf, highest(profile, log_phi, self._largest, self._spread, self._z)
        value = _exp(best)
        bounds = min(_exp(low), value), max(min(_exp(high), 1.0), value)
        return Estimate(value, *bounds, self._why(), confidence=self.confidence, method=METHOD)

    def others(self) -> list[TailFit]:
        """Return the fits at the thresholds that `Histogram.tail_fit` tries, ascending.

        The first leaves a tenth of the values above it, at most 500, and each next one about half as many, at least 50.
        The own threshold may be among them, and lower ones.  If the model is right, their shapes agree within their
        intervals, and so do their quantiles.  0.1 s each.
        """
        return [TailFit(self.histogram, one, self.confidence) for one in thresholds(self.histogram)]

    def __reduce__(self) -> tuple[Any, ...]:
        return TailFit, (self.histogram, self.threshold, self.confidence)

    def __str__(self) -> str:
        unit = self.histogram.unit
        if not self.histogram.count:
            return f"generalised Pareto: {NO_DATA}"
        return "\n".join(
            [
                f"generalised Pareto above {quantity(self.threshold, unit)}: {counted(self.above, 'value')}",
                f"shape: {self.shape}",
                f"scale: {self.scale}",
                f"p-value of the fit: {self._p_text}",
            ]
        )

    __repr__ = __str__

    def _view(self) -> View:
        from .views import tail_fit_view

        return tail_fit_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    @property
    def _p_text(self) -> str:
        return "no test" if math.isnan(self.p_value) else f"{self.p_value:.2g}"

    @property
    def _spread(self) -> float:
        """The size of an error of a parameter."""
        return 1 / math.sqrt(self._within.above)

    def _step(self, log_tail: float) -> float:
        """Return the size of an error of a quantile's logarithm, which grows with its distance."""
        return self._spread * max(1.0, math.log(self.above / self.histogram.count) - log_tail)

    def _log_survival(self, excess: float) -> float:
        """Return the logarithm of the share of the values above the threshold that exceed it by so much."""
        shape, x = float(self._point[0]), excess / math.exp(self._point[1])
        if abs(shape) < 1e-9:
            return -x
        return -math.log1p(shape * x) / shape if shape * x > -1 else -math.inf

    def _why(self) -> str:
        where = quantity(self.threshold, self.histogram.unit)
        model = f"extrapolated: generalised Pareto above {where} assumed"
        doubt = f", but {self.doubt}" if self.doubt else ""
        return f"{model}{doubt}; sampling: {counted(self.above, 'value')} above it"

    def _parameter(self, which: int) -> Estimate:
        """Return the estimate of the shape, or of the scale, from the profile likelihood over the other one."""
        if which not in self._known:
            self._known[which] = self._profiled(which)
        return self._known[which]

    def _profiled(self, which: int) -> Estimate:
        import numpy

        known, shifts = self._point[1 - which], self._spread * numpy.array([0.0, -1, 1, -4, 4])[:, None]

        def profile(x: float) -> float:
            nonlocal known

            def given(points: NDArray[np.float64]) -> NDArray[np.float64]:
                both = numpy.full((len(points), 2), x)
                both[:, 1 - which] = points[:, 0]
                return self._within.of_shape_and_scale(both)

            found, value = maximum(given, known + shifts, self._spread)
            known = float(found[0])
            return value

        best = float(self._point[which])
        low, high = interval(profile, best, self._largest, self._spread, self._z)
        how: dict[str, Any] = {"confidence": self.confidence, "method": METHOD}
        if which == 0:
            return Estimate(best, max(low, SHAPES[0]), min(high, SHAPES[1]), self._why(), **how)
        return Estimate(math.exp(best), _exp(low), _exp(high), self._why(), unit=self.histogram.unit, **how)

    @property
    def _z(self) -> float:
        return normal_quantile((1 + self.confidence) / 2)

    def _profile(self, of: Callable[[float], tuple[float, float]], best: float) -> Callable[[float], float]:
        """Return the profile likelihood of a number x, which says, by `of`, which excess a share of all reaches.

        Both are logarithms, and so is `best`, about the share.
        """
        import numpy

        within, log_phi = self._within, math.log(self.above / self.histogram.count)
        is_near = log_phi - best < 1
        known = self._point if is_near else numpy.array([self._point[0], log_phi - math.log1p(-math.exp(log_phi))])

        def profile(x: float) -> float:
            nonlocal known
            if is_near:
                stretch, starts, likelihood = numpy.ones(2), within.starts(), within.of_near_quantile(*of(x))
            else:
                stretch = numpy.array([within.stretch(of(x)[1]), 1.0])
                starts, likelihood = within.starts_of_quantile(of(x)[1]), within.of_quantile(*of(x))
            found, value = maximum(likelihood, numpy.vstack([known * stretch, starts]), self._spread)
            known = found / stretch
            return value

        return profile

    def _at_half(self, tail: float) -> float | None:
        """Return the quantile of the next threshold, which leaves half as many values above it, if that is enough."""
        found = edge_with(self.histogram, self.above // 2)
        if found is None or found <= self.threshold:
            return None
        threshold, within = exceedances(self.histogram, found)
        if tail >= within.above / within.size:
            return None
        (shape, log_scale), _ = maximum(within.of_shape_and_scale, within.starts(), 1 / math.sqrt(within.above))
        return threshold + excess_of(tail, within.above / within.size, float(shape), math.exp(log_scale))


def tail_fit(histogram: BaseHistogram, threshold: float | None, confidence: float) -> TailFit:
    """Answer `Histogram.tail_fit`."""
    confidence = check_confidence(confidence)
    if threshold is None and histogram.count:
        check_values(histogram)
        threshold = lowest(histogram)
    fit = TailFit(histogram, 0.0 if threshold is None else threshold, confidence)
    if fit.doubt and histogram.count:
        where = f"generalised Pareto above {quantity(fit.threshold, histogram.unit)}, but {fit.doubt}"
        warn_beyond(f"beyond the data: {where}: pass another threshold", stacklevel=3)
    return fit


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf
