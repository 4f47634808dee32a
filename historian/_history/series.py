"""`TimeSeries`: a number for each interval of time, with its bounds; and the percentiles and rates of a history."""

from __future__ import annotations

import math
from functools import partial

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.beyond import collected
from .._stats.binomial_arrays import rank_intervals
from .._stats.checks import check_confidence, number
from .._values.answers import read_only
from .._values.decimals import PRECISE, share_of, written
from .._values.floats import as_written
from .._values.slots import edges_of
from ..histogram import Histogram
from .times import NS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from .._show.view import View

__all__ = ["TimeSeries", "quantiles", "rates", "times_array"]


class TimeSeries:
    """A number for each interval of time, with bounds: what `History.percentile` and `History.rate` return.

    `values`, `lower` and `upper` are arrays of float64, `starts` and `ends` of ``datetime64[ns]`` in UTC, all of one
    length and read-only.  Without data, a value is NaN, and its bounds are all that is possible.  A loop yields tuples
    (start, end, value, lower, upper), and ``numpy.asarray(series)`` is the array of values.  It is immutable, and
    supports ``==``, ``hash`` and pickle.  Raises ValueError for arrays of different lengths, and where a value is not
    between its bounds.

    >>> from historian import Histogram, History, Interval
    >>> quick, slow = Histogram.from_values([0.010] * 1000), Histogram.from_values([0.5] * 1000)
    >>> history = History([Interval("2026-11-27T05:30Z", "2026-11-27T05:31Z", {"get": quick}),
    ...                    Interval("2026-11-27T05:31Z", "2026-11-27T05:32Z", {"get": slow})])
    >>> p99 = history.percentile(99)
    >>> p99.values, p99.name, p99.unit
    (array([0.01, 0.5 ]), 'p99', 's')
    """

    __slots__ = ("confidence", "ends", "lower", "name", "starts", "unit", "upper", "values")
    __module__ = "historian"

    name: str  # such as "p99"
    unit: str  # label of the unit of values
    confidence: float | None  # nominal, of the bounds, in (0, 1); None if values are exact
    starts: NDArray[np.datetime64]  # shape (intervals,), UTC
    ends: NDArray[np.datetime64]
    values: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def __init__(
        self,
        name: str,
        starts: ArrayLike,
        ends: ArrayLike,
        values: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        *,
        unit: str = "",
        confidence: float | None = None,
    ) -> None:
        import numpy

        times = {key: read_only(given, "datetime64[ns]") for key, given in (("starts", starts), ("ends", ends))}
        numbers = {"values": values, "lower": lower, "upper": upper}
        arrays = times | {key: read_only(given, "float64") for key, given in numbers.items()}
        if any(one.shape != (len(one),) for one in arrays.values()) or len({len(one) for one in arrays.values()}) > 1:
            raise ValueError(f"all arrays must have one length, not {', '.join(str(a.shape) for a in arrays.values())}")
        bad = numpy.flatnonzero((arrays["values"] < arrays["lower"]) | (arrays["values"] > arrays["upper"]))
        if len(bad):
            raise ValueError(f"values must lie between their bounds, but that at position {int(bad[0])} does not")
        checked = None if confidence is None else check_confidence(confidence)
        for key, one in {**arrays, "name": name, "unit": unit, "confidence": checked}.items():
            object.__setattr__(self, key, one)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[np.datetime64, np.datetime64, float, float, float]]:
        return zip(self.starts, self.ends, self.values.tolist(), self.lower.tolist(), self.upper.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        import numpy

        return numpy.array(self.values, dtype=dtype) if copy else numpy.asarray(self.values, dtype=dtype)

    def to_frame(self) -> dict[str, Any]:
        """Return the columns ``start``, ``end``, the name of the series, ``lower`` and ``upper``, for a data frame.

        ``pandas.DataFrame(series.to_frame()).set_index("start")``.  O(intervals).
        """
        arrays = {"start": self.starts, "end": self.ends, self.name: self.values}
        return {key: one.copy() for key, one in {**arrays, "lower": self.lower, "upper": self.upper}.items()}

    def plot(self, ax: Axes | None = None) -> list[Artist]:
        """Draw the values over time, with their bounds as a band: see `historian.plot.over_time`."""
        from ..plot import over_time

        return over_time(self, ax=ax)

    def _identity(self) -> tuple[object, ...]:
        return self.name, self.unit, self.confidence, *(getattr(self, key).tobytes() for key in _ARRAYS)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TimeSeries):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a TimeSeries is immutable: cannot set {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a TimeSeries is immutable: cannot delete {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        # Lists, not arrays: pickles of numpy name modules that differ between its versions.
        make = partial(TimeSeries, unit=self.unit, confidence=self.confidence)
        times = [one.astype("int64").tolist() for one in (self.starts, self.ends)]
        return make, (self.name, *times, self.values.tolist(), self.lower.tolist(), self.upper.tolist())

    def __repr__(self) -> str:
        from .views import series_facts

        return f"<TimeSeries {series_facts(self)}>"

    def __str__(self) -> str:
        from .views import printed

        return printed(self._view())

    def _view(self) -> View:
        from .views import series_view

        return series_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


_ARRAYS = ("starts", "ends", "values", "lower", "upper")


def times_array(times: Sequence[int]) -> NDArray[np.datetime64]:
    """Return nanoseconds since 1970 as a read-only array of ``datetime64[ns]``, in UTC."""
    import numpy

    found = numpy.array(times, dtype=numpy.int64).view("datetime64[ns]")
    found.flags.writeable = False
    return found


def quantiles(
    histograms: Sequence[Histogram],
    starts: Sequence[int],
    ends: Sequence[int],
    p: float,
    confidence: float,
    *,
    is_share: bool,
) -> TimeSeries:
    """Answer `History.quantile` for a share, and `History.percentile`."""
    p, confidence = number("q" if is_share else "p", as_written(p)), check_confidence(confidence)

    def value_of(histogram: Histogram) -> float:
        return histogram.quantile(p) if is_share else histogram.percentile(p)

    value_of(Histogram())  # which checks p
    rows = _bounded(histograms, value_of, p if is_share else share_of(p), confidence)
    name = f"p{_plain(PRECISE.multiply(written(p), 100) if is_share else written(p))}"
    unit = next((one.unit for one in histograms if one.count or one.unit != "s"), "s")
    times = times_array(starts), times_array(ends)
    return TimeSeries(name, *times, *_columns(rows), unit=unit, confidence=confidence)


def _bounded(
    histograms: Sequence[Histogram], value_of: Callable[[Histogram], float], q: float, confidence: float
) -> list[tuple[float, float, float]]:
    """Return the value of each histogram, and the bounds that `Histogram.ci` gives, without warnings."""
    import numpy

    rows = [(math.nan, 0.0, math.inf)] * len(histograms)
    measured = [k for k, one in enumerate(histograms) if one.count and not one.synthetic]
    counts = numpy.array([histograms[k].count for k in measured], dtype=numpy.int64)
    distinct, places = numpy.unique(counts, return_inverse=True)
    low, high = rank_intervals(numpy.full(len(distinct), q), distinct, confidence)
    for k, place in zip(measured, places.tolist()):
        histogram = histograms[k]
        value, slots = value_of(histogram), histogram._counts
        first, last = low[place], high[place]
        lower = histogram._edges(slots.slot_at(first))[0] if first > 0 else 0.0
        upper = edges_of(slots.slot_at(last))[1] if last <= slots.total else math.inf
        rows[k] = value, min(lower, value), max(upper, value)
    for k, one in enumerate(histograms):
        if one.count and one.synthetic:
            answer = collected(partial(one.ci, q, confidence))[0]
            value = value_of(one)
            rows[k] = value, min(answer.lower, value), max(answer.upper, value)
    return rows


def rates(counts: Sequence[int], starts: Sequence[int], ends: Sequence[int]) -> TimeSeries:
    """Answer `History.rate`."""
    found = [count / ((end - start) / NS) for count, start, end in zip(counts, starts, ends)]
    return TimeSeries("rate", times_array(starts), times_array(ends), found, found, found, unit="1/s")


def _columns(rows: Sequence[tuple[float, float, float]]) -> tuple[list[float], ...]:
    return tuple([row[k] for row in rows] for k in range(3))


def _plain(given: Any) -> str:
    """Return a decimal without trailing zeros and without an exponent.

    >>> from decimal import Decimal
    >>> _plain(Decimal("99.90")), _plain(Decimal("50"))
    ('99.9', '50')
    """
    text = f"{given:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
