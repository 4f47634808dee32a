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
from .._stats.pareto import SHAPES, Exceedances, excess_of, highest, interval, maximum
from .._values.answers import is_many
from .._values.base import MAX_FLOAT
from .._values.text import counted
from .shares import tail_of

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Callable, Iterator
    from typing import Any, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View
    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar
    from .._values.base import BaseHistogram

__all__ = ["TailFit", "tail_fit"]

ENOUGH = 8  # buckets above a threshold that is proposed
LEAST = 50  # values above a threshold: with fewer, intervals of 95 % miss too often
MOST = 10  # the lowest threshold leaves one value in so many above it
MANY = 500  # values above the lowest threshold: with 10,000, intervals for a lognormal held the truth in 25 %
TOO_LOW, REFUTED = 0.05, 0.01  # p-values: a threshold with a smaller one is too low; the model is wrong
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
        self.threshold, self._within = _exceedances(histogram, check_number("threshold", threshold, 0))
        self._point, self._largest = maximum(self._within.of_shape_and_scale, self._within.starts(), self._spread)
        self.p_value = _p_value(self._within, *self._point.tolist())

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
        return [TailFit(self.histogram, one, self.confidence) for one in _thresholds(self.histogram)]

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
        found = _edge_with(self.histogram, self.above // 2)
        if found is None or found <= self.threshold:
            return None
        threshold, within = _exceedances(self.histogram, found)
        if tail >= within.above / within.size:
            return None
        (shape, log_scale), _ = maximum(within.of_shape_and_scale, within.starts(), 1 / math.sqrt(within.above))
        return threshold + excess_of(tail, within.above / within.size, float(shape), math.exp(log_scale))


def tail_fit(histogram: BaseHistogram, threshold: float | None, confidence: float) -> TailFit:
    """Answer `Histogram.tail_fit`."""
    confidence = check_confidence(confidence)
    if threshold is None and histogram.count:
        _check_values(histogram)
        threshold = _lowest(histogram)
    fit = TailFit(histogram, 0.0 if threshold is None else threshold, confidence)
    if fit.doubt and histogram.count:
        where = f"generalised Pareto above {quantity(fit.threshold, histogram.unit)}, but {fit.doubt}"
        warn_beyond(f"beyond the data: {where}: pass another threshold", stacklevel=3)
    return fit


def _lowest(histogram: BaseHistogram) -> float:
    """Return the lowest threshold that its own values do not refute, nor those of any higher one."""
    found = None
    for threshold in reversed(list(_thresholds(histogram))):
        edge, within = _exceedances(histogram, threshold)
        point, _ = maximum(within.of_shape_and_scale, within.starts(), 1 / math.sqrt(within.above))
        if found is not None and _p_value(within, *point.tolist()) < TOO_LOW:
            break
        found = edge
    if found is None:
        raise ValueError(_no_threshold(histogram))
    return found


def _no_threshold(histogram: BaseHistogram) -> str:
    """Return why no threshold can be chosen, and what to do."""
    if histogram.count < LEAST * MOST:
        return f"a tail fit needs at least {LEAST * MOST} values, not {counted(histogram.count, 'value')}: record more"
    why = "the slowest tenth of the values is in too few buckets for a tail fit"
    lower = [edge for edge in histogram.upper[:-ENOUGH].tolist() if histogram._above(edge)[0] >= LEAST]
    if not lower:
        return f"{why}: record values that differ more"
    # Inside of the bucket that ends there, also when rounded: a bucket is 1.1 % wide.
    return f"{why}: pass a lower threshold, such as threshold={lower[-1] * 0.995:.3g}"


def _thresholds(histogram: BaseHistogram) -> Iterator[float]:
    """Yield the thresholds to try, ascending: from the upper tenth, or 500 values, on, with half as many above each.

    With few values, the upper tenth may end inside of a bucket: then that whole bucket is above the threshold.
    """
    above, last = min(histogram.count // MOST, MANY), -1.0
    if LEAST <= above < 2 * LEAST and _edge_with(histogram, above) is None:
        edges = [edge for edge in histogram.upper.tolist() if LEAST <= histogram._above(edge)[0] <= 2 * LEAST]
        yield from edges[-1:]
        return
    while above >= LEAST:
        edge = _edge_with(histogram, above)
        if edge is not None and edge > last:
            last = edge
            yield edge
        above //= 2


def _edge_with(histogram: BaseHistogram, above: int) -> float | None:
    """Return the lowest upper edge of a bucket with at most `above` values above it, if they are enough."""
    if above < LEAST:
        return None
    edge = histogram.quantile_bounds(1 - above / histogram.count)[1]
    return edge if histogram._above(edge)[0] >= LEAST else None


def _check_values(histogram: BaseHistogram) -> None:
    """Raise unless all values were measured, and are in buckets with two edges."""
    if histogram.synthetic:
        raise ValueError("a tail fit needs measured values, not synthetic ones: fit them before their correction")
    if histogram.overflow_count:
        over = counted(histogram.overflow_count, "value")
        raise ValueError(
            f"a tail fit needs values of at most 2**64, the last edge, not {over} above: use a larger unit"
        )


def _exceedances(histogram: BaseHistogram, threshold: float) -> tuple[float, Exceedances]:
    """Return the edge of the bucket of a threshold, and the counts above it; raise if they are too few."""
    import numpy

    _check_values(histogram)
    upper, lower, counts = histogram.upper, histogram.lower, histogram.counts
    is_above = lower >= threshold
    above = int(counts[is_above].sum())
    if above < LEAST or above == histogram.count:
        raise ValueError(
            f"threshold must leave at least {LEAST} values above it, and some below, not {above:,} of "
            f"{histogram.count:,}: pass a {'higher' if above >= LEAST else 'lower'} one or record more"
        )
    edge = max(float(upper[~is_above][-1]), threshold)
    tops = numpy.minimum(upper[is_above], MAX_FLOAT)
    return edge, Exceedances(lower[is_above], tops, counts[is_above].astype(numpy.float64), edge, histogram.count)


# ---- does the model fit? ----


def _p_value(within: Exceedances, shape: float, log_scale: float) -> float:
    """Return the p-value of Pearson's test of the counts above a threshold, against the model with fitted parameters.

    Buckets are joined to cells that hold a sixth of the values expected beyond their lower edge, at least 5, so that
    the tail has cells of its own.  The number of cells is odd: two parameters and the total leave an even number of
    degrees of freedom, for which the distribution is a finite sum (Abramowitz & Stegun 26.4.5).  Source: Moore, in
    D'Agostino & Stephens, Goodness-of-Fit Techniques (1986), 3.
    """
    counts, expected = _cells(within, shape, math.exp(log_scale))
    freedom = len(counts) - 3
    if freedom < 2:
        return math.nan
    half = sum((n - e) ** 2 / e for n, e in zip(counts, expected)) / 2
    terms = (k * math.log(half) - math.lgamma(k + 1) - half if half else -math.inf for k in range(freedom // 2))
    return min(1.0, math.fsum(math.exp(one) for one in terms) if half else 1.0)


def _cells(within: Exceedances, shape: float, scale: float) -> tuple[list[float], list[float]]:
    """Return the counts of cells, and how many values the model expects there."""
    import numpy

    starts = numpy.append(within.lower, math.inf)
    with numpy.errstate(over="ignore", divide="ignore"):
        inside = numpy.maximum(1 + shape * starts / scale, 0.0)
        beyond = numpy.exp(-starts / scale) if abs(shape) < 1e-9 else inside ** (-1 / shape)
    beyond = within.above * numpy.append(beyond[:-1], 0.0)
    counts, expected, number, last = [], [], 0.0, within.above
    for k, n in enumerate(within.counts.tolist()):
        number += n
        after = float(beyond[k + 1])
        if last - after >= max(5.0, last / 6) and (after >= 5 or after == 0):
            counts.append(number)
            expected.append(last - after)
            number, last = 0.0, after
    if number or last:
        if not counts:
            return [number], [last]
        counts[-1] += number
        expected[-1] += last
    if len(counts) % 2 == 0:
        counts[-2:], expected[-2:] = [sum(counts[-2:])], [sum(expected[-2:])]
    return counts, expected


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf
