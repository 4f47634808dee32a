"""Forecasts of error budgets: how often their prediction intervals hold what then happens.

``python -m benchmarks.accuracy_forecast`` prints the tables of docs/how-to/error-budget.md, in some minutes;
``python -m benchmarks.accuracy_forecast 2`` the second of `TABLES`.  Every simulation is seeded, so each run prints the
same.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from historian import Histogram, History, Interval
from historian.tail import TailWarning

from .coverage_tables import header, line

_Floats = NDArray[np.float64]

RUNS = 100
CALLS, SLOW = 10_000, 0.001  # of an interval, and the share of slow calls: five quarters of the budget
HOUR = 3600
HISTORY, PERIOD = 7 * 24, 28 * 24  # hours
TARGET = 0.9992


def steady(rng: np.random.Generator, n: int) -> _Floats:
    return np.ones(n)


def correlated(correlation: float, spread: float) -> Callable[[np.random.Generator, int], _Floats]:
    """Return how to draw rates of slow calls with a mean of 1, whose logarithms are an autoregression."""

    def draw(rng: np.random.Generator, n: int) -> _Floats:
        steps = rng.normal(0, spread * math.sqrt(1 - correlation**2), n)
        steps[0] = rng.normal(0, spread)
        for k in range(1, n):
            steps[k] += correlation * steps[k - 1]
        return np.exp(steps - spread**2 / 2)

    return draw


def daily(rng: np.random.Generator, n: int) -> _Floats:
    return 1 + 0.9 * np.sin(2 * np.pi * np.arange(n) / 24) + 0 * rng.random(n)


def bursts(rng: np.random.Generator, n: int) -> _Floats:
    """Return rates of which an outage an hour long, in every fiftieth hour, makes three quarters."""
    return np.where(rng.random(n) < 0.02, 0.75 / 0.02, 0.25)


def drifting(rng: np.random.Generator, n: int) -> _Floats:
    return np.linspace(0.5, 1.5, n) + 0 * rng.random(n)


CASES: dict[str, Callable[[np.random.Generator, int], _Floats]] = {
    "independent": steady,
    "autocorrelated by hour, 0.5": correlated(0.5, 0.7),
    "autocorrelated by hour, 0.9": correlated(0.9, 0.7),
    "autocorrelated by hour, 0.98": correlated(0.98, 0.7),
    "a daily cycle": daily,
    "an outage in every fiftieth hour": bursts,
    "the rate rises from 0.5 to 1.5 of its mean": drifting,
}


def traffic(cycle: bool, n: int) -> NDArray[np.int64]:
    """Return the number of calls of each hour, which may be ten times as many at noon as at midnight."""
    factor = 1 - (9 / 11) * np.cos(2 * np.pi * np.arange(n) / 24) if cycle else np.ones(n)
    return np.rint(CALLS * factor).astype(np.int64)


def histogram(calls: int, slow: int) -> Histogram:
    return Histogram.from_values(np.repeat([0.01, 2.0], [calls - slow, slow]))


def coverage(hours: int, cycle: bool) -> Iterator[str]:
    """Count how often the intervals hold the share that is spent at the end, and the time until when it lasts."""
    for name, rates in CASES.items():
        held, warned, widths = np.zeros(2), 0, []
        for run in range(RUNS):
            rng = np.random.default_rng(run)
            calls = traffic(cycle, PERIOD)
            slow = rng.binomial(calls, np.minimum(1, SLOW * rates(rng, PERIOD)))
            history = History(
                Interval(k * HOUR * 10**9, (k + 1) * HOUR * 10**9, {"get": histogram(int(calls[k]), int(slow[k]))})
                for k in range(hours)
            )
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always", TailWarning)
                found = history.forecast(1.0, TARGET, f"{PERIOD}h")
            spent = slow.cumsum() / ((1 - TARGET) * calls.sum())
            truth = float(spent[-1])
            held[0] += found.spent_at_end.lower <= truth <= found.spent_at_end.upper
            held[1] += until(spent, hours, found.lasts.lower, found.lasts.upper)
            warned += bool(seen)
            widths.append(found.spent_at_end.upper - found.spent_at_end.lower)
        yield line(name, [*[percent(one) for one in held / RUNS], f"{np.median(widths):.2f}", f"{warned / RUNS:.0%}"])


def percent(share: float) -> str:
    return f"{share:.0%}" if round(share, 2) >= 0.93 else f"**{share:.0%}**"


def until(spent: _Floats, hours: int, lower: float, upper: float) -> bool:
    """Return whether the budget is spent between both times, which count from the end of the history."""
    found = np.flatnonzero(spent >= 1)
    if not len(found):
        return upper == math.inf
    last = (found[0] + 1 - hours) * HOUR  # it is spent within the hour that ends then
    return last >= lower and last - HOUR <= upper


TABLES = [(HISTORY, False), (HISTORY, True), (36, True)]  # hours of history, and whether traffic has a daily cycle


def main() -> None:
    for hours, cycle in [TABLES[int(one) - 1] for one in sys.argv[1:]] or TABLES:
        print(f"\n{hours} hours of history, {'ten times as many calls at noon' if cycle else 'steady traffic'}\n")
        yes = ["share spent at the end", "lasts until", "width of the share, median", "warned"]
        for row in [*header("rates of slow calls", yes), *coverage(hours, cycle)]:
            print(row, flush=True)


if __name__ == "__main__":
    main()
