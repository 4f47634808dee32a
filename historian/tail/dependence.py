"""Dependence between calls: the wait for any of n calls that are independent, always or within a window, or are not."""

from __future__ import annotations

from .._stats.binomial import share_lower, share_upper
from .sampling import effective_sample_size, in_windows, sampled, warn_if_uncertain, windows_above
from .shares import any_of, any_over_windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._values.base import BaseHistogram

    _Three = tuple[float, float, float]

__all__ = ["wait_of"]


def wait_of(
    leaf: BaseHistogram,
    n: int,
    t: float,
    shares: _Three,
    dependence: str,
    windows: Sequence[BaseHistogram] | None,
    confidence: float,
) -> tuple[_Three, str]:
    """Return the value of `Fanout.bounds` with its lower and upper bound, and their reasons.

    `shares` are the share of single calls above t, and its bounds.  Warns if too few windows are independent.
    """
    value, lower, upper = shares
    wait, low, high = (any_of(share, n) for share in (value, lower, upper))
    reasons = [sampled(leaf), "bucket width"]
    if windows is not None:
        effective = effective_sample_size(leaf, windows, t, confidence)
        size = effective.size
        reasons[0] += f", {in_windows(effective)}"
        warn_if_uncertain(effective, stacklevel=4)
        above = windows_above(leaf, windows, t)
        least, most = zip(*(part._above(t) for part in windows))
        lower, upper = (sum(some) / leaf.count * size for some in (least, most))
        lower, upper = share_lower(lower, size - lower, confidence), share_upper(upper, size - upper, confidence)
        counts = [part.count for part in windows]
        low, wait, high = (
            any_over_windows(some, counts, n, confidence)[end] for end, some in enumerate((least, above, most))
        )
        if leaf.synthetic and sum(above) in (0, leaf.count):  # then windows do not differ
            low, high = any_of(lower, n), any_of(upper, n)
    if dependence != "independent":  # the bounds of independent calls stay inside
        low, high = min(low, lower), max(high, any_of(upper, n))
    if dependence == "any":
        high = max(high, min(1.0, n * upper))
    assumed = "independent calls" + (" within a window" if windows is not None else "") + " assumed"
    reasons.append(assumed if dependence == "independent" else f"dependence: {dependence}")
    return (wait, low, high), "; ".join(reasons)
