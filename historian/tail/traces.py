"""`Traces`: the latencies of the calls of the same requests, which show how calls depend on each other."""

from __future__ import annotations

import math

from .._show.scale import quantity
from .._show.shown import in_html, in_rich, in_terminal
from .._stats.arrays import each_estimate, times
from .._stats.checks import check_confidence, check_n, check_share, number
from .._stats.estimate import Estimate, no_data
from .._values.answers import is_many, numbers
from .._values.base import BaseHistogram
from .._values.text import counted, listed
from .._values.units import check_unit
from ..buckets import RELATIVE_ERROR
from .copula import spearman, tail_dependence, with_margin
from .effective import effective_calls
from .requests import Requests, packed, unpacked
from .sampling import METHOD
from .spans import table_of
from .traced import Traced, TracedFanout
from .traced_fanouts import TracedFanouts

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import Any, Literal, TypeAlias, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View
    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar
    from .fanout import _Whole, _Wholes

    _Part: TypeAlias = str | Traced
    _Table: TypeAlias = Mapping[str, _Numbers] | _Numbers

__all__ = ["Traces"]


class Traces:
    """The latencies of the calls of the same requests: a row for each request, a column for each call.

    Calls that share a machine, a network or a garbage collector slow down together.  Histograms of each call do not
    show it; traces do.  `fanout` answers for users who wait for n such calls.  `seq`, `all_of`, `k_of` and `first_of`
    compose a request of named calls, as the functions of `historian.tail` do for distributions, with the dependence
    that was traced.  Every answer says in its `why` which dependence it used.

    `data` is a mapping of names to columns, such as a data frame, or an array-like of shape (requests, calls) with
    `names`.  Names of columns become texts: the call of column 0 is "0".  Requests are taken to be
    independent of each other; calls of a request are not.  Immutable.  O(values).
    Raises ValueError for fewer than two calls, columns of different lengths, a value that is not finite or is
    negative, and names that are not different.

    >>> slow = [k % 50 == 0 for k in range(5_000)]  # one request in fifty: all its calls are slow
    >>> db, cache = ([late if one else soon for one in slow] for late, soon in ((1.0, 0.010), (0.9, 0.001)))
    >>> traces = Traces({"db": db, "cache": cache})
    >>> print(traces.fanout(2).p_wait(0.5))
    0.0200 (0.0163 to 0.0243)
    >>> print(traces.seq("cache", "db").quantile(0.5), "|", traces.effective_n(0.5))
    11.0 ms | 1.00 (1.00 to 1.02)
    """

    __slots__ = ("_sample", "names", "values")
    __module__ = "historian.tail"

    names: tuple[str, ...]  # of the calls
    values: NDArray[np.float64]  # shape (requests, calls), read-only
    _sample: Requests

    def __init__(self, data: _Table, unit: str = "s", names: Sequence[str] | None = None) -> None:
        self.values, self.names = _checked(data, names)
        count = len(self.values)
        width = f"{counted(len(self.names), 'call')} in {counted(count, 'request')}"
        why = f"dependence: measured, of {width}; sampling: {counted(count, 'request')}"
        self._sample = Requests(count, count, 0.0, check_unit(unit), why)

    @classmethod
    def from_spans(
        cls,
        spans: Iterable[tuple[Hashable, str, float]],
        unit: str = "s",
        *,
        missing: Literal["raise", "drop"] = "raise",
    ) -> Traces:
        """Return the traces of spans: tuples of the trace's id, a name and a duration, in any order of the traces.

        Several spans of a name in a trace become several calls, numbered in their order: ``"shard#1"``, ``"shard#2"``.
        Raises ValueError if some traces lack a span that others have.  ``missing="drop"`` leaves these traces out: this
        is right only if a span is missing by chance, not because its call timed out.  O(spans).

        >>> Traces.from_spans([("a", "shard", 0.010), ("a", "shard", 0.011), ("b", "shard", 0.5), ("b", "shard", 0.7)])
        <Traces of 2 requests of shard#1, shard#2: slowest call p50 11.0 ms, p99 700 ms>
        """
        return cls(table_of(spans, missing), unit)

    # ---- facts ----

    @property
    def count(self) -> int:
        """The number of requests."""
        return len(self.values)

    @property
    def unit(self) -> str:
        """The unit of all times: a label."""
        return self._sample.unit

    # ---- questions ----

    @overload
    def fanout(self, n: _Whole | None = None) -> TracedFanout: ...
    @overload
    def fanout(self, n: _Wholes) -> TracedFanouts: ...
    def fanout(self, n: Any = None) -> TracedFanout | TracedFanouts:
        """Return the latency of waiting for all of `n` calls like these; None is all that were traced.

        `n` is a whole number, or an array-like of them; then each answer is an array, such as a curve over n.

        Up to the number of traced calls, answers are averages over all groups of n of them, exactly.  Beyond it, they
        are extrapolated, with bounds.  Raises TypeError unless n is a whole number, and ValueError for n below 1.

        >>> traces = Traces([[0.010, 0.010]] * 9_800 + [[0.010, 1.0]] * 100 + [[1.0, 1.0]] * 100)
        >>> print(traces.fanout(2).p_wait(0.5), "|", traces.fanout(8).p_wait(0.5))
        0.0200 (0.0173 to 0.0229) | 0.0471 (0.0173 to 0.0588)
        >>> traces.fanout([1, 2, 8]).p_wait(0.5).value.round(3)
        array([0.015, 0.02 , 0.047])
        """
        if is_many(n):
            return TracedFanouts(self.values, self._sample, n)
        return TracedFanout(self.values, self._sample, check_n(len(self.names) if n is None else n))

    @overload
    def effective_n(self, t: _Scalar, confidence: float = 0.95) -> Estimate: ...
    @overload
    def effective_n(self, t: _Numbers, confidence: float = 0.95) -> Estimates: ...
    def effective_n(self, t: Any, confidence: float = 0.95) -> Estimate | Estimates:
        """Return the number of independent calls for which as many users wait at `t` as for the traced calls.

        n_eff = log(1 - P)/log(1 - p), for a share p of calls and P of requests above `t`.  It is the number of calls if
        they are independent, 1 if they are slow together, and "no data" if no call, or every one, was slower than `t`.
        O(calls).  Raises ValueError for NaN.
        """
        if type(t) is not float and is_many(t):
            t = times("t", t)
            return each_estimate(lambda one: self.effective_n(one, confidence), t, shape=t.shape, stacklevel=2)
        t, confidence = number("t", t), check_confidence(confidence)
        if t != t:
            raise ValueError("t must not be NaN")
        slow = (self.values > t).sum(axis=1)
        above = [int((slow >= k).sum()) for k in range(1, len(self.names) + 1)]
        if not above[0] or above[-1] == self.count:
            return no_data(0.0, math.inf)
        value, low, high = effective_calls(above, self.count, confidence)
        return Estimate(value, low, high, self._sample.why, confidence=confidence, method=f"{METHOD}, joined")

    def spearman(self, a: str, b: str, confidence: float = 0.95) -> Estimate:
        """Return Spearman's rank correlation of two calls: 0 if independent, 1 if the ranks are the same.

        The standard error holds for any dependence, if ties are few.  Fewer than eight requests give no bounds.  "No
        data" if all times of a call are equal.  O(requests * log requests).  Raises ValueError for an unknown name.
        """
        confidence = check_confidence(confidence)
        columns = self._column(a), self._column(b)
        value, low, high = spearman(*columns, confidence) if self.count > 1 else (math.nan, -1.0, 1.0)
        if value != value:
            return no_data(-1.0, 1.0)
        method = "Borkowf, Student's t of Fisher's z"
        return Estimate(value, low, high, self._sample.why, confidence=confidence, method=method)

    def tail_dependence(self, a: str, b: str, q: float, confidence: float = 0.95) -> Estimate:
        """Return how often one call is above its q-quantile if the other one is above its own: chi(q).

        It is 1 - q if calls are independent, and 1 if they are slow together.  "No data" if there are too few requests
        for q.  O(requests * log requests).  Raises ValueError for an unknown name, and for q outside 0..1.
        """
        q, confidence = check_share("q", q), check_confidence(confidence)
        columns = self._column(a), self._column(b)
        value, low, high = tail_dependence(*columns, q, confidence) if self.count else (math.nan, 0.0, 1.0)
        if value != value:
            return no_data(0.0, 1.0)
        bounds = min(low, value), max(high, value)
        return Estimate(value, *bounds, self._sample.why, confidence=confidence, method=METHOD)

    # ---- requests of named calls ----

    def seq(self, *parts: _Part) -> Traced:
        """Return the latency of calls one after the other: the sum for each request.  No part means all calls.

        A part is the name of a call, or another result.  O(values).  Raises ValueError for an unknown name, and for the
        result of other traces.
        """
        return self._of(self._columns(parts).sum(axis=1))

    def all_of(self, *parts: _Part) -> Traced:
        """Return the latency of waiting for all parts: the maximum for each request.  See `seq` for parts."""
        return self._of(self._columns(parts).max(axis=1))

    def first_of(self, *parts: _Part) -> Traced:
        """Return the latency of the first part to answer: the minimum for each request.  See `seq` for parts."""
        return self._of(self._columns(parts).min(axis=1))

    def k_of(self, k: int, *parts: _Part) -> Traced:
        """Return the latency of the k fastest parts: the k-th smallest for each request.  See `seq` for parts.

        Raises ValueError for k below 1 or above the number of parts.
        """
        import numpy

        columns, k = self._columns(parts), check_n(k, "k")
        if k > columns.shape[1]:
            raise ValueError(f"k must be at most the number of parts, {columns.shape[1]}, not {k}")
        return self._of(numpy.partition(columns, k - 1, axis=1)[:, k - 1])

    def with_margins(self, histograms: Mapping[str, BaseHistogram], *, seed: int = 0) -> Traces:
        """Return traces with the same ranks, and for each named call the values of its histogram.

        It is the dependence of few traced requests with the latencies of all calls: the k-th fastest of N calls becomes
        a value of the histogram between its (k - 1)/N and k/N-quantile, at random.  Ties are broken at random.  Answers
        then allow for bucket width, and for as many requests as were traced, or as the smallest histogram has values.
        O(requests * log requests).  Raises ValueError for an unknown name, another unit, and an empty histogram, and
        TypeError unless it gets a mapping.

        >>> from historian import Histogram
        >>> traces = Traces({"db": [1, 2, 3, 4], "cache": [1, 2, 3, 4]})
        >>> slower = traces.with_margins({"db": Histogram.from_values([20, 40, 60, 80])})
        >>> slower.values[:, 0].round(0).tolist()
        [20.0, 40.0, 60.0, 80.0]
        """
        import numpy

        if not hasattr(histograms, "items"):
            raise TypeError(f"histograms must be a mapping of names of calls to histograms, not {histograms!r}")
        rng, values = numpy.random.default_rng(seed), self.values.copy()
        for name, histogram in histograms.items():
            place = self._place(name)
            _check_margin(name, histogram, self.unit)
            if self.count:
                values[:, place] = with_margin(values[:, place], histogram, rng)
        known = min([self._sample.known, *(one.count for one in histograms.values())])
        made = Traces(values, self.unit, self.names)
        why = f"{self._sample.why}; margins: histograms of {', '.join(histograms)}; bucket width"
        error = RELATIVE_ERROR if histograms else self._sample.error
        made._sample = self._sample._replace(known=known, error=error, why=why if histograms else self._sample.why)
        return made

    def _of(self, values: NDArray[np.float64]) -> Traced:
        return Traced(values, self._sample)

    def _columns(self, parts: tuple[_Part, ...]) -> NDArray[np.float64]:
        """Return the times of parts, shape (requests, parts)."""
        import numpy

        return numpy.stack([self._column(one) for one in parts], axis=1) if parts else self.values

    def _column(self, part: _Part) -> NDArray[np.float64]:
        if not isinstance(part, Traced):
            return self.values[:, self._place(part)]
        if part._sample != self._sample or part.values.ndim != 1:
            raise ValueError(
                f"a part must be the name of a call, or the result of seq and others of these traces, not {part!r}"
            )
        return part.values

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise ValueError(f"{name!r} is not the name of a call: they are {', '.join(map(repr, self.names))}")
        return self.names.index(name)

    def __getstate__(self) -> tuple[Any, ...]:
        return packed(self.values), self.names, tuple(self._sample)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.values, self.names, self._sample = unpacked(*state[0]), state[1], Requests(*state[2])

    def __repr__(self) -> str:
        names = listed(self.names)
        if not self.count:
            return f"<Traces of {names}: no data>"
        import numpy

        ranks = (self.count + 1) // 2 - 1, -(-99 * self.count // 100) - 1  # of p50 and p99, from 0
        slowest = numpy.partition(self.values.max(axis=1), ranks)
        p50, p99 = (quantity(float(slowest[rank]), self.unit) for rank in ranks)
        return f"<Traces of {counted(self.count, 'request')} of {names}: slowest call p50 {p50}, p99 {p99}>"

    def _view(self) -> View:
        from .views import traces_view

        return traces_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


def _checked(data: Any, names: Sequence[str] | None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the values, shape (requests, calls), read-only, and the names of the calls; else raise."""
    import numpy

    if hasattr(data, "keys") or hasattr(data, "columns"):
        keys = list(data.keys() if hasattr(data, "keys") else data.columns)
        known = [str(key) for key in keys]
        if names is not None and sorted(map(str, names)) != sorted(known):
            raise ValueError(f"names are those of the columns, {', '.join(known)}: pass no others")
        _check_different(known)
        columns = {name: numbers(data[key], name) for name, key in zip(known, keys)}
        lengths = {name: column.shape for name, column in columns.items()}
        if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
            raise ValueError(
                f"columns must have one value for each request, not {lengths}: leave out incomplete requests"
            )
        values = numpy.stack([*columns.values()], axis=1) if columns else numpy.empty((0, 0))
    else:
        values = numbers(data, "data")
        if values.ndim != 2:
            raise ValueError(
                f"data must have the shape (requests, calls), not {values.shape}: pass a row for each request"
            )
        known = [f"call{k + 1}" for k in range(values.shape[1])] if names is None else [str(name) for name in names]
        if len(known) != values.shape[1]:
            raise ValueError(f"names must be one for each of the {values.shape[1]} calls, not {len(known)}")
        _check_different(known)
    if values.shape[1] < 2:
        raise ValueError(f"traces must have two calls or more, not {values.shape[1]}: one call depends on no other")
    bad = ~((values >= 0) & (values < math.inf))
    if bad.any():
        row, column = (int(one) for one in numpy.argwhere(bad)[0])
        what = f"{float(values[row, column])!r} of {known[column]!r} in request {row}"
        raise ValueError(f"values must be finite and not negative, not {what}: leave out incomplete requests")
    values.flags.writeable = False
    return values, tuple(known)


def _check_different(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"names must be different, not {', '.join(names)}")


def _check_margin(name: str, histogram: BaseHistogram, unit: str) -> None:
    """Raise unless a histogram can give the values of a call."""
    if not isinstance(histogram, BaseHistogram):
        raise TypeError(f"the margin of {name!r} must be a histogram, not {histogram!r}")
    if not histogram.count:
        raise ValueError(f"the histogram of {name!r} is empty: leave it out")
    if histogram.unit != unit:
        raise ValueError(f"the histogram of {name!r} must be in the traces' unit, {unit!r}, not in {histogram.unit!r}")
