"""`from_text`: classic histograms in the text that a service shows to Prometheus, as histograms.

A classic bucket says how many values lie at or below its bound.  The values between two bounds are spread evenly, the
way in which Prometheus' ``histogram_quantile`` interpolates: so both give the same quantiles.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from ... import buckets
from ..._core import SLOTS, Counts, slot_of
from ..._values.base import MAX_FLOAT, make
from ..._values.exact import exact
from ..._values.key import Key
from ..._values.slots import MAX_BOUND, MIN_BOUND, edges_of
from ..._values.units import check_unit
from ...histogram import Histogram
from ._names import SUFFIXES
from ._samples import number, parsed, unit_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Scraped", "Series", "from_text", "series_in"]

#: What the last word of a metric's name tells about its unit.
UNITS = {**{suffix: unit for unit, suffix in SUFFIXES.items() if suffix}, "bytes": "bytes", "ratio": "1"}

#: The most samples of one metric, which take about 100 bytes of memory each.
MAX_SAMPLES = 1 << 20

#: The series of a histogram, by the end of their names.
BUCKET, COUNT, SUM, CREATED = "_bucket", "_count", "_sum", "_created"
ENDS = {BUCKET: BUCKET, COUNT: COUNT, SUM: SUM, CREATED: CREATED, "_gcount": COUNT, "_gsum": SUM}


class Scraped(NamedTuple):
    """A classic histogram, as `from_text` finds it."""

    key: Key
    """The name of the metric, and its labels without ``le``."""
    histogram: Histogram
    """Its counts.  `cdf` is exact at each bound, if bounds are at least 1.1 % apart."""
    relative_error: float
    """How far a quantile can be off, as a share of the value that was recorded, if it lies between two bounds above 0.

    It is that of the widest bucket with a count: 1.51 for one from 0.1 to 0.25.  0 if there is none.
    """
    below: int
    """Number of values at or below the lowest bound.  How small they are is not known."""
    above: int
    """Number of values above the highest bound, which are counted just above it.  How large they are is not known."""
    start: float | None
    """Since when values are counted, in seconds since 1970-01-01 00:00 UTC; None if the text does not say."""


def from_text(text: str | bytes, *, unit: str | None = None) -> list[Scraped]:
    """Return the classic histograms in Prometheus' text format or in OpenMetrics, such as a page ``/metrics``.

    Each series, which is a name and labels, is one histogram; metrics of other types are left out.  Its unit is what
    ``# UNIT`` or the last word of its name says, such as ``_seconds``; else `unit`, by default "1".

    Counts at each bound are exact, and so is the sum.  Where values are between two bounds is not known.  They are
    spread evenly there, as by ``histogram_quantile``, and the result is marked as `Histogram.synthetic`.  A quantile
    lies in the right bucket: with bounds that double, it is at most 101 % off.  Of 100,000 lognormal latencies with
    sigma 1, no percentile is more than 22 % off, and half of them are within 4 %.  `Scraped.relative_error` has the
    bound.  `min` and `max` are the bounds of the lowest and the highest
    bucket with a count.

    O(samples + buckets).  Raises ValueError, with the number of the line, for text in another format, for counts that
    contradict each other, for negative values, and for a metric that comes twice, as if two scrapes were in one text:
    counts of several scrapes of one process must not be added.

    >>> scraped = from_text('''
    ... http_seconds_bucket{code="200",le="0.1"} 90
    ... http_seconds_bucket{code="200",le="0.2"} 100
    ... http_seconds_bucket{code="200",le="+Inf"} 100
    ... http_seconds_sum{code="200"} 7.5
    ... http_seconds_count{code="200"} 100
    ... ''')
    >>> [(str(one.key), one.histogram.cdf(0.1), one.histogram.mean, one.below) for one in scraped]
    [('http_seconds{code=200}', 0.9, 0.075, 90)]
    """
    if unit is not None:
        check_unit(unit)
    if isinstance(text, (bytes, bytearray)):
        try:
            text = bytes(text).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"line {error.object.count(10, 0, error.start) + 1}: not UTF-8 text") from None
    elif not isinstance(text, str):
        raise TypeError(f"text must be a string or bytes, not {type(text).__name__}")
    found = []
    for one in series_in(enumerate(text.split("\n"), 1)):
        try:
            found.append(one.scraped(unit))
        except ValueError as error:
            raise ValueError(f"line {one.line}: {error}") from None
    return found


from_text.__module__ = Scraped.__module__ = "historian.formats.prometheus"


class Series:
    """The samples of one histogram."""

    __slots__ = ("_at", "_count", "_sum", "_unit", "key", "line", "start")

    key: Key
    line: int  # of its last bucket
    start: float | None
    _at: dict[float, int]  # how many values are at or below each bound
    _count: int | None
    _sum: float | None
    _unit: str | None  # None if nothing tells it

    def __init__(self, key: Key, unit: str | None) -> None:
        self.key, self.line, self.start = key, 0, None
        self._at, self._count, self._sum, self._unit = {}, None, None, unit

    def add(self, end: str, le: str, value: float, line: int) -> None:
        """Add a sample.  Raises ValueError."""
        if end == BUCKET:
            bound = _bound(le)
            if bound in self._at:
                raise ValueError(f"{str(self.key)[:200]} has the bucket le={le[:60]!r} twice")
            self._at[bound], self.line = _whole(value), line
        elif end == COUNT:
            self._count = _whole(value)
        elif end == SUM:
            self._sum = value
        elif 0 < value < math.inf:
            self.start = value

    @property
    def is_histogram(self) -> bool:
        """Whether it has buckets."""
        return bool(self._at)

    def scraped(self, unit: str | None) -> Scraped:
        """Return the histogram; `unit` is that of a metric which does not tell it.  Raises ValueError."""
        unit = check_unit(self._unit or unit or "1")
        bounds = sorted(self._at)
        counts = [self._at[bound] for bound in bounds]
        self._check(bounds, counts)
        each = [count - before for count, before in zip(counts, [0, *counts])]
        if not counts[-1]:
            return Scraped(self.key, Histogram.from_values([], unit=unit), 0.0, 0, 0, self.start)
        spread = _Spread()
        for low, high, count in zip([0.0, *bounds], bounds, each):
            if count:
                spread.add(max(low, 0.0), high, count)
        histogram = spread.histogram(self._sum, unit)
        return Scraped(self.key, histogram, spread.error, spread.below, spread.above, self.start)

    def _check(self, bounds: list[float], counts: list[int]) -> None:
        name = str(self.key)[:200]
        if bounds[-1] != math.inf:
            raise ValueError(f"{name} has no bucket le='+Inf': it is cut short")
        if len(bounds) == 1 and counts[0]:
            raise ValueError(f"{name} has no bucket but le='+Inf', so nothing tells where its values are")
        if counts != sorted(counts):
            raise ValueError(f"{name} counts fewer values at a higher bound")
        if self._count not in (None, counts[-1]):
            raise ValueError(f"{name} has the count {self._count}, and {counts[-1]} in its buckets")
        if any(count for bound, count in zip(bounds, counts) if bound < 0):
            raise ValueError(f"{name} counts negative values, which a histogram does not hold")
        if self._sum is not None and self._sum < 0:
            raise ValueError(f"{name} has the negative sum {self._sum!r}")


class _Spread:
    """Counts by slot."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._estimate = 0  # of the sum
        self._highest = 0.0
        self.error, self.below, self.above = 0.0, 0, 0

    def add(self, low: float, high: float, count: int) -> None:
        """Add values between two bounds, of which the upper one is included.  Buckets come in ascending order."""
        if high == math.inf:
            self.above = count
            slot = min(slot_of(low) + 1, SLOTS - 1)  # the next one: `cdf` stays exact at the bound
            self._counts[slot] = self._counts.get(slot, 0) + count
            self._estimate += exact(low) * count
            self._highest = max(low, math.nextafter(edges_of(slot)[0], math.inf))
            return
        self._highest = high
        if low:
            self.error = max(self.error, high / low * (1 + buckets.RELATIVE_ERROR) - 1)
        elif high:
            self.below = count
        self._estimate += (exact(low) + exact(high)) // 2 * count
        rest, counts = count, self._counts
        for slot, share in _shares(low, high):
            under = int(count * share)
            if under < rest:  # it may be above, by rounding, from 2**53 on
                counts[slot] = counts.get(slot, 0) + rest - under
                rest = under
                if not rest:
                    break

    def histogram(self, total: float | None, unit: str) -> Histogram:
        """Return the histogram; its sum is `total`, if that is known."""
        slots = sorted(self._counts)
        counts = Counts.of(slots, [self._counts[slot] for slot in slots])
        low, high = edges_of(counts.first)[0] if counts.first else 0.0, min(self._highest, MAX_FLOAT)
        known = exact(float(total)) if total is not None and math.isfinite(total) else self._estimate
        marks = (MIN_BOUND if low else 0) | (MAX_BOUND if high else 0)
        return make(Histogram, counts, unit, known, low, high, True, marks)


@lru_cache(maxsize=64)
def _shares(low: float, high: float) -> list[tuple[int, float]]:
    """Return the slots between two bounds, the highest first, and which share of the values lies below each of them.

    The slot of the lower bound is left out, so that `cdf` is exact there, unless it is the only one.  All series of a
    metric have the same bounds, so this is computed once for all of them.
    """
    last, first = slot_of(high), slot_of(low) + 1 if low else 0
    edges = ((slot, edges_of(slot)[0]) for slot in range(last, min(first, last) - 1, -1))
    return [(slot, (edge - low) / (high - low) if slot > first and edge > low else 0.0) for slot, edge in edges]


def _bound(le: str) -> float:
    bound = float(number(le, "the bound le of a bucket"))
    if math.isnan(bound) or bound == -math.inf:
        raise ValueError(f"the bound le of a bucket must be a number, not {le[:60]!r}")
    return bound + 0.0  # never -0.0


def _whole(value: float) -> int:
    if not 0 <= value < 2.0**63 or value != int(value):
        raise ValueError(f"a count must be a whole number from 0 on, below 2**63, not {value!r}")
    return int(value)


def series_in(lines: Iterable[tuple[int, str]], on_error: Callable[[int, str], None] | None = None) -> Iterator[Series]:
    """Yield the histograms in numbered lines, each when its metric ends, in the memory of one metric.

    `on_error` gets the number of a line that is not valid, and the reason; the others follow.  Without it, ValueError
    is raised.
    """
    metrics = _Metrics()
    for number_of_line, line in lines:
        try:
            metrics.add(number_of_line, line)
        except ValueError as error:
            if on_error is None:
                raise ValueError(f"line {number_of_line}: {error}") from None
            on_error(number_of_line, str(error))
        yield from metrics.ended()
    metrics.end()
    yield from metrics.ended()


class _Metrics:
    """The metric that is being read, and the names of those before it."""

    def __init__(self) -> None:
        self._name = ""
        self._series: dict[tuple[tuple[str, str], ...], Series] = {}
        self._samples = 0
        self._ended: list[Series] = []
        self._done: set[str] = set()  # metrics that were histograms
        self._units: dict[str, str] = {}
        self._is_over = False

    def add(self, line_number: int, line: str) -> None:
        """Read a line.  Raises ValueError."""
        sample = parsed(line)
        if sample is None:
            self._comment(line)
            return
        if self._is_over:
            raise ValueError("text after # EOF: keep scrapes in files of their own")
        stem = next((end for end in ENDS if sample.name.endswith(end)), "")
        base = sample.name.removesuffix(stem)
        le = sample.labels.pop("le", None)
        if not stem or not base or (ENDS[stem] == BUCKET) != (le is not None):
            return
        if base != self._name:
            self.end()
            if base in self._done:
                raise ValueError(f"the metric {base[:200]!r} comes twice: keep scrapes in files of their own")
            self._name = base
        self._samples += 1
        if self._samples > MAX_SAMPLES:
            raise ValueError(f"the metric {base[:200]!r} has more than {MAX_SAMPLES:,} samples")
        key = Key(base, **sample.labels)
        series = self._series.get(key.labels)
        if series is None:
            series = self._series[key.labels] = Series(key, self._unit_of(base))
        series.add(ENDS[stem], le or "", sample.value, line_number)

    def _comment(self, line: str) -> None:
        self._is_over = self._is_over or line.strip() == "# EOF"
        found = unit_in(line)
        if found is not None and len(self._units) < MAX_SAMPLES:
            self._units[found[0]] = found[1]

    def _unit_of(self, base: str) -> str | None:
        told = self._units.get(base, base.rpartition("_")[2])
        return UNITS.get(told, self._units.get(base))

    def end(self) -> None:
        """End the metric."""
        found = [one for one in self._series.values() if one.is_histogram]
        if found:
            self._done.add(self._name)
            self._ended += found
        self._name, self._series, self._samples = "", {}, 0

    def ended(self) -> list[Series]:
        """Return the histograms of metrics that have ended since the last call."""
        found, self._ended = self._ended, []
        return found
