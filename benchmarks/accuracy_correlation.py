"""How often the intervals of correlation in time hold the truth, and those of leaves in the same windows.

``python -m benchmarks.accuracy_correlation`` prints the table of docs/how-to/traces.md: percentages of 95 % intervals,
of SETS histories of two leaves.  ``windows=74`` prints that for as many windows.  A window has CALLS calls of each.
The share of slow ones in a window is lognormal, and its logarithm an autoregression; or it is one of two, in bursts.
All truths are known in closed form, except that of ``"any"``, a mean of 4 million draws.
"""

from __future__ import annotations

import functools
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from historian import Histogram, History, Interval
from historian.tail import Correlation, Estimate, TailWarning, Windows

from .coverage_tables import header, line, percent

SETS = 100
CALLS = 200
WINDOWS = 200
T = 0.5  # between the times of fast and of slow calls

_Floats = NDArray[np.float64]


class Situation(NamedTuple):
    """How the shares of slow calls of two leaves vary."""

    draw: Callable[[np.random.Generator, int], _Floats]  # shares, shape (2, windows)
    mean: float  # share of slow calls of each leaf
    alike: Callable[[int], float]  # covariance of the shares of one leaf in windows so far apart
    across: float  # covariance of the shares of both leaves in a window

    def observed(self) -> float:
        """Return the variance of the measured share of a window: with the noise of CALLS calls."""
        return self.alike(0) + (self.mean * (1 - self.mean) - self.alike(0)) / CALLS

    def inflation(self, windows: int) -> float:
        """Return the variance of the mean share relative to that of independent calls."""
        others = sum((1 - k / windows) * self.alike(k) for k in range(1, windows))
        return (self.observed() + 2 * others) * CALLS / (self.mean * (1 - self.mean))


def lognormal(rho: float, spread: float, common: float, mean: float = 0.04) -> Situation:
    """Return shares whose logarithm is an autoregression; that of the other leaf has a correlation of `common`."""

    def factor(rng: np.random.Generator, windows: int) -> _Floats:
        found, shocks = np.empty(windows), rng.standard_normal(windows)
        found[0] = shocks[0]
        for k in range(1, windows):
            found[k] = rho * found[k - 1] + math.sqrt(1 - rho * rho) * shocks[k]
        return found

    def draw(rng: np.random.Generator, windows: int) -> _Floats:
        one, other = factor(rng, windows), factor(rng, windows)
        both = np.stack([one, common * one + math.sqrt(1 - common**2) * other])
        return np.minimum(1.0, mean * np.exp(spread * both - spread**2 / 2))

    def alike(apart: int) -> float:
        return mean**2 * math.expm1(spread**2 * (rho**apart if apart else 1.0))

    return Situation(draw, mean, alike, mean**2 * math.expm1(spread**2 * common))


def bursts(enter: float, leave: float, common: bool, quiet: float = 0.01, busy: float = 0.3) -> Situation:
    """Return shares of bursts that begin and end at random, the same ones for both leaves or not."""
    part = enter / (enter + leave)
    mean, variance = quiet + part * (busy - quiet), part * (1 - part) * (busy - quiet) ** 2

    def one(rng: np.random.Generator, windows: int) -> _Floats:
        found, chances = np.empty(windows), rng.random(windows)
        state = chances[0] < part
        for k in range(windows):
            state = chances[k] >= leave if k and state else chances[k] < enter if k else state
            found[k] = busy if state else quiet
        return found

    def draw(rng: np.random.Generator, windows: int) -> _Floats:
        first = one(rng, windows)
        return np.stack([first, first if common else one(rng, windows)])

    return Situation(draw, mean, lambda k: variance * (1 - enter - leave) ** k, variance if common else 0.0)


SITUATIONS = {
    "independent": lognormal(0.0, 0.0, 0.0),
    "0.5, apart": lognormal(0.5, 0.8, 0.0),
    "0.5, 0.7": lognormal(0.5, 0.8, 0.7),
    "0.9, apart": lognormal(0.9, 0.8, 0.0),
    "0.9, together": lognormal(0.9, 0.8, 1.0),
    "bursts, apart": bursts(0.05, 0.3, common=False),
    "bursts, together": bursts(0.05, 0.3, common=True),
}


class Data(NamedTuple):
    """One simulation, and the truth."""

    first: Correlation
    leaves: Windows
    situation: Situation
    windows: int


@functools.cache
def histogram(slow: int) -> Histogram:
    return Histogram.from_values([0.01] * (CALLS - slow) + [1.0] * slow)


def simulated(situation: Situation, windows: int, rng: np.random.Generator) -> Data:
    slow = rng.binomial(CALLS, situation.draw(rng, windows)).tolist()
    db, cache = ([histogram(one) for one in leaf] for leaf in slow)
    history = History(Interval(60 * k, 60 * k + 60, {"db": one}) for k, one in enumerate(db))
    return Data(history.correlation(T), Windows({"db": db, "cache": cache}), situation, windows)


def lagged(apart: int) -> Callable[[Data], float]:
    return lambda d: d.situation.alike(apart) / d.situation.observed()


def slowest_sum(data: Data) -> float:
    """Return the largest share of requests that wait under any dependence within a window."""
    return _slowest_sum(next(name for name, one in SITUATIONS.items() if one is data.situation))


@functools.cache
def _slowest_sum(name: str) -> float:
    situation = SITUATIONS[name]
    if situation.alike(0) == 0:
        return 2 * situation.mean
    rng = np.random.default_rng(0)
    return float(np.mean([np.minimum(1, situation.draw(rng, 20_000).sum(axis=0)).mean() for _ in range(200)]))


#: What is asked, and the truth.
QUESTIONS: dict[str, tuple[Callable[[Data], Estimate], Callable[[Data], float]]] = {
    "`history.correlation(t).lags[0]`": (lambda d: d.first.lags[0], lagged(1)),
    "`history.correlation(t).lags[4]`": (lambda d: d.first.lags[4], lagged(5)),
    "`history.correlation(t).effective_values`": (
        lambda d: d.first.effective_values,
        lambda d: d.windows * CALLS / d.situation.inflation(d.windows),
    ),
    "`history.correlation(t).inflation`": (
        lambda d: d.first.inflation,
        lambda d: d.situation.inflation(d.windows),
    ),
    "`Windows(...).correlation(a, b, t)`": (
        lambda d: d.leaves.correlation("db", "cache", T),
        lambda d: d.situation.across / d.situation.observed(),
    ),
    "`Windows(...).p_wait(t)`": (
        lambda d: d.leaves.p_wait(T),
        lambda d: 2 * d.situation.mean - d.situation.mean**2 - d.situation.across,
    ),
    '`Windows(...).p_wait(t, "any")`': (lambda d: d.leaves.p_wait(T, "any"), slowest_sum),
}


def coverage(windows: int) -> Iterator[str]:
    """Count how often each interval holds the truth."""
    yield from header(f"{windows} windows", [*SITUATIONS])
    held = {name: dict.fromkeys(SITUATIONS, 0) for name in QUESTIONS}
    known = {name: dict.fromkeys(SITUATIONS, 0) for name in QUESTIONS}
    for column, situation in SITUATIONS.items():
        rng = np.random.default_rng(20)
        for _ in range(SETS):
            data = simulated(situation, windows, rng)
            for name, (ask, truth) in QUESTIONS.items():
                answer = ask(data)
                if answer == answer:
                    known[name][column] += 1
                    held[name][column] += answer.lower * (1 - 1e-9) <= truth(data) <= answer.upper * (1 + 1e-9)
    for name in QUESTIONS:
        yield line(name, [percent(held[name][one] / max(1, known[name][one])) for one in SITUATIONS])


def run(arguments: list[str]) -> int:
    """Print the table, for each number of windows that is named; return 2 for anything else."""
    numbers = [text.removeprefix("windows=") for text in arguments] or [str(WINDOWS)]
    if not all(number.isdigit() and int(number) > 10 for number in numbers):
        print("pass windows=N, with N above 10", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore", TailWarning)
    for number in numbers:
        for text in coverage(int(number)):
            print(text, flush=True)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
