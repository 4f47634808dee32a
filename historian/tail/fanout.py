"""`Fanout`: waiting for all of n independent calls, which takes as long as the slowest one.

Let S be the share of calls that take longer than t.  All n are done by t with probability (1 - S)^n, so the user
still waits with probability P = 1 - (1 - S)^n (Dean & Barroso, The Tail at Scale, 2013).  For tiny S and huge n, both
subtractions lose every digit.  ``P = -expm1(n * log1p(-S))`` loses none.  Its inverse for a user tail p is
``S = -expm1(log1p(-p) / n)``.  S itself is a ratio of counts, never 1 minus a share.

P grows with S, so the same formula turns an interval of S (Clopper & Pearson, Biometrika 26, 1934) into one of P.
"""

from __future__ import annotations

import math
from typing import Generic

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.beyond import collected, warn_beyond
from .._stats.checks import check_confidence, check_n, check_share, number
from .._stats.estimate import Estimate, joint_method, no_data
from .._stats.sequences import share_sequence
from .._values.answers import is_many
from .._values.decimals import PRECISE, log, written
from .._values.held import Held
from .._values.text import counted
from .dependence import wait_of
from .measurements import measured_count, share_bounds
from .sampling import (
    ANYTIME,
    SCOPE_METHODS,
    WINDOWS_METHOD,
    quantile_interval,
    sampled,
    scope_of,
    share_method,
    single,
    windows_of,
)
from .shares import DEPENDENCE, ROUNDING, any_of_correlated, calls_for, calls_within
from .shares import any_of as _any_of
from .shares import leaf_tail as _leaf_tail
from .shares import tail_of as _tail_of

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Sequence
    from typing import Any, Literal, TypeAlias, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View
    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar
    from .._values.timed import _Windows

    _Whole: TypeAlias = int | np.integer[Any]  # a number of calls
    _Wholes: TypeAlias = NDArray[np.integer[Any]] | Sequence[int] | Sequence[Sequence[int]]  # several
    _Given: TypeAlias = _Scalar | _Numbers

__all__ = ["Fanout"]


class Fanout(Generic[Held]):
    """The latency of waiting for all of `n` independent calls, each distributed as `leaf`.  See `Histogram.fanout`.

    Each question takes numbers or array-likes.  The answer to array-likes is `Estimates` in their common shape, as
    numpy broadcasts them, and one `TailWarning` says how many answers are beyond the data.  For many numbers of calls,
    see `Fanouts`.

    If calls slow down together, the share of users who wait is lower than the values here, but never below
    `leaf.sf(t)`: see `bounds`.
    """

    __slots__ = ("leaf", "n")
    __module__ = "historian.tail"

    leaf: Held  # of one call
    n: int  # number of calls, in [1, 1e100]

    def __init__(self, leaf: Held, n: int) -> None:
        n = check_n(n)
        self.leaf = leaf
        self.n = n

    @overload
    def p_wait(
        self, t: _Scalar, confidence: float = 0.95, *, anytime: bool = False, simultaneous: bool = False
    ) -> Estimate: ...
    @overload
    def p_wait(
        self, t: _Numbers, confidence: float = 0.95, *, anytime: bool = False, simultaneous: bool = False
    ) -> Estimates: ...
    def p_wait(
        self, t: Any, confidence: float = 0.95, *, anytime: bool = False, simultaneous: bool = False
    ) -> Estimate | Estimates:
        """Return the probability that not all n calls are done by `t`, in the histogram's unit, with its interval.

        The value has a relative error of 1e-14, given the share of recorded calls above t, ``leaf.sf(t)``.  The
        interval allows for sampling, and for the values in the bucket of `t`.  About 0.2 ms.  With ``anytime=True`` it
        holds at all looks at growing data together, and with ``simultaneous=True`` for all times together, as that of
        `Histogram.ci` does.
        Warns (`TailWarning`) if n exceeds the number of recorded calls.  Raises ValueError for NaN, for a confidence
        that is not between 0 and 1, and for ``anytime=True`` or ``simultaneous=True`` with synthetic values or with
        each other.  Raises TypeError unless these two are bools.

        >>> from historian import Histogram
        >>> print(Histogram.from_values([0.010] * 9_900 + [1.0] * 100).fanout(100).p_wait(0.5))
        0.634 (0.559 to 0.705)
        """
        scope = scope_of(self.leaf, anytime, simultaneous)
        if type(t) is not float and is_many(t):
            from . import curves

            return curves.bounds(self._with, self.leaf, self.n, t, "independent", None, confidence, scope)
        value, lower, upper = self._shares(t, confidence, scope)
        if not self.leaf.count:
            return no_data(0.0, 1.0)
        self._warn_beyond()
        wait = _any_of(value, self.n)
        bounds = min(wait, _any_of(lower, self.n)), max(wait, _any_of(upper, self.n))
        why = f"{sampled(self.leaf)}; bucket width; independent calls assumed" + (f"; {scope}" if scope else "")
        method = SCOPE_METHODS.get(scope) or share_method(self.leaf)
        return Estimate(wait, *bounds, why, confidence=confidence, method=method)

    #: The same question as `Histogram.sf`, with the same name.
    sf = p_wait

    @overload
    def cdf(self, t: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def cdf(self, t: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def cdf(self, t: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return the probability that all n calls are done by `t`, ``1 - p_wait(t)``.  Warns and raises as `p_wait`.

        >>> from historian import Histogram
        >>> print(Histogram.from_values([0.010] * 9_900 + [1.0] * 100).fanout(100).cdf(0.5))
        0.366 (0.295 to 0.441)
        """
        answer, text = collected(lambda: self.p_wait(t, confidence))
        if text:
            warn_beyond(text, stacklevel=2)
        if isinstance(answer, Estimate):
            bounds, kept = (1 - answer.upper, 1 - answer.lower), (answer.confidence, answer.method)
            return Estimate(1 - answer, *bounds, answer.why, confidence=kept[0], method=kept[1])
        from .._stats.estimates import complement

        return complement(answer)

    @overload
    def bounds(
        self,
        t: _Scalar,
        dependence: Literal["independent", "positive", "any"] = "independent",
        windows: _Windows | None = None,
        confidence: float = 0.95,
    ) -> Estimate: ...
    @overload
    def bounds(
        self,
        t: _Numbers,
        dependence: Literal["independent", "positive", "any"] = "independent",
        windows: _Windows | None = None,
        confidence: float = 0.95,
    ) -> Estimates: ...
    def bounds(
        self,
        t: Any,
        dependence: Literal["independent", "positive", "any"] = "independent",
        windows: _Windows | None = None,
        confidence: float = 0.95,
    ) -> Estimate | Estimates:
        """Return `p_wait`, with an interval that is valid for the given dependence between calls.

        "independent": the interval of `p_wait`.  "positive", calls may slow down together: from the share for a single
        call to the share for independent calls.  "any", nothing is assumed: from the share for a single call to n times
        that share.

        `windows` are the histograms of consecutive intervals of time that add up to the leaf.  Calls are then assumed
        to be independent within each window only, and the value is the mean over the windows.  It is never above the
        value without windows.  This is the best remedy for bursts.  The interval allows for the differences between
        windows, and for bursts that outlast a window.  Pass 36 windows or more, in the order of time.

        O(windows).  Warns as `p_wait` does, and if too few windows are independent.  Raises ValueError for NaN, an
        unknown dependence, and windows that do not add up to the leaf.
        """
        if type(t) is not float and is_many(t):
            from . import curves

            return curves.bounds(self._with, self.leaf, self.n, t, dependence, windows, confidence)
        if dependence not in DEPENDENCE:
            raise ValueError(f"dependence must be 'independent', 'positive' or 'any', not {dependence!r}")
        t = number("t", t)
        shares = self._shares(t, confidence)
        parts = None if windows is None else windows_of(self.leaf, windows)
        if not self.leaf.count:
            return no_data(0.0, 1.0)
        (wait, low, high), why = wait_of(self.leaf, self.n, t, shares, dependence, parts, confidence)
        self._warn_beyond()
        method = share_method(self.leaf) if windows is None else WINDOWS_METHOD
        bounds = min(low, wait), max(high, wait)
        return Estimate(wait, *bounds, why, confidence=confidence, method=method)

    @overload
    def extrapolate(self, t: _Scalar, m: _Whole, p_m: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def extrapolate(self, t: _Numbers, m: _Whole | _Wholes, p_m: _Given, confidence: float = 0.95) -> Estimates: ...
    @overload
    def extrapolate(self, t: _Given, m: _Wholes, p_m: _Given, confidence: float = 0.95) -> Estimates: ...
    @overload
    def extrapolate(self, t: _Given, m: _Whole | _Wholes, p_m: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def extrapolate(self, t: Any, m: Any, p_m: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return `p_wait` extrapolated from a measurement: users of `m` calls still wait with probability `p_m`.

        The value assumes that groups of m calls are independent: 1 - (1 - p_m)^(n/m).  The interval assumes only that
        any m of the n calls are like those measured: from p_m to min(n/m * p_m, n * S).  If p_m is an `Estimate`, the
        result allows for its interval.  O(1).  Warns (`TailWarning`) if p_m is larger than m of the recorded calls can
        explain under any dependence.  Raises ValueError for NaN, p_m outside 0..1, and m above n.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([0.010] * 9_900 + [1.0] * 100)
        >>> print(h.fanout(100).extrapolate(0.5, m=10, p_m=0.05))  # 0.0956 if the ten were independent
        0.401 (0.0500 to 0.500)
        """
        if is_many(t) or is_many(m) or is_many(p_m):
            from . import curves

            return curves.extrapolate(self._with, self.leaf, self.n, t, m, p_m, confidence)
        measured = check_share("p_m", p_m)
        m = check_n(m, "m")
        if m > self.n:
            raise ValueError(f"m must be at most n, {self.n}, not {m}: extrapolate to a larger fan-out only")
        _, _, upper = self._shares(t, confidence)
        if not self.leaf.count:
            return no_data(0.0, 1.0)
        low, high = (p_m.lower, p_m.upper) if isinstance(p_m, Estimate) else (measured, measured)
        if low > m * upper:
            why = f"{m:,} of the recorded calls can explain at most {m * upper:.3g}"
            warn_beyond(f"p_m is {measured:.3g}, but {why}: measure the same calls", stacklevel=2)
        top = min(1.0, self.n / m * high, max(self.n * upper, high))
        value = max(low, min(top, _any_of(measured, self.n / m)))
        why = f"dependence: any, beyond the {counted(m, 'call')} measured; {sampled(self.leaf)}"
        return Estimate(value, low, top, why, **_with(p_m, confidence, share_method(self.leaf)))

    @overload
    def effective_n(self, t: _Scalar, p: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def effective_n(self, t: _Numbers, p: _Given, confidence: float = 0.95) -> Estimates: ...
    @overload
    def effective_n(self, t: _Given, p: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def effective_n(self, t: Any, p: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return the number of independent calls for which users wait with probability `p`, as measured for n calls.

        n_eff = log(1 - p) / log(1 - S).  It is n or less if calls slow down together.  It is infinity if p is 1, and
        "no data" if no recorded call, or every one, was slower than `t`.  If p is an `Estimate`, the result allows for
        its interval.  O(1).  Raises ValueError for NaN and p outside 0..1.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([0.010] * 9_900 + [1.0] * 100)
        >>> print(h.fanout(100).effective_n(0.5, 0.2))
        22.2 (18.3 to 27.3)
        """
        if is_many(t) or is_many(p):
            from . import curves

            return curves.effective_n(self._with, self.leaf, self.n, t, p, confidence)
        measured = check_share("p", p)
        tail, lower, upper = self._shares(t, confidence)
        if not 0 < tail < 1:  # NaN, too
            return no_data(0.0, math.inf)
        low, high = (max(0.0, p.lower), min(p.upper, 1.0)) if isinstance(p, Estimate) else (measured, measured)
        value, least, most = calls_for(measured, tail), calls_for(low, upper), calls_for(high, lower)
        why, bounds = f"{sampled(self.leaf)}; bucket width", (min(least, value), max(most, value))
        return Estimate(value, *bounds, why, **_with(p, confidence, share_method(self.leaf)))

    @overload
    def sensitivity(self, t: _Scalar, correlation: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def sensitivity(self, t: _Numbers, correlation: _Given, confidence: float = 0.95) -> Estimates: ...
    @overload
    def sensitivity(self, t: _Given, correlation: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def sensitivity(self, t: Any, correlation: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return `p_wait` if calls share a cause of slowness, any two of them with this correlation, in 0..1.

        Beta-binomial: each user's share of slow calls is drawn from a beta distribution of mean S.  It shows how much
        the result depends on independence.  Do not use a correlation fitted to data for predictions: they are
        unreliable.  O(log n).  Raises ValueError for NaN and a correlation outside 0..1.
        Source: Skellam, J. R. Stat. Soc. B 10 (1948).
        """
        if is_many(t) or is_many(correlation):
            from . import curves

            return curves.sensitivity(self._with, self.leaf, self.n, t, correlation, confidence)
        correlation = check_share("correlation", correlation)
        shares = self._shares(t, confidence)
        if not self.leaf.count:
            return no_data(0.0, 1.0)
        value, low, high = (any_of_correlated(share, self.n, correlation) for share in shares)
        self._warn_beyond()
        why = f"{sampled(self.leaf)}; bucket width; dependence: correlation {correlation:g} assumed"
        bounds = min(low, value), max(high, value)
        return Estimate(value, *bounds, why, confidence=confidence, method=share_method(self.leaf))

    @overload
    def quantile(self, q: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def quantile(self, q: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def quantile(self, q: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return the q-quantile of the wait for all n calls: the smallest recorded value with p_wait at most 1 - q.

        It is a quantile of the leaf, with the interval of that quantile.  O(log count).  Warns (`TailWarning`) if too
        few values were recorded for a bound: a missing upper bound is infinity, a missing lower bound is 0.  Raises
        ValueError for q outside 0..1.
        """
        if type(q) is not float and is_many(q):
            from . import curves

            return curves.quantile(self._with, self.leaf, self.n, q, confidence)
        q = check_share("q", q)
        confidence = check_confidence(confidence)
        if not self.leaf.count:
            return no_data(0.0, math.inf, unit=self.leaf.unit)
        tail = _leaf_tail(_tail_of(q), self.n)
        if self.n == 1:
            value = self.leaf.quantile(q)
        else:
            allowed = math.floor(self.leaf.count * tail * (1 + ROUNDING))  # values that may be slower
            value = self.leaf._value_at(max(1, self.leaf.count - allowed))
        why = "" if self.n == 1 else "independent calls assumed"
        return quantile_interval(self.leaf, q if self.n == 1 else 1 - tail, value, confidence, why=why)

    @overload
    def leaf_percentile(self, q: _Scalar) -> float: ...
    @overload
    def leaf_percentile(self, q: _Numbers) -> NDArray[np.float64]: ...
    def leaf_percentile(self, q: Any) -> float | NDArray[np.float64]:
        """Return the percentile, 0..100, of a single call that determines the q-quantile of the user's wait.

        O(1).  It is the float nearest to 100 q^(1/n), with q read as the decimal that was written, but less than 100 if
        q is less than 1.  It does not depend on the recorded values.  Raises ValueError for q outside 0..1.

        >>> from historian import Histogram
        >>> round(Histogram.from_values([1.0]).fanout(100).leaf_percentile(0.99), 7)
        99.9899502
        """
        if type(q) is not float and is_many(q):
            from . import curves

            return curves.leaf_percentile(self._with, self.n, q)
        q = check_share("q", q)
        if q == 1:
            return 100.0
        share = written(q) if self.n == 1 else PRECISE.exp(PRECISE.divide(log(written(q)), self.n))
        return min(float(PRECISE.multiply(100, share)), math.nextafter(100.0, 0.0))

    @overload
    def max_n(self, t: _Scalar, p: _Scalar, confidence: float | None = None) -> float: ...
    @overload
    def max_n(self, t: _Numbers, p: _Given, confidence: float | None = None) -> NDArray[np.float64]: ...
    @overload
    def max_n(self, t: _Given, p: _Numbers, confidence: float | None = None) -> NDArray[np.float64]: ...
    def max_n(self, t: Any, p: Any, confidence: float | None = None) -> float | NDArray[np.float64]:
        """Return the largest number of calls for which p_wait at `t` is at most `p`.

        The result is an int.  It is 0 if a single call exceeds t too often, and infinity if no recorded call was slower
        than `t`, so that the data set no limit.  Without data it is NaN.  p is read as the decimal that was written: if
        a tenth of the calls are slow, two calls are not late for more than 0.19.  With a confidence, the upper bound of
        p_wait is at most p, too.  O(1).  Raises ValueError for p outside 0..1 and for NaN.

        >>> from historian import Histogram
        >>> fan = Histogram.from_values([0.01] * 9_900 + [1.0] * 100).fanout(1)
        >>> fan.max_n(0.5, p=0.5), fan.max_n(0.5, p=0.5, confidence=0.95)
        (68, 56)
        """
        if (type(t) is not float or type(p) is not float) and (is_many(t) or is_many(p)):
            from . import curves

            return curves.max_n(self._with, self.leaf, t, p, confidence)
        p = check_share("p", p)
        if not self.leaf.count:
            self._shares(t, 0.95 if confidence is None else confidence)  # which checks both
            return math.nan
        tail = self._tail(t) if confidence is None else self._shares(t, confidence)[2]
        ratio = (self.leaf._above(number("t", t))[0], self.leaf.count) if confidence is None else None
        return calls_within(p, tail, ratio)

    def __reduce__(self) -> tuple[Any, ...]:
        return Fanout, (self.leaf, self.n)

    def __repr__(self) -> str:
        return f"Fanout(n={self.n}, leaf={self.leaf!r})"

    def _view(self) -> View:
        from .views import fanout_view

        return fanout_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    def _with(self, n: int, known: dict[float, tuple[float, float, float]] | None = None) -> Fanout[Held]:
        """Return the fan-out of another number of calls; `known` holds the results of `_shares` by time."""
        return Fanout(self.leaf, n) if known is None else _Known(self.leaf, n, known)

    def _tail(self, t: float) -> float:
        """Return the share of recorded calls above `t`."""
        return float(self.leaf.sf(number("t", t)))

    def _shares(self, t: float, confidence: float, scope: str = "") -> tuple[float, float, float]:
        """Return the share of calls above `t`, and the bounds of its interval."""
        t, confidence = number("t", t), check_confidence(confidence)
        (low, most), count = self.leaf._above(t), self.leaf.count
        if not count:
            return math.nan, 0.0, 1.0
        if scope == ANYTIME:
            lower, upper = (share_sequence(above, count - above, confidence) for above in (low, most))
            return low / count, lower[0], upper[1]
        return low / count, *share_bounds(self.leaf, t, single(self.leaf, confidence, scope))

    def _warn_beyond(self) -> None:
        recorded = measured_count(self.leaf)
        if self.n > recorded:
            few = counted(recorded, "was recorded", "were recorded")
            text = f"beyond the data: users wait for {self.n:,} calls, but only {few}"
            warn_beyond(text, stacklevel=3)


def _with(given: float, confidence: float, method: str) -> dict[str, Any]:
    """Return the lower confidence of the leaf's and of that of a given `Estimate`, and the methods of both."""
    if isinstance(given, Estimate) and given.confidence is not None:
        confidence, method = min(confidence, given.confidence), joint_method(method, given.method)
    return {"confidence": confidence, "method": method}


class _Known(Fanout[Held]):
    """A fan-out whose shares at some times have been computed, for the one confidence that is asked for."""

    __slots__ = ("_known",)

    def __init__(self, leaf: Held, n: int, known: dict[float, tuple[float, float, float]]) -> None:
        super().__init__(leaf, n)
        self._known = known

    def _shares(self, t: float, confidence: float, scope: str = "") -> tuple[float, float, float]:
        return self._known[t]
