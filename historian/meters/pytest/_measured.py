"""`Measured`: the times of the calls of one function; `Block`: those of a block of code."""

from __future__ import annotations

import math
import warnings

from ..._stats.estimate import Estimate, TailWarning, no_data
from ..._stats.student import student_quantile
from ..._stats.windows import long_run_variance
from ..._values.decimals import share_of
from ..._values.text import counted
from ...histogram import Histogram, merge
from ...tail.sampling import needed_for
from ._bound import Bound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

__all__ = ["Block", "Measured", "Percentiles"]

WINDOWS = 50  # more than the 36 that tell how slow calls cluster
LEAST_WINDOWS = 8  # for the interval of a mean


class Percentiles:
    """Percentiles by name, for what has a method `percentile`."""

    __slots__ = ()
    __module__ = "historian.meters.pytest"

    def percentile(self, p: float) -> Bound:
        """Return the p-th percentile, 0..100."""
        raise NotImplementedError

    @property
    def p50(self) -> Bound:
        """The median."""
        return self.percentile(50)

    @property
    def p90(self) -> Bound:
        """The 90th percentile."""
        return self.percentile(90)

    @property
    def p99(self) -> Bound:
        """The 99th percentile."""
        return self.percentile(99)

    @property
    def p999(self) -> Bound:
        """The 99.9th percentile."""
        return self.percentile(99.9)


class Measured(Percentiles):
    """The times of the calls of one function, in seconds.  Its percentiles and its mean are of type `Bound`.

    The calls are in windows of time.  The intervals use the effective sample size that the windows tell, so slow calls
    that come in bursts make them wider.

    >>> from historian.meters.pytest import Latency
    >>> measured = Latency().options(calls=500)(sorted, range(100))
    >>> measured.count, measured.p99 < 1.0, measured.mean < 1.0
    (500, True, True)
    """

    __slots__ = ("_histogram", "_windows", "confidence", "name")
    __module__ = "historian.meters.pytest"

    name: str  # of the function
    confidence: float  # of the interval between both bounds, in (0, 1)
    _windows: tuple[Histogram, ...]
    _histogram: Histogram  # their sum

    def __init__(self, windows: Sequence[Histogram], name: str, confidence: float) -> None:
        self.name, self.confidence = name, confidence
        self._windows, self._histogram = tuple(windows), merge(windows)

    @property
    def histogram(self) -> Histogram:
        """The histogram of all calls, in seconds."""
        return self._histogram

    @property
    def windows(self) -> tuple[Histogram, ...]:
        """The histograms of consecutive windows of calls, which add up to `histogram`."""
        return self._windows

    @property
    def count(self) -> int:
        """The number of calls that count."""
        return self.histogram.count

    def percentile(self, p: float) -> Bound:
        """Return the p-th percentile, 0..100, with its confidence interval.  O(windows * buckets), about 1 ms.

        The windows tell how many independent calls the calls are worth.  If this is too few for a bound, although there
        are enough calls, the bound is the slowest call, or the fastest one.  Source: `Histogram.ci`, with windows.
        """
        histogram = self.histogram
        histogram.percentile(p)  # raises unless p is in 0..100
        q, name = share_of(p), f"p{p:.9g} of {self.name}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TailWarning)  # an open side raises when it is needed
            plain, estimate = histogram.ci(q, self.confidence), histogram.ci(q, self.confidence, self.windows)
        if not histogram.count:
            return Bound(estimate, name, self._few(q, name))
        lower, upper = estimate.lower or min(plain.lower, histogram.min), estimate.upper
        if math.isinf(upper) and plain.upper < math.inf:
            upper = max(plain.upper, histogram.max)
        why = estimate.why
        if (lower, upper) != (estimate.lower, estimate.upper):
            why = f"{histogram.count:,} calls, of which slow ones came together; an end of the interval is a call"
        how: dict[str, Any] = {"unit": "s", "confidence": self.confidence, "method": estimate.method}
        found = Estimate(float(estimate), min(lower, estimate), max(upper, estimate), why, **how)
        return Bound(found, name, self._few(q, name) if math.isinf(upper) or not lower else "")

    @property
    def mean(self) -> Bound:
        """The mean, with an interval from the means of the windows: batch means, Student's t.

        Source: Law, Simulation Modeling and Analysis (2015), 9.5.3; the variance allows for windows that are alike.
        """
        name, count, windows = f"mean of {self.name}", self.count, [w for w in self.windows if w.count]
        few = f"{name}: {counted(len(windows), 'window')} of calls, and {LEAST_WINDOWS} are needed: measure longer"
        if len(windows) < LEAST_WINDOWS:
            nothing = no_data(0.0, math.inf, unit="s")
            return Bound(Estimate(self.histogram.mean, 0.0, math.inf, few, unit="s") if count else nothing, name, few)
        mean = self.histogram.mean
        variance, freedom = long_run_variance([(w.sum - mean * w.count) / count for w in windows])
        reach = student_quantile((1 + self.confidence) / 2, freedom) * math.sqrt(variance)
        why = f"sampling: {counted(len(windows), 'window')} of calls"
        how: dict[str, Any] = {"unit": "s", "confidence": self.confidence, "method": "batch means"}
        return Bound(Estimate(mean, max(0.0, mean - reach), mean + reach, why, **how), name, few)

    def _few(self, q: float, name: str) -> str:
        """Return the message for too few calls: how many it takes, and about how long."""
        histogram, count = self.histogram, self.count
        if not 0 < q < 1:
            return f"{name} has no confidence bound, however many calls: use .histogram, or a percentile inside 0..100"
        least = needed_for(max(q, 1 - q), 1, (1 + self.confidence) / 2)
        if not count:
            return f"{name} needs at least {least:,} calls, and nothing was measured"
        seconds = max(2.0, math.ceil(1.3 * least * histogram.mean))
        remedy = f"@pytest.mark.latency(calls={least}, seconds={seconds:.0f})"
        return f"{name} needs at least {least:,} calls, and {count:,} were measured: allow more by {remedy}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.histogram!r}>"


class Block(Measured):
    """The times of a block of code, which runs in a loop of the test.  Ask after the loop.

    ``async with`` works, too.  One block is measured at a time.  A block that raises does not count.

    >>> from historian.meters.pytest import Latency
    >>> block = Latency().block("sort")
    >>> for _ in range(500):
    ...     with block:
    ...         _ = sorted(range(100))
    >>> block.count, block.p99 < 1.0
    (500, True)
    """

    __slots__ = ("_after", "_clock", "_made", "_start", "_times")
    __module__ = "historian.meters.pytest"

    _times: list[int]  # of the blocks in their order, in ns
    _made: int  # number of times in `windows`
    _start: int | None  # of the block that is open; None if none is

    def __init__(
        self, name: str, confidence: float, clock: Callable[[], int], after: Callable[[int], None] | None = None
    ) -> None:
        """Measure by `clock`, in ns.  `after` is called with the time of each block, outside of it."""
        self._times, self._made, self._start, self._clock, self._after = [], 0, None, clock, after
        super().__init__([], name, confidence)

    def __enter__(self) -> Self:
        if self._start is not None:
            raise RuntimeError(f"{self.name}: a block is open already: measure the other one by a latency.block()")
        self._start = self._clock()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        end = self._clock()
        start, self._start = self._start, None
        if kind is None and start is not None:
            self._times.append(end - start)
            if self._after is not None:
                self._after(end - start)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        self.__exit__(kind, error, traceback)

    @property
    def histogram(self) -> Histogram:
        """The histogram of all blocks so far, in seconds.  O(blocks)."""
        self._make()
        return self._histogram

    @property
    def windows(self) -> tuple[Histogram, ...]:
        """The histograms of consecutive windows of blocks, which add up to `histogram`."""
        self._make()
        return self._windows

    def _make(self) -> None:
        """Make the histograms of the times so far, in windows of the same number of blocks."""
        times = self._times
        if self._made == len(times):
            return
        self._made, size = len(times), -(-len(times) // WINDOWS)
        self._windows = tuple(of_times(times[at : at + size]) for at in range(0, len(times), size))
        self._histogram = merge(self._windows)


def of_times(times: Sequence[int]) -> Histogram:
    """Return the histogram of times in ns, in seconds."""
    return Histogram.from_values([nanoseconds / 1e9 for nanoseconds in times])
