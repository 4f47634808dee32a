"""Service level objectives: the share of calls in time, the error budget and its burn rate; and Apdex.

If a threshold lies inside a bucket, it is unknown how many values of that bucket are above it.  All of them count as at
or below the threshold, as in `Histogram.cdf`, and every interval holds the shares at both edges.  Sources: Beyer et
al., The Site Reliability Workbook (2018), chapter 5, for burn rates over several windows; Apdex Technical Specification
1.1 (2007).
"""

from __future__ import annotations

import math

from .._core import slot_of
from .._show.shown import in_html, in_rich, in_terminal
from .._stats.binomial import share_interval
from .._stats.checks import check_confidence, check_n, check_number, check_share
from .._stats.estimate import Estimate, no_data
from .._stats.windows import effective_sample_size as size_of_mean
from .._stats.windows import windows_sample_size
from .._values.decimals import PRECISE, written
from .._values.timed import histograms_of, is_timed
from .measurements import score_size, share_bounds
from .sampling import (
    WINDOWS_METHOD,
    effective_sample_size,
    in_windows,
    sampled,
    share_method,
    warn_if_uncertain,
    windows_above,
    windows_of,
)

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Any, TypeVar, overload

    from .._show.view import View
    from .._stats.windows import Effective
    from .._values.base import BaseHistogram
    from .._values.timed import _Timed, _Windows

    _Window = TypeVar("_Window", int, str, timedelta, int | str)

__all__ = ["APDEX_METHOD", "Slo", "apdex", "burn_rates", "score_of", "slo", "width"]

APDEX_METHOD = "Clopper-Pearson of the matched variance"


class Slo:
    """A histogram compared with an objective, "a share of `target` takes at most `threshold`".  See `Histogram.slo`.

    Each answer is an `Estimate`, with an interval that allows for sampling and bucket width.
    """

    __slots__ = ("edges", "target", "threshold", "unit", "within")
    __module__ = "historian.tail"

    threshold: float  # in `unit`, in [0, inf)
    unit: str  # label
    target: float  # share of calls, in [0, 1]
    within: Estimate  # share of calls at or below the threshold
    edges: tuple[float, float]  # the share if all calls in the threshold's bucket are above it, and if none is

    def __init__(
        self, within: Estimate, edges: tuple[float, float], threshold: float, unit: str, target: float
    ) -> None:
        self.within, self.edges, self.threshold, self.unit, self.target = within, edges, threshold, unit, target

    @property
    def is_met(self) -> bool | None:
        """Whether the objective is met; None if the target lies inside the interval, so that the data do not decide.

        It is None without data, too.
        """
        if math.isnan(self.within):
            return None
        if self.within.lower >= self.target:
            return True
        return False if self.within.upper < self.target else None

    @property
    def burn_rate(self) -> Estimate:
        """The share of too slow calls, divided by the share that the objective allows.

        Above 1, the error budget does not last.  A target of 1 has no budget: the rate is then infinity, or 0 if no
        call was too slow.
        """
        if math.isnan(self.within):
            return no_data(0.0, 1 / (1 - self.target) if self.target < 1 else math.inf)
        value, low, high = (self._burnt(share) for share in (self.within, self.within.upper, self.within.lower))
        confidence, method = self.within.confidence, self.within.method
        return Estimate(value, low, high, self.within.why, confidence=confidence, method=method)

    @property
    def budget_left(self) -> Estimate:
        """The share of the error budget that is left: 1 minus the burn rate, negative if the budget is overspent."""
        rate = self.burn_rate
        if math.isnan(rate):
            return no_data(1 - rate.upper, 1.0)
        bounds = 1 - rate.upper, 1 - rate.lower
        return Estimate(1 - rate, *bounds, rate.why, confidence=rate.confidence, method=rate.method)

    def _burnt(self, within: float) -> float:
        """Return the burn rate for a share in time; both it and the target are read as the decimals of the float.

        In float64, (1 - 0.856) / (1 - 0.99) is 14.39999999999999, which is below an alert's 14.4.
        """
        if self.target == 1:
            return math.inf if within < 1 else 0.0
        slow, allowed = (PRECISE.subtract(1, written(share)) for share in (within, self.target))
        return float(PRECISE.divide(slow, allowed))

    def __reduce__(self) -> tuple[Any, ...]:
        return Slo, (self.within, self.edges, self.threshold, self.unit, self.target)

    def __str__(self) -> str:
        from .._show.scale import quantity

        objective = f"objective: {_share(self.target)} within {quantity(self.threshold, self.unit)}"
        if math.isnan(self.within):
            return f"{objective}: {self.within}"
        verdict = {True: "met", False: "missed", None: "open"}[self.is_met]
        lines = [
            f"{objective}: {verdict}",
            f"within: {self.within}",
        ]
        if self.target < 1:
            lines += [f"burn rate: {self.burn_rate}", f"error budget left: {self.budget_left}"]
        else:
            lines += ["error budget: none"]
        if self.edges[0] != self.edges[1]:
            low, high = (f"{share:.6g}" for share in self.edges)
            lines.insert(2, f"the threshold lies inside a bucket: {low} at its lower edge, {high} at its upper")
        return "\n".join(lines)

    __repr__ = __str__

    def _view(self) -> View:
        from .views import slo_view

        return slo_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


def slo(histogram: BaseHistogram, t: float, target: float, confidence: float, windows: _Windows | None) -> Slo:
    """Answer `Histogram.slo`."""
    t, target, confidence = check_number("t", t, 0), check_share("target", target), check_confidence(confidence)
    parts = None if windows is None else windows_of(histogram, windows)
    if not histogram.count:
        return Slo(no_data(0.0, 1.0), (0.0, 1.0), threshold=t, unit=histogram.unit, target=target)
    effective = None
    if parts is not None:
        effective = effective_sample_size(histogram, parts, t, confidence)
        warn_if_uncertain(effective, stacklevel=4)
    return _slo(histogram, t, target, confidence, effective)


def _slo(histogram: BaseHistogram, t: float, target: float, confidence: float, effective: Effective | None) -> Slo:
    """Return the objective of a histogram that holds values, with its effective sample size if there are windows."""
    count, reasons = histogram.count, [sampled(histogram)]
    least, most = histogram._above(t)
    if effective is not None:
        reasons[0] += f", {in_windows(effective)}"
    # Use the share of slow calls, because small shares keep their digits.
    lower, upper = share_bounds(histogram, t, confidence, effective.size if effective is not None else None)
    value = (count - least) / count
    why = "; ".join([*reasons, *width(least, most)])
    method = share_method(histogram) if effective is None else WINDOWS_METHOD
    bounds = min(1 - upper, value), max(1 - lower, value)
    within = Estimate(value, *bounds, why, confidence=confidence, method=method)
    edges = (count - most) / count, (count - least) / count
    return Slo(within, edges, threshold=t, unit=histogram.unit, target=target)


@overload
def burn_rates(
    intervals: _Windows, t: float, target: float, windows: Sequence[int] = (1, 12, 72), confidence: float = 0.95
) -> dict[int, Estimate]: ...
@overload
def burn_rates(
    intervals: _Timed, t: float, target: float, windows: Sequence[_Window], confidence: float = 0.95
) -> dict[_Window, Estimate]: ...
def burn_rates(
    intervals: _Windows, t: float, target: float, windows: Sequence[Any] = (1, 12, 72), confidence: float = 0.95
) -> dict[Any, Estimate]:
    """Return the burn rate over each window: the last 1, 12 and 72 intervals, unless `windows` says otherwise.

    `intervals` are histograms of consecutive intervals of equal length, the newest one last; or a `History`, whose
    `windows` may be durations, too, such as "5m" and "1h", that end with it.  An alert should fire
    quickly and stop when the trouble stops.  For this, require a high burn rate over both a long and a short window,
    such as 14.4 over the last hour and over the last five minutes.  Rates are computed from decimals, so that a rate of
    14.4 is 14.4.  The rate of a window without calls is "no data", as that of `Histogram.slo`: NaN, which exceeds no
    limit.

    An alert compares the rates themselves, which are those of the recorded calls.  Bounds are those of the rate that
    goes on.  They allow for slow calls that come in bursts, as ``slo(..., windows=...)`` does: from the differences
    between the intervals of the window.  Within a single interval, calls are assumed to be independent.  The few
    intervals of a short window, such as the 12 of an hour, do not tell how bursts come: the bounds may then be too
    narrow.  `why` says so, without a warning, because short windows are meant to be short.

    O(intervals).  Raises TypeError unless `windows` and `intervals` are iterables of whole numbers and of histograms,
    and for durations without a history.
    Raises ValueError if a window is longer than `intervals`, and as `Histogram.slo` does.

    >>> from historian import Histogram
    >>> quiet = Histogram.from_values([0.1] * 9_990 + [2.0] * 10)      # five minutes each
    >>> outage = Histogram.from_values([0.1] * 8_000 + [2.0] * 2_000)
    >>> rates = burn_rates([*[quiet] * 11, outage], t=1.0, target=0.999, windows=(1, 12))
    >>> {window: round(rate, 1) for window, rate in rates.items()}
    {1: 200.0, 12: 17.6}
    >>> all(rate > 14.4 for rate in rates.values())
    True
    """
    t, target, confidence = check_number("t", t, 0), check_share("target", target), check_confidence(confidence)
    if not hasattr(intervals, "__iter__"):
        raise TypeError(f"intervals must be an iterable of histograms, not {intervals!r}")
    if not hasattr(windows, "__iter__"):
        raise TypeError(f"windows must be an iterable of whole numbers, such as (1, 12, 72), not {windows!r}")
    held = list(histograms_of(intervals))
    parts = dict(_last_of(intervals, held, window) for window in windows)
    return {window: _burn_rate(part, t, target, confidence) for window, part in parts.items()}


def _last_of(intervals: _Windows, held: list[BaseHistogram], window: Any) -> tuple[Any, list[BaseHistogram]]:
    """Return a window, and its histograms: a whole number of intervals or, of a history, those of a duration."""
    if not hasattr(type(window), "__index__") and not isinstance(window, float):
        if is_timed(intervals):
            return window, list(intervals._window(window))
        if isinstance(window, str):
            raise TypeError(f"windows must be a whole number, not {window!r}: durations need a History")
    count = check_n(window, "windows")
    if count > len(held):
        raise ValueError(f"windows must be at most {len(held)}, the number of intervals, not {count}")
    return count, held[-count:]


def _burn_rate(intervals: list[BaseHistogram], t: float, target: float, confidence: float) -> Estimate:
    """Return the burn rate over all intervals, by windows if several of them hold values."""
    from .._values.base import BaseHistogram, make
    from .._values.merge import merged

    whole = make(BaseHistogram, *merged(intervals))
    if not whole.count:
        return slo(whole, t, target, confidence, None).burn_rate
    parts = [part for part in intervals if part.count]
    if len(parts) == 1:
        whole = parts[0]  # which may know the values that it was corrected from
    else:
        effective = effective_sample_size(whole, parts, t, confidence)
        return _slo(whole, t, target, confidence, effective).burn_rate
    rate = _slo(whole, t, target, confidence, None).burn_rate
    why = f"{rate.why}; independent calls within the interval assumed"
    return Estimate(rate, rate.lower, rate.upper, why, confidence=rate.confidence, method=rate.method)


def apdex(histogram: BaseHistogram, t: float, confidence: float, windows: _Windows | None = None) -> Estimate:
    """Answer `Histogram.apdex`.

    The score is a mean of the values 1, 1/2 and 0.  Its interval is that of a share, with the sample size for which the
    share has the same variance.
    """
    t, confidence = check_number("t", t, 0), check_confidence(confidence)
    parts = None if windows is None else windows_of(histogram, windows)
    if not histogram.count:
        return no_data(0.0, 1.0)
    count = histogram.count
    scores, reason, effective = [], sampled(histogram), None
    if parts is not None:
        effective = _score_in_windows(histogram, parts, t, confidence)
        warn_if_uncertain(effective, stacklevel=4)
        reason += f", {in_windows(effective)}"
    near, far = histogram._above(t), histogram._above(4 * t)
    slots = slot_of(t), slot_of(4 * t)
    lower_slots = [max(0, slot - (least < most)) for slot, (least, most) in zip(slots, (near, far))]
    # The best score, which is that of `sf`, and the worst.
    for (near_slot, far_slot), above_t, above_4t in zip((slots, lower_slots), near, far):
        score, size = score_of(count, above_t, above_4t)
        if effective is not None:
            size = effective.size
        elif histogram.synthetic:
            size = score_size(histogram, score, near_slot, far_slot, confidence)
        low, high = share_interval(score * size, (1 - score) * size, confidence)
        scores.append((low, score, high))
    (_, value, upper), (lower, _, _) = scores
    why = "; ".join([reason, *width(*near), *width(*far)][:2])
    method = APDEX_METHOD if effective is not None or share_method(histogram) else ""
    bounds = min(lower, value), max(upper, value)
    return Estimate(value, *bounds, why, confidence=confidence, method=method)


def _score_in_windows(
    histogram: BaseHistogram, windows: Sequence[BaseHistogram], t: float, confidence: float
) -> Effective:
    """Return the effective sample size of the windows of a histogram, for its Apdex score."""
    near, far = (windows_above(histogram, windows, time) for time in (t, 4 * t))
    scores = [part.count - (above_t + above_4t) / 2 for part, above_t, above_4t in zip(windows, near, far)]
    count = histogram.count
    score, size = score_of(count, sum(near), sum(far))
    if not 0 < score < 1:
        alike = windows_sample_size([0.0] * len(windows), [part.count for part in windows], confidence)
        known = len(windows) if score == 0 and len(windows) > 1 else 0
        return alike._replace(size=float(known)) if histogram.synthetic else alike
    deviations = [(one - score * part.count) / count for one, part in zip(scores, windows)]
    weights = [part.count / count for part in windows]
    return size_of_mean(score, deviations, weights, confidence, least=score * (1 - score) / size)


def score_of(count: int, above_t: int, above_4t: int) -> tuple[float, float]:
    """Return the Apdex score, and the sample size of a share with its variance."""
    satisfied, tolerating = count - above_t, above_t - above_4t
    score = (satisfied + tolerating / 2) / count
    variance = (satisfied + tolerating / 4) / count - score**2
    return score, score * (1 - score) / variance * count if variance > 1e-12 else float(count)


def width(least: int, most: int) -> list[str]:
    """Return the reason "bucket width" if a threshold lies inside a bucket, else none."""
    return ["bucket width"] if least != most else []


def _share(share: float) -> str:
    """Return a share as a percentage, without trailing zeros."""
    return f"{100 * share:.9g} %"
