"""How values look to a person: units that read well, three digits, plain tables, the looks of a histogram.

A percentile is within 0.5415 % of a recorded value (see `historian.buckets`), so a third digit may be off by a few and
a fourth would be noise: values are shown with three.  Counts are exact and are shown so.
"""

from __future__ import annotations

import math
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._values.base import Histogram

__all__ = [
    "Scale",
    "base_unit",
    "describe",
    "doubt",
    "html_table",
    "is_supported",
    "least_count",
    "percentile",
    "plain",
    "quantity",
    "summary",
    "table",
]

#: Nanoseconds to each unit of time, and from how many on it is chosen: 90 s read better than 1.5 min.
TIME = {"ns": (1.0, 0.0), "us": (1e3, 1e3), "ms": (1e6, 1e6), "s": (1e9, 1e9), "min": (6e10, 6e11), "h": (36e11, 36e12)}

#: Bytes to each unit of size, and from how many on it is chosen.
SIZE = {"B": (1.0, 0.0), **{unit: (1024.0**k, 1024.0**k) for k, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)}}


class Scale(NamedTuple):
    """A unit to show values in, and the way to it from the unit that they were recorded in.

    >>> scale = Scale.of("s", 0.0123)
    >>> scale.show(0.0123), scale.show(0.95), scale.unit
    ('12.3', '950', 'ms')
    """

    unit: str  # to be shown: a label for headers
    factor: float  # shown values to the recorded one, in (0, inf)

    @classmethod
    def of(cls, unit: str, typical: float) -> Scale:
        """Return the scale in which `typical`, recorded in `unit`, reads best: from 1 on, in as few digits as possible.

        Times go to ns, us, ms, s, min or h, sizes in bytes to B, KiB, MiB, GiB or TiB; any other unit is left alone,
        as is any unit for a typical value of 0, NaN or infinity.

        >>> Scale.of("bytes", 65_536).show(65_536), Scale.of("rows", 65_536).show(65_536)
        ('64.0', '65,500')
        """
        base, factor = base_unit(unit)
        family = {"ns": TIME, "B": SIZE}.get(base)
        if family is None or not 0 < typical < math.inf:
            return cls(unit, 1.0)
        typical = max(typical, float(f"{typical:.2e}")) * factor  # what would be shown as 1,000 us is 1.00 ms
        best = [name for name, (_, least) in family.items() if typical >= least][-1]
        return cls(best, factor / family[best][0])

    def show(self, value: float) -> str:
        """Return a value, given in the recorder's unit, as text in this one: three digits, '-' for NaN.

        >>> scale = Scale.of("ms", 1.0)
        >>> scale.show(1234.5), scale.show(0.0056789), scale.show(float("nan"))
        ('1,230', '0.00568', '-')
        """
        value *= self.factor
        if math.isnan(value):
            return "-"
        if value == 0:
            return "0"
        digits = f"{value:.2e}"
        if not 1e-6 <= value < 1e15:  # also infinity
            return digits
        return f"{float(digits):,.{max(0, 2 - int(digits[5:]))}f}"


def base_unit(unit: str) -> tuple[str, float]:
    """Return the unit that all units of its kind convert to, "ns" or "B", and how many of them `unit` is.

    >>> base_unit("ms"), base_unit("bytes"), base_unit("rows")
    (('ns', 1000000.0), ('B', 1.0), ('rows', 1.0))
    """
    if unit in TIME:
        return "ns", TIME[unit][0]
    if unit in SIZE:
        return "B", SIZE[unit][0]
    return ("B" if unit == "bytes" else unit), 1.0


def quantity(value: float, unit: str) -> str:
    """Return a single value with the unit in which it reads best.

    >>> quantity(0.00102, "s"), quantity(1.5, "requests")
    ('1.02 ms', '1.50 requests')
    """
    scale = Scale.of(unit, value)
    return f"{scale.show(value)} {scale.unit}"


def is_supported(count: int, p: float) -> bool:
    """Say whether `count` values are enough for the p-th percentile to have at least one value above it.

    It takes count * (100 - p) / 100 >= 1; with fewer, the percentile is just the maximum.

    >>> is_supported(1000, 99.9), is_supported(999, 99.9)
    (True, False)
    """
    return count >= least_count(p)


def least_count(p: float) -> float:
    """Return the least number of values for which `is_supported`; infinity for the maximum itself.

    >>> least_count(99), least_count(99.9)
    (100, 1000)
    """
    return math.ceil(round(100 / (100 - p), 6)) if p < 100 else math.inf


def percentile(histogram: Histogram, p: float) -> float:
    """Return the p-th percentile as people write it: 99.9 is 0.999, not the 0.9990000000000001 of a division by 100.

    Of 1,000 values that is the 999th; `Histogram.percentile`, which divides as numpy does, has the 1,000th.
    """
    return histogram.quantile(round(p / 100, 9))


def supported_percentile(histogram: Histogram, p: float) -> float:
    """Return the p-th percentile, or NaN if there are too few values for it."""
    return percentile(histogram, p) if is_supported(histogram.count, p) else math.nan


def describe(histogram: Histogram) -> str:
    """Return a histogram in one line, its ``repr``."""
    if not histogram.count:
        return "<Histogram: empty>"
    values = (histogram.quantile(0.5), histogram.quantile(0.99), histogram.max)
    p50, p99, top = (quantity(value, histogram.unit) for value in values)
    plural = "" if histogram.count == 1 else "s"
    synthetic = ", some of them synthetic" if histogram.synthetic else ""
    return f"<Histogram of {histogram.count:,} value{plural}{synthetic}: p50 {p50}, p99 {p99}, max {top}>"


def summary(histogram: Histogram) -> str:
    """Return a histogram in a few lines, for IPython: count, extremes, percentiles, mean, and what is odd about them.

    All values are in one unit.  A percentile for which there are too few values is '-': see `is_supported`.
    """
    if not histogram.count:
        return describe(histogram)
    names = ["min", "p50", "p90", "p99", "p99.9", "max", "mean"]
    percentiles = [supported_percentile(histogram, p) for p in (50, 90, 99, 99.9)]
    values = [histogram.min, *percentiles, histogram.max, histogram.mean]
    scale = Scale.of(histogram.unit, middle(values))
    rows = [["count", f"{histogram.count:,}", "partly synthetic" if histogram.synthetic else ""]]
    rows += [[name, scale.show(value), scale.unit] for name, value in zip(names, values)]
    if histogram.zero_count:
        rows.append(["zero", f"{histogram.zero_count:,}", "at most 2**-32"])
    if histogram.overflow_count:
        rows.append(["overflow", f"{histogram.overflow_count:,}", "above 2**64"])
    wide = max(len(number) for _, number, _ in rows)
    lines = [f"{name:<8}  {number:>{wide}}  {note}".rstrip() for name, number, note in rows]
    odd = doubt(histogram)
    return "\n".join(lines + ([f"warning: {odd}"] if odd else []))


def doubt(histogram: Histogram) -> str:
    """Return a question if the unit looks wrong, else ''.  Recorded values are never changed for it.

    A median above 1e5 s, over a day, or below 1 ns is no latency that anybody times, and many values that are zero but
    for rounding speak of a unit too large, or of a clock too coarse.

    >>> from historian import Histogram
    >>> doubt(Histogram.from_values([2_500_000.0] * 10))
    'the median is 694 h: nanoseconds recorded as seconds, or time stamps instead of durations?'
    """
    unit = histogram.unit
    if not histogram.count or unit not in TIME:
        return ""
    if histogram.zero_count > 0.9 * histogram.count:
        share = f"{histogram.zero_count:,} of {histogram.count:,} values"
        return f"{share} are as good as 0 {unit}: the wrong unit, or a clock too coarse?"
    median = histogram.quantile(0.5)
    seconds = median * TIME[unit][0] / 1e9
    if seconds > 1e5:
        cause = "" if unit == "ns" else f"nanoseconds recorded as {'seconds' if unit == 's' else unit}, or "
        return f"the median is {quantity(median, unit)}: {cause}time stamps instead of durations?"
    if 0 < seconds < 1e-9 and unit != "s":
        return f"the median is {quantity(median, unit)}: seconds recorded as {unit}?"
    return ""


def middle(values: Sequence[float]) -> float:
    """Return the middle one of the values that are not NaN, the upper of two; NaN if there is none."""
    known = sorted(value for value in values if not math.isnan(value))
    return known[len(known) // 2] if known else math.nan


def table(headers: list[str], rows: list[list[str]]) -> str:
    """Return a table as plain text: first column to the left, all others to the right, two spaces between.

    >>> print(table(["name", "p99"], [["lookup", "1.02"], ["scan", "14.1"]]))
    name     p99
    lookup  1.02
    scan    14.1
    """
    lines = [headers, *rows]
    widths = [max(_width(line[k]) for line in lines) for k in range(len(headers))]
    padded = [
        [line[0] + _pad(line[0], widths[0]), *(_pad(cell, w) + cell for cell, w in zip(line[1:], widths[1:]))]
        for line in lines
    ]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def html_table(headers: list[str], rows: list[list[str]]) -> str:
    """Return a table as HTML, aligned as in `table`; every cell is escaped."""
    from html import escape

    def line(cells: list[str], tag: str) -> str:
        aligned = zip(cells, ["left"] + ["right"] * len(cells))
        return "".join(f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for cell, side in aligned)

    body = "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{line(headers, 'th')}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def plain(text: str) -> str:
    """Return text with all that could move a terminal's cursor written out.

    >>> print(plain("a\\nb\\x1b[31m"))
    a\\nb\\x1b[31m
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _pad(text: str, width: int) -> str:
    return " " * (width - _width(text))


def _width(text: str) -> int:
    """Return the columns that printable text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
