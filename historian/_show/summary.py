"""Text for one histogram: its repr, which percentiles it supports, and a warning if its unit looks wrong.

Counts are exact and shown in full.  Values have three digits (see `historian._show.scale`).
"""

from __future__ import annotations

import math
from functools import lru_cache

from .._values.decimals import PRECISE, written
from .._values.text import counted
from .scale import TIME, quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._values.base import BaseHistogram

__all__ = ["describe", "is_supported", "min_count", "supported_percentile", "unit_question"]


def is_supported(count: int, p: float) -> bool:
    """Return whether `count` values are enough for at least one value to be above the p-th percentile.

    This needs count * (100 - p) / 100 >= 1.  With fewer values, the percentile is equal to the maximum.

    >>> is_supported(1000, 99.9), is_supported(999, 99.9)
    (True, False)
    """
    return count >= _min_count(p)


def min_count(p: float) -> float:
    """Return the smallest count for which `is_supported` is true; infinity for p = 100.

    >>> min_count(99), min_count(99.9)
    (100, 1000)
    """
    return _min_count(p)


def _find_min_count(p: float) -> float:
    if p >= 100:
        return math.inf
    numerator, denominator = PRECISE.subtract(100, written(p)).as_integer_ratio()
    return -(-100 * denominator // numerator)


_min_count = lru_cache(maxsize=64)(_find_min_count)  # not a decorator: stubtest cannot check its result


def supported_percentile(histogram: BaseHistogram, p: float) -> float:
    """Return the p-th percentile; NaN if there are too few values for it."""
    return histogram.percentile(p) if is_supported(histogram.count, p) else math.nan


def describe(histogram: BaseHistogram) -> str:
    """Return a histogram as one line: its ``repr``."""
    if not histogram.count:
        return "<Histogram: empty>"
    values = (histogram.quantile(0.5), histogram.quantile(0.99), histogram.max)
    p50, p99, top = (quantity(value, histogram.unit) for value in values)
    synthetic = ", some of them synthetic" if histogram.synthetic else ""
    return f"<Histogram of {counted(histogram.count, 'value')}{synthetic}: p50 {p50}, p99 {p99}, max {top}>"


def unit_question(histogram: BaseHistogram) -> str:
    """Return a question about the unit if it looks wrong, else ''.  Nothing is changed.

    A median above 1e5 s (more than a day) or below 1 ns is not a plausible latency.  If most values are in the zero
    bucket, the unit is too large or the clock too coarse.

    >>> from historian import Histogram
    >>> unit_question(Histogram.from_values([2_500_000.0] * 10))
    'the median is 694 h: were nanoseconds recorded as seconds, or time stamps instead of durations?'
    """
    unit = histogram.unit
    if not histogram.count or unit not in TIME:
        return ""
    if histogram.zero_count > 0.9 * histogram.count:
        share = f"{histogram.zero_count:,} of {counted(histogram.count, 'value is', 'values are')}"
        return f"{share} practically 0 {unit}: is the unit wrong, or the clock too coarse?"
    median = histogram.quantile(0.5)
    seconds = median * TIME[unit][0] / 1e9
    if seconds > 1e5:
        cause = "" if unit == "ns" else f"nanoseconds recorded as {'seconds' if unit == 's' else unit}, or "
        return f"the median is {quantity(median, unit)}: were {cause}time stamps instead of durations?"
    if 0 < seconds < 1e-9 and unit != "s":
        return f"the median is {quantity(median, unit)}: were seconds recorded as {unit}?"
    return ""
