"""`Histogram`: an immutable value that answers questions about what was recorded.

The questions that counts answer by themselves are in `historian._values.base`.  Here each method hands on to the module
that answers it, which is loaded when first asked for: tail, formats, display.
"""

from __future__ import annotations

from ._values.base import BaseHistogram, make
from ._values.merge import MergeWarning, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Literal

    from ._stats.estimate import Estimate
    from .formats._dict import _HistogramDict
    from .tail import Dist, Enough, Fanout, Slo

__all__ = ["Histogram", "MergeWarning", "merge"]


class Histogram(BaseHistogram):
    """How often each bucket of values occurred, with their exact sum, minimum and maximum.

    An immutable value: it compares, hashes, pickles, adds (`historian.merge`) and subtracts (an interval between two
    snapshots).  Make one with `Recorder.snapshot`, `Histogram.from_values`, `Histogram.from_bytes` or
    `Histogram.from_dict`; ``Histogram()`` is empty, the identity of ``+``.

    Quantiles are within 0.5415 % of a recorded value (see `historian.buckets`).  An empty histogram has count 0,
    sum 0, and NaN for every quantile, share, mean, minimum and maximum.

    >>> h = Histogram.from_values([0.012, 0.015, 0.011, 0.250])
    >>> h.count, h.min, h.max
    (4, 0.011, 0.25)
    >>> round(h.quantile(0.5), 4)
    0.012
    """

    __slots__ = ()
    __module__ = "historian"

    # ---- tail ----

    def fanout(self, n: int) -> Fanout:
        """Return what this latency becomes for a user who waits for all of `n` independent such calls.

        Raises ValueError unless n is a whole number from 1 on, and for an empty histogram.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([0.010] * 99 + [1.0])
        >>> round(h.fanout(100).p_wait(0.5), 3)
        0.634
        """
        from .tail import Fanout

        return Fanout(self, n)

    def dist(self, confidence: float | None = 0.95) -> Dist:
        """Return the distribution of what was recorded, to ask and to compose: see `historian.tail`.

        Each of its answers has an interval, at that confidence, for sampling; with ``confidence=None`` the recorded
        values are taken for all there are, and only bucket widths are left.  O(buckets), a few ms.  Raises ValueError
        for an empty histogram, ImportError without scipy.

        >>> from historian import Histogram
        >>> from historian.tail import all_of, seq
        >>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
        >>> print(seq(x, all_of(100, x)).sf(0.5))           # one call, then a hundred at the same time
        0.638 (0.562 to 0.709)
        """
        from .tail.dist import from_histogram

        return from_histogram(self, confidence)

    def ci(self, q: float, confidence: float = 0.95, windows: Iterable[Histogram] | None = None) -> Estimate:
        """Return the q-quantile with its confidence interval, which allows for sampling and bucket width together.

        It runs from the lower to the upper edge of the buckets that hold the binomial ranks (see
        `historian._stats.binomial.rank_interval`), and holds for independent values.  `windows` are histograms of
        consecutive intervals of time, together this one: where values come in bursts, they then count for as many
        independent ones as their windows show.

        O(log count).  Warns (`historian.tail.TailWarning`) where there are too few values for an upper bound, which
        then is infinite.  Raises ValueError for q outside 0..1, a confidence that is not between 0 and 1, windows that
        are not this histogram's, and for an empty histogram.

        >>> from historian import Histogram
        >>> print(Histogram.from_values(range(1, 10_001), unit="ms").ci(0.99))
        9.90 s (9.85 to 9.96 s)
        """
        from .tail import sampling

        return sampling.ci(self, q, confidence, windows)

    def enough_for(self, q: float, n: int = 1, confidence: float = 0.95) -> Enough:
        """Say whether there are enough values for an upper bound to the q-quantile behind a fan-out of `n`.

        The answer is true or false, and knows how many values are needed: as many as make it likely, with that
        confidence, that one of them is above.  They grow in proportion to n.  O(1).  Raises ValueError for q outside
        0..1, n below 1, and a confidence that is not between 0 and 1.

        >>> from historian import Histogram
        >>> Histogram.from_values(range(10_000)).enough_for(0.99, n=100)
        <Enough: no: 29,808 values are needed, 10,000 recorded>
        """
        from .tail import sampling

        return sampling.enough_for(self, q, n, confidence)

    def slo(self, t: float, target: float, confidence: float = 0.95, windows: Iterable[Histogram] | None = None) -> Slo:
        """Return how this latency stands to an objective: that a share of `target`, 0..1, takes at most `t`.

        The answer has the share `within` and its `edges` if t lies inside a bucket, `is_met`, `burn_rate` and
        `budget_left`, with intervals.  `windows` are histograms of consecutive intervals of time, together this one:
        where slow calls come in bursts, calls then count for as many independent ones as their windows show.  For burn
        rates over several windows see `historian.tail.burn_rates`.

        O(1).  Raises ValueError for t below 0, a target outside 0..1, NaN, windows that are not this histogram's, and
        for an empty histogram.

        >>> from historian import Histogram
        >>> print(Histogram.from_values([0.1] * 99_950 + [2.0] * 50).slo(1.0, target=0.999))
        objective: 99.9 % within 1.00 s: met
        within: 0.999500 (0.999341 to 0.999629)
        burn rate: 0.500 (0.371 to 0.659)
        error budget left: 0.500 (0.341 to 0.629)
        """
        from .tail import slo

        return slo.slo(self, t, target, confidence, windows)

    def apdex(self, t: float, confidence: float = 0.95) -> Estimate:
        """Return the Apdex score for `t`, in the histogram's unit: satisfied up to t, tolerating up to 4t.

        (satisfied + tolerating / 2) / count, with an interval for sampling, and for bucket width if t or 4t lies inside
        a bucket.  O(1).  Raises ValueError for t below 0, NaN, and for an empty histogram.

        >>> from historian import Histogram
        >>> print(Histogram.from_values([0.1] * 600 + [1.0] * 300 + [9.0] * 100).apdex(0.5))
        0.750 (0.728 to 0.771)
        """
        from .tail import slo

        return slo.apdex(self, t, confidence)

    # ---- coordinated omission ----

    def corrected(self, expected_interval: float) -> Histogram:
        """Return this histogram with the waits that coordinated omission hid, after the fact: an estimate.

        For latencies measured by a load generator that sends no request while it waits, and should send one each
        `expected_interval`, in the histogram's unit: what `Recorder.record_corrected` does for each recorded value.
        Values are taken as quantiles answer them: at their bucket's representative, smallest and largest exactly.
        The number of waits is exact for these values.  No loop over them: O(buckets^2), 0.3 s at most.

        It assumes evenly spaced requests and stalls from outside: of independent calls, of which 1 % take 1 s, it would
        make 50 % at an interval of 10 ms.  Measuring from the intended start (``rec.stop(intended_start)``) is better.

        The result is marked `synthetic`.  Raises ValueError if this histogram is so already, unless `expected_interval`
        is positive and finite, and if the count would reach 2**63.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0]).corrected(0.25)         # 1.0, then 0.75, 0.5, 0.25
        >>> h.count, h.sum, h.synthetic
        (4, 2.5, True)
        """
        from .tail import omission

        return omission.corrected(self, expected_interval)

    # ---- to and from bytes ----

    def to_bytes(self) -> bytes:
        """Return the histogram as bytes, which `from_bytes` reads back without loss, for files and between machines.

        A million latencies take about 750 bytes.  Histograms that agree in counts, unit, extremes, `synthetic` and
        sum, to its last bit, have the same bytes.  O(buckets).  The format is in docs/format.md.
        """
        from .formats import _bytes

        return _bytes.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Histogram:
        """Return the histogram that `to_bytes` wrote.

        O(buckets), in little memory whatever the bytes are.  Raises ValueError, saying what is wrong, for any bytes
        that `to_bytes` would not write, TypeError for what are no bytes.  To add up many, hand their bytes to
        `historian.merge`.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0, 2.0])
        >>> len(h.to_bytes()), Histogram.from_bytes(h.to_bytes()) == h
        (41, True)
        """
        from .formats import _bytes  # in half the time that importing the function takes

        return _bytes.from_bytes(cls, data)

    # ---- to and from plain data ----

    def to_dict(self) -> _HistogramDict:
        """Return plain data that `from_dict` reads back without loss, fit for JSON.  O(buckets)."""
        from .formats._dict import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Histogram:
        """Return the histogram that `to_dict` described.

        Raises ValueError, saying what is wrong, for data that describes none.  O(buckets).

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0, 2.0])
        >>> Histogram.from_dict(h.to_dict()) == h
        True
        """
        from .formats._dict import from_dict

        return from_dict(cls, data)

    def __reduce__(self) -> tuple[Any, ...]:
        return Histogram.from_bytes, (self.to_bytes(),)

    # ---- looks ----

    def __repr__(self) -> str:
        from ._show.summary import describe

        return describe(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the full summary in IPython."""
        from ._show.summary import summary

        printer.text("Histogram(...)" if cycle else summary(self))


def merge(
    histograms: Iterable[Histogram | bytes | bytearray | memoryview], *, on_error: Literal["raise", "skip"] = "raise"
) -> Histogram:
    """Return the histogram of all values of all `histograms`; empty for none.

    What came from other processes is merged as it came: bytes (of `Histogram.to_bytes`) are added up without making
    an object of each.  O(total buckets); an iterator of millions needs no more memory than one.

    Bytes that are no histogram raise ValueError with their position in the iterable, counted from 0, and what is wrong
    with them; with ``on_error="skip"`` they are left out, and at the end a `MergeWarning` tells how many there were.
    In either case: ValueError if units differ, TypeError for what is neither a histogram nor bytes, OverflowError if
    the count would reach 2**63.

    >>> merge([Histogram.from_values([1.0]), Histogram.from_values([3.0]).to_bytes()]).sum
    4.0
    """
    return make(Histogram, *merged(histograms, on_error, stacklevel=3))
