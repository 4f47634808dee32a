"""What the recorded values, a sample, say about all that might have been recorded: intervals, and how many it takes.

All intervals hold for independent values.  Where calls slow down together, in bursts, they are far too narrow (a 95 %
interval then covered 31 %): pass histograms of time windows, and the values count only for as many as they are worth.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

from .._core import slot_of
from .._stats.binomial import rank_interval, share_lower, share_upper, windows_worth
from .._stats.checks import check_confidence, check_n, check_share
from .._stats.estimate import Estimate, TailWarning, nines
from .._values.base import BaseHistogram, edges_of
from .shares import ROUNDING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Enough",
    "check_histogram",
    "ci",
    "counts_above",
    "effective_sample_size",
    "enough_for",
    "quantile_interval",
    "windows_of",
]


class Enough(NamedTuple):
    """Whether there are enough values for a statement: true or false, and how many there are and would be needed.

    >>> print(Enough(10_000, 29_808))
    no: 29,808 values are needed, 10,000 recorded
    """

    recorded: int  # values, from 0 on
    needed: float  # whole, from 1 on; infinity if no number of values is enough

    def __bool__(self) -> bool:
        return self.recorded >= self.needed

    def __str__(self) -> str:
        needed = f"{self.needed:,.0f} values are needed" if self.needed < math.inf else "no number of values is enough"
        return f"{'yes' if self else 'no'}: {needed}, {self.recorded:,} recorded"

    def __repr__(self) -> str:
        return f"<Enough: {self}>"


Enough.__module__ = "historian.tail"  # a NamedTuple takes no such line of its own


def check_histogram(histogram: BaseHistogram) -> None:
    """Raise ValueError for an empty histogram."""
    if not histogram.count:
        raise ValueError("the histogram is empty: nothing can be said about its tail")


def enough_for(histogram: BaseHistogram, q: float, n: int, confidence: float) -> Enough:
    """Answer `Histogram.enough_for`.

    The largest of N values is above the q^(1/n)-quantile but for a chance of q^(N/n): that is to be at most
    1 - confidence.  Source: Wilks, Determination of Sample Sizes for Setting Tolerance Limits (1941), for a fan-out.
    """
    q = check_share("q", q)
    confidence = check_confidence(confidence)
    n = check_n(n)
    if q == 0 or q == 1:
        return Enough(histogram.count, 1 if q == 0 else math.inf)
    needed = math.log1p(-confidence) * n / math.log(q)
    return Enough(histogram.count, max(1, math.ceil(needed * (1 - ROUNDING))))  # or 2.0000000000000004 would be 3


def ci(histogram: BaseHistogram, q: float, confidence: float, windows: Iterable[BaseHistogram] | None) -> Estimate:
    """Answer `Histogram.ci`."""
    q = check_share("q", q)
    confidence = check_confidence(confidence)
    check_histogram(histogram)
    parts = None if windows is None else windows_of(histogram, windows)
    return quantile_interval(histogram, q, histogram.quantile(q), confidence, parts, stacklevel=4)


def quantile_interval(
    histogram: BaseHistogram,
    q: float,
    value: float,
    confidence: float,
    windows: Sequence[BaseHistogram] | None = None,
    *,
    why: str = "",
    stacklevel: int = 3,
) -> Estimate:
    """Return `value`, the q-quantile, with the outer edges of the buckets of the ranks that bound it.

    Warns if there is no such rank, `stacklevel` callers up.
    """
    count, (low, high), reasons = histogram.count, *_ranks(histogram, q, confidence, windows)
    lower = histogram._edges(histogram._counts.slot_at(low))[0] if low > 0 else 0.0
    upper = edges_of(histogram._counts.slot_at(high))[1] if high <= count else math.inf
    open_sides = [side for side, is_open in (("lower", low < 1), ("upper", high > count)) if is_open]
    if open_sides:
        missing = f"no {' and no '.join(open_sides)} bound"
        reasons.append(f"too few values: {missing}")
        text = f"beyond the data: for the {nines(q)}-quantile {count:,} values are too few, and set {missing}"
        warnings.warn(text, TailWarning, stacklevel=stacklevel)
    reasons += [why] if why else []
    return Estimate(value, min(lower, value), max(upper, value), "; ".join(reasons), unit=histogram.unit)


def _ranks(
    histogram: BaseHistogram, q: float, confidence: float, windows: Sequence[BaseHistogram] | None
) -> tuple[tuple[int, int], list[str]]:
    """Return the ranks that bound the q-quantile, 0 and count + 1 where none does, and why they lie apart.

    With windows they are those of the interval of the share q, of as many independent values as the windows are worth
    (Woodruff, Journal of the American Statistical Association 47, 1952, 635-646), and open where so few set no bound.
    """
    count = histogram.count
    if windows is None:
        return rank_interval(q, count, confidence), [sampled(histogram), "bucket width"]
    edges = histogram.quantile_bounds(q)
    size, alpha = min(effective_sample_size(windows, edge, confidence) for edge in edges), (1 - confidence) / 2
    good, bad, low, high = q * size, (1 - q) * size, 0, count + 1
    if (1 - q) ** size <= alpha:
        low = math.floor(share_lower(good, bad, confidence) * count)
    if q**size <= alpha:
        high = min(count, math.ceil((share_upper(good, bad, confidence) + 1 / size) * count))
    return (low, high), [f"{sampled(histogram)}, in windows worth {size:,.0f} independent ones", "bucket width"]


def sampled(histogram: BaseHistogram) -> str:
    """Return what an interval comes from: values, of which those that a correction has added were never sampled."""
    return f"sampling: {histogram.count:,} values" + (", some of them synthetic" if histogram.synthetic else "")


def effective_sample_size(windows: Sequence[BaseHistogram], t: float, confidence: float) -> float:
    """Return how many independent values those of all windows together are worth, for the share above `t`."""
    return windows_worth([w._above(t) for w in windows], [w.count for w in windows], confidence)


def counts_above(histogram: BaseHistogram, t: float) -> tuple[int, int, int]:
    """Return how many values are above `t`: the least number possible, that of `Histogram.sf`, the largest possible.

    The three are equal where `t` is a bucket edge, below the minimum or from the maximum on.
    """
    value = histogram._above(t)
    if not histogram.min <= t < histogram.max:
        return value, value, value
    slot = slot_of(t)
    low = histogram.count - histogram._counts.through(slot)
    high = low if t == edges_of(slot)[1] else histogram.count - histogram._counts.through(slot - 1)
    return min(low, value), value, max(high, value)


def windows_of(whole: BaseHistogram, windows: Iterable[BaseHistogram]) -> list[BaseHistogram]:
    """Return the windows that hold values, if together they hold those of `whole`; else raise."""
    from .._values.merge import merged

    if isinstance(windows, BaseHistogram) or not hasattr(windows, "__iter__"):
        raise TypeError(f"windows must be an iterable of histograms, not {windows!r}")
    parts = list(windows)
    for part in parts:
        if not isinstance(part, BaseHistogram):
            raise TypeError(f"windows must be histograms, not {part!r}")
        if part.count and part.unit != whole.unit:
            raise ValueError(f"windows must be in {whole.unit!r} as the histogram is, not in {part.unit!r}")
    parts = [part for part in parts if part.count]
    total = sum(part.count for part in parts)
    if total != whole.count:
        raise ValueError(f"windows must hold the histogram's {whole.count:,} values, not {total:,}: pass all of them")
    if merged(parts)[0] != whole._counts:
        raise ValueError("windows must hold the histogram's values, not others, of which there are as many")
    if len(parts) < 2:
        raise ValueError(f"windows must be at least 2 that hold values, not {len(parts)}")
    return parts
