"""`Histogram`: an immutable value that answers questions about the recorded values.

Its base class answers the questions that need only the counts.  The methods here call the modules for tail, formats
and display.  Each of these modules is loaded on its first use.
"""

from __future__ import annotations

from ._core import unpacked_blob
from ._show.shown import in_html, in_rich, in_terminal
from ._values.answers import is_many
from ._values.base import BaseHistogram, make
from ._values.merge import MergeWarning, merged

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Iterable, Mapping
    from typing import Any, Literal, overload

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from typing_extensions import Self

    from ._show.view import View
    from ._stats.estimate import Estimate
    from ._stats.estimates import Estimates
    from ._values.answers import _Numbers, _Scalar
    from ._values.timed import _Windows
    from .formats._dict import _HistogramDict
    from .tail import Dist, Enough, Enoughs, Fanout, Fanouts, Slo, Slos, TailFit
    from .tail.fanout import _Given, _Whole, _Wholes

__all__ = ["Histogram", "MergeWarning", "merge"]


class Histogram(BaseHistogram):
    """The number of values in each bucket, with their exact sum, minimum and maximum.

    A histogram is immutable.  It supports ``==``, ``hash`` and pickle.  ``a + b`` merges (see `historian.merge`), and
    ``later - earlier`` is the interval between two snapshots.  Create one with `Recorder.snapshot`,
    `Histogram.from_values`, `Histogram.from_bytes` or `Histogram.from_dict`.  ``Histogram()`` is empty, and the
    identity of ``+``.

    Quantiles are within 0.5415 % of a recorded value (see `historian.buckets`).  An empty histogram has count 0,
    sum 0, and NaN for every quantile, share, mean, minimum and maximum.  It answers every other question, too: "no
    data", a NaN whose interval is all that is possible.

    A subclass stays a subclass: its methods, copies and pickles return its class.  ``a + b`` and ``a - b`` have the
    class of a.  `historian.merge` and `Recorder.snapshot` return a `Histogram`.

    >>> h = Histogram.from_values([0.012, 0.015, 0.011, 0.250])
    >>> h.count, h.min, h.max
    (4, 0.011, 0.25)
    >>> round(h.quantile(0.5), 4)
    0.012
    """

    __slots__ = ()
    __module__ = "historian"

    # ---- tail ----

    @overload
    def fanout(self, n: _Whole) -> Fanout[Self]: ...
    @overload
    def fanout(self, n: _Wholes) -> Fanouts[Self]: ...
    def fanout(self, n: Any) -> Fanout[Self] | Fanouts[Self]:
        """Return the latency for a user who waits for all of `n` independent calls like the recorded ones.

        `n` is a whole number, or an array-like of them; then each answer is an array, such as a curve over n.
        Raises TypeError unless n is a whole number, and ValueError for n below 1.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([0.010] * 99 + [1.0])
        >>> round(h.fanout(100).p_wait(0.5), 3)
        0.634
        >>> h.fanout([1, 10, 100]).p_wait(0.5).value.round(3)
        array([0.01 , 0.096, 0.634])
        """
        if type(n) is not int and is_many(n):
            from .tail import Fanouts

            return Fanouts(self, n)
        from .tail import Fanout

        return Fanout(self, n)

    def dist(self, confidence: float | None = 0.95, windows: _Windows | None = None) -> Dist:
        """Return the distribution of the recorded values, a building block for request trees: see `historian.tail`.

        Each of its answers has an interval that allows for sampling, at this confidence, and for bucket width.  With
        ``confidence=None`` the interval allows for bucket width only.  If values come in bursts, pass `windows`, as
        for `ci`.  O(buckets), a few ms; with windows, O(buckets * windows), 0.1 s.  Warns
        (`historian.tail.TailWarning`) if too few windows are independent.

        >>> from historian import Histogram
        >>> from historian.tail import all_of, seq
        >>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
        >>> print(seq(x, all_of(100, x)).sf(0.5))           # one call, then a hundred at the same time
        0.638 (0.562 to 0.709)
        """
        from .tail.leaf import from_histogram

        return from_histogram(self, confidence, windows)

    @overload
    def ci(
        self,
        q: _Scalar,
        confidence: float = 0.95,
        windows: _Windows | None = None,
        *,
        anytime: bool = False,
        simultaneous: bool = False,
    ) -> Estimate: ...
    @overload
    def ci(
        self,
        q: _Numbers,
        confidence: float = 0.95,
        windows: _Windows | None = None,
        *,
        anytime: bool = False,
        simultaneous: bool = False,
    ) -> Estimates: ...
    def ci(
        self,
        q: Any,
        confidence: float = 0.95,
        windows: _Windows | None = None,
        *,
        anytime: bool = False,
        simultaneous: bool = False,
    ) -> Estimate | Estimates:
        """Return the q-quantile with a confidence interval that allows for both sampling and bucket width.

        `q` is a number in 0..1, or an array-like of any shape; then the result is `Estimates` of that shape.

        The interval runs from the lower edge of the bucket that holds the lower binomial rank to the upper edge of the
        bucket that holds the upper one (David & Nagaraja, Order Statistics, 2003, 7.1).  It is valid for independent
        values.  If values come in bursts, pass `windows`: the histograms of consecutive intervals of time, in their
        order, that add up to this one; or a `History`.  The interval then uses the effective sample size, which is
        estimated from the windows.  Bursts may outlast a window.  If the windows differ no more than independent values
        do, no burst was seen, and `why` says how rare a burst can be missed.

        With ``anytime=True`` the intervals of all looks at growing data hold together, however many they are and
        whenever you stop: a confidence sequence (Howard & Ramdas, Bernoulli 28, 2022).  It needs independent values,
        and is about 1.4 to 2.3 times as wide.  See `historian.compare` for a ratio.

        With ``simultaneous=True`` the intervals of all quantiles hold together: the whole curve lies in the band that
        they make, also in the tail (equal local levels: Aldor-Noiman et al., American Statistician 67, 2013).  So you
        may ask for as many as you like, and choose them after you saw the data.  It needs independent values, and is
        about 1.5 to 1.9 times as wide.

        O(log count).  Warns (`historian.tail.TailWarning`) if there are too few values for a bound, or if the windows
        do not tell how bursts come: fewer than 36, fewer than 3 bursts, bursts that outlast many windows, or few
        windows that hold most of the values.  If only one holds values, there is no bound.  A missing upper bound is
        infinity, a missing lower bound is 0.  Raises ValueError for q outside 0..1, a confidence that is not between 0
        and 1, windows that do not add up to this histogram, and for ``anytime=True`` or ``simultaneous=True`` with
        windows, synthetic values, or each other.  Raises TypeError unless these two are bools.

        >>> from historian import Histogram
        >>> h = Histogram.from_values(range(1, 10_001), unit="ms")
        >>> print(h.ci(0.99))
        9.90 s (9.85 to 9.96 s)
        >>> print(h.ci(0.5), h.ci(0.5, anytime=True), sep="; ")
        5.00 s (4.87 to 5.14 s); 5.00 s (4.77 to 5.20 s)
        """
        from .tail import sampling

        scope = sampling.scope_of(self, anytime, simultaneous, windows)
        if type(q) is not float and is_many(q):
            from .tail import intervals

            return intervals.ci(self, q, confidence, windows, scope)
        return sampling.ci(self, q, confidence, windows, scope)

    @overload
    def enough_for(self, q: _Scalar, n: _Whole = 1, confidence: float = 0.95) -> Enough: ...
    @overload
    def enough_for(self, q: _Numbers, n: _Whole | _Wholes = 1, confidence: float = 0.95) -> Enoughs: ...
    @overload
    def enough_for(self, q: _Given, n: _Wholes, confidence: float = 0.95) -> Enoughs: ...
    def enough_for(self, q: Any, n: Any = 1, confidence: float = 0.95) -> Enough | Enoughs:
        """Return whether there are enough values for an upper bound of the q-quantile behind a fan-out of `n`.

        The result is true or false, and holds the number of values that are needed.  With this many, at least one
        value is above the quantile with the given confidence.  The number grows in proportion to n.  An interval with
        two sides, as that of `ci`, allows half of the errors on each side, so it needs more: it has an upper bound at
        95 % if ``enough_for(q, n, 0.975)`` is true.  Of a synthetic histogram, the effective sample size counts, 0 if
        the measured values are not known.  If q or n is an array-like, the result is `historian.tail.Enoughs`.  O(1).
        Raises ValueError for q outside 0..1, n below 1, and a confidence that is not between 0 and 1.

        >>> from historian import Histogram
        >>> Histogram.from_values(range(10_000)).enough_for(0.99, n=100)
        <Enough: no: 29,808 values are needed, 10,000 recorded>
        """
        if is_many(q) or is_many(n):
            from .tail import intervals

            return intervals.enough_for(self, q, n, confidence)
        from .tail import sampling

        return sampling.enough_for(self, q, n, confidence)

    @overload
    def slo(self, t: _Scalar, target: _Scalar, confidence: float = 0.95, windows: _Windows | None = None) -> Slo: ...
    @overload
    def slo(self, t: _Numbers, target: _Given, confidence: float = 0.95, windows: _Windows | None = None) -> Slos: ...
    @overload
    def slo(self, t: _Given, target: _Numbers, confidence: float = 0.95, windows: _Windows | None = None) -> Slos: ...
    def slo(self, t: Any, target: Any, confidence: float = 0.95, windows: _Windows | None = None) -> Slo | Slos:
        """Compare this latency with an objective: a share of at least `target`, 0..1, takes at most `t`.

        The result has the share `within`, `is_met`, `burn_rate` and `budget_left`, with intervals.  All calls in
        the bucket of t count as in time; `edges` holds the shares without and with them.  If slow calls come in bursts,
        pass `windows`, as for `ci`: the intervals then use the effective sample size, which is estimated from them.
        If t or target is an array-like, the result is `historian.tail.Slos`.  For burn rates over several windows see
        `historian.tail.burn_rates`.

        O(1).  Warns (`historian.tail.TailWarning`) if the windows do not tell how bursts come: see `ci`.  If only one
        holds values, the interval is 0..1.  Raises ValueError for t below 0, a target outside 0..1, NaN, and windows
        that do not add up to this histogram.

        >>> from historian import Histogram
        >>> print(Histogram.from_values([0.1] * 99_950 + [2.0] * 50).slo(1.0, target=0.999))
        objective: 99.9 % within 1.00 s: met
        within: 0.999500 (0.999341 to 0.999629)
        burn rate: 0.500 (0.371 to 0.659)
        error budget left: 0.500 (0.341 to 0.629)
        """
        if is_many(t) or is_many(target):
            from .tail import slos

            return slos.slo(self, t, target, confidence, windows)
        from .tail import slo

        return slo.slo(self, t, target, confidence, windows)

    @overload
    def apdex(self, t: _Scalar, confidence: float = 0.95, windows: _Windows | None = None) -> Estimate: ...
    @overload
    def apdex(self, t: _Numbers, confidence: float = 0.95, windows: _Windows | None = None) -> Estimates: ...
    def apdex(self, t: Any, confidence: float = 0.95, windows: _Windows | None = None) -> Estimate | Estimates:
        """Return the Apdex score for the threshold `t`, in the histogram's unit.

        Users are satisfied up to t and tolerating up to 4t.  The score is (satisfied + tolerating / 2) / count.  Its
        interval allows for sampling, and for bucket width if t or 4t lies inside a bucket.  If slow calls come in
        bursts, pass `windows`, as for `ci`.  For an array-like, the result is `Estimates` of its shape.  O(1).  Warns
        as `slo` does.  Raises ValueError for t below 0, NaN, and windows that do not add up to this histogram.

        >>> from historian import Histogram
        >>> print(Histogram.from_values([0.1] * 600 + [1.0] * 300 + [9.0] * 100).apdex(0.5))
        0.750 (0.728 to 0.771)
        """
        if type(t) is not float and is_many(t):
            from .tail import slos

            return slos.apdex(self, t, confidence, windows)
        from .tail import slo

        return slo.apdex(self, t, confidence, windows)

    def tail_fit(self, threshold: float | None = None, confidence: float = 0.95) -> TailFit:
        """Fit a generalised Pareto distribution to the values above a threshold, to extrapolate beyond the largest one.

        Other percentiles come from recorded values.  This one comes from a model, and its `why` says so.  Without a
        `threshold`, in the histogram's unit, it is the lowest one that no value above it speaks against: it leaves a
        tenth of the values above it, at most 500, or half as many, and so on, but at least 50.  Values in bursts make
        intervals too narrow.

        O(buckets), about 0.1 s.  Warns (`historian.tail.TailWarning`) if the values above the threshold refute the
        model.  Raises ValueError if fewer than 50 values are above the threshold, or all; without a threshold, for
        fewer than 500 values, and if the slowest tenth is in too few buckets; for synthetic values, and for values
        beyond the last bucket.  Without any value, each answer is "no data".

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1 / (1 - k / 10_000) for k in range(10_000)])     # a power law, its exponent 1
        >>> fit = h.tail_fit()
        >>> print(fit.shape)
        0.976 (0.814 to 1.16)
        >>> fit.quantile(0.99999).why.split("; ")[0]
        'extrapolated: generalised Pareto above 20.1 s assumed'
        """
        from .tail import extrapolation

        return extrapolation.tail_fit(self, threshold, confidence)

    # ---- coordinated omission ----

    def corrected(self, expected_interval: float) -> Self:
        """Return an estimate of this histogram without coordinated omission: add the waits that it hid.

        Use this for a load generator that sends no request while it waits, but should send one each
        `expected_interval`, in the histogram's unit.  It does afterwards what `Recorder.record_corrected` does for each
        recorded value.  Each value counts as the representative of its bucket, the smallest and the largest as
        themselves.  The number of added waits is exact for these values.  O(buckets^2), whatever the count: a few ms,
        at most 30 ms.

        It assumes that requests are evenly spaced and that a long wait stops all of them.  If calls are independent and
        1 % take 1 s, an interval of 10 ms would turn that 1 % into 50 %.  It is better to measure from the intended
        start (``rec.stop(intended_start)``).

        The result is marked `synthetic`.  Its intervals come from the values that were measured, which it remembers
        (see `historian.tail.measurements`).  Above the longest of them, nothing is known.  The measured values are not
        part of its bytes, of a pickle or of a merged histogram.  There, sampling gives no bounds: keep what was
        measured, merge that, and correct the result.

        Raises ValueError if this histogram is synthetic already, if `expected_interval` is not positive and finite, and
        if the count would reach 2**63.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0]).corrected(0.25)         # 1.0, then 0.75, 0.5, 0.25
        >>> h.count, h.sum, h.synthetic
        (4, 2.5, True)
        """
        from .tail import omission

        return omission.corrected(self, expected_interval)

    # ---- another unit ----

    def scaled(self, factor: float, unit: str) -> Self:
        """Return the histogram of all values times `factor`, in `unit`: ``h.scaled(1000, "ms")`` of seconds.

        Prefer to record in the unit that you report: scaling costs accuracy.  Each value counts as the representative
        of its bucket, so a quantile of the result is within 1.09 % of `factor` times a recorded value, instead of
        0.55 %: the error of one more bucket, (1 + e)**2 - 1 for e = 0.5415 %, and at most 2**(1/64) - 1 for the maximum
        of a difference of histograms.  The edges that `quantile_bounds` and `cdf_bounds` return may be one bucket off,
        too.  `count` stays, and minimum, maximum and sum are scaled as floats.  A power of two loses nothing.  Values
        at most 2**-32 count as 0, values above 2**64 as the maximum.

        O(buckets).  Raises ValueError if `factor` is not positive and finite, and if the maximum would not be finite.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([0.012, 0.015, 0.250]).scaled(1000, "ms")
        >>> h.count, h.min, h.max, h.unit
        (3, 12.0, 250.0, 'ms')
        """
        from ._values.scaled import scaled

        return scaled(self, factor, unit)

    # ---- to and from bytes ----

    def to_bytes(self) -> bytes:
        """Return the histogram as bytes, for files and other machines; `from_bytes` reads them without loss.

        A million latencies take about 750 bytes.  Histograms have the same bytes if they have the same counts, unit,
        minimum, maximum, `synthetic` and, to the last bit, sum.  Bytes have no `exemplars`: `to_dict` has them.
        O(buckets).  docs/format.md describes the format.
        """
        from .formats import _bytes

        return _bytes.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Return the histogram that `to_bytes` wrote.

        O(buckets), in little memory whatever the bytes are.  Raises ValueError, with the reason, for any bytes that
        `to_bytes` would not write, and TypeError for an object that is not bytes.  To merge many histograms, pass their
        bytes to `historian.merge`.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0, 2.0])
        >>> len(h.to_bytes()), Histogram.from_bytes(h.to_bytes()) == h
        (41, True)
        """
        return make(cls, *unpacked_blob(data))  # the core reads bytes, also those to merge

    # ---- to and from plain data ----

    def to_dict(self) -> _HistogramDict:
        """Return plain data, suitable for JSON, that `from_dict` reads without loss, exemplars too.  O(buckets)."""
        from .formats._dict import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the histogram that `to_dict` described.

        Raises ValueError, with the reason, for data that does not describe a histogram.  O(buckets).

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0, 2.0])
        >>> Histogram.from_dict(h.to_dict()) == h
        True
        """
        from .formats._dict import from_dict

        return from_dict(cls, data)

    def __reduce__(self) -> tuple[Any, ...]:
        state = getattr(self, "__dict__", None) or None  # of a subclass
        if self._exemplars:
            return type(self).from_dict, (self.to_dict(),), state
        return type(self).from_bytes, (self.to_bytes(),), state

    # A copy is not a pickle: it keeps what bytes do not hold, the measured values of a corrected histogram.

    def __copy__(self) -> Self:
        copied = self._replaced(self._exemplars)
        if hasattr(self, "__dict__"):  # of a subclass
            vars(copied).update(vars(self))
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = self.__copy__()
        if hasattr(self, "__dict__"):
            from copy import deepcopy

            vars(copied).update(deepcopy(vars(self), memo))
        return copied

    # ---- display ----

    def plot(self, ax: Axes | None = None) -> list[Artist]:
        """Draw where the values are, with p50, p90, p99 and the maximum marked: see `historian.plot.density`.

        `ax` are axes of matplotlib, by default those of a new figure.  For other pictures, and several histograms, see
        `historian.plot`.  Raises ImportError without matplotlib, and TypeError unless `ax` are axes.
        """
        from .plot import density

        return density(self, ax=ax)

    def __repr__(self) -> str:
        from ._show.summary import describe

        return describe(self)

    def _view(self) -> View:
        from .tail.views import histogram_view

        return histogram_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


def merge(
    histograms: Iterable[Histogram | bytes | bytearray | memoryview], *, on_error: Literal["raise", "skip"] = "raise"
) -> Histogram:
    """Return the histogram of all values of all `histograms`; empty if there are none.

    Bytes of `Histogram.to_bytes` are merged directly, without creating a `Histogram` for each.  O(total buckets).  An
    iterator of millions needs no more memory than one histogram.

    Bytes that are not a histogram raise ValueError, with their position in the iterable, counted from 0, and the
    reason.  With ``on_error="skip"`` they are skipped, and one `MergeWarning` at the end says how many there were.
    In either case, raises ValueError if units differ, TypeError for an item that is neither a histogram nor bytes, and
    OverflowError if the count would reach 2**63.

    >>> merge([Histogram.from_values([1.0]), Histogram.from_values([3.0]).to_bytes()]).sum
    4.0
    """
    return make(Histogram, *merged(histograms, on_error, stacklevel=3))
