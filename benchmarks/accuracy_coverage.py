"""How often 95 % intervals hold the truth, for every question and many kinds of data.

``python -m benchmarks.accuracy_coverage`` prints the tables of docs/tail.md, misses included: ``questions``,
``windows`` and ``corrected``, or those that are named.  A figure is the percentage of simulated data sets whose
interval holds the truth.  All take about six minutes.  Every simulation is seeded, so each run prints the same.

The situations of ``questions``; each has a share of 1 - S(t) at or below t, with S known exactly:

- independent: 10,000 exponential values
- bursty: 100 windows of 100 values; a fifth of the time, in bursts of two windows on average, they are ten times larger
- drifting: 40 windows of 250 exponential values, whose mean grows evenly from 0.5 to 1.5
- discrete: 10,000 values of a clock that ticks in whole milliseconds
- heavy-tailed: 10,000 Pareto values with exponent 1.2, which have no variance
- tiny: 20 exponential values in five windows
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from historian import Histogram, buckets, merge
from historian._stats.binomial import share_interval
from historian._stats.windows import windows_sample_size
from historian.tail import Estimate, TailWarning, burn_rates
from historian.tail.shares import any_of, leaf_tail

DATA_SETS = 1_000
FEW_DATA_SETS = 200  # for `dist`, which takes longer
WINDOW_SETS = 2_000
CORRECTED_SETS = 500
CALLS = 10  # of a fan-out
PER_WINDOW = 500

_Values = NDArray[np.float64]
_Rates = NDArray[np.float64]


class Situation(NamedTuple):
    """A kind of data, and the truth about it."""

    draw: Callable[[np.random.Generator], _Values]  # shape (windows, values), in the order of time
    sf: Callable[[float], float]  # the true share above t, for all time
    quantile: Callable[[float], float]
    t: float  # an objective
    waits: float | None = None  # the true share of users who wait for CALLS calls, independent within a window


# ---- situations ----


def in_bursts(
    rng: np.random.Generator, sets: int, windows: int, length: float, often: float, steps: int = 4
) -> NDArray[np.bool_]:
    """Return whether each step of each window is in a burst: (sets, windows, steps), of mean length in windows."""
    ends = 1 / (length * steps)
    begins = ends * often / (1 - often)
    now, states = rng.random(sets) < often, np.empty((sets, windows * steps), dtype=bool)
    for k in range(windows * steps):
        states[:, k] = now
        now = np.where(now, rng.random(sets) > ends, rng.random(sets) < begins)
    return states.reshape(sets, windows, steps)


def bursty(rng: np.random.Generator) -> _Values:
    """Return exponential values that are ten times larger in bursts."""
    slow = in_bursts(rng, 1, 100, 2.0, 0.2)[0]
    return rng.exponential(1.0, (100, 100)) * np.where(slow, 10.0, 1.0).repeat(25, axis=1)


def waits_in_bursts(t: float) -> float:
    """Return the mean over windows of the probability that any of CALLS calls is above t, by a long simulation."""
    slow = in_bursts(np.random.default_rng(99), 200, 2_000, 2.0, 0.2).mean(axis=-1)
    shares = slow * math.exp(-t / 10) + (1 - slow) * math.exp(-t)
    return float((1 - (1 - shares) ** CALLS).mean())


def inverse(sf: Callable[[float], float]) -> Callable[[float], float]:
    """Return the quantiles of a survival function, by bisection."""

    def quantile(q: float) -> float:
        low, high = 1e-9, 1e9
        for _ in range(200):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if sf(middle) > 1 - q else (low, middle)
        return high

    return quantile


def situations() -> dict[str, Situation]:
    """Return the situations by name."""
    scales = np.linspace(0.5, 1.5, 40)

    def decay(t: float) -> float:
        return math.exp(-t)

    def in_drift(t: float) -> float:
        return float(np.exp(-t / scales).mean())

    def in_mixture(t: float) -> float:
        return 0.8 * math.exp(-t) + 0.2 * math.exp(-t / 10)

    ratio = math.exp(-1 / 20)  # of neighbouring ticks, in ms: geometric, with a mean of 20

    def of_ticks(t: float) -> float:
        return ratio ** math.floor(t + 1e-9)

    t = buckets.upper(buckets.index(2.3))
    exponential = Situation(lambda rng: rng.exponential(1.0, (40, 250)), decay, lambda q: -math.log1p(-q), t)
    slow = buckets.upper(buckets.index(8.0))
    return {
        "independent": exponential,
        "bursty": Situation(bursty, in_mixture, inverse(in_mixture), slow, waits_in_bursts(slow)),
        "drifting": Situation(lambda rng: rng.exponential(scales[:, None], (40, 250)), in_drift, inverse(in_drift), t),
        "discrete": Situation(
            lambda rng: rng.geometric(1 - ratio, (40, 250)).astype(float),
            of_ticks,
            lambda q: float(math.ceil(math.log(1 - q) / math.log(ratio))),
            46.0,
        ),
        "heavy-tailed": Situation(
            lambda rng: 1 + rng.pareto(1.2, (40, 250)),
            lambda t: min(1.0, t**-1.2),
            lambda q: (1 - q) ** (-1 / 1.2),
            buckets.upper(buckets.index(6.8)),
        ),
        "tiny": exponential._replace(draw=lambda rng: rng.exponential(1.0, (5, 4))),
    }


# ---- questions ----


class Data(NamedTuple):
    """One data set: all values, and those of each window."""

    whole: Histogram
    parts: list[Histogram]
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


def of_dist(ask: Callable[[Data], tuple[Estimate, float]]) -> Question:
    return lambda data: of(*ask(data))


LEAF = 1 - leaf_tail(0.5, CALLS)

QUESTIONS: dict[str, Question] = {
    "`ci(0.5)`": lambda d: of(d.whole.ci(0.5), d.truth.quantile(0.5)),
    "`ci(0.9)`": lambda d: of(d.whole.ci(0.9), d.truth.quantile(0.9)),
    "`ci(0.99)`": lambda d: of(d.whole.ci(0.99), d.truth.quantile(0.99)),
    "`slo(t).within`": lambda d: of(d.whole.slo(d.truth.t, 0.9).within, within(d)),
    "`apdex(t)`": lambda d: of(d.whole.apdex(d.truth.t), score(d)),
    "`fanout(10).p_wait(t)`": lambda d: of(d.whole.fanout(CALLS).p_wait(d.truth.t), waiting(d)),
    "`fanout(10).quantile(0.5)`": lambda d: of(d.whole.fanout(CALLS).quantile(0.5), d.truth.quantile(LEAF)),
    "`max_n(t, 0.5, 0.95)`, one side": largest_fanout,
    "`dist().sf(t)`": lambda d: of(d.whole.dist().sf(d.truth.t), d.truth.sf(d.truth.t)),
    "`dist().ppf(0.9)`": lambda d: of(d.whole.dist().ppf(0.9), d.truth.quantile(0.9)),
    "`ci(0.9, windows=...)`": lambda d: of(d.whole.ci(0.9, windows=d.parts), d.truth.quantile(0.9)),
    "`slo(t, windows=...)`": lambda d: of(d.whole.slo(d.truth.t, 0.9, windows=d.parts).within, within(d)),
    "`apdex(t, windows=...)`": lambda d: of(d.whole.apdex(d.truth.t, windows=d.parts), score(d)),
    "`fanout(10).bounds(t, windows=...)`": waiting_by_windows,
    "`dist(windows=...).sf(t)`": lambda d: of(d.whole.dist(windows=d.parts).sf(d.truth.t), d.truth.sf(d.truth.t)),
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
            parts = [Histogram.from_values(values) for values in situation.draw(rng)]
            data = Data(merge(parts), parts, situation)
            for name, ask in QUESTIONS.items():
                if k < sets_of(name):
                    lower, upper, truth = ask(data)
                    held[name][column] += lower * (1 - 1e-12) <= truth <= upper * (1 + 1e-12)
    for name, row in held.items():
        yield line(name, [percent(row[column] / sets_of(name)) for column in columns])


def sets_of(question: str) -> int:
    return FEW_DATA_SETS if "dist" in question else DATA_SETS


# ---- windows ----


def windows() -> Iterator[str]:
    """Count how often the interval of a share by windows holds the truth, how often it warns, and both fail."""
    numbers = (10, 20, 40, 74, 100, 222, 450)
    yield from header("windows that are", [str(number) for number in numbers])
    for name, draw in DEPENDENT.items():
        cells = []
        for number in numbers:
            rng = np.random.default_rng(number)
            rates, mean = draw(rng, number)
            cells.append(share_in_windows(rng.binomial(PER_WINDOW, rates), mean))
        yield line(name, cells)


def share_in_windows(slow: NDArray[np.int64], mean: float) -> str:
    """Return the percentage of sets whose interval holds the mean, and in brackets that of those that warn.

    It is bold if more than 7 % of the intervals miss the mean without a warning.  Then a third figure is the percentage
    of those that miss it because the windows are alike: there was no burst.
    """
    counts, held, warned, unsaid, alike = [PER_WINDOW] * slow.shape[1], 0, 0, 0, 0
    for above in slow.tolist():
        p, effective = sum(above) / sum(counts), windows_sample_size(above, counts, 0.95)
        lower, upper = share_interval(p * effective.size, (1 - p) * effective.size, 0.95)
        holds = lower <= mean <= upper
        held += holds
        warned += effective.is_uncertain
        unsaid += not holds and not effective.is_uncertain
        alike += not holds and not effective.is_uncertain and effective.is_alike
    text = f"{held / len(slow):.0%} ({warned / len(slow):.0%})"
    return f"**{text}** {alike / len(slow):.0%}" if unsaid / len(slow) > 0.07 else text


def outlasting(length: float, often: float = 0.2) -> Callable[[np.random.Generator, int], tuple[_Rates, float]]:
    """Return a situation of bursts that last some windows on average, in which a tenth of the calls is slow."""

    def draw(rng: np.random.Generator, number: int) -> tuple[_Rates, float]:
        share = in_bursts(rng, WINDOW_SETS, number, length, often).mean(axis=-1)
        return 0.002 + 0.098 * share, 0.002 + 0.098 * often

    return draw


def quiet(often: float) -> Callable[[np.random.Generator, int], tuple[_Rates, float]]:
    """Return a situation of independent windows, a part of which is slow."""

    def draw(rng: np.random.Generator, number: int) -> tuple[_Rates, float]:
        slow = rng.random((WINDOW_SETS, number)) < often
        return np.where(slow, 0.1, 0.002), 0.002 + 0.098 * often

    return draw


def at_random(length: int, cycle: int) -> Callable[[np.random.Generator, int], tuple[_Rates, float]]:
    """Return a situation of bursts of `length` windows, at random times, on average one in `cycle` windows."""

    def draw(rng: np.random.Generator, number: int) -> tuple[_Rates, float]:
        slow = np.zeros((WINDOW_SETS, number), dtype=bool)
        for row in slow:
            at = -10.0 * cycle
            while at < number:
                at += rng.exponential(cycle - length)
                row[max(round(at), 0) : max(round(at) + length, 0)] = True
                at += length
        return np.where(slow, 0.1, 0.002), 0.002 + 0.098 * length / cycle

    return draw


def wandering(correlation: float) -> Callable[[np.random.Generator, int], tuple[_Rates, float]]:
    """Return a situation of rates whose logarithm is an autoregression with a standard deviation of 0.7."""

    def draw(rng: np.random.Generator, number: int) -> tuple[_Rates, float]:
        noise, now = math.sqrt(1 - correlation**2), rng.normal(size=WINDOW_SETS)
        rates = np.empty((WINDOW_SETS, number))
        for k in range(number):
            rates[:, k] = np.minimum(1.0, 0.02 * np.exp(0.7 * now - 0.245))
            now = correlation * now + noise * rng.normal(size=WINDOW_SETS)
        return rates, 0.02

    return draw


def growing(rng: np.random.Generator, number: int) -> tuple[_Rates, float]:
    """Return rates that grow evenly by a factor of four."""
    rates = np.linspace(0.5, 2.0, number) * 0.02
    return np.broadcast_to(rates, (WINDOW_SETS, number)), float(rates.mean())


DEPENDENT: dict[str, Callable[[np.random.Generator, int], tuple[_Rates, float]]] = {
    "independent and alike": lambda rng, number: (np.full((WINDOW_SETS, number), 0.02), 0.02),
    "independent, of different rates": wandering(0.0),
    "quiet, but every 10th": quiet(0.1),
    "quiet, but every 20th": quiet(0.05),
    "quiet, but every 50th": quiet(0.02),
    "in bursts of half a window": outlasting(0.5),
    "in bursts of 1 window": outlasting(1.0),
    "in bursts of 3 windows": outlasting(3.0),
    "in bursts of 10 windows": outlasting(10.0),
    "in rare bursts of 3 windows, 5 % of the time": outlasting(3.0, 0.05),
    "in bursts of 2 windows, one in 20": at_random(2, 20),
    "in bursts of 3 windows, one in 60": at_random(3, 60),
    "of rates with a correlation of 0.5": wandering(0.5),
    "of rates with a correlation of 0.9": wandering(0.9),
    "of growing rates": growing,
}


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


# ---- tables ----


def header(first: str, columns: list[str]) -> Iterator[str]:
    yield line(first, columns)
    yield "|" + "---|" * (len(columns) + 1)


def line(first: str, cells: list[str]) -> str:
    return "| " + " | ".join([first, *cells]) + " |"


def percent(share: float) -> str:
    """Return a share in whole percent; in bold if it is below 93 %, too few."""
    text = f"{100 * share:.0f}"
    return f"**{text}**" if share < 0.93 else text


PARTS = {"questions": questions, "windows": windows, "corrected": corrected}


def run(arguments: list[str]) -> int:
    """Print all tables, or the named ones; return 2 for an unknown name."""
    unknown = [name for name in arguments if name not in PARTS]
    if unknown:
        print(f"there is no part named {unknown[0]}: choose from {', '.join(PARTS)}", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore", TailWarning)
    for name in arguments or PARTS:
        for text in PARTS[name]():
            print(text, flush=True)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
