"""`Percentiles`: a percentile table that was read, of any program that prints HdrHistogram's."""

from __future__ import annotations

import math
import os
import re
from typing import NamedTuple

from ... import buckets
from ..._core import Counters
from ..._values.base import make
from ..._values.slots import MAX_BOUND, MIN_BOUND
from ..._values.units import check_unit
from ...histogram import Histogram
from ._convert import conversion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Percentiles", "is_table", "parse_percentiles", "parse_wrk2", "read_percentiles"]

#: Maximum size of a file.  Java writes less than 100 kB for any number of values.
MAX_NBYTES = 1 << 24

_HEADER = re.compile(rb'\s*"?Value"?[\s,]+"?Percentile"?[\s,]+"?TotalCount"?[\s,]')
_NUMBER = r"([0-9]{1,40}(?:\.[0-9]{1,40})?)"
_ROW = re.compile(rf"\s*{_NUMBER}(?:\s+|,){_NUMBER}(?:\s+|,)([0-9]{{1,19}})(?:(?:\s+|,)(?:{_NUMBER}|inf|Infinity))?\s*")
_FOOTER = re.compile(rf"#\[(\w+)\s*=\s*{_NUMBER},\s*([\w ]+?)\s*=\s*{_NUMBER}\s*\]\s*")
_RULE = re.compile(r"\s*-{3,}\s*")
_TITLE = re.compile(r"\s*Latency Distribution \(HdrHistogram - (.{1,60}?)[( )]*(?:measured|\)|$)")


class Percentiles(NamedTuple):
    """A percentile table: what a ``.hgrm`` file holds.  Values are as they are printed, in a unit that it does not say.

    Each row says how many values there are up to one of them.  Where the values between two rows are is lost.
    """

    values: tuple[float, ...]  # of the rows, ascending, not negative
    percentiles: tuple[float, ...]  # 0 to 100, ascending
    counts: tuple[int, ...]  # number of values up to that of the row
    decimals: int  # of the printed values; Java prints as many as its histogram has digits
    mean: float  # NaN if it is not in the table
    stddev: float  # NaN if it is not in the table
    max: float  # 0 if there are no rows

    @property
    def total(self) -> int:
        """Number of values."""
        return self.counts[-1] if self.counts else 0

    @property
    def relative_error(self) -> float:
        """The largest relative error of a quantile of `histogram`, as a share of the value that was recorded.

        It is that of the widest gap between two rows in which there are several values, and allows for rounding and for
        historian's buckets.  Often this is the gap between the minimum and the 10th percentile: of 10,000 lognormal
        latencies, the bound is 9.9, and from the median on 0.23.  It leaves out values below the last decimal.  0 if
        empty.
        """
        worst, half = 1.0, 0.5 * 10.0**-self.decimals
        before, seen = 0.0, 0
        for value, count in zip(self.values, self.counts):
            within = value / (1 + 10.0**-self.decimals)  # the lower edge of its index
            low = (min(before, within) if seen and count > seen + 1 else within) - half
            if count > seen and low > 0:
                worst = max(worst, (value + half) / low)
            before, seen = value, count
        return worst * (1 + buckets.RELATIVE_ERROR) - 1 if self.counts else 0.0

    def histogram(self, *, values: str, unit: str | None = None) -> Histogram:
        """Return the values as a histogram.  `values` is the unit of the table, such as "ms".

        The values between two rows count as that of the upper row.  So quantiles are right at the percentiles of the
        table, and above the recorded values between them: see `relative_error`.  `min` and `max` are bounds.  The
        result is in `unit`: by default seconds if `values` is a time, and else `values`.  Raises ValueError for units
        that cannot be converted.
        """
        numerator, denominator, unit = conversion(check_unit(values), unit)
        factor = numerator / denominator
        counters = Counters()
        each = [count - before for before, count in zip((0, *self.counts), self.counts)]
        try:
            counters.record_many([value * factor for value in self.values], counts=each)
        except ValueError:
            raise ValueError(f"values times {factor!r} are beyond float64") from None
        counts, total, low, high = counters._read()
        marks = MIN_BOUND | MAX_BOUND if counts.total else 0
        return make(Histogram, counts, unit, total, low, high, False, marks)


def is_table(head: bytes) -> bool:
    """Return whether a file that begins with these bytes has the header of a percentile table among its first lines."""
    return any(_HEADER.match(line + b"\n") for line in head[:4096].splitlines()[:20])


def read_percentiles(path: str | os.PathLike[str]) -> Percentiles:
    """Return the percentile table in a ``.hgrm`` file, as text or csv, of any port of HdrHistogram.

    Lines before the header of the table are skipped, and so is all that follows it after a blank line or a line of
    dashes, as in the output of wrk2.  Raises OSError, and ValueError, with the number of the line, for a file that has
    no such table.
    """
    with open(os.fspath(path), "rb") as stream:
        data = stream.read(MAX_NBYTES + 1)
    return parse_percentiles(data, os.fsdecode(path))


read_percentiles.__module__ = Percentiles.__module__ = "historian.formats.hdr"


def parse_percentiles(data: bytes, name: str) -> Percentiles:
    """Return the first table in the bytes of a file.  `name` appears in messages.  Raises ValueError."""
    lines = _lines(data, name)
    return _table_after(lines, _headers(lines, name)[0], name)


def parse_wrk2(data: bytes, name: str) -> list[tuple[str, Percentiles]]:
    """Return all tables in the output of wrk2, each with its title, such as "Recorded Latency".  Raises ValueError.

    A title is empty if there is none before the table, as in a ``.hgrm`` file.
    """
    lines = _lines(data, name)
    found, before = [], 0
    for begin in _headers(lines, name):
        titles = filter(None, map(_TITLE.match, reversed(lines[before:begin])))
        title = next(titles, None)
        found.append((title[1] if title else "", _table_after(lines, begin, name)))
        before = begin
    return found


def _lines(data: bytes, name: str) -> list[str]:
    if len(data) > MAX_NBYTES:
        raise ValueError(f"{name}: not a percentile table: longer than {MAX_NBYTES:,} bytes")
    return data.decode("ascii", "backslashreplace").splitlines()


def _headers(lines: list[str], name: str) -> list[int]:
    """Return the indices of the lines that are the header of a table.  Raises ValueError if there is none."""
    found = [n for n, line in enumerate(lines) if _HEADER.match(f"{line}\n".encode())]
    if not found:
        raise ValueError(f"{name}: not a percentile table: no line 'Value Percentile TotalCount 1/(1-Percentile)'")
    return found


def _table_after(lines: list[str], begin: int, name: str) -> Percentiles:
    """Return the table whose header is a line.  Raises ValueError."""
    rows: list[tuple[float, float, int]] = []
    footers: dict[str, float] = {}
    decimals = 0
    for number, line in enumerate(lines[begin + 1 :], begin + 2):
        if not line.strip():
            if rows:
                break
            continue
        where = f"{name}, line {number}"
        if (footer := _FOOTER.fullmatch(line)) is not None:
            footers.update({footer[1]: float(footer[2]), footer[3]: float(footer[4])})
        elif footers and _RULE.fullmatch(line):
            break
        elif (row := _ROW.fullmatch(line)) is not None and not footers:
            decimals = len(row[1].partition(".")[2])
            rows.append(_checked((float(row[1]), 100 * float(row[2]), int(row[3])), rows, where))
        else:
            raise ValueError(f"{where}: not a row of a percentile table: {line[:60]!r}")
    return _table(rows, footers, decimals, name)


def _checked(
    row: tuple[float, float, int], rows: list[tuple[float, float, int]], where: str
) -> tuple[float, float, int]:
    value, percentile, count = row
    before = rows[-1] if rows else (0.0, 0.0, 0)
    if not value < math.inf:
        raise ValueError(f"{where}: the value is beyond float64")
    if any(now < then for now, then in zip(row, before)):
        raise ValueError(f"{where}: values, percentiles and counts must ascend")
    if percentile > 100:
        raise ValueError(f"{where}: the percentile is above 1: {percentile / 100!r}")
    if not 0 < count < 1 << 63:
        raise ValueError(f"{where}: the count must be in 1..2**63 - 1, not {count}")
    return row


def _table(
    rows: Iterable[tuple[float, float, int]], footers: dict[str, float], decimals: int, name: str
) -> Percentiles:
    values, percentiles, counts = (tuple(column) for column in zip(*rows)) if rows else ((), (), ())
    total = footers.get("Total count", float(counts[-1] if counts else 0))
    if total != (float(counts[-1]) if counts else 0):
        raise ValueError(
            f"{name}: cut short: the last row counts {counts[-1] if counts else 0:,} of {total:,.0f} values"
        )
    if rows and percentiles[-1] != 100:
        raise ValueError(f"{name}: cut short: its last row is at {percentiles[-1] / 100:.12g}, not at 1")
    return Percentiles(
        values, percentiles, counts, decimals, footers.get("Mean", math.nan), footers.get("StdDeviation", math.nan),
        values[-1] if values else 0.0,
    )  # fmt: skip
