"""`Rule`: when a measurement is slower than earlier runs of the same code, with a stated rate of false alarms.

Two runs of the same code differ by more than their sampling error: other programs run, the processor is warmer, memory
lies elsewhere.  So what counts is how much saved runs differ from each other.  A statistic of a new run is the
logarithm of a quantile.  Its limit is the upper prediction bound for one more value of a normal sample:

    mean + t * s * sqrt(1 + 1/k),    t: the quantile of Student's t with k - 1 degrees of freedom, for k saved runs

Here s is the standard deviation between the saved runs, and at least the median of those of all measurements.  A suite
asks many times, so each question gets an equal part of the rate (Bonferroni).  Runs are not quite normal: now and then
one is much slower.  So a new run must also be slower than the slowest saved one, by a tolerance.

Each quantile is asked about twice: by the clock, and divided by the same quantile of a reference workload that ran
beside it.  If a machine slows down, so does the reference.  If a function waits and a faster machine makes only the
reference faster, the clock says that nothing has changed.  So both must be too slow.  If the saved runs differ more
than twice as much by the one as by the other, the other decides alone: the function follows the machine, or it waits.

If the reference itself is slower than in each saved run, by the tolerance, the machine is in a state that the saved
runs do not know.  Code then slows down by other factors than the reference does: a yield to a program that computes
takes a hundred times as long.  So this quantile is not compared, which is told.

Source: Hahn & Meeker, Statistical Intervals (1991), 4.8, for the prediction bound; Bonferroni as in Holm, Scandinavian
Journal of Statistics 6 (1979), 65-70, whose first step it is.
"""

from __future__ import annotations

import math
import statistics
from typing import NamedTuple

from ..._stats.student import student_quantile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...histogram import Histogram

__all__ = ["FEWER", "LEAST_RUNS", "QUANTILES", "Excess", "Pair", "Rule", "statistics_of"]

LEAST_RUNS = 5  # with fewer, Student's t is so wide that only gross changes alarm

#: The quantiles that are compared, by name, and the values that each needs to be saved, here and of the reference.
QUANTILES = {"p50": (0.5, 20, 20), "p99": (0.99, 1_000, 250)}

#: A new run needs fewer by this factor: code that has become slower is called less often in the same time.
FEWER = 20

#: Standard deviations between runs are at least this: half a bucket, as a logarithm.
LEAST_SPREAD = math.log(2) / 128

KINDS = ("by the clock", "beside the reference")  # the statistics of a `Pair`

CLEARLY = 2.0  # of two standard deviations from ten runs, one is twice the other by chance in 5 of 100 cases


class Pair(NamedTuple):
    """A statistic of a run: the logarithm of a quantile in seconds, and of the same beside the reference."""

    clock: float
    relative: float


def statistics_of(histogram: Histogram, reference: Histogram, *, fewer: int = 1) -> dict[str, Pair]:
    """Return the statistics of a run by quantile, of those that it has enough values for.  O(log buckets)."""
    found = {}
    for name, (q, least, least_reference) in QUANTILES.items():
        if histogram.count * fewer >= least and reference.count * fewer >= least_reference:
            values = (one.quantile(q, interpolated=True) for one in (histogram, reference))
            a, b = (math.log(max(value, 1e-9)) for value in values)
            found[name] = Pair(a, a - b)
    return found


class Excess(NamedTuple):
    """How much slower a new run is by one statistic."""

    kind: str  # one of `KINDS`
    factor: float  # times the mean of the saved runs
    limit: float  # factor from which on it is too slow


class Rule(NamedTuple):
    """When to alarm, for all measurements of a baseline."""

    level: float  # probability of a false alarm of one question, in (0, 1)
    spreads: Mapping[str, Pair]  # by quantile: the median of the standard deviations of all measurements

    @classmethod
    def of(cls, runs: Iterable[Sequence[Mapping[str, Pair]]], alarm: float) -> Rule:
        """Return the rule for measurements, each given by its statistics in the saved runs.

        `alarm` is the probability that at least one of all questions alarms although nothing has changed.
        """
        series = [(name, one) for each in runs for name, one in series_of(each).items()]
        spreads = {}
        for name in QUANTILES:
            found = [_spreads(one) for other, one in series if other == name]
            if found:
                spreads[name] = Pair(*map(statistics.median, zip(*found)))
        return cls(alarm / max(1, len(series)), spreads)

    def unknown(self, saved: Sequence[Mapping[str, Pair]], new: Mapping[str, Pair], tolerance: float) -> list[str]:
        """Return the quantiles that are not compared: that of the reference is slower than in each saved run."""
        return [
            name
            for name, series in series_of(saved).items()
            if name in new and _reference(new[name]) > max(map(_reference, series)) + math.log1p(tolerance)
        ]

    def alarms(
        self, saved: Sequence[Mapping[str, Pair]], new: Mapping[str, Pair], tolerance: float
    ) -> dict[str, list[Excess]]:
        """Return what is too slow, by quantile: by each of the statistics that decide."""
        found = {}
        beyond_saved = self.unknown(saved, new, tolerance)
        for name, series in series_of(saved).items():
            if name not in new or name in beyond_saved:
                continue
            own, typical = _spreads(series), self.spreads.get(name, Pair(0.0, 0.0))
            reach = student_quantile(1 - self.level, len(series) - 1) * math.sqrt(1 + 1 / len(series))
            decide = []
            for k in _deciding(own):
                mean = statistics.fmean(one[k] for one in series)
                beyond, slowest = new[name][k] - mean, max(one[k] for one in series) - mean
                limit = max(slowest + math.log1p(tolerance), reach * max(own[k], typical[k]))
                decide.append(Excess(KINDS[k], math.exp(beyond), math.exp(limit)))
            if all(one.factor > one.limit for one in decide):
                found[name] = decide
        return found


def series_of(saved: Sequence[Mapping[str, Pair]]) -> dict[str, list[Pair]]:
    """Return the statistics of all runs by quantile; those that are in enough runs."""
    found = {name: [run[name] for run in saved if name in run] for name in QUANTILES}
    return {name: series for name, series in found.items() if len(series) >= LEAST_RUNS}


def _reference(one: Pair) -> float:
    """Return the logarithm of the quantile of the reference."""
    return one.clock - one.relative


def _spreads(series: Sequence[Pair]) -> Pair:
    """Return the standard deviations between runs."""
    return Pair(*map(_deviation, zip(*series)))


def _deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample; `statistics.stdev` is exact, and takes a hundred times as long."""
    mean = statistics.fmean(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return max(LEAST_SPREAD, math.sqrt(squares / (len(values) - 1)))


def _deciding(spreads: Pair) -> tuple[int, ...]:
    """Return the positions of the statistics that decide: both, unless saved runs differ far more by one of them."""
    if spreads.clock > CLEARLY * spreads.relative:
        return (1,)
    return (0,) if spreads.relative > CLEARLY * spreads.clock else (0, 1)
