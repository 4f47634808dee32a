"""Sampling: confidence intervals of quantiles, and the number of values that they need.

The recorded values are a sample of all values that could have been recorded.  All intervals are valid for independent
values.  If calls slow down together, in bursts, the intervals are far too narrow: in a test, a 95 % interval held the
truth in 31 % of the cases.  The remedy is to pass histograms of time windows: the intervals then use the effective
sample size, which is estimated from the windows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .._core import slot_of
from .._stats.beyond import warn_beyond
from .._stats.binomial import rank_interval, share_lower, share_upper
from .._stats.checks import check_bool, check_confidence, check_n, check_share
from .._stats.estimate import Estimate, no_data, quantile_name
from .._stats.sequences import rank_sequence
from .._stats.windows import ENOUGH_BURSTS, ENOUGH_EQUAL, ENOUGH_FREEDOM, ENOUGH_WINDOWS, windows_sample_size
from .._values.base import BaseHistogram, Origin
from .._values.decimals import PRECISE, log, precise_for, whole, written
from .._values.slots import edges_of
from .._values.text import counted
from .._values.timed import histograms_of
from .measurements import observed_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._stats.windows import Effective
    from .._values.timed import _Windows

__all__ = [
    "ANYTIME",
    "METHOD",
    "RANKS_METHOD",
    "SCOPE_METHODS",
    "SIMULTANEOUS",
    "WINDOWS_METHOD",
    "Enough",
    "ci",
    "effective_sample_size",
    "enough_for",
    "in_windows",
    "missing_sides",
    "needed_for",
    "quantile_interval",
    "sampled",
    "scope_of",
    "share_method",
    "single",
    "too_few_text",
    "warn_if_uncertain",
    "windows_above",
    "windows_of",
]

METHOD, WINDOWS_METHOD = "Clopper-Pearson", "Clopper-Pearson of the effective sample size"  # of shares
RANKS_METHOD = "order statistics"  # of quantiles

#: What the intervals hold together for, if not each by itself.
ANYTIME, SIMULTANEOUS = "at every look at growing data", "the whole curve together"
SCOPE_METHODS = {ANYTIME: "confidence sequence", SIMULTANEOUS: "equal local levels"}


class Enough(NamedTuple):
    """Whether there are enough values for an answer: true or false, with the recorded and the needed number of values.

    >>> print(Enough(10_000, 29_808))
    no: 29,808 values are needed, 10,000 recorded
    """

    recorded: int  # values, in [0, inf)
    needed: float  # values, whole, in [1, inf]; infinity if no number of values is enough

    def __bool__(self) -> bool:
        return self.recorded >= self.needed

    def __str__(self) -> str:
        needed = f"{counted(self.needed, 'value is', 'values are')} needed"
        if self.needed == math.inf:
            needed = "no number of values is enough"
        return f"{'yes' if self else 'no'}: {needed}, {self.recorded:,} recorded"

    def __repr__(self) -> str:
        return f"<Enough: {self}>"


Enough.__module__ = "historian.tail"  # set here, because a NamedTuple cannot set it in its body


def enough_for(histogram: BaseHistogram, q: float, n: int, confidence: float) -> Enough:
    """Answer `Histogram.enough_for`.

    The largest of N values is not above the q^(1/n)-quantile with probability q^(N/n).  N is the smallest number for
    which this is at most 1 - confidence.  Source: Wilks, Determination of Sample Sizes for Setting Tolerance Limits
    (1941), here for a fan-out.  Synthetic values count as their effective sample size.
    """
    q = check_share("q", q)
    confidence = check_confidence(confidence)
    n = check_n(n)
    if q == 0 or q == 1:
        return Enough(histogram.count, 1 if q == 0 else math.inf)
    return Enough(_recorded(histogram, q, n, confidence), needed_for(q, n, confidence))


def needed_for(q: float, n: int, confidence: float) -> int:
    """Return the number of values that `enough_for` needs, for q between 0 and 1."""
    context = precise_for(n)
    share = context.subtract(1, written(confidence))
    logarithms = (log(share), log(written(q))) if context is PRECISE else (context.ln(share), context.ln(written(q)))
    needed = context.divide(context.multiply(logarithms[0], n), logarithms[1])
    return max(1, whole(needed, up=True, context=context))


def _recorded(histogram: BaseHistogram, q: float, n: int, confidence: float) -> int:
    """Return the number of values that count for `enough_for`: of a synthetic histogram, its effective sample size."""
    if not histogram.synthetic:
        return histogram.count
    leaf = float(PRECISE.power(written(q), PRECISE.divide(1, n)))
    return math.floor(_observed_size(histogram, leaf, confidence))


def _observed_size(histogram: BaseHistogram, q: float, confidence: float) -> float:
    """Return the smaller effective sample size of a synthetic histogram at both edges of its q-quantile's bucket."""
    edges = histogram.quantile_bounds(q)
    return min(observed_size(histogram, histogram._above(t)[0], slot_of(t), confidence) for t in edges)


def ci(histogram: BaseHistogram, q: float, confidence: float, windows: _Windows | None, scope: str = "") -> Estimate:
    """Answer `Histogram.ci`; `scope` is that of `scope_of`."""
    q = check_share("q", q)
    confidence = check_confidence(confidence)
    parts = None if windows is None else windows_of(histogram, windows)
    if not histogram.count:
        return no_data(0.0, math.inf, unit=histogram.unit)
    return quantile_interval(histogram, q, histogram.quantile(q), confidence, parts, scope=scope, stacklevel=4)


def scope_of(histogram: BaseHistogram, anytime: bool, simultaneous: bool, windows: object = None) -> str:
    """Return what intervals hold together for: `ANYTIME`, `SIMULTANEOUS`, or "" if each holds by itself.

    Raises ValueError if they can't: for both, with windows, or for values that were not measured; and TypeError unless
    both are bools.
    """
    anytime, simultaneous = check_bool("anytime", anytime), check_bool("simultaneous", simultaneous)
    if anytime and simultaneous:
        raise ValueError(
            "no band holds the whole curve at every look: pass anytime=True or simultaneous=True, not both"
        )
    name = "anytime" if anytime else "simultaneous"
    if not anytime and not simultaneous:
        return ""
    if windows is not None:
        raise ValueError(f"{name} needs independent values, without windows: pass {name}=True or windows, not both")
    if histogram.synthetic:
        raise ValueError(f"{name} needs measured values, not synthetic ones: ask the histogram before its correction")
    return ANYTIME if anytime else SIMULTANEOUS


def single(histogram: BaseHistogram, confidence: float, scope: str) -> float:
    """Return the confidence of each interval, so that those of a whole curve hold together if this is the scope."""
    if scope != SIMULTANEOUS:
        return confidence
    from .._stats.bands import local_confidence

    return local_confidence(histogram.count, confidence)


def quantile_interval(
    histogram: BaseHistogram,
    q: float,
    value: float,
    confidence: float,
    windows: Sequence[BaseHistogram] | None = None,
    *,
    why: str = "",
    scope: str = "",
    stacklevel: int = 3,
) -> Estimate:
    """Return `value`, the q-quantile, with the outer edges of the buckets that hold its lower and upper rank.

    Warns if one of these ranks does not exist.  The warning points `stacklevel` frames up.
    """
    count, ((low, high), reasons) = histogram.count, _ranks(histogram, q, confidence, windows, scope, stacklevel + 1)
    lower = histogram._edges(histogram._counts.slot_at(low))[0] if low > 0 else 0.0
    upper = edges_of(histogram._counts.slot_at(high))[1] if high <= count else math.inf
    missing = missing_sides(low, high, count)
    if missing and (windows is None or len(windows) > 1):
        reasons.append(f"too few values: {missing}" if histogram._synthetic is not True else missing)
        warn_beyond(too_few_text(histogram, q, missing), stacklevel)
    reasons += [why] if why else []
    method = SCOPE_METHODS.get(scope, RANKS_METHOD)
    if windows is not None or histogram.synthetic:
        method = "order statistics of the effective sample size" if windows or share_method(histogram) else ""
    bounds = min(lower, value), max(upper, value)
    return Estimate(value, *bounds, "; ".join(reasons), unit=histogram.unit, confidence=confidence, method=method)


def missing_sides(low: int, high: int, count: int) -> str:
    """Return which bounds the ranks do not give, "" if they give both."""
    open_sides = [side for side, is_open in (("lower", low < 1), ("upper", high > count)) if is_open]
    return f"no {' and no '.join(open_sides)} bound" if open_sides else ""


def too_few_text(histogram: BaseHistogram, q: float, missing: str) -> str:
    """Return the warning of a quantile without a bound."""
    known = counted(histogram.count, "value is", "values are")
    few = known if not histogram.synthetic else "the measured values are unknown or"
    give = "gives" if histogram.count == 1 and not histogram.synthetic else "give"
    return f"beyond the data: {few} too few for {quantile_name(q)} and {give} {missing}"


def _ranks(
    histogram: BaseHistogram,
    q: float,
    confidence: float,
    windows: Sequence[BaseHistogram] | None,
    scope: str,
    stacklevel: int,
) -> tuple[tuple[int, int], list[str]]:
    """Return the ranks that bound the q-quantile, and the reasons for their distance.

    Rank 0 means no lower bound, and rank count + 1 no upper bound.  With windows, the ranks come from the interval of
    the share q for the effective sample size of the windows (Woodruff, Journal of the American Statistical Association
    47, 1952, 635-646).  A side is open if this size is too small for a bound.  Warns as `warn_if_uncertain` does.
    """
    count = histogram.count
    if windows is None and not histogram.synthetic:
        confidence = single(histogram, confidence, scope)
        ranks = (rank_sequence if scope == ANYTIME else rank_interval)(q, count, confidence)
        return ranks, [sampled(histogram), "bucket width", *([scope] if scope else [])]
    reason = ""
    if windows is None:
        size = _observed_size(histogram, q, confidence)
    else:
        edges = histogram.quantile_bounds(q)
        effective = min(effective_sample_size(histogram, windows, edge, confidence) for edge in edges)
        warn_if_uncertain(effective, stacklevel=stacklevel + 1)
        size, reason = effective.size, f", {in_windows(effective)}"
    alpha = (1 - confidence) / 2
    good, bad, low, high = q * size, (1 - q) * size, 0, count + 1
    if (1 - q) ** size <= alpha:
        low = math.floor(share_lower(good, bad, confidence) * count)
    if q**size <= alpha and size:
        high = min(count, math.ceil((share_upper(good, bad, confidence) + 1 / size) * count))
    return (low, high), [f"{sampled(histogram)}{reason}", "bucket width"]


def sampled(histogram: BaseHistogram) -> str:
    """Return the reason "sampling", with the number of values that were measured, if it is known."""
    origin = histogram._synthetic
    if isinstance(origin, Origin):
        return f"sampling: {counted(origin.measured.count, 'measured value')}, corrected for coordinated omission"
    if origin:
        return "synthetic: the measured values are not known, so sampling gives no bounds"
    return f"sampling: {counted(histogram.count, 'value')}"


def share_method(histogram: BaseHistogram) -> str:
    """Return the method of the interval of a share, without windows; "" if nothing is known of the measured values."""
    if not histogram.synthetic:
        return METHOD
    return WINDOWS_METHOD if isinstance(histogram._synthetic, Origin) else ""


def effective_sample_size(
    whole: BaseHistogram, windows: Sequence[BaseHistogram], t: float, confidence: float
) -> Effective:
    """Return the effective sample size of the windows of `whole`, for the share above `t`.

    For synthetic values, windows replace the clusters of `historian.tail.measurements`.
    """
    above = windows_above(whole, windows, t)
    effective = windows_sample_size(above, [w.count for w in windows], confidence)
    if whole.synthetic and len(windows) > 1 and sum(above) in (0, whole.count):
        return effective._replace(size=float(len(windows)) if sum(above) else 0.0)
    return effective


def in_windows(effective: Effective) -> str:
    """Return the effective sample size of windows as a reason."""
    if effective.windows == 1:
        return "in windows: only one holds values, too few independent windows"
    note = ", too few independent windows" if effective.is_uncertain else ""
    if effective.is_alike and not effective.is_uncertain:
        note = f", no burst seen (one that comes less often than every {effective.unseen} windows may be missed)"
    return f"in windows: effective sample size {effective.size:,.0f}{note}"


def warn_if_uncertain(effective: Effective, *, stacklevel: int) -> None:
    """Warn if too few windows are independent to tell how bursts come.  The warning points `stacklevel` frames up."""
    if effective.is_uncertain:
        few, how_long = _too_few(effective)
        warn_beyond(f"beyond the data: {few}: record for longer{how_long}", stacklevel)


def _too_few(effective: Effective) -> tuple[str, str]:
    """Return why windows do not tell how bursts come, and how long to record, if that is known."""
    windows, how_long = effective.windows, f", for at least {ENOUGH_WINDOWS} windows"
    if windows == 1:
        return "only one window holds values and does not tell how bursts come, so there are no bounds", how_long
    if windows < ENOUGH_WINDOWS:
        few = f"{windows} windows are too few"
    elif effective.equal < ENOUGH_EQUAL:
        few, how_long = f"few of the {windows} windows hold most of the values, too few", ""
    elif effective.freedom < ENOUGH_FREEDOM:
        few, how_long = f"bursts outlast the windows, and {windows} windows hold too few of them", ""
    else:
        few, how_long = f"{windows} windows hold fewer than {ENOUGH_BURSTS:.0f} bursts, too few", ""
    return f"{few} to tell how bursts come, so the interval may be too narrow", how_long


def windows_above(whole: BaseHistogram, windows: Sequence[BaseHistogram], t: float) -> list[int]:
    """Return the number of values above `t` in each window, which add up to the one that `whole.sf` counts.

    A window may know more about the bucket of t, from its own extremes, than the whole does.  If it used this
    knowledge, the answers with and without windows would disagree.
    """
    if not whole.min <= t < whole.max:
        return [w.count if t < whole.min else 0 for w in windows]
    above = [w.count - w._counts.through(slot_of(t)) for w in windows]
    if not any(above) and whole._above(t)[0]:  # the maximum is above t, in the same bucket
        above[max(range(len(windows)), key=lambda k: windows[k].max)] = 1
    return above


def windows_of(whole: BaseHistogram, windows: _Windows) -> list[BaseHistogram]:
    """Return the windows that hold values, if they add up to `whole`; else raise."""
    from .._values.merge import merged

    if isinstance(windows, BaseHistogram) or not hasattr(windows, "__iter__"):
        raise TypeError(f"windows must be an iterable of histograms, not {windows!r}")
    parts = list(histograms_of(windows))
    for part in parts:
        if not isinstance(part, BaseHistogram):
            raise TypeError(f"windows must be histograms, not {part!r}")
        if part.count and part.unit != whole.unit:
            raise ValueError(f"windows must be in the histogram's unit, {whole.unit!r}, not in {part.unit!r}")
    parts = [part for part in parts if part.count]
    if not parts and not whole.count:
        return parts
    total = sum(part.count for part in parts)
    if total != whole.count:
        needed = counted(whole.count, "value")
        raise ValueError(f"windows must hold the histogram's {needed}, not {total:,}: pass all windows")
    if merged(parts)[0] != whole._counts:
        raise ValueError("windows must add up to the histogram, not to other values of the same number: pass its own")
    return parts
