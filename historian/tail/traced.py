"""`Traced`: the latency of traced requests, whose calls depend on each other as they did; `TracedFanout`: of n calls.

Let b of the W calls of a traced request be slower than t.  Any n of its calls include one of them with probability
1 - C(W - b, n)/C(W, n).  The mean over all requests is the share of users of n calls who wait: the average over all
groups of n calls, exactly (Hoeffding, A Class of Statistics with Asymptotically Normal Distribution, Annals of
Mathematical Statistics 19, 1948).  The slowest of n calls is the j-th slowest of all W in C(W - j, n - 1)/C(W, n) of
the groups.  So the share is a weighted mean of counts, one for each j, and needs no loop over requests.

Requests are the sample: each gives one number from 0 to 1, and the mean of these numbers has an interval.
"""

from __future__ import annotations

import math

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.arrays import each_estimate, shares, times
from .._stats.beyond import warn_beyond
from .._stats.checks import check_confidence, check_share, number
from .._stats.estimate import Estimate, no_data, quantile_name
from .._values.answers import is_many
from .._values.text import counted
from .mixture import waits_of_mixture
from .requests import Requests, packed, unpacked
from .sampling import METHOD, WINDOWS_METHOD
from .shares import ROUNDING, tail_of

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

    _Floats = NDArray[np.float64]

__all__ = ["Traced", "TracedFanout", "subset_weights"]


class Traced:
    """The latency of traced requests: a time for each of them.  See `Traces`, whose operations return it.

    Times are exact, so there is no bucket width.  Each answer to an array-like is `Estimates` of its shape.  For a
    histogram of the times, see `values`: ``Histogram.from_values(traced.values)``.
    """

    __slots__ = ("_candidates", "_order", "_sample", "_weights", "values")
    __module__ = "historian.tail"

    values: NDArray[np.float64]  # a time for each request, shape (requests,); of a fan-out, shape (requests, calls)
    _sample: Requests
    _order: _Floats  # shape (calls, requests): the slowest calls, the second slowest, ..., each row ascending
    _weights: _Floats  # shape (calls,): the part of the groups whose slowest call this is; they add up to 1
    _candidates: _Floats | None  # all times, ascending, once they were asked for

    def __init__(self, values: _Floats, sample: Requests, weights: _Floats | None = None) -> None:
        """Take what `Traces` has checked."""
        import numpy

        columns = values if values.ndim > 1 else values[:, None]
        self.values, self._sample, self._candidates = values, sample, None
        self._order = numpy.sort(numpy.sort(columns, axis=1)[:, ::-1].T, axis=1)
        self._weights = numpy.ones(1) if weights is None else weights

    @property
    def count(self) -> int:
        """The number of traced requests."""
        return len(self.values)

    @property
    def unit(self) -> str:
        """The unit of all times: a label."""
        return self._sample.unit

    @overload
    def sf(self, t: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def sf(self, t: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def sf(self, t: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return the share of requests that take longer than `t`, with its interval.

        O(calls * log requests).  Raises ValueError for NaN, and for a confidence that is not between 0 and 1.
        """
        if type(t) is not float and is_many(t):
            t = times("t", t)
            return each_estimate(lambda one: self.sf(one, confidence), t, shape=t.shape, stacklevel=2)
        t, confidence = number("t", t), check_confidence(confidence)
        if t != t:
            raise ValueError("t must not be NaN")
        if not self.count:
            return no_data(0.0, 1.0)
        value, low, high = self._value(t), self._low(t, confidence), self._high(t, confidence)
        bounds = min(low, value), max(high, value)
        return Estimate(value, *bounds, self._why(), confidence=confidence, method=self._method())

    @overload
    def cdf(self, t: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def cdf(self, t: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def cdf(self, t: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return the share of requests that take `t` or less, ``1 - sf(t)``."""
        answer = self.sf(t, confidence)
        if not isinstance(answer, Estimate):
            from .._stats.estimates import complement

            return complement(answer)
        if answer != answer:
            return answer
        bounds = 1 - answer.upper, 1 - answer.lower
        return Estimate(1 - answer, *bounds, answer.why, confidence=answer.confidence, method=answer.method)

    @overload
    def quantile(self, q: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def quantile(self, q: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def quantile(self, q: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return the q-quantile: the smallest traced time that a share of at most 1 - q exceeds, with its interval.

        The interval has the times at which the bounds of `sf` fall to 1 - q (Woodruff, Journal of the American
        Statistical Association 47, 1952).  A missing upper bound is infinity, a missing lower bound 0; then it warns
        (`TailWarning`).  O(calls * log(requests)^2).  Raises ValueError for q outside 0..1.
        """
        if type(q) is not float and is_many(q):
            q = shares("q", q)
            options: Any = {"shape": q.shape, "unit": self.unit, "stacklevel": 2}
            return each_estimate(lambda one: self.quantile(one, confidence), q, **options)
        q, confidence = check_share("q", q), check_confidence(confidence)
        if not self.count:
            return no_data(0.0, math.inf, unit=self.unit)
        tail = tail_of(q) * (1 + ROUNDING)
        value = self._first(lambda t: self._value(t) <= tail)
        low = self._first(lambda t: self._low(t, confidence) <= tail)
        high = self._first(lambda t: self._high(t, confidence) <= tail)
        if self._low(-1.0, confidence) <= tail:
            low = 0.0
        missing = [side for side, is_open in (("lower", not low), ("upper", high == math.inf)) if is_open]
        why = self._why()
        if missing and not (low == 0 == value and len(missing) == 1):
            why += f"; too few requests: no {' and no '.join(missing)} bound"
            few = counted(self.count, "request is", "requests are")
            text, give = f"no {' and no '.join(missing)} bound", "gives" if self.count == 1 else "give"
            warn_beyond(f"beyond the data: {few} too few for {quantile_name(q)} and {give} {text}", stacklevel=2)
        options = {"unit": self.unit, "confidence": confidence, "method": self._method()}
        return Estimate(value, min(low, value), max(high, value), why, **options)

    def _value(self, t: float) -> float:
        """Return the share of requests above `t`."""
        return self._moments(t)[0] / self.count

    def _low(self, t: float, confidence: float) -> float:
        """Return the lower bound of this share."""
        return self._sample.interval(*self._moments(t * (1 + self._sample.error)), confidence)[0]

    def _high(self, t: float, confidence: float) -> float:
        """Return the upper bound of this share."""
        return self._sample.interval(*self._moments(t * (1 - self._sample.error)), confidence)[1]

    def _moments(self, t: float, weights: _Floats | None = None) -> tuple[float, float]:
        """Return the sum and the sum of squares, over all requests, of the share of its groups that are above `t`."""
        weights = self._weights if weights is None else weights
        sums = weights.cumsum()
        above = self._above(t)
        squares = sums**2
        squares[1:] -= sums[:-1] ** 2
        return float(weights @ above), float(squares @ above)

    def _above(self, t: float) -> NDArray[np.int64]:
        """Return the number of requests in which at least 1, 2, ... calls take longer than `t`."""
        import numpy

        return numpy.array([self.count - row.searchsorted(t, side="right") for row in self._order])

    def _first(self, holds: Callable[[float], bool]) -> float:
        """Return the smallest traced time from which on `holds` is true; infinity if it is false for the largest."""
        import bisect

        candidates = self._times()
        at = bisect.bisect_left(candidates, True, key=lambda t: holds(float(t)))
        return float(candidates[at]) if at < len(candidates) else math.inf

    def _times(self) -> _Floats:
        """Return all times, ascending, each once."""
        import numpy

        if self._candidates is None:
            self._candidates = numpy.unique(self.values)
        return self._candidates

    def _why(self) -> str:
        return self._sample.why

    def _method(self) -> str:
        return METHOD if len(self._weights) == 1 else WINDOWS_METHOD

    def __getstate__(self) -> tuple[Any, ...]:
        return packed(self.values), tuple(self._sample)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__(unpacked(*state[0]), Requests(*state[1]), *state[2:])  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {counted(self.count, 'request')}; {self._why()}>"

    def _view(self) -> View:
        from .views import traced_view

        return traced_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


class TracedFanout(Traced):
    """The latency of waiting for all of `n` calls that depend on each other as the traced ones did: `Traces.fanout`.

    Up to the number of traced calls, the width, each answer is the average over all groups of n of these calls.

    Beyond it, the interval assumes only that any `width` w of the n calls are like the traced ones.  The share of users
    who wait is at least that for w calls, and each further call adds at most as much as the last one did:
    P_n <= P_w + (n - w)(P_w - P_(w-1)), which is at most n/w P_w, and at most n times the share of slow calls.  With
    calls in random order, P_(k+1) - P_k is the probability that the first k are fast and the next one is slow, which
    never grows with k.  The value is that of requests whose calls are slow at a common rate, with those rates that make
    the traces most likely.  So the interval is wide, and `why` says which bounds it has.
    """

    __slots__ = ("n",)
    __module__ = "historian.tail"

    n: int  # number of calls, in [1, 1e100]

    def __init__(self, values: _Floats, sample: Requests, n: int) -> None:
        super().__init__(values, sample, subset_weights(values.shape[1], min(n, values.shape[1])))
        self.n = n

    def _with(self, n: int) -> TracedFanout:
        """Return the fan-out of another number of calls, without sorting the times again."""
        fan = object.__new__(TracedFanout)
        fan.values, fan._sample, fan._order, fan._candidates = self.values, self._sample, self._order, self._candidates
        fan.n, fan._weights = n, subset_weights(self.width, min(n, self.width))
        return fan

    @property
    def width(self) -> int:
        """The number of traced calls."""
        return int(self.values.shape[1])

    @overload
    def p_wait(self, t: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def p_wait(self, t: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def p_wait(self, t: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Answer as `Traced.sf` does, which has this name for `Fanout`."""
        found: Estimate | Estimates = self.sf(t, confidence)
        return found

    def _value(self, t: float) -> float:
        wait = super()._value(t)
        if self.n <= self.width:
            return wait
        most = min(1.0, self._moments(t, self._marginal())[0] / self.count)
        if not 0 < wait < 1:
            return wait
        return min(max(waits_of_mixture(self._above(t), self.count, self.n), wait), most)

    def _high(self, t: float, confidence: float) -> float:
        if self.n <= self.width:
            return super()._high(t, confidence)
        times = self.n / self.width  # the largest number of a request
        total, squares = self._moments(t * (1 - self._sample.error), self._marginal())
        high = times * self._sample.interval(total / times, squares / times / times, confidence)[1]
        return min(1.0, high)

    def _marginal(self) -> _Floats:
        """Return the weights of P_w + (n - w)(P_w - P_(w-1)): only requests with a single slow call make it grow."""
        import numpy

        weights = numpy.zeros(self.width)
        weights[:2] = self.n / self.width, 1 - self.n / self.width
        return weights

    def _why(self) -> str:
        if self.n <= self.width:
            return self._sample.why
        beyond = f"beyond the {self.width} calls traced: value by a mixture of rates, bounds of any dependence"
        return f"{self._sample.why}; {beyond}"

    def _method(self) -> str:
        return METHOD if self.n == self.width else WINDOWS_METHOD

    def _view(self) -> View:
        from .views import traced_view

        return traced_view(self, f"Fan-out: wait for all of {counted(self.n, 'call')}")

    def __getstate__(self) -> tuple[Any, ...]:
        return packed(self.values), tuple(self._sample), self.n


def subset_weights(width: int, n: int) -> _Floats:
    """Return how often the slowest, the second slowest, ... of all calls is the slowest one of n of them.

    >>> subset_weights(4, 2).round(4).tolist()  # of 6 pairs, the slowest call is in 3
    [0.5, 0.3333, 0.1667, 0.0]
    """
    import numpy

    return numpy.array([math.comb(width - j, n - 1) / math.comb(width, n) for j in range(1, width + 1)])
