"""How often the interval of a share by windows holds the truth: two tables of accuracy_coverage.py.

They count also how often a warning says that the windows do not tell how bursts come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from historian._stats.binomial import share_interval
from historian._stats.windows import windows_sample_size

from .coverage_situations import in_bursts
from .coverage_tables import header, line

WINDOW_SETS = 2_000
PER_WINDOW = 500

_Rates = NDArray[np.float64]


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


def sizes() -> Iterator[str]:
    """Count the same for windows that hold different numbers of values."""
    numbers = (10, 20, 40, 100, 222)
    yield from header("windows", [str(number) for number in numbers])
    for name, draw in UNEQUAL.items():
        cells = []
        for number in numbers:
            rng, mean = np.random.default_rng(number), draw(np.random.default_rng(0), 10)[2]
            drawn = (draw(rng, number)[:2] for _ in range(WINDOW_SETS // 2))
            cells.append(
                share_held(((rng.binomial(counts, rates).tolist(), counts.tolist()) for counts, rates in drawn), mean)
            )
        yield line(name, cells)


def share_in_windows(slow: NDArray[np.int64], mean: float) -> str:
    """Return `share_held` for windows of PER_WINDOW values, shape (sets, windows)."""
    return share_held(((above, [PER_WINDOW] * len(above)) for above in slow.tolist()), mean)


def share_held(sets: Iterable[tuple[list[int], list[int]]], mean: float) -> str:
    """Return the percentage of sets whose interval holds the mean, and in brackets that of those that warn.

    A set is the numbers of values above, and of all values, of its windows.  The text is bold if more than 7 % of the
    intervals miss the mean without a warning.  Then a third figure is the percentage of those that miss it because the
    windows are alike: there was no burst.
    """
    number = held = warned = unsaid = alike = 0
    for all_above, all_counts in sets:
        above, counts = zip(*((a, n) for a, n in zip(all_above, all_counts) if n))
        p, effective = sum(above) / sum(counts), windows_sample_size(above, counts, 0.95)
        lower, upper = share_interval(p * effective.size, (1 - p) * effective.size, 0.95)
        holds = lower <= mean <= upper
        number += 1
        held += holds
        warned += effective.is_uncertain
        unsaid += not holds and not effective.is_uncertain
        alike += not holds and not effective.is_uncertain and effective.is_alike
    text = f"{held / number:.0%} ({warned / number:.0%})"
    return f"**{text}** {alike / number:.0%}" if unsaid / number > 0.07 else text


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


# ---- windows of different sizes: their counts, their rates, and the mean share of slow calls ----

_Unequal = Callable[[np.random.Generator, int], tuple[NDArray[np.int64], _Rates, float]]


def busier(counts: tuple[int, int], rates: tuple[float, float], often: float = 0.2) -> _Unequal:
    """Return a situation of windows that have other counts and another rate if they are slow."""

    def draw(rng: np.random.Generator, number: int) -> tuple[NDArray[np.int64], _Rates, float]:
        slow = rng.random(number) < often
        mean = (1 - often) * counts[0] * rates[0] + often * counts[1] * rates[1]
        calls = (1 - often) * counts[0] + often * counts[1]
        return np.where(slow, counts[1], counts[0]), np.where(slow, rates[1], rates[0]), mean / calls

    return draw


def of_sizes(size: Callable[[np.random.Generator, int], NDArray[np.float64]]) -> _Unequal:
    """Return a situation of such counts, and of independent rates whose logarithm has a standard deviation of 0.7."""

    def draw(rng: np.random.Generator, number: int) -> tuple[NDArray[np.int64], _Rates, float]:
        rates = np.minimum(1.0, 0.02 * np.exp(0.7 * rng.normal(size=number) - 0.245))
        return np.ceil(size(rng, number)).astype(np.int64), rates, 0.02

    return draw


def day_and_night(rng: np.random.Generator, number: int) -> NDArray[np.float64]:
    return rng.poisson(200 * (1 + 0.95 * np.sin(np.arange(number) * 2 * np.pi / 24))).astype(float)


def one_giant(share: float) -> Callable[[np.random.Generator, int], NDArray[np.float64]]:
    """Return sizes of which one, at a random place, is such a share of all values."""

    def size(rng: np.random.Generator, number: int) -> NDArray[np.float64]:
        found = np.full(number, 500.0)
        found[rng.integers(number)] = 500 * (number - 1) * share / (1 - share)
        return found

    return size


def constant(rate: float, size: int) -> _Unequal:
    """Return a situation of independent values."""
    return lambda rng, number: (np.full(number, size), np.full(number, rate), rate)


UNEQUAL: dict[str, _Unequal] = {
    "ten times fewer calls while slow": busier((1_000, 100), (0.002, 0.5)),
    "ten times more calls while slow": busier((300, 3_000), (0.002, 0.2)),
    "day and night": of_sizes(day_and_night),
    "of geometric sizes": of_sizes(lambda rng, number: rng.geometric(1 / 200, number).astype(float)),
    "of Pareto(1.1) sizes": of_sizes(lambda rng, number: 50 * (1 + rng.pareto(1.1, number))),
    "one holds half of the values": of_sizes(one_giant(0.5)),
    "one holds 99 % of the values": of_sizes(one_giant(0.99)),
    "one value in each": constant(0.1, 1),
    "one slow value in 50,000": constant(2e-5, 500),
}
