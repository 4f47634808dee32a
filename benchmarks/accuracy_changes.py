"""False alarms, power and places of `historian.changes`: ``python -m benchmarks.accuracy_changes``.

Prints the tables of docs/how-to/change-points.md: ``alarms``, ``power``, ``places``.  ``python -m
benchmarks.accuracy_changes alarms 500 60 300`` runs one of them with so many simulated histories, of these numbers of
intervals.  ``null`` simulates the table `historian._compare.scan.NULL`.  Every simulation is seeded.  All tables take
about an hour on one core.
"""

from __future__ import annotations

import math
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from historian import Histogram
from historian._compare.changes import changes
from historian._compare.scan import CHANCES, LEAST, largest, levels

from .coverage_tables import header, line

HISTORIES = 500
LENGTHS = (60, 300, 1_440)
CALLS = 1_000  # in an interval
ALARM = 0.01

_Levels = NDArray[np.float64]  # logarithm of how slow each interval is
_Draw = Callable[[np.random.Generator, int], list[Histogram]]


def histograms(rng: np.random.Generator, slower: _Levels, calls: NDArray[np.int_] | int = CALLS) -> list[Histogram]:
    """Return lognormal calls, of median 50 ms, for each interval."""
    counts = np.broadcast_to(calls, slower.shape)
    return [Histogram.from_values(0.05 * np.exp(rng.normal(one, 1, n))) for one, n in zip(slower, counts)]


def wandering(rng: np.random.Generator, n: int, correlation: float) -> _Levels:
    """Return an autoregression of variance 1."""
    found, noise = np.empty(n), rng.normal(size=n)
    found[0] = noise[0]
    for k in range(1, n):
        found[k] = correlation * found[k - 1] + math.sqrt(1 - correlation**2) * noise[k]
    return found


def alike(calls: int) -> _Draw:
    return lambda rng, n: histograms(rng, np.zeros(n), calls)


def load(correlation: float, spread: float) -> _Draw:
    return lambda rng, n: histograms(rng, spread * wandering(rng, n, correlation))


def bursts(often: float, length: float) -> _Draw:
    """Return a situation of bursts, in which a tenth of the calls is slow instead of 0.5 %."""

    def draw(rng: np.random.Generator, n: int) -> list[Histogram]:
        found, on = [], False
        for _ in range(n):
            on = rng.random() > 1 / length if on else rng.random() < often
            slow = rng.random(CALLS) < (0.1 if on else 0.005)
            found.append(Histogram.from_values(0.05 * np.exp(rng.normal(0, 0.3, CALLS) + 2.5 * slow)))
        return found

    return draw


def unequal(spread: float) -> _Draw:
    """Return a situation in which calls become 20 times as many in the middle, and speeds differ by `spread`."""
    return lambda rng, n: histograms(rng, spread * rng.normal(size=n), np.where(np.arange(n) < n // 2, 200, 4_000))


def any_calls(rng: np.random.Generator, n: int) -> list[Histogram]:
    return histograms(rng, 0.3 * wandering(rng, n, 0.5), rng.integers(50, 5_000, n))


def ticks(rng: np.random.Generator, n: int) -> list[Histogram]:
    """Return calls in whole multiples of 50 ms, from a clock that ticks."""
    levels_ = 0.1 * wandering(rng, n, 0.5)
    return [Histogram.from_values(np.ceil(np.exp(rng.normal(one, 1, CALLS))) * 0.05) for one in levels_]


def daily(rng: np.random.Generator, n: int) -> list[Histogram]:
    """Return six days, in which load and latency go up and down."""
    wave = np.sin(2 * math.pi * np.arange(n) / (n // 6))
    return histograms(rng, 0.4 * wave + 0.1 * wandering(rng, n, 0.5), (1_000 * np.exp(0.7 * wave)).astype(int))


#: Histories without a change.
STEADY: dict[str, _Draw] = {
    "alike, 1,000 calls": alike(CALLS),
    "alike, 50 calls": alike(50),
    "autocorrelation 0.5, levels differ by 10 %": load(0.5, 0.1),
    "autocorrelation 0.5, by 50 %": load(0.5, 0.5),
    "autocorrelation 0.8, by 10 %": load(0.8, 0.1),
    "autocorrelation 0.8, by 50 %": load(0.8, 0.5),
    "autocorrelation 0.95, by 50 %": load(0.95, 0.5),
    "bursts of 1, each 50": bursts(0.02, 1),
    "bursts of 3, each 50": bursts(0.02, 3),
    "bursts of 10, each 60": bursts(0.02, 10),
    "20 times more calls from the middle on": unequal(0.0),
    "the same, by 30 %": unequal(0.3),
    "50 to 5,000 calls, autocorrelation 0.5, by 30 %": any_calls,
    "ticks of 50 ms": ticks,
    "six days with a cycle, its period told": daily,
}


def alarms(sets: int, lengths: tuple[int, ...]) -> Iterator[str]:
    """Count how often a history without a change gives any."""
    yield from header("history without a change, of intervals", [f"{n:,}" for n in lengths])
    for name, draw in STEADY.items():
        cells = []
        for n in lengths:
            rng = np.random.default_rng(zlib.crc32(name.encode()) + n)
            found = [told(draw(rng, n), period=n // 6 if draw is daily else None) for _ in range(sets_of(sets, n))]
            cells.append(f"{np.mean([bool(one) for one in found]):.1%}")
        yield line(name, cells)


def power(sets: int, lengths: tuple[int, ...]) -> Iterator[str]:
    """Count how often a change of the p99 is found, within a tenth of all intervals."""
    yield from header("p99 changes; found within a tenth of the history, of intervals", [f"{n:,}" for n in lengths])
    for factor in (1.25, 2.0):
        for share in (0.5, 0.85):
            for name, correlation, spread in (("alike", 0.0, 0.0), ("by 10 %", 0.5, 0.1), ("by 30 %", 0.8, 0.3)):
                cells = []
                for n in lengths:
                    rng, hits = np.random.default_rng(n), 0
                    place = round(share * n)
                    for _ in range(sets_of(sets, n) // 2):
                        found = told(changed(rng, n, place, factor, correlation, spread))
                        hits += any(abs(one.index - place) <= n / 10 for one in found)
                    cells.append(f"{hits / (sets_of(sets, n) // 2):.0%}")
                where = "in the middle" if share == 0.5 else "at 85 %"
                yield line(f"times {factor:g} {where}, {name}, autocorrelation {correlation:g}", cells)


def places(sets: int, lengths: tuple[int, ...]) -> Iterator[str]:
    """Count how often the intervals of place and ratio hold the truth, of changes that were found."""
    yield from header("95 % intervals of place, of ratio hold", [f"{n:,}" for n in lengths])
    for factor in (1.25, 2.0):
        for name, correlation, spread in (("alike", 0.0, 0.0), ("by 10 %", 0.5, 0.1), ("by 30 %", 0.8, 0.3)):
            cells = []
            for n in lengths:
                rng, hits = np.random.default_rng(n), []
                place = n // 2
                for _ in range(sets_of(sets, n) // 2):
                    for one in told(changed(rng, n, place, factor, correlation, spread))[:1]:
                        hits.append((one.first <= place <= one.last, one.ratio.lower <= factor <= one.ratio.upper))
                cells.append(" ".join(f"{share:.0%}" for share in np.mean(hits, axis=0)) if len(hits) > 9 else "-")
            yield line(f"times {factor:g}, {name}, autocorrelation {correlation:g}", cells)


def changed(
    rng: np.random.Generator, n: int, place: int, factor: float, correlation: float, spread: float
) -> list[Histogram]:
    """Return a history in which all calls take `factor` times as long from `place` on."""
    levels_ = spread * wandering(rng, n, correlation) + math.log(factor) * (np.arange(n) >= place)
    return histograms(rng, levels_)


def told(history: list[Histogram], period: int | None = None):  # type: ignore[no-untyped-def]
    """Return the changes; too few intervals to tell are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return changes(history, 0.99, ALARM, period=period)


def sets_of(sets: int, n: int) -> int:
    """Return how many histories of so many intervals are simulated: less of long ones."""
    return max(20, sets * 300 // max(n, 300))


def null(sets: int, lengths: tuple[int, ...]) -> Iterator[str]:
    """Simulate the largest statistic of each level for independent normal values."""
    for n in lengths:
        rng = np.random.default_rng(n)
        for level in levels(n):
            drawn = [largest(rng.normal(size=(100, n)), level)[0] for _ in range(sets // 100)]
            shares = np.quantile(np.concatenate(drawn), [1 - chance for chance in CHANCES])
            yield f"{n:,} values, windows of {level.size:,} (at least {LEAST}): {shares.round(1).tolist()}"


TABLES = {"alarms": alarms, "power": power, "places": places, "null": null}


def main(arguments: list[str]) -> None:
    """Print the tables that are named, or all but the last one."""
    asked = [one for one in arguments if not one.isdigit()] or list(TABLES)[:3]
    numbers = [int(one) for one in arguments if one.isdigit()]
    for name in asked:
        for text in TABLES[name](numbers[0] if numbers else HISTORIES, tuple(numbers[1:]) or LENGTHS):
            print(text, flush=True)
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
