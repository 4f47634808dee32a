"""`Forecast`: how long an error budget lasts, and what share of it is spent when its period ends.

The calls to come are predicted from those that came.  Slow calls come in bursts, so c slow calls are not c pieces of
information, but c/d, where d is the design effect: the number of calls divided by their effective sample size, which
the intervals of the history tell (see `historian._stats.windows`).  In this unit, both past and future are taken to be
counts of a Poisson process.  Given x past and y future ones, the past ones are binomial, with the share of the calls
that were in the past.  So those y are possible for which neither x nor less, nor x nor more, is improbable: a
*prediction* interval, which allows for what is not known of the rate and for how the future itself varies.

Source: Nelson, Applied Life Data Analysis (1982), 6.4, and Krishnamoorthy & Peng, Improved Closed-Form Prediction
Intervals for Binomial and Poisson Distributions, Journal of Statistical Planning and Inference 141 (2011), 1709-1718.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.beta import quantile
from .._stats.binomial import beta_share
from .._stats.checks import check_confidence, check_number, check_share
from .._stats.estimate import Estimate, no_data
from .._values.text import counted
from ..histogram import merge
from ..tail.sampling import effective_sample_size, in_windows, warn_if_uncertain
from .times import DAY, NS, duration_ns, duration_text, time_ns, time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .._show.view import View
    from ..histogram import Histogram
    from .times import _Duration, _Time

__all__ = ["Forecast", "forecast", "predicted"]

METHOD = "Poisson prediction of the effective number of slow calls"
ASSUMED = "calls to come are as many, and as slow, as those of the history"
HALVINGS = 60  # of a bisection: to 1e-18 of its range


class Forecast:
    """What becomes of an error budget until its period ends: see `History.forecast`.

    Intervals are prediction intervals: they hold what will be, with the given confidence, if calls go on as they did in
    the history.
    """

    __slots__ = ("end", "lasts", "now", "spent", "spent_at_end", "start", "target", "threshold", "unit")
    __module__ = "historian"

    threshold: float  # in `unit`, in [0, inf)
    unit: str  # label
    target: float  # share of calls, in [0, 1)
    start: float  # of the period, in seconds since 1970
    now: float  # end of the history, in seconds since 1970
    end: float  # of the period, in seconds since 1970
    spent: float  # share of the budget that is spent now, in [0, inf); NaN without data
    spent_at_end: Estimate  # share of it that is spent when the period ends
    lasts: Estimate  # seconds from now until it is spent; infinity is "not in this period"

    def __init__(
        self,
        objective: tuple[float, str, float],
        times: tuple[float, float, float],
        spent: float,
        spent_at_end: Estimate,
        lasts: Estimate,
    ) -> None:
        self.threshold, self.unit, self.target = objective
        self.start, self.now, self.end = times
        self.spent, self.spent_at_end, self.lasts = spent, spent_at_end, lasts

    def __reduce__(self) -> tuple[Any, ...]:
        objective, times = (self.threshold, self.unit, self.target), (self.start, self.now, self.end)
        return Forecast, (objective, times, self.spent, self.spent_at_end, self.lasts)

    def __str__(self) -> str:
        from .._show.scale import quantity

        objective = f"{100 * self.target:.9g} % within {quantity(self.threshold, self.unit)}"
        title = f"error budget of {objective}, from {_at(self.start)} to {_at(self.end)}"
        if math.isnan(self.spent):
            return f"{title}: no data"
        until, low, high = (self._until(seconds) for seconds in (self.lasts, self.lasts.lower, self.lasts.upper))
        lasts = f"lasts until {until} ({low} to {high})" if low != high else f"lasts until {until}"
        return "\n".join(
            [
                title,
                f"spent at {_at(self.now)}: {self.spent:.3g}",
                f"spent at the end: {self.spent_at_end}",
                "it is spent" if self.spent >= 1 else f"it {lasts}",
            ]
        )

    __repr__ = __str__

    def _view(self) -> View:
        from .views import forecast_view

        return forecast_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    def _until(self, seconds: float) -> str:
        return _at(self.now + seconds) if seconds < math.inf else "the end of the period"


def _at(seconds: float) -> str:
    """Return a time as text, to the minute."""
    return time_text(round(seconds / 60) * 60 * NS)


class _Past(NamedTuple):
    """What a forecast knows of the past."""

    whole: Histogram  # of the intervals that tell the future
    least: float  # slow calls among them, without those in the threshold's bucket
    most: float  # and with them
    design: float  # calls that tell as much as an independent one, in [1, inf]
    covered: int  # nanoseconds
    why: str


def forecast(
    histograms: Sequence[Histogram],
    edges: tuple[Sequence[int], Sequence[int]],
    objective: tuple[float, float],
    period: _Duration,
    start: _Time | None,
    confidence: float,
) -> Forecast:
    """Answer `History.forecast` for the histograms of intervals, from their starts and to their ends."""
    t, target = check_number("t", objective[0], 0), check_share("target", objective[1])
    confidence, length = check_confidence(confidence), duration_ns(period, "period")
    if target == 1:
        raise ValueError("target must be below 1, which has no error budget, not 1")
    if not histograms:
        raise ValueError("a forecast needs a history with an interval at least, not an empty one")
    starts, ends = edges
    now, begin = ends[-1], starts[0] if start is None else time_ns(start, "start")
    _check_period(begin, length, starts[0], now)
    unit = merge(histograms).unit
    times = (begin / NS, now / NS, (begin + length) / NS)
    days = (now - starts[0]) // DAY
    basis = [k for k, one in enumerate(starts) if not days or one >= now - days * DAY]
    past = _past([histograms[k] for k in basis], sum(ends[k] - starts[k] for k in basis), t, confidence)
    if past is None:
        return Forecast((t, unit, target), times, math.nan, no_data(0.0, math.inf), no_data(0.0, math.inf, unit="s"))
    running = merge([one for one, at in zip(histograms, starts) if at >= begin])
    left = begin + length - now
    budget = (1 - target) * (running.count + past.whole.count * left / past.covered)
    slow = [float(count) for count in running._above(t)] if running.count else [0.0, 0.0]
    at_end = _at_end(past, slow, budget, left / past.covered, confidence)
    lasts = _lasts(past, slow, budget, left, confidence)
    return Forecast((t, unit, target), times, slow[0] / budget, at_end, lasts)


def _check_period(begin: int, length: int, first: int, now: int) -> None:
    """Raise ValueError unless a period of this length begins in the history, from `first` to `now`, and ends after."""
    if not first <= begin < now:
        why = "what was spent before it is not known" if begin < first else "nothing is known of calls after it"
        raise ValueError(
            f"start must be in the history, from {time_text(first)} to before {time_text(now)}, not "
            f"{time_text(begin)}: {why}"
        )
    if begin + length <= now:
        raise ValueError(
            f"the period must end after the history, whose end is {time_text(now)}, not at "
            f"{time_text(begin + length)}: pass a longer period=, or a later start="
        )


def _past(histograms: Sequence[Histogram], covered: int, t: float, confidence: float) -> _Past | None:
    """Return what the intervals tell of the calls to come; None without calls.  Warns as `Histogram.slo` does."""
    parts = [one for one in histograms if one.count]
    if not parts:
        return None
    whole = merge(parts)
    effective = effective_sample_size(whole, parts, t, confidence)
    warn_if_uncertain(effective, stacklevel=5)
    least, most = whole._above(t)
    design = max(1.0, whole.count / effective.size) if effective.size else math.inf
    why = f"{counted(whole.count, 'value')} in {duration_text(covered)}, {in_windows(effective)}; {ASSUMED}"
    return _Past(whole, least, most, design, covered, why + ("; bucket width" if least < most else ""))


def _at_end(past: _Past, slow: Sequence[float], budget: float, ratio: float, confidence: float) -> Estimate:
    """Return the share of the budget that is spent at the end, `ratio` times as long as the past from now."""
    value, low, high = (slow[0] + past.least * ratio) / budget, slow[0] / budget, math.inf
    if past.design < math.inf:
        low = (slow[0] + past.design * predicted(past.least / past.design, ratio, confidence)[0]) / budget
        high = (slow[1] + past.design * predicted(past.most / past.design, ratio, confidence)[1]) / budget
    bounds = min(low, value), max(high, value)
    return Estimate(value, *bounds, past.why, confidence=confidence, method=METHOD)


def _lasts(past: _Past, slow: Sequence[float], budget: float, left: int, confidence: float) -> Estimate:
    """Return how many seconds the budget lasts: infinity if it lasts until the end of the period.

    The bounds are those times until when the bound of `predicted` is all that is left: here the number is known, and
    the time is the unknown, so it follows from a quantile of the beta distribution.
    """
    alpha, most = (1 - confidence) / 2, left / NS

    def seconds(ratio: float) -> float:
        found = past.covered * ratio / NS
        return found if found < most else math.inf

    rest = budget - slow[0]
    if rest <= 0:
        return Estimate(0.0, 0.0, 0.0, past.why, unit="s", confidence=confidence, method=METHOD)
    value = seconds(rest / past.least) if past.least else math.inf
    low, high = 0.0, math.inf
    if past.design < math.inf:
        if budget > slow[1]:
            share, other = quantile(alpha, (budget - slow[1]) / past.design, past.most / past.design + 1)
            low = seconds(share / other)
        if past.least:
            share, other = quantile(alpha, past.least / past.design, rest / past.design + 1)
            high = seconds(other / share) if share else math.inf  # the share may be too small for a float
    bounds = min(low, value), max(high, value)
    return Estimate(value, *bounds, past.why, unit="s", confidence=confidence, method=METHOD)


def predicted(count: float, ratio: float, confidence: float) -> tuple[float, float]:
    """Return the bounds of a Poisson count, of which `count` came before, in a time `ratio` times as long.

    Counts need not be whole.  O(1), about 1 ms.

    >>> [round(bound, 1) for bound in predicted(10, 1.0, 0.95)], round(predicted(0, 1.0, 0.95)[1], 2)
    ([2.3, 22.0], 5.32)
    """
    alpha, share = (1 - confidence) / 2, ratio / (1 + ratio)

    def most(y: float) -> bool:  # neither as few as these came before
        return beta_share(share, y, count + 1) <= alpha

    def least(y: float) -> bool:
        return beta_share(1 - share, count, y + 1) > alpha

    return 0.0 if count <= 0 or least(0.0) else _first(least), _first(most)


def _first(holds: Callable[[float], bool]) -> float:
    """Return from which positive number on `holds` is true."""
    low, high = 0.0, 1.0
    while not holds(high):
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
