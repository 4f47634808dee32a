"""`changes`: where a quantile changed in a series of histograms, with a stated rate of false alarms."""

from __future__ import annotations

import math
import warnings

from .._stats.beyond import warn_beyond
from .._stats.checks import check_share, number
from .._stats.estimate import Estimate
from .._stats.normal import normal_quantile
from .._stats.student import student_quantile
from .._stats.windows import long_run_variance, windows_sample_size
from ..buckets import OVERFLOW_INDEX, ZERO_INDEX, index
from .change import Change
from .dependence import Dependence
from .pieces import Pieces
from .ratios import Grid, RatioOf
from .scan import LEAST, best

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ..histogram import Histogram

__all__ = ["changes"]

CONFIDENCE = 0.95  # of the place and of the ratio of each change

#: The place of the largest value of W(s) - |s|/2 is within so many of 0 for 95 % of Brownian motions W: see `_within`.
REACH = 11.03

#: Dependence is only estimated, so a p-value counts so many times: see the simulated rates of false alarms.
SAFETY = 4

#: Pieces on each side of a change, at least.
SIDE = 3

#: Periods that are needed to compare each phase with itself.
PERIODS = 3


def changes(
    histograms: Iterable[Histogram],
    q: float = 0.99,
    alarm: float = 0.01,
    *,
    period: int | None = None,
    starts: Iterable[Any] | None = None,
) -> tuple[Change, ...]:
    """Return where the q-quantile changed in the histograms of consecutive intervals, in the order of time.

    A change is a hint where to look.  `alarm` is the probability that a history without a change gives any.  It holds
    for intervals that depend on each other, for bursts, and for different numbers of calls, unless dependence or bursts
    last long: docs/how-to/change-points.md has the simulated rates, also where they are higher.  Pass as `period`
    the number of intervals that a cycle takes, such as a day: then each phase is compared with itself, over at least
    three periods.
    `starts` are the starts of the intervals, of any type, which each `Change` then names.

    The method: calls above a typical quantile are counted in each interval.  Intervals are joined until 5 such calls
    are expected.  The ranks of these shares are scanned for a step in windows of all sizes,
    corrected for dependence.  Both sides of a change are then searched by themselves.

    Intervals without calls are skipped.  With fewer than 16 joined intervals, nothing can be found: a
    `historian.tail.TailWarning` says so.  O(intervals * buckets) for each change.  Raises ValueError for q and alarm
    that are not between 0 and 1, for a period below 2 and for fewer than three periods, for different units, and for
    starts of another number than the histograms.

    >>> import historian
    >>> quiet = historian.Histogram.from_values([0.010 + 0.0001 * k for k in range(1_000)])
    >>> slow = historian.Histogram.from_values([0.020 + 0.0002 * k for k in range(1_000)])
    >>> found = historian.changes([quiet] * 40 + [slow] * 20)
    >>> [(change.index, round(change.ratio, 1)) for change in found]
    [(40, 2.0)]
    """
    given = _checked(histograms)
    q = _inside("q", check_share("q", q))
    alarm = _inside("alarm", number("alarm", alarm))
    named = list(starts) if starts is not None else None
    if named is not None and len(named) != len(given):
        raise ValueError(f"starts must be as many as the histograms, {len(given):,}, not {len(named):,}")
    if period is not None:
        _check_period(period, len(given))
    if not any(histogram.count for histogram in given):
        return ()
    pieces = Pieces(given, q, period)
    found = _search(pieces, 0, len(given), alarm, period)
    if found is None:
        calls = sum(histogram.count for histogram in given)
        warn_beyond(
            f"beyond the data: {len(given):,} intervals with {calls:,} calls are too few to find changes of the "
            f"{q:.9g}-quantile, or depend on each other for too long",
            stacklevel=2,
        )
    return _described(given, pieces, sorted(found or []), named)


def _checked(histograms: Iterable[Histogram]) -> list[Histogram]:
    from ..histogram import Histogram

    given = list(histograms)
    units: dict[str, int] = {}
    for k, histogram in enumerate(given):
        if not isinstance(histogram, Histogram):
            raise TypeError(f"histograms must be histograms, not {histogram!r} at position {k}")
        if histogram.count:
            units.setdefault(histogram.unit, k)
    if len(units) > 1:
        raise ValueError(
            f"histograms must be in one unit, not in {', '.join(map(repr, units))}: record in the same unit"
        )
    return given


def _inside(name: str, share: float) -> float:
    if not 0 < share < 1:
        raise ValueError(f"{name} must be between 0 and 1, not {share!r}")
    return share


def _check_period(period: int, intervals: int) -> None:
    if isinstance(period, bool) or not isinstance(period, int):
        raise TypeError(f"period must be a whole number of intervals, not {period!r}")
    if period < 2:
        raise ValueError(f"period must be at least 2 intervals, not {period!r}")
    if PERIODS * period > intervals:
        raise ValueError(
            f"period must be at most a third of the {intervals:,} intervals, not {period:,}: pass more of them, or none"
        )


def _search(pieces: Pieces, start: int, end: int, alarm: float, period: int | None) -> list[tuple[int, float]] | None:
    """Return the changes from `start` to before `end`, each with its p-value; None if there are too few pieces."""
    series = pieces.series(start, end)
    if len(series.starts) < LEAST:
        return None
    if not series.ranks.any():
        return []  # all shares are equal
    dependence = Dependence(series.ranks)
    # A phase that is compared with itself has less noise than its intervals: by 1/3 for three periods.
    less = 1 - period / (end - start) if period and end - start > period else 1.0
    step = best(series.ranks, lambda size: dependence.inflation(size) / less)
    if step is None:
        return None
    chance = min(1.0, SAFETY * step.chance)
    if chance > alarm:
        return []
    place = series.starts[step.place]
    found = [(place, chance)]
    for low, high in ((start, place), (place, end)):
        found += _search(pieces, low, high, alarm, period) or []
    return found


def _described(
    given: Sequence[Histogram], pieces: Pieces, found: list[tuple[int, float]], starts: Sequence[Any] | None
) -> tuple[Change, ...]:
    """Return the changes, each placed again between its neighbours; without those that did not move the quantile."""
    from ..histogram import merge

    edges = [0, *(place for place, _ in found), len(given)]
    placed = []
    for k, (_, chance) in enumerate(found, 1):
        low, high = edges[k - 1], edges[k + 1]
        index_, first, last = _placed(pieces, low, high, edges[k])
        edges[k] = index_
        placed.append((index_, first, last, chance))
    result: list[Change] = []
    for k, (place, first, last, chance) in enumerate(placed, 1):
        before, after = merge(given[edges[k - 1] : place]), merge(given[place : edges[k + 1]])
        if index(before.quantile(pieces.q)) == index(after.quantile(pieces.q)):
            continue
        ratio = _ratio(pieces, (edges[k - 1], place, edges[k + 1]), before, after)
        named = (starts[place], starts[first], starts[last]) if starts is not None else ()
        result.append(Change(pieces.q, place, first, last, before, after, ratio, chance, *named))
    return tuple(result)


def _placed(pieces: Pieces, low: int, high: int, place: int) -> tuple[int, int, int]:
    """Return the first interval after a change, and the bounds of it: the split that leaves the least squares."""
    import numpy

    series = pieces.series(low, high)
    ranks, n = series.ranks, len(series.ranks)
    if n < 2 * SIDE:
        return place, place, place
    k = numpy.arange(SIDE, n - SIDE + 1)
    sums = ranks.cumsum()[k - 1]
    at = int(k[(sums**2 / (k * (n - k))).argmax()])
    reach = _within(ranks, at)
    first, last = max(1, at - reach), min(n - 1, at + reach)
    return series.starts[at], series.starts[first], series.starts[last]


def _within(ranks: NDArray[np.float64], at: int) -> int:
    """Return how many pieces the place of a change may be off, at 95 %.

    With a step of d and noise of long-run variance s^2 the place is off by the distance from 0 of the largest value of
    W(t) - |t|/2, times s^2/d^2.  Source: Bai, Review of Economics and Statistics 79 (1997), 551-563.
    """
    before, after = ranks[:at], ranks[at:]
    step = float(after.mean() - before.mean())
    rest = [*(before - before.mean()).tolist(), *(after - after.mean()).tolist()]
    variance, freedom = long_run_variance(rest)
    variance = max(variance / len(rest), sum(one * one for one in rest) / len(rest))
    wider = (student_quantile(0.975, freedom) / normal_quantile(0.975)) ** 2
    return math.ceil(REACH * wider * variance / step**2) if step else len(ranks)


def _ratio(pieces: Pieces, edges: tuple[int, int, int], before: Histogram, after: Histogram) -> Estimate:
    """Return the ratio of the quantiles, with an interval for intervals that differ by more than chance.

    It is that of `historian.compare`, for the effective numbers of values of both sides.
    """
    sides = (before, edges[0], edges[1]), (after, edges[1], edges[2])
    q = pieces.q
    grids = [_effective(pieces, *side) for side in sides]
    low, high = before.quantile(q), after.quantile(q)
    slots = index(low), index(high)
    if ZERO_INDEX in slots or OVERFLOW_INDEX in slots:
        return Estimate(high / low if low else math.inf, 0.0, math.inf, "beyond the buckets")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lower, upper = RatioOf.each(grids[0], grids[1], [q])[0].bounds(CONFIDENCE)
    value = high / low
    why = f"sampling: {before.count:,} and {after.count:,} values, in intervals that depend on each other; bucket width"
    bounds = min(lower, value), max(upper, value)
    return Estimate(value, *bounds, why, confidence=CONFIDENCE, method="order statistics")


def _effective(pieces: Pieces, histogram: Histogram, start: int, end: int) -> Grid:
    """Return the grid of a histogram, for as many independent values as would tell as much about its quantile."""
    edge = index(histogram.quantile(pieces.q))
    held = [k for k in range(start, end) if pieces.counts[k]]
    above = [pieces.above(k, edge) for k in held]
    effective = windows_sample_size(above, pieces.counts[held].tolist(), CONFIDENCE)
    grid = Grid.of(histogram)
    share = min(1.0, max(effective.size, 1.0) / grid.size)
    return grid._replace(counts=grid.counts * share, totals=grid.totals * share, size=max(1, round(grid.size * share)))
