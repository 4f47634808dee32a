"""`HdrHistogram`: a histogram as HdrHistogram counted it, with its own buckets, and without loss."""

from __future__ import annotations

from ..._values.units import check_unit
from ...histogram import Histogram
from . import _convert
from ._encoding import Parts, decoded, encoded
from ._layout import MAX_VALUE, Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HdrHistogram", "decode"]


class HdrHistogram:
    """The counts of an HdrHistogram, as they were encoded: what `decode` returns.

    It is immutable, and supports ``==``, ``hash`` and pickle.  Two are equal if they encode to the same bytes.  Its
    values have no unit; `histogram` is told what they are.

    >>> from historian import Histogram
    >>> from historian.formats import hdr
    >>> ours = Histogram.from_values([0.012, 0.015, 0.250])                # seconds
    >>> theirs = hdr.HdrHistogram.of(ours, values="ns")
    >>> theirs
    <HdrHistogram of 3 values: digits 3, min 11993088, max 249954303>
    >>> theirs.histogram(values="ns").counts.tolist() == ours.counts.tolist()
    True
    """

    __slots__ = ("_parts",)
    __module__ = "historian.formats.hdr"

    _parts: Parts

    def __init__(self, digits: int, lowest: int, highest: int, indices: Sequence[int], counts: Sequence[int]) -> None:
        """Create one from counts by index, both ascending.  Raises ValueError if they are not valid."""
        layout = Layout.of(digits, lowest, highest)
        indices, counts = tuple(indices), tuple(counts)
        if len(indices) != len(counts) or list(indices) != sorted(set(indices)):
            raise ValueError("indices must ascend, and there must be as many counts")
        if indices and not 0 <= indices[0] <= indices[-1] < layout.length:
            raise ValueError(f"indices must be in 0..{layout.length - 1}, not {indices[0]}..{indices[-1]}")
        if any(count < 1 for count in counts) or sum(counts) > MAX_VALUE:
            raise ValueError("counts must be at least 1, and add up to less than 2**63")
        self._parts = Parts(layout, indices, counts, indices[-1] + 1 if indices else 1, 0, 1.0, None, False)

    @classmethod
    def _of_parts(cls, parts: Parts) -> HdrHistogram:
        made = cls.__new__(cls)
        made._parts = parts._replace(indices=tuple(parts.indices), counts=tuple(parts.counts))
        return made

    @classmethod
    def of(
        cls, histogram: Histogram, *, values: str, digits: int = 3, lowest: int = 1, highest: int | None = None
    ) -> HdrHistogram:
        """Return a histogram of historian's in the buckets of HdrHistogram, whose values are whole numbers of `values`.

        `values` is a unit, such as "ns".  `highest` is by default an hour, or the maximum if that is larger, so that
        peers can add histograms of different times.  A value counts as the representative of its bucket, the smallest
        and the largest as themselves.

        With 3 digits, `histogram` of the result has the same counts, if all values are at least 83 of `values`, and its
        extremes are within 0.15 %.  Smaller values are rounded to whole numbers.  A quantile of the result is within
        0.5415 % + 0.05 % of a recorded value; with 2 digits within 0.5415 % + 0.4 %.  O(buckets).

        Raises ValueError if a value is above 2**63 - 1 of `values` or above `highest`, or units cannot be converted.
        """
        return cls._of_parts(_convert.from_histogram(histogram, values, digits, lowest, highest))

    # ---- facts ----

    @property
    def digits(self) -> int:
        """Number of significant decimal digits, 0 to 5, that values were kept to."""
        return self._parts.layout.digits

    @property
    def lowest(self) -> int:
        """The lowest discernible value: smaller ones are not told apart."""
        return self._parts.layout.lowest

    @property
    def highest(self) -> int:
        """The highest trackable value."""
        return self._parts.layout.highest

    @property
    def count(self) -> int:
        """Number of values."""
        return sum(self._parts.counts)

    @property
    def indices(self) -> tuple[int, ...]:
        """Indices of the counts that are not 0, ascending, by the rules of HdrHistogram."""
        return tuple(self._parts.indices)

    @property
    def counts(self) -> tuple[int, ...]:
        """The counts that are not 0, of `indices`."""
        return tuple(self._parts.counts)

    @property
    def min(self) -> float:
        """Lowest value of the lowest index that has a count, what Java's ``getMinValue`` returns; 0 if empty."""
        return _convert.extremes(self._parts)[0]

    @property
    def max(self) -> float:
        """Highest value of the highest index that has a count, what Java's ``getMaxValue`` returns; 0 if empty."""
        return _convert.extremes(self._parts)[1]

    @property
    def mean(self) -> float:
        """Mean of the middles of all counts, what Java's ``getMean`` returns; 0 if empty."""
        return _convert.mean(self._parts)

    @property
    def stddev(self) -> float:
        """Standard deviation of the middles, what Java's ``getStdDeviation`` returns; 0 if empty."""
        return _convert.stddev(self._parts)

    def percentile(self, p: float) -> float:
        """Return the value that Java's ``getValueAtPercentile`` returns for `p`, 0 to 100; 0 if empty."""
        return _convert.percentile(self._parts, p)

    @property
    def relative_error(self) -> float:
        """The largest relative error of a quantile of `histogram`, as a share of the value that was recorded.

        It allows for both: the width of the indices that have counts, and that of historian's buckets.  If `lowest` is
        1, it is at most 0.0064 with 3 digits, and at most 0.0133 with 2 digits.  It leaves out values below `lowest`,
        which are not told apart, and those outside 2**-32 to 2**64 in the unit of the result.  0 if empty.  O(indices).
        """
        return _convert.relative_error(self._parts)

    def index(self, value: int) -> int:
        """Return the index of a value from 0 on, by the rules of HdrHistogram.

        O(1).  Raises ValueError for a value below 0 or above the last index.

        >>> HdrHistogram(3, 1, 3_600_000_000_000, [], []).index(1_000_000)
        11169
        """
        layout = self._parts.layout
        found = layout.index(value) if 0 <= value <= MAX_VALUE else layout.length
        if found >= layout.length:
            raise ValueError(f"value must be in 0..{layout.range(layout.length - 1)[1]}, not {value!r}")
        return found

    # ---- to others ----

    def histogram(self, *, values: str, unit: str | None = None) -> Histogram:
        """Return these counts in historian's buckets.  `values` is the unit of the values here, such as "ns".

        The result is in `unit`: by default seconds if `values` is a time, and else `values`.  Converting costs no
        further accuracy, because counts have the middle of their index as their value before they are counted again.
        This loses what tells neighbours apart: a count is at most one bucket off.  Of lognormal latencies, 1.5 % of the
        counts are one bucket off with 3 digits, and 11.9 % with 2 digits.  `relative_error` bounds what that means for
        a quantile.

        `min` and `max` are bounds, the edges of the lowest and highest index, unless an index holds one value only.  If
        there is only one count, they do not reach beyond its bucket.  `sum` is that of the middles.

        O(indices).  Raises ValueError for units that cannot be converted, and for values beyond float64.
        """
        return _convert.to_histogram(self._parts, *_convert.conversion(check_unit(values), unit))[0]

    def encode(self, *, compressed: bool = True) -> bytes:
        """Return the bytes of encoding V2, which `decode` and all ports of HdrHistogram read.  O(indices).

        Before compression, they are those that the histogram was read from, if that was V2.
        """
        return encoded(self._parts, compressed=compressed)

    def to_base64(self) -> str:
        """Return the compressed bytes as base64, as they are in logs."""
        from base64 import b64encode

        return b64encode(self.encode()).decode()

    def percentiles(self, ticks: int = 5, *, ratio: float = 1.0, csv: bool = False) -> str:
        """Return the text of a ``.hgrm`` file, byte for byte as Java's ``outputPercentileDistribution``.

        `ticks` is the number of lines for each half of the distance to 100 %.  Values are divided by `ratio`, such as
        1e6 from nanoseconds to milliseconds.  Where values are between two lines is lost: `Percentiles.relative_error`
        of the table that is read back is the bound.  Raises ValueError for ticks below 1, and a ratio that is not
        positive.

        Java does not end if there are more than about 2**52 values.  Here, the text ends where percentiles in float64
        do.
        """
        from ._percentiles import text

        return text(self._parts, ticks, ratio, csv)

    # ---- as a value ----

    def __add__(self, other: HdrHistogram) -> HdrHistogram:
        """Return the counts of both, index by index.  O(indices).

        Raises ValueError unless `digits` and `lowest` are the same, and both are of integers or have the same factor to
        doubles.  The larger `highest` stays.
        """
        if not isinstance(other, HdrHistogram):
            return NotImplemented
        return self._of_parts(_convert.added(self._parts, other._parts))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HdrHistogram):
            return NotImplemented
        return self._parts == other._parts or self.encode(compressed=False) == other.encode(compressed=False)

    def __hash__(self) -> int:
        return hash(self.encode(compressed=False))

    def __reduce__(self) -> tuple[object, ...]:
        return decode, (self.encode(),)

    def __repr__(self) -> str:
        if not self._parts.counts:
            return f"<HdrHistogram of 0 values: digits {self.digits}>"
        low, high = self.min, self.max
        what = "value" if self.count == 1 else "values"
        return f"<HdrHistogram of {self.count:,} {what}: digits {self.digits}, min {low:.15g}, max {high:.15g}>"


def decode(data: bytes | bytearray | memoryview | str) -> HdrHistogram:
    """Return the histogram in bytes, or base64, that HdrHistogram of any language has encoded.

    It reads the encodings V2, V1 and V0, plain or compressed, of integers or doubles.  O(bytes), in bounded memory.
    Raises ValueError, with the offset and the reason, for any other bytes, and TypeError for other objects.

    >>> decode("HISTFAAAACJ4nJNpmSzMwMDAyAABzFAayGd2M9ixgMH+A0SACQBSqARO")
    <HdrHistogram of 1 value: digits 3, min 0, max 0>
    """
    if isinstance(data, str):
        text = data.strip()
        if not text.isascii():
            raise ValueError("not base64: it has characters that are not ASCII")
        return HdrHistogram._of_parts(decoded(text.encode()))
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"decode() takes bytes or base64 text, not {type(data).__name__}")
    return HdrHistogram._of_parts(decoded(bytes(data)))


decode.__module__ = "historian.formats.hdr"
