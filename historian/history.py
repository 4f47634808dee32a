"""`History`: histograms of consecutive intervals of time, by key; an immutable value that answers questions about when.

The methods here call the modules that align, merge and show intervals.
"""

from __future__ import annotations

from ._history.alignment import Grid, cut, resampled, united
from ._history.intervals import Interval, Source, listed, loaded
from ._history.merging import all_keys, in_one_unit, merged_by_key
from ._history.sources import Part, Selected, joined, keys_of
from ._history.times import duration_ns, duration_text, time_ns, time_text
from ._live.snapshots import grouping, selection
from ._show.shown import in_html, in_rich, in_terminal
from .histogram import Histogram, merge

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo
    from typing import Any, Literal, overload

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ._compare.change import Change
    from ._history.forecast import Forecast
    from ._history.series import TimeSeries
    from ._history.times import _Duration, _Time
    from ._live.snapshots import Snapshot
    from ._show.view import View
    from ._values.key import Key
    from .tail.correlation import Correlation

    _Partial = Literal["raise", "drop", "keep"]

__all__ = ["History", "Interval"]


class History:
    """What was recorded in consecutive intervals of time: a histogram for each interval and key.  It is immutable.

    Intervals are in the order of time and do not overlap; there may be gaps.  Counts are exact in every answer: a step
    of `resample` has the values of its intervals, no average of percentiles.  A loop, an index and `len` are those of
    its intervals.  ``a + b`` has the values of both, such as those of two machines; ``History()`` is its identity.  It
    supports ``==``, ``hash`` and pickle, which read all of it.

    Times are `datetime` with an offset, ``datetime64`` in UTC, text of ISO 8601 with an offset, or seconds since
    1970-01-01 00:00 UTC; durations are text such as "10s", "1m", "1h" and "1d", `timedelta`, or seconds.  What is left
    out by `between`, `last` and `select` is never read from a file.

    >>> minutes = [Histogram.from_values([0.010] * 990 + [slow] * 10) for slow in (0.1, 0.1, 0.9)]
    >>> history = History(
    ...     Interval(f"2026-11-27T05:3{k}Z", f"2026-11-27T05:3{k + 1}Z", {"get": one}) for k, one in enumerate(minutes)
    ... )
    >>> history
    <History of 3 intervals of 1m from 2026-11-27T05:30Z to 2026-11-27T05:33Z>
    >>> history.percentile(99.5).values.round(2).tolist(), history.total().count
    ([0.1, 0.1, 0.9], 3000)
    """

    __slots__ = ("_merged", "_source")
    __module__ = "historian"

    _source: Source
    _merged: tuple[Histogram, ...] | None  # those of all keys, once they were asked for

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        """Take intervals, in any order.  Raises TypeError for anything else, and ValueError if two of them overlap."""
        self._source, self._merged = listed(intervals), None

    @classmethod
    def _of(cls, source: Source) -> History:
        """Return the history of a source, which is read when it is asked for."""
        made = cls.__new__(cls)
        made._source, made._merged = source, None
        return made

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> History:
        """Return what `Registry.history` or ``historian log`` has written to a file or folder, also meanwhile.

        O(intervals): histograms are read when they are asked for.  What is written later is not seen: open it again.
        What is damaged is left out, with a `CorruptFileWarning` that says where, now or when it is read; all else is
        exact.  Raises OSError, and ValueError for a file that is not one of history.
        """
        from ._history.reading import open_source

        return cls._of(open_source(path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a new file, which `open` reads, and ``historian log`` appends to.

        O(buckets of all).  Raises FileExistsError, because that file may be the one that a service is writing, and
        OSError; then nothing has changed.  Raises ValueError for times before 1970.
        """
        from ._history.saving import save

        save(self._source, path)

    # ---- intervals ----

    def __len__(self) -> int:
        return len(self._source.starts)

    def __iter__(self) -> Iterator[Interval]:
        return (loaded(self._source, i) for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Interval: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Interval | History:
        try:
            places = range(len(self))[index]
        except IndexError:
            raise IndexError(f"there are {len(self):,} intervals, none at index {index}") from None
        if isinstance(places, int):
            return loaded(self._source, places)
        if places.step != 1:
            raise ValueError(f"a history is cut by history[a:b], without a step, not by {index!r}: see resample()")
        return History._of(Part(self._source, places.start, max(places.start, places.stop)))

    @property
    def starts(self) -> NDArray[np.datetime64]:
        """Start of each interval, in UTC, shape (intervals,), ``datetime64[ns]``, read-only."""
        from ._history.series import times_array

        return times_array(self._source.starts)

    @property
    def ends(self) -> NDArray[np.datetime64]:
        """End of each interval, in UTC, shape (intervals,), ``datetime64[ns]``, read-only."""
        from ._history.series import times_array

        return times_array(self._source.ends)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys that have values in some interval, sorted.  O(keys of all intervals)."""
        return tuple(sorted(keys_of(self._source)))

    @property
    def histograms(self) -> tuple[Histogram, ...]:
        """The histogram of each interval, all keys merged: what ``windows=`` takes.  O(buckets of all), once.

        Raises ValueError if keys, or intervals, have different units: then `select` those of one unit first.
        """
        if self._merged is None:
            source = self._source
            self._merged = in_one_unit(tuple(all_keys(source.load(i)) for i in range(len(self))), source.starts)
        return self._merged

    # ---- parts ----

    def between(self, start: _Time | None, end: _Time | None, *, partial: _Partial = "raise") -> History:
        """Return the intervals from one time to another; None is an open side.  O(log intervals).

        They lie wholly between both times.  A time inside an interval raises ValueError, which names the interval's
        edges.  With ``partial="drop"`` this interval is left out, with ``partial="keep"`` it is a part of the result.
        Raises ValueError if the end is before the start.
        """
        _check_partial(partial, ("raise", "drop", "keep"))
        first = None if start is None else time_ns(start, "start")
        last = None if end is None else time_ns(end, "end")
        if first is not None and last is not None and last < first:
            raise ValueError(f"end must not be before start, not {time_text(first)} to {time_text(last)}")
        return self._cut(first, last, partial)

    def last(self, duration: _Duration, *, partial: _Partial = "keep") -> History:
        """Return the intervals of the last "1h", or of another duration, up to the end of the history.

        The interval in which this hour begins is a part of the result, unless ``partial="drop"``; with "raise" it
        raises ValueError.  A shorter history is returned as a whole.  O(log intervals).
        """
        _check_partial(partial, ("raise", "drop", "keep"))
        length = duration_ns(duration, "duration")
        return self._cut(self._source.ends[-1] - length, None, partial) if len(self) else self

    def _window(self, duration: _Duration) -> tuple[Histogram, ...]:
        """Return the histograms of the last "1h", for `historian.tail.burn_rates`; at least of the whole hour."""
        length = duration_ns(duration, "windows")
        starts, ends = self._source.starts, self._source.ends
        if not len(self):
            raise ValueError(f"windows must not be longer than the history, which is empty, not {duration!r}")
        whole = ends[-1] - starts[0]
        if length > whole:
            raise ValueError(
                f"windows must be at most {duration_text(whole)!r}, the length of the history, not {duration!r}"
            )
        first, stop = cut((starts, ends), ends[-1] - length, None, "keep")
        return self.histograms[first:stop]

    def _cut(self, start: int | None, end: int | None, partial: str) -> History:
        first, stop = cut((self._source.starts, self._source.ends), start, end, partial)
        return self if (first, stop) == (0, len(self)) else History._of(Part(self._source, first, stop))

    def select(self, name: str = "*", /, **labels: object) -> History:
        """Return the history of keys with this name and these labels, with all its intervals: see `Snapshot.select`.

        O(1); keys are looked at when they are read.
        """
        return History._of(Selected(self._source, selection(name, labels)))

    def by(self, *labels: str) -> dict[Key, History]:
        """Return a history for each name and value of these labels: ``by("route")`` by route, ``by()`` by name.

        The keys are those of `Snapshot.by`, sorted.  Each history has all keys that belong together, and all intervals.
        O(keys of all intervals).  Raises TypeError for a label that is not a string.
        """
        group = grouping(labels)
        members: dict[Key, set[Key]] = {}
        for key in self.keys:
            members.setdefault(group(key), set()).add(key)
        return {one: History._of(Selected(self._source, found.__contains__)) for one, found in sorted(members.items())}

    # ---- longer intervals ----

    def resample(
        self, step: _Duration, *, zone: str | tzinfo | None = None, partial: Literal["raise", "keep"] = "raise"
    ) -> History:
        """Return longer intervals: those of "1m", "1h", "1d", or of another step, with exactly the same values.

        Steps are aligned to whole multiples since 1970-01-01 00:00 UTC, steps of whole weeks to Mondays.  With a
        `zone`, such as "Europe/Berlin", they are aligned to its midnight: a day there has 23 or 25 hours where clocks
        are changed.  Steps without intervals are left out.  The first and the last step may be covered in part, which
        lowers their `rate`.

        An interval that crosses the end of a step raises ValueError, which says which steps nest.  With
        ``partial="keep"`` it counts with the step in which it begins, unless it is longer than a step.  O(intervals);
        histograms are merged when they are asked for.
        """
        _check_partial(partial, ("raise", "keep"))
        bins = resampled((self._source.starts, self._source.ends), Grid(step, zone), keep=partial == "keep")
        return History._of(joined([self._source], bins))

    def __add__(self, other: History) -> History:
        """Return the values of both histories: exact, commutative, and associative where all intervals nest.

        Where intervals overlap, the longer one must hold the others; then its edges are those of the result.
        O(n log n) for n intervals; histograms are merged when they are asked for.  Raises ValueError, which says how to
        resample, if intervals cross.
        """
        if not isinstance(other, History):
            return NotImplemented
        sources = [one._source for one in (self, other) if len(one)]
        if len(sources) < 2:
            return self if len(self) else other
        return History._of(joined(sources, united([(one.starts, one.ends) for one in sources])))

    # ---- questions ----

    def total(self) -> Histogram:
        """Return the histogram of all values.  O(buckets of all).  Raises ValueError if units differ."""
        return merge(self.histograms)

    def snapshot(self) -> Snapshot:
        """Return the histograms of all time, by key.  O(buckets of all).

        Raises ValueError if a key has different units.
        """
        return merged_by_key(self._source.load(i) for i in range(len(self)))

    def percentile(self, p: float, confidence: float = 0.95) -> TimeSeries:
        """Return the p-th percentile of each interval, all keys merged, over time.

        The bounds of each value are those of `Histogram.ci`: they allow for sampling and for bucket width.  Where there
        are too few values for a bound, it is 0 or infinity, without a warning.  NaN where there are no values.  O(log
        count) for each interval, after `histograms`.  Raises ValueError for p outside 0..100, for a confidence that is
        not between 0 and 1, and if units differ.
        """
        from ._history.series import quantiles

        edges = self._source.starts, self._source.ends
        return quantiles(self.histograms, *edges, p, confidence, is_share=False)

    def quantile(self, q: float, confidence: float = 0.95) -> TimeSeries:
        """Return the q-quantile of each interval over time: `percentile` with q in 0..1."""
        from ._history.series import quantiles

        edges = self._source.starts, self._source.ends
        return quantiles(self.histograms, *edges, q, confidence, is_share=True)

    def rate(self) -> TimeSeries:
        """Return the calls per second of each interval, all keys together: exact.  O(keys of all intervals)."""
        from ._history.series import rates

        counts = [sum(one.count for one in self._source.load(i).values()) for i in range(len(self))]
        return rates(counts, self._source.starts, self._source.ends)

    def forecast(
        self,
        t: float,
        target: float,
        period: _Duration = "30d",
        *,
        start: _Time | None = None,
        confidence: float = 0.95,
    ) -> Forecast:
        """Return how long the error budget of "a share of `target` takes at most `t`" lasts, all keys merged.

        The budget is that of a `period`, which begins at `start`, by default with the history, and ends after it.
        `start` must be in the history, from the begin of its first interval to before its end: what was spent before is
        not known.  An interval that began before `start` is left out of what is spent.

        The calls to come are assumed to be as many, and as slow, as those of the history's last whole days; of all of
        it, if it is shorter than a day.  Intervals are prediction intervals: they allow for slow calls in bursts, as
        the differences of the history's intervals tell, and for what the future itself varies.  Without slow calls, the
        upper bound is Clopper and Pearson's.

        Warns (`historian.tail.TailWarning`) if the intervals do not tell how bursts come, as `Histogram.slo` does with
        ``windows=``.  O(buckets of all).  Raises ValueError for a target of 1, which has no budget, for a `start` that
        is not in the history, for a period that does not end after it, and as `Histogram.slo` does.

        >>> hour = Histogram.from_values([0.010] * 9_995 + [2.0] * 5)
        >>> begin, length = 1795737600 * 10**9, 3600 * 10**9  # 2026-11-27 00:00 UTC, in nanoseconds
        >>> history = History(
        ...     Interval(begin + length * k, begin + length * (k + 1), {"get": hour}) for k in range(48)
        ... )
        >>> print(history.forecast(1.0, target=0.999, period="7d"))
        error budget of 99.9 % within 1.00 s, from 2026-11-27T00:00Z to 2026-12-04T00:00Z
        spent at 2026-11-29T00:00Z: 0.143
        spent at the end: 0.500 (0.448 to 0.557)
        it lasts until the end of the period
        """
        from ._history.forecast import forecast

        edges = self._source.starts, self._source.ends
        return forecast(self.histograms, edges, (t, target), period, start, confidence)

    def changes(self, p: float = 99, alarm: float = 0.01, *, period: int | None = None) -> tuple[Change, ...]:
        """Return when the p-th percentile changed, all keys merged: hints where to look, from `historian.changes`.

        `alarm` is the probability that a history without a change gives any.  `period` is the number of intervals of a
        cycle, such as that of a day.  Each change has the start of the first interval after it, as text in UTC.  Warns
        (`historian.tail.TailWarning`) if there are too few intervals.  O(buckets of all).  Raises ValueError as
        `historian.changes` does, and if units differ.
        """
        from ._compare.changes import changes
        from ._values.decimals import share_of

        return changes(
            self.histograms, share_of(p), alarm, period=period, starts=[time_text(one) for one in self._source.starts]
        )

    def correlation(self, t: float, *, lags: int = 10, confidence: float = 0.95) -> Correlation:
        """Return how intervals depend on each other, for the share of values above `t`, all keys merged.

        It has the correlation of intervals 1 to `lags` places apart, and how many independent values would tell as
        much.  See `historian.tail.Correlation`.  Warns as `Histogram.ci` does with windows.  O(buckets of all).  Raises
        ValueError for NaN, for more lags than intervals, and if units differ.
        """
        from .tail.correlation import correlation

        return correlation(self.total(), self.histograms, t, lags, confidence)

    # ---- to others ----

    @classmethod
    def from_log(cls, log: Iterable[Any], *, name: str = "latency", label: str = "tag") -> History:
        """Return a log of HdrHistogram, as `historian.formats.hdr.read_log` returns it, as a history.

        An interval without a tag has the key ``Key(name)``, one with the tag "A" ``Key(name, tag="A")``; `label` is
        another label than ``tag``.  Times in a log are rounded to milliseconds: an interval that ends up to 2 ms after
        the next one of its tag begins ends there, and one of no length is 1 ms long.  Intervals of different tags are
        added as histories are.  Counts are exact.  The way back is `historian.formats.hdr.Log.of`.

        O(n log n).  Raises ValueError for intervals that overlap.
        """
        from ._history.logs import intervals_of

        found = cls()
        for intervals in intervals_of(log, name, label):
            found += cls(intervals)
        return found

    def to_frame(self, percentiles: Iterable[float] = (50, 90, 99, 99.9, 99.99)) -> dict[str, Any]:
        """Return a row for each interval and key as columns, for a data frame.

        The columns are ``start`` and ``end``, ``datetime64[ns]`` in UTC, then those of `Snapshot.to_frame`.  An
        interval without values has no row.  O(keys of all intervals).
        """
        from ._history.frame import frame

        return frame(self._source, percentiles)

    # ---- display ----

    def heatmap(self, ax: Axes | None = None, *, percentiles: Sequence[float] = (50, 99)) -> list[Artist]:
        """Draw how the values changed over time, a column for each interval: see `historian.plot.heatmap`."""
        from .plot import heatmap

        return heatmap(self, ax=ax, percentiles=percentiles)

    def plot(self, percentiles: float | Sequence[float] = (50, 99), ax: Axes | None = None) -> list[Artist]:
        """Draw percentiles over time, with their bounds as bands: see `historian.plot.over_time`."""
        from .plot import over_time

        return over_time(self, percentiles=percentiles, ax=ax)

    def __repr__(self) -> str:
        from ._history.views import history_facts

        return f"<History of {history_facts(self)}>"

    def __str__(self) -> str:
        from ._history.views import printed

        return printed(self._view())

    def _view(self) -> View:
        from ._history.views import history_view

        return history_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    # ---- a value ----

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        ours, theirs = self._source, other._source
        edges = [(list(one.starts), list(one.ends)) for one in (ours, theirs)]
        return edges[0] == edges[1] and all(loaded(ours, i) == loaded(theirs, i) for i in range(len(self)))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return History, (tuple(self),)


def _check_partial(partial: str, known: Sequence[str]) -> None:
    if partial not in known:
        raise ValueError(f"partial must be one of {', '.join(map(repr, known))}, not {partial!r}")
