"""How often 95 % intervals hold the truth, for every question and many kinds of data.

``python -m benchmarks.accuracy_coverage`` prints the tables of docs/tail.md, misses included: ``questions``,
``windows``, ``sizes`` and ``corrected``, or those that are named.  A figure is the percentage of simulated data sets
whose interval holds the truth.  All take about eight minutes.  Every simulation is seeded, so each run prints the same.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from historian import Histogram, buckets, merge
from historian.tail import Estimate, burn_rates, hedge, retry
from historian.tail.shares import any_of, any_of_correlated, leaf_tail

from .coverage_situations import CALLS, Situation, situations
from .coverage_tables import header, line, percent, print_parts
from .coverage_windows import sizes, windows

DATA_SETS = 500
FEW_DATA_SETS = 100  # for `dist`, which takes longer
CORRECTED_SETS = 500

_Values = NDArray[np.float64]


# ---- questions ----


class Data(NamedTuple):
    """One data set: all values, and those of each window."""

    whole: Histogram
    parts: list[Histogram]
    values: _Values
    truth: Situation


Question = Callable[[Data], tuple[float, float, float]]  # lower bound, upper bound, truth


def of(answer: Estimate, truth: float) -> tuple[float, float, float]:
    return answer.lower, answer.upper, truth


def within(data: Data) -> float:
    return 1 - data.truth.sf(data.truth.t)


def score(data: Data) -> float:
    return 1 - (data.truth.sf(data.truth.t) + data.truth.sf(4 * data.truth.t)) / 2


def waiting(data: Data) -> float:
    return any_of(data.truth.sf(data.truth.t), CALLS)


def largest_fanout(data: Data) -> tuple[float, float, float]:
    """Return 0, the true largest fan-out, and that of the upper bound, which must not be larger."""
    found = data.whole.fanout(1).max_n(data.truth.t, 0.5, confidence=0.95)
    return 0.0, math.log(0.5) / math.log1p(-data.truth.sf(data.truth.t)), found


def slow_calls(data: Data) -> tuple[float, float, float]:
    """Return the interval of the burn rate over all windows."""
    rate = burn_rates(data.parts, data.truth.t, 0.9, windows=[len(data.parts)])[len(data.parts)]
    return of(rate, data.truth.sf(data.truth.t) / 0.1)


def waiting_by_windows(data: Data) -> tuple[float, float, float]:
    answer = data.whole.fanout(CALLS).bounds(data.truth.t, windows=data.parts)
    return of(answer, waiting(data) if data.truth.waits is None else data.truth.waits)


def extrapolated(data: Data) -> tuple[float, float, float]:
    """Return the share for CALLS calls, from the measured one for two."""
    values = np.random.default_rng(data.whole.count).permutation(data.values)
    pairs = Histogram.from_values(values[: len(values) // 2 * 2].reshape(-1, 2).max(axis=1))
    answer = data.whole.fanout(CALLS).extrapolate(data.truth.t, m=2, p_m=pairs.dist().sf(data.truth.t))
    return of(answer, waiting(data))


def as_many(data: Data) -> tuple[float, float, float]:
    """Return the number of independent calls that are as slow as two are, which are independent."""
    truth = any_of(data.truth.sf(data.truth.t), 2)
    return of(data.whole.fanout(2).effective_n(data.truth.t, truth), 2.0)


def overspent(data: Data) -> tuple[float, float, float]:
    return of(data.whole.slo(data.truth.t, 0.9).budget_left, 1 - data.truth.sf(data.truth.t) / 0.1)


def in_correlated(data: Data) -> tuple[float, float, float]:
    answer = data.whole.fanout(CALLS).sensitivity(data.truth.t, 0.1)
    return of(answer, any_of_correlated(data.truth.sf(data.truth.t), CALLS, 0.1))


LEAF = 1 - leaf_tail(0.5, CALLS)

QUESTIONS: dict[str, Question] = {
    "`ci(0.5)`": lambda d: of(d.whole.ci(0.5), d.truth.quantile(0.5)),
    "`ci(0.9)`": lambda d: of(d.whole.ci(0.9), d.truth.quantile(0.9)),
    "`ci(0.99)`": lambda d: of(d.whole.ci(0.99), d.truth.quantile(0.99)),
    "`slo(t).within`": lambda d: of(d.whole.slo(d.truth.t, 0.9).within, within(d)),
    "`apdex(t)`": lambda d: of(d.whole.apdex(d.truth.t), score(d)),
    "`slo(t).budget_left`": overspent,
    "`fanout(10).p_wait(t)`": lambda d: of(d.whole.fanout(CALLS).p_wait(d.truth.t), waiting(d)),
    "`fanout(10).quantile(0.5)`": lambda d: of(d.whole.fanout(CALLS).quantile(0.5), d.truth.quantile(LEAF)),
    "`max_n(t, 0.5, 0.95)`, one side": largest_fanout,
    "`fanout(10).extrapolate(t, m=2, p_m)`": extrapolated,
    "`fanout(2).effective_n(t, p)`": as_many,
    "`fanout(10).sensitivity(t, 0.1)`": in_correlated,
    "`dist().sf(t)`": lambda d: of(d.whole.dist().sf(d.truth.t), d.truth.sf(d.truth.t)),
    "`dist().ppf(0.9)`": lambda d: of(d.whole.dist().ppf(0.9), d.truth.quantile(0.9)),
    "`dist().mean`": lambda d: of(d.whole.dist().mean, d.truth.mean),
    "`hedge(dist(), t).extra_load`": lambda d: of(hedge(d.whole.dist(), d.truth.t).extra_load, d.truth.sf(d.truth.t)),
    "`retry(dist(), t, 1).never`": lambda d: of(retry(d.whole.dist(), d.truth.t, 1).never, d.truth.sf(d.truth.t) ** 2),
    "`ci(0.5, windows=...)`": lambda d: of(d.whole.ci(0.5, windows=d.parts), d.truth.quantile(0.5)),
    "`ci(0.9, windows=...)`": lambda d: of(d.whole.ci(0.9, windows=d.parts), d.truth.quantile(0.9)),
    "`ci(0.99, windows=...)`": lambda d: of(d.whole.ci(0.99, windows=d.parts), d.truth.quantile(0.99)),
    "`slo(t, windows=...)`": lambda d: of(d.whole.slo(d.truth.t, 0.9, windows=d.parts).within, within(d)),
    "`apdex(t, windows=...)`": lambda d: of(d.whole.apdex(d.truth.t, windows=d.parts), score(d)),
    "`fanout(10).bounds(t, windows=...)`": waiting_by_windows,
    "`dist(windows=...).sf(t)`": lambda d: of(d.whole.dist(windows=d.parts).sf(d.truth.t), d.truth.sf(d.truth.t)),
    "`dist(windows=...).ppf(0.9)`": lambda d: of(d.whole.dist(windows=d.parts).ppf(0.9), d.truth.quantile(0.9)),
    "`burn_rates`, over all windows": slow_calls,
}


def questions() -> Iterator[str]:
    """Count how often each interval holds the truth, in each situation."""
    columns = situations()
    yield from header("interval", list(columns))
    held = {name: dict.fromkeys(columns, 0.0) for name in QUESTIONS}
    for column, situation in columns.items():
        rng = np.random.default_rng(20)
        for k in range(DATA_SETS):
            windows = list(situation.draw(rng))
            parts = [Histogram.from_values(values) for values in windows]
            data = Data(merge(parts), parts, np.concatenate(windows), situation)
            for name, ask in QUESTIONS.items():
                if k < sets_of(name):
                    lower, upper, truth = ask(data)
                    held[name][column] += lower * (1 - 1e-12) <= truth <= upper * (1 + 1e-12)
    for name, row in held.items():
        yield line(name, [percent(row[column] / sets_of(name)) for column in columns])


def sets_of(question: str) -> int:
    return FEW_DATA_SETS if "dist" in question else DATA_SETS


# ---- corrected histograms ----


def corrected() -> Iterator[str]:
    """Count the same for histograms corrected for coordinated omission: a share of calls stalls."""
    numbers = {1_000: 5, 4_000: 20, 20_000: 100}
    yield from header("interval, for stalls", [f"{stalls} of {calls:,}" for calls, stalls in numbers.items()])
    for shape, (draw, mean_above) in STALLS.items():
        t = buckets.upper(buckets.index(0.3))
        above, least = (0.005 * mean_above(time) for time in (t, 2 * INTERVAL))
        share = above / (1 + least)
        held = {name: [0] * len(numbers) for name in CORRECTED}
        for column, calls in enumerate(numbers):
            rng = np.random.default_rng(calls)
            for _ in range(CORRECTED_SETS):
                values = 0.001 + np.where(rng.random(calls) < 0.005, draw(rng, calls), 0.0)
                answers = [ask(Histogram.from_values(values).corrected(INTERVAL), t) for ask in CORRECTED.values()]
                truths = 1 - share, any_of(share, CALLS), share
                for name, answer, truth in zip(CORRECTED, answers, truths):
                    held[name][column] += answer.lower <= truth <= answer.upper
        for name, hits in held.items():
            yield line(f"{name}, {shape}", [percent(hit / CORRECTED_SETS) for hit in hits])


INTERVAL = 0.01


def exponential_waits(t: float) -> float:
    """Return the mean number of waits above t of a stall: the sum of P(v > t + k INTERVAL), k from 0 on."""
    return math.exp(0.001 - t) / (1 - math.exp(-INTERVAL))


def pareto_waits(t: float) -> float:
    times = t - 0.001 + INTERVAL * np.arange(2_000_000)
    return float(np.minimum(1.0, (0.5 / times) ** 2.5).sum())


STALLS: dict[str, tuple[Callable[[np.random.Generator, int], _Values], Callable[[float], float]]] = {
    "exponential stalls": (lambda rng, calls: rng.exponential(1.0, calls), exponential_waits),
    "Pareto(2.5) stalls": (lambda rng, calls: 0.5 * (1 + rng.pareto(2.5, calls)), pareto_waits),
}

CORRECTED: dict[str, Callable[[Histogram, float], Estimate]] = {
    "`slo(t).within`": lambda h, t: h.slo(t, 0.9).within,
    "`fanout(10).p_wait(t)`": lambda h, t: h.fanout(CALLS).p_wait(t),
    "all values as if measured: share above t": lambda h, t: measured(h).fanout(1).p_wait(t),
}


def measured(histogram: Histogram) -> Histogram:
    """Return a corrected histogram without the mark, as if every value had been measured."""
    return Histogram.from_dict({name: value for name, value in histogram.to_dict().items() if name != "synthetic"})


PARTS = {"questions": questions, "windows": windows, "sizes": sizes, "corrected": corrected}


if __name__ == "__main__":
    sys.exit(print_parts(PARTS, sys.argv[1:]))
