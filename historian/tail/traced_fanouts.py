"""`TracedFanouts`: fan-outs of several numbers of calls, of the same traces."""

from __future__ import annotations

from .._stats.arrays import common, each_estimate, shares, times, wholes
from .._stats.checks import check_confidence
from .._stats.estimates import complement
from .._values.text import counted
from .requests import Requests, packed, unpacked
from .traced import TracedFanout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar
    from .fanout import _Wholes

    _Given = _Scalar | _Numbers

__all__ = ["TracedFanouts"]


class TracedFanouts:
    """Fan-outs of several numbers of calls, of the same traces: see `Traces.fanout`, and `TracedFanout` for a question.

    `n` and the argument of a question may be arrays, which are broadcast as numpy does.  Each answer is `Estimates` in
    their common shape, and each of its intervals holds by itself.  An index gives a `TracedFanout`, or `TracedFanouts`
    for a part.

    >>> from historian.tail import Traces
    >>> fans = Traces([[0.010, 0.010]] * 9_800 + [[0.010, 1.0]] * 100 + [[1.0, 1.0]] * 100).fanout([1, 2, 8])
    >>> print(fans.p_wait(0.5))
    [0] 0.0150 (0.0129 to 0.0174)
    [1] 0.0200 (0.0173 to 0.0229)
    [2] 0.0471 (0.0173 to 0.0588)
    >>> fans.shape, fans.quantile([[0.5], [0.98]]).shape     # a row for each quantile, a column for each number
    ((3,), (2, 3))
    """

    __slots__ = ("_one", "n")
    __module__ = "historian.tail"

    n: NDArray[Any]  # numbers of calls, any shape, read-only: int64, or int objects in [1, 1e100]
    _one: TracedFanout  # of one call, whose sorted times all of them use

    def __init__(self, values: NDArray[np.float64], sample: Requests, n: _Wholes) -> None:
        """Take what `Traces` has checked, and the numbers of calls."""
        self._take(TracedFanout(values, sample, 1), n)

    def _take(self, one: TracedFanout, n: _Wholes) -> None:
        checked = wholes("n", n).copy()
        checked.flags.writeable = False
        self._one, self.n = one, checked

    @property
    def values(self) -> NDArray[np.float64]:
        """The traced times, shape (requests, calls)."""
        return self._one.values

    @property
    def count(self) -> int:
        """The number of traced requests."""
        return self._one.count

    @property
    def width(self) -> int:
        """The number of traced calls."""
        return self._one.width

    @property
    def unit(self) -> str:
        """The unit of all times: a label."""
        return self._one.unit

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `n`."""
        return self.n.shape

    def __len__(self) -> int:
        return len(self.n)

    def __getitem__(self, index: Any) -> Any:
        n = self.n[index]
        if not getattr(n, "shape", ()):
            return self._one._with(int(n))
        part = object.__new__(TracedFanouts)
        part._take(self._one, n)
        return part

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def p_wait(self, t: _Given, confidence: float = 0.95) -> Estimates:
        """Return `TracedFanout.p_wait` for each number of calls.

        O(answers * calls * log requests).  Beyond the traced calls, 20 ms more for each time.
        """
        t, confidence = times("t", t), check_confidence(confidence)

        def question(n: int, one: float) -> Any:
            return self._one._with(n).sf(one, confidence)

        return each_estimate(question, self.n, t, shape=common(n=self.n, t=t), stacklevel=2)

    #: The same question as `Histogram.sf`, with the same name.
    sf = p_wait

    def cdf(self, t: _Given, confidence: float = 0.95) -> Estimates:
        """Return `TracedFanout.cdf` for each number of calls: ``1 - p_wait(t)``."""
        return complement(self.p_wait(t, confidence))

    def quantile(self, q: _Given, confidence: float = 0.95) -> Estimates:
        """Return `TracedFanout.quantile` for each number of calls.

        One `TailWarning` says how many of the answers lack a bound.  O(answers * calls * log(requests)^2).
        """
        q, confidence = shares("q", q), check_confidence(confidence)
        self._one._times()  # which all of them use

        def question(n: int, one: float) -> Any:
            return self._one._with(n).quantile(one, confidence)

        return each_estimate(question, self.n, q, shape=common(n=self.n, q=q), unit=self.unit, stacklevel=2)

    def __getstate__(self) -> tuple[Any, ...]:
        return packed(self.values), tuple(self._one._sample), (self.n.shape, self.n.ravel().tolist())

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        import numpy

        values, sample, (shape, numbers) = state
        n = numpy.array(numbers, dtype=object).reshape(shape)
        self.__init__(unpacked(*values), Requests(*sample), n)  # type: ignore[misc]

    def __repr__(self) -> str:
        calls = f"n={self.n.tolist()}" if self.n.size <= 8 else f"{self.n.size:,} numbers of calls"
        return f"<TracedFanouts of {counted(self.count, 'request')}, {calls}; {self._one._sample.why}>"
