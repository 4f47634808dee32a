"""`Windows`: several leaves in the same windows of time; what their bad minutes in common mean for a request.

Two services are measured apart, without traces.  Both are slow in the same minutes.  Then fewer requests wait for any
of them than if the bad minutes of one did not know those of the other.  Let p_ij be the share of slow calls of leaf j
in window i, and w_i the share of requests in this window:

- independent within each window: P = sum of w_i (1 - prod (1 - p_ij)) over i;
- any dependence within each window: max p_ij <= P_i <= min(1, sum of p_ij) over j (Frechet, Fundamenta Mathematicae
  25, 1935, 379-387);
- independent at all times: 1 - prod (1 - p_j), with the shares p_j of all windows together.

Leaves are measured apart, so the first is unbiased also for windows of few calls.  The mean of max p_ij over windows is
not, since a maximum prefers what was too large by chance.  So the lower bound is that of the slowest leaf over all
windows, which is never above it.
"""

from __future__ import annotations

import math

from .._show.scale import quantity
from .._show.shown import in_html, in_rich, in_terminal
from .._stats.arrays import each_estimate, times
from .._stats.binomial import share_interval
from .._stats.checks import check_confidence, number
from .._stats.correlation import correlation
from .._stats.estimate import Estimate, no_data
from .._stats.windows import effective_sample_size, windows_sample_size
from .._values.answers import is_many
from .._values.base import BaseHistogram
from .._values.text import LISTED, counted, listed
from .._values.timed import histograms_of, is_timed
from .correlation import METHOD
from .sampling import WINDOWS_METHOD, in_windows, warn_if_uncertain
from .shares import DEPENDENCE

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Literal, overload

    from .._show.view import View
    from .._stats.estimates import Estimates
    from .._stats.windows import Effective
    from .._values.answers import _Numbers, _Scalar
    from .._values.timed import _Windows

    _Dependence = Literal["independent", "positive", "any"]
    _Three = tuple[float, float, float]
    _Two = tuple[float, float]

__all__ = ["Windows"]


class Windows:
    """Several leaves in the same windows of time, measured apart: a request waits for a call of each.

    `leaves` is a mapping of names to histories, such as ``history.by("route")`` or selected keys, or to histograms of
    the same consecutive windows.  Each request calls the first leaf once, so the calls of that one say how many
    requests a window has.  Immutable.

    Raises ValueError for fewer than two leaves, for other windows, and for other units, and TypeError unless `leaves`
    is a mapping.

    >>> from historian import Histogram
    >>> quiet, busy = Histogram.from_values([0.01] * 99 + [1.0]), Histogram.from_values([0.01] * 60 + [1.0] * 40)
    >>> minutes = [busy if k % 10 < 2 else quiet for k in range(200)]  # two bad minutes of ten
    >>> together = Windows({"db": minutes, "cache": minutes})
    >>> print(together.p_wait(0.5))  # with bad minutes of their own, 0.168
    0.144 (0.130 to 0.158)
    """

    __slots__ = ("leaves", "names", "unit")
    __module__ = "historian.tail"

    names: tuple[str, ...]
    leaves: tuple[tuple[BaseHistogram, ...], ...]  # the histograms of each leaf, all of one length
    unit: str  # label

    def __init__(self, leaves: Mapping[Any, _Windows]) -> None:
        if not hasattr(leaves, "items"):
            raise TypeError(f"leaves must be a mapping of names to histories, or to histograms, not {leaves!r}")
        self.names = tuple(str(name) for name in leaves)
        if len(self.names) < 2:
            raise ValueError(f"windows must be of two leaves or more, not {len(self.names)}: see History.correlation")
        _check_times(leaves)
        self.leaves = tuple(_histograms(str(name), one) for name, one in leaves.items())
        lengths = {name: len(one) for name, one in zip(self.names, self.leaves)}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"leaves must have the same windows, not {lengths}: pass an empty histogram for an idle one"
            )
        units = {one.unit for leaf in self.leaves for one in leaf if one.count}
        if len(units) > 1:
            raise ValueError(f"leaves must have one unit, not {', '.join(map(repr, sorted(units)))}")
        self.unit = units.pop() if units else "s"

    @overload
    def correlation(self, a: str, b: str, t: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def correlation(self, a: str, b: str, t: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def correlation(self, a: str, b: str, t: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return the correlation in time of two leaves: Pearson's, of their shares of values above `t` in each window.

        It is 1 if their bad minutes are the same, and 0 if they have nothing to do with each other.  Few calls in a
        window make shares noisy, which brings it nearer to 0.  The interval allows for bursts.  "No data" if a share is
        the same in all windows.  O(windows * log windows).  Raises ValueError for an unknown name and for NaN.
        """
        if type(t) is not float and is_many(t):
            t = times("t", t)
            return each_estimate(lambda one: self.correlation(a, b, one, confidence), t, shape=t.shape, stacklevel=2)
        import numpy

        t, confidence = _time(t), check_confidence(confidence)
        both = [numpy.array([_share(one, t) for one in self._leaf(name)], dtype=numpy.float64) for name in (a, b)]
        value, low, high = correlation(both[0], both[1], confidence)
        if value != value:
            return no_data(-1.0, 1.0)
        why = f"correlation in time, of {counted(len(both[0]), 'window')}"
        return Estimate(value, low, high, why, confidence=confidence, method=METHOD)

    @overload
    def p_wait(self, t: _Scalar, dependence: _Dependence = "independent", confidence: float = 0.95) -> Estimate: ...
    @overload
    def p_wait(self, t: _Numbers, dependence: _Dependence = "independent", confidence: float = 0.95) -> Estimates: ...
    def p_wait(self, t: Any, dependence: _Dependence = "independent", confidence: float = 0.95) -> Estimate | Estimates:
        """Return the probability that not all leaves are done by `t`.  One minus it is that all of them are.

        Calls of a request are taken to be independent within each window, so what makes the same minutes bad for all
        leaves counts.  `why` also has the value for calls that are independent at all times.

        `dependence` widens the interval by what may happen within a window.  "positive": calls may slow down together,
        down to the share of the slowest leaf.  "any": nothing is assumed, up to the sum of the shares.  The interval
        allows for bucket width, for the differences between windows, and for bursts that outlast a window.  Pass 36
        windows or more, in the order of time.  Windows without calls of a leaf are left out, and `why` says how many.

        O(windows * leaves).  Warns (`TailWarning`) if too few windows are independent.  Raises ValueError for NaN and
        for an unknown dependence.
        """
        if type(t) is not float and is_many(t):
            t = times("t", t)
            return each_estimate(lambda one: self.p_wait(one, dependence, confidence), t, shape=t.shape, stacklevel=2)
        t, confidence = _time(t), check_confidence(confidence)
        if dependence not in DEPENDENCE:
            raise ValueError(f"dependence must be 'independent', 'positive' or 'any', not {dependence!r}")
        rows = [row for row in zip(*self.leaves) if all(one.count for one in row)]
        if not rows:
            return no_data(0.0, 1.0)
        (value, low, high), why = _wait(rows, t, dependence, confidence)
        missing = len(self.leaves[0]) - len(rows)
        if missing:
            why += f"; {counted(missing, 'window')} without calls of a leaf left out"
        bounds = min(low, value), max(high, value)
        return Estimate(value, *bounds, why, confidence=confidence, method=WINDOWS_METHOD)

    def _leaf(self, name: str) -> tuple[BaseHistogram, ...]:
        if name not in self.names:
            raise ValueError(f"{name!r} is not the name of a leaf: they are {', '.join(map(repr, self.names))}")
        return self.leaves[self.names.index(name)]

    def __reduce__(self) -> tuple[Any, ...]:
        return Windows, (dict(zip(self.names, self.leaves)),)

    def __repr__(self) -> str:
        p99 = [self._p99(leaf) for leaf in self.leaves[:LISTED]]
        facts = f"{counted(len(self.names), 'leaf', 'leaves')}, {counted(len(self.leaves[0]), 'window')} each"
        return f"<Windows of {facts}: {listed(self.names, p99)}>"

    def _p99(self, leaf: tuple[BaseHistogram, ...]) -> str:
        """Return the 99th percentile of all windows of a leaf as text."""
        held = [one for one in leaf if one.count]
        return f"p99 {quantity(sum(held[1:], held[0]).quantile(0.99), self.unit)}" if held else "no data"

    def _view(self) -> View:
        from .views import windows_view

        return windows_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


def _check_times(leaves: Mapping[Any, _Windows]) -> None:
    """Raise unless all leaves that are histories have the same intervals."""
    timed = [(name, one) for name, one in leaves.items() if is_timed(one)]
    for name, one in timed[1:]:
        first, other = timed[0]
        for edge in ("starts", "ends"):
            ours, theirs = getattr(other, edge).tolist(), getattr(one, edge).tolist()
            if ours != theirs:
                raise ValueError(
                    f"leaves must have the same intervals, but those of {first!s} and {name!s} differ: "
                    "resample both, or select both from their sum"
                )


def _histograms(name: str, given: _Windows) -> tuple[BaseHistogram, ...]:
    if isinstance(given, BaseHistogram) or not (is_timed(given) or hasattr(given, "__iter__")):
        raise TypeError(f"the leaf {name!r} must be a history or an iterable of histograms, not {given!r}")
    found = tuple(histograms_of(given))
    for one in found:
        if not isinstance(one, BaseHistogram):
            raise TypeError(f"the leaf {name!r} must have histograms, not {one!r}")
    return found


def _time(t: Any) -> float:
    if (t := number("t", t)) != t:
        raise ValueError("t must not be NaN")
    return float(t)


def _share(histogram: BaseHistogram, t: float) -> float:
    """Return the share of values above t, NaN without values."""
    return histogram._above(t)[0] / histogram.count if histogram.count else math.nan


def any_of_each(tails: Iterable[float]) -> float:
    """Return 1 - prod (1 - tail): the share of requests with any slow call, if calls are independent.

    >>> round(any_of_each([0.3, 0.2]), 12)
    0.44
    """
    total = 0.0
    for tail in tails:
        if tail == 1:
            return 1.0
        total += math.log1p(-tail)
    return 0.0 - math.expm1(total)  # never -0.0


class _Counts:
    """The values of each leaf in each window that has values of all of them, and how many are above a time."""

    def __init__(self, rows: Sequence[Sequence[BaseHistogram]], t: float, end: int) -> None:
        """Count the values above t, without those of its bucket for end 0, and with them for end 1."""
        self.counts = [[one.count for one in leaf] for leaf in zip(*rows)]
        self.above = [[one._above(t)[end] for one in leaf] for leaf in zip(*rows)]
        self.shares = [[a / n for a, n in zip(*two)] for two in zip(self.above, self.counts)]
        requests = sum(self.counts[0])
        self.weights = [one / requests for one in self.counts[0]]
        self.pooled = [self.mean(shares) for shares in self.shares]

    def mean(self, shares: Iterable[float]) -> float:
        """Return the mean over all requests of a share that each window has."""
        return min(1.0, math.fsum(w * one for w, one in zip(self.weights, shares)))

    def interval(self, shares: Sequence[float], leaves: Sequence[int], confidence: float) -> tuple[Effective, _Two]:
        """Return the effective sample size and the interval of `mean`, for shares that follow from those of leaves.

        The variance is that between windows, at least that of independent values: by the derivatives of 1 - prod (1 -
        p_j), which are those of any share here, or less.
        """
        center = self.mean(shares)
        if 0 < center < 1 and len(shares) > 1:
            least = 0.0
            for leaf in leaves:
                p, others = self.pooled[leaf], [self.pooled[one] for one in leaves if one != leaf]
                least += (1 - any_of_each(others)) ** 2 * p * (1 - p) / sum(self.counts[leaf])
            deviations = [w * (one - center) for w, one in zip(self.weights, shares)]
            known = effective_sample_size(center, deviations, self.weights, confidence, least)
            return known, share_interval(center * known.size, (1 - center) * known.size, confidence)
        each = [windows_sample_size(self.above[leaf], self.counts[leaf], confidence) for leaf in leaves]
        if len(shares) == 1:
            return each[0], (0.0, 1.0)
        bounds = [share_interval(center * one.size, (1 - center) * one.size, confidence) for one in each]
        return each[0], (max(low for low, _ in bounds), any_of_each(high for _, high in bounds))


def _wait(rows: Sequence[Sequence[BaseHistogram]], t: float, dependence: str, confidence: float) -> tuple[_Three, str]:
    """Return the value of `Windows.p_wait` with its bounds, and their reasons.  `rows` are windows of all leaves."""
    least, most = (_Counts(rows, t, end) for end in (0, 1))
    leaves = range(len(rows[0]))
    waits, slower = (list(map(any_of_each, zip(*one.shares))) for one in (least, most))
    known, (low, _) = least.interval(waits, leaves, confidence)
    _, (_, high) = most.interval(slower, leaves, confidence)
    warn_if_uncertain(known, stacklevel=4)
    if dependence != "independent":
        each = 1 - (1 - confidence) / len(leaves)  # so that the bounds of all leaves hold together
        low = min(low, max(least.interval(least.shares[leaf], [leaf], each)[1][0] for leaf in leaves))
    if dependence == "any":
        sums = [min(1.0, math.fsum(row)) for row in zip(*most.shares)]
        high = max(high, most.interval(sums, leaves, confidence)[1][1])
    values = " and ".join(f"{sum(one):,}" for one in least.counts[:3]) + (" and more" if len(leaves) > 3 else "")
    assumed = f"dependence: {dependence} within a window"
    if dependence == "independent":
        assumed = "independent calls within a window assumed"
    always = f"independent at all times, it would be {any_of_each(least.pooled):.3g}"
    why = f"sampling: {values} values, {in_windows(known)}; bucket width; {assumed}; {always}"
    return (least.mean(waits), low, high), why
