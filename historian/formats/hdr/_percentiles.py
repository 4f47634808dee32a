"""The percentile tables of HdrHistogram, ``.hgrm`` files: written as Java's ``outputPercentileDistribution`` does."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from operator import index as whole

from ._convert import extremes, mean, stddev

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._encoding import Parts

__all__ = ["CSV_HEADER", "fixed", "text"]

HEADER = f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}\n\n"
CSV_HEADER = '"Value","Percentile","TotalCount","1/(1-Percentile)"\n'

#: Digits enough for any float64 with a fixed number of decimals.
_EXACT = Context(prec=800)


def fixed(value: float, decimals: int) -> str:
    """Return a float with so many decimals, as Java's ``%.nf`` rounds it: its shortest decimal form, half up.

    >>> fixed(0.125, 2), f"{0.125:.2f}"
    ('0.13', '0.12')
    """
    return f"{Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT):f}"


def text(parts: Parts, ticks: int, ratio: float, csv: bool) -> str:
    """Return the table of `HdrHistogram.percentiles`."""
    ticks = whole(ticks)
    if not 1 <= ticks < 1 << 31:
        raise ValueError(f"ticks must be in 1..2**31 - 1, not {ticks}")
    if not 0 < ratio < math.inf:
        raise ValueError(f"ratio must be positive and finite, not {ratio!r}")
    if parts.double_ratio is not None:
        ratio /= parts.factor
    digits = parts.layout.digits
    lines = [CSV_HEADER if csv else HEADER]
    for value, level, total in _levels(parts, ticks):
        shown, share = fixed(value / ratio, digits), fixed(level / 100.0, 12)
        inverse = fixed(1 / (1.0 - level / 100.0), 2) if level != 100 else ""
        if csv:
            lines.append(f"{shown},{share},{total},{inverse or 'Infinity'}\n")
        else:
            lines.append(f"{shown:>12} {share} {total:>10}{f' {inverse:>14}' if inverse else ''}\n")
    if not csv:
        plain = parts._replace(double_ratio=None)
        center, deviation = (f"{fixed(of(plain) / ratio, digits):>12}" for of in (mean, stddev))
        most = f"{fixed(extremes(plain)[1] / ratio, digits):>12}"
        lines += [
            f"#[Mean    = {center}, StdDeviation   = {deviation}]\n",
            f"#[Max     = {most}, Total count    = {sum(parts.counts):>12}]\n",
            f"#[Buckets = {parts.layout.buckets:>12}, SubBuckets     = {parts.layout.sub_buckets:>12}]\n",
        ]
    return "".join(lines)


def _levels(parts: Parts, ticks: int) -> Iterator[tuple[int, float, int]]:
    """Yield (highest value, percentile level, count up to it) of each line.

    A level is passed by the first index at which the share of the values reaches it.  The step to the next level is
    100 / (ticks * 2**k), with k = 1 up to 50 %, 2 up to 75 %, and so on.
    """
    count = sum(parts.counts)
    level, total, value = 0.0, 0, 0
    for index, number in zip(parts.indices, parts.counts):
        total += number
        value = parts.layout.range(index)[1]
        while 100.0 * total / count >= level:
            yield value, level, total
            after = _next(level, ticks)
            if total == count or not level < after < 100:  # beyond float64
                break
            level = after
    if count:
        yield value, 100.0, total


def _next(level: float, ticks: int) -> float:
    halvings = int(math.log(100.0 / (100.0 - level)) / math.log(2)) + 1
    return level + 100.0 / (ticks << halvings)
