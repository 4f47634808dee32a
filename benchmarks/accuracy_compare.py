"""The coverage of the intervals of comparisons and objectives: ``python -m benchmarks.accuracy_compare``.

Prints a table: measure, target, measured, for 95 % intervals and 2,000 simulated data sets each.  ``python -m
benchmarks.accuracy_compare ratios`` runs some of the parts.  All parts take a few minutes.  Every simulation is seeded.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Literal
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from historian import Comparison, Histogram, compare, interleave, merge
from historian.tail import Estimate

from .accuracy import Finding, at_most, run
from .coverage_compare import coverage
from .coverage_periods import periods

DATA_SETS = 2_000
RUNS = 200  # of `interleave`
FALSE = 0.08  # of RUNS: 5 %, and two standard deviations of the simulation
FACTOR = 0.8
FIVE = (0.5, 0.9, 0.99, 0.999, 0.9999)

SHAPES: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "exponential": lambda rng, n: rng.exponential(1.0, n),
    "lognormal(1)": lambda rng, n: rng.lognormal(0, 1, n),
    "Pareto(1.5)": lambda rng, n: 1 + rng.pareto(1.5, n),
}

#: Values in each histogram, and quantiles for which they are enough.  The median of 100,000 Pareto values is known to
#: less than a bucket width.  The bucket width then dominates, and the interval covers more than its nominal share.
SIZES = {100: (0.5, 0.9), 1_000: (0.5, 0.9, 0.99), 10_000: (0.5, 0.9, 0.99, 0.999), 100_000: (0.5, 0.9, 0.99, 0.999)}


def ratios() -> Iterator[Finding]:
    """Count how often the interval of a ratio holds the factor between two samples of one shape."""
    for shape, draw in SHAPES.items():
        for size, quantiles in SIZES.items():
            rng, hits = np.random.default_rng(size), dict.fromkeys(quantiles, 0)
            for _ in range(DATA_SETS):
                comparison = of(draw(rng, size), FACTOR * draw(rng, size))
                for q in quantiles:
                    hits[q] += holds(comparison.quiet_ratio(q), FACTOR)
            for q, hit in hits.items():
                most = 1.0 if q == 0.5 and size >= 100_000 else 0.99  # see SIZES
                yield covered(f"ratio of the {q:g}-quantiles, {size:,} values, {shape}", hit, most)


def distances() -> Iterator[Finding]:
    """Count the same for superiority and distances of exponentials with means 1 and 0.8, which are known exactly."""
    x = -math.log(FACTOR) / (1 / FACTOR - 1)  # here the survival functions differ most
    truths = 1 / (1 + FACTOR), math.exp(-x) - math.exp(-x / FACTOR), -math.log(FACTOR)
    for size in (100, 1_000, 10_000):
        rng, hits = np.random.default_rng(size), [0, 0, 0]
        for _ in range(DATA_SETS):
            c = of(rng.exponential(1.0, size), FACTOR * rng.exponential(1.0, size))
            for k, one in enumerate((c.superiority, c.kolmogorov_smirnov, c.wasserstein)):
                hits[k] += holds(one, truths[k])
        yield covered(f"superiority, {size:,} values", hits[0])
        for name, hit in (("Kolmogorov-Smirnov (a bound)", hits[1]), ("Wasserstein (a bound)", hits[2])):
            yield covered(f"{name}, {size:,} values", hit, most=1.0)


def blocks() -> Iterator[Finding]:
    """Count the same for blocks in turns on a machine whose speed drifts, by 20 % for both and by 3 % for each."""
    for number in (10, 30):
        rng, hits = np.random.default_rng(number), dict.fromkeys((0.5, 0.9), 0)
        for _ in range(DATA_SETS // 4):
            weather = np.exp(0.2 * rng.normal(size=number))
            own = np.exp(0.03 * rng.normal(size=(2, number)))
            a = [Histogram.from_values(k * rng.lognormal(0, 0.3, 200)) for k in weather * own[0]]
            b = [Histogram.from_values(FACTOR * k * rng.lognormal(0, 0.3, 200)) for k in weather * own[1]]
            comparison = Comparison(merge(a), merge(b), blocks=zip(a, b))
            for q in hits:
                hits[q] += holds(comparison.quiet_ratio(q), FACTOR)
        for q, hit in hits.items():
            # Blocks of different speed widen both the distribution and its uncertainty.
            yield covered(f"ratio of the {q:g}-quantiles, {number} blocks, 500 data sets", hit * 4, most=1.0)


#: The time of a call, relative to the first one: at a share of the run, at the number of a turn, by a random share.
SPEEDS: dict[str, Callable[[float, int, float], float]] = {
    "a steady machine": lambda share, turn, where: 1.0,
    "it becomes 50 % slower": lambda share, turn, where: 1 + 0.5 * share,
    "it becomes 33 % faster": lambda share, turn, where: 1.5 - 0.5 * share,
    "it warms up": lambda share, turn, where: 1 + 0.5 * math.exp(-8 * share),
    "a step of 50 %": lambda share, turn, where: 1.0 + 0.5 * (share > where),
    "each second turn 30 % slower": lambda share, turn, where: 1.0 + 0.3 * (turn % 2 == 0),
    "two of four turns 30 % slower": lambda share, turn, where: 1.0 + 0.3 * (turn % 4 in (0, 3)),
    "a wave of 6 turns": lambda share, turn, where: 1.3 + 0.3 * math.sin(2 * math.pi * (turn / 6 + where)),
}


def turns() -> Iterator[Finding]:
    """Count how often `interleave` reports a difference between a function and itself, on machines that drift."""
    for blocks, calls, noise in ((8, 50, 0.1), (30, 20, 0.02)):
        for machine, speed in SPEEDS.items():
            rng, differ = np.random.default_rng(blocks), dict.fromkeys(("median", "p90", "any row of the table"), 0)
            for seed in range(RUNS):
                comparison = a_against_a(speed, rng, blocks, calls, noise, seed)
                differ["median"] += not holds(comparison.quiet_ratio(0.5), 1.0)
                differ["p90"] += not holds(comparison.quiet_ratio(0.9), 1.0)
                differ["any row of the table"] += any_differs(comparison)
            for what, times in differ.items():
                yield at_most(f"A against A differs: {what}, {blocks} blocks, {machine}", FALSE, times / RUNS, ".2%")


def tables() -> Iterator[Finding]:
    """Count how often a printed table says that two samples of one distribution differ, in any of its rows."""
    for shape, draw in SHAPES.items():
        for size in (1_000, 10_000):
            rng, differ = np.random.default_rng(size), 0
            for _ in range(DATA_SETS):
                differ += any_differs(of(draw(rng, size), draw(rng, size)))
            yield at_most(f"any row of a table differs, {size:,} values, {shape}", 0.06, differ / DATA_SETS, ".2%")


def any_differs(comparison: Comparison) -> bool:
    """Return whether a row of the printed table has an interval without 1."""
    each = comparison.each_of(FIVE)
    return any((ratio := comparison.bounded(q, each)) is not None and not holds(ratio, 1.0) for q in FIVE)


def looks() -> Iterator[Finding]:
    """Count how often repeated looks find a difference, at any time, where there is none."""
    for machine, speed in SPEEDS.items():
        rng, decided = np.random.default_rng(1), 0
        for seed in range(RUNS):
            decided += a_against_a(speed, rng, 50, 8, 0.02, seed, until="decided", seconds=1e6).decided
        yield at_most(f"A against A is decided at any of 7 looks, 50 blocks, {machine}", FALSE, decided / RUNS, ".2%")
    for shape, draw in SHAPES.items():
        found = services(draw, RUNS, 50)
        for number, alarms in found.items():
            what = f"a service differs from itself at any of 50 looks, looks={number}, {shape}"
            yield at_most(what, FALSE if number > 1 else 1.0, alarms / RUNS, ".2%")


def services(
    draw: Callable[[np.random.Generator, int], NDArray[np.float64]], number: int, times: int
) -> dict[int, int]:
    """Return how many of two growing histograms of one distribution differ at a look, by the looks that were said."""
    rng, alarms = np.random.default_rng(2), {1: 0, times: 0}
    for _ in range(number):
        a, b, seen = Histogram(), Histogram(), set[int]()
        for _ in range(times):
            a, b = (h + Histogram.from_values(draw(rng, 200)) for h in (a, b))
            seen |= {one for one in alarms if one not in seen and compare(a, b, looks=one).decided}
        for one in seen:
            alarms[one] += 1
    return alarms


def a_against_a(
    speed: Callable[[float, int, float], float],
    rng: np.random.Generator,
    blocks: int,
    calls: int,
    noise: float,
    seed: int,
    *,
    until: Literal["decided"] | None = None,
    seconds: float | None = None,
) -> Comparison:
    """Compare a function with itself in turns, on a machine with this speed and a simulated clock."""
    number = 2 * 2 * (blocks + 1) * calls
    times = (1e6 * rng.lognormal(0, noise, number)).tolist()
    where, done, now = rng.uniform(0.1, 0.9), 0, 0

    def function() -> None:
        nonlocal done, now
        now += round(times[done] * speed(done / number, done // calls, where))
        done += 1

    with mock.patch("gc.collect"):  # there are thousands of turns
        return interleave(
            function,
            function,
            blocks=blocks,
            calls=calls,
            seconds=seconds,
            until=until,
            warm_up=1,
            seed=seed,
            clock=lambda: now,
        )


def objectives() -> Iterator[Finding]:
    """Count the same for the share within a threshold, and Apdex, of exponentials."""
    within, tolerated = -math.expm1(-1.0), -math.expm1(-4.0)
    for size in (100, 1_000, 10_000):
        rng, hits = np.random.default_rng(size), [0, 0]
        for _ in range(DATA_SETS):
            h = Histogram.from_values(rng.exponential(1.0, size))
            hits[0] += holds(h.slo(1.0, 0.9).within, within)
            hits[1] += holds(h.apdex(1.0), (within + tolerated) / 2)
        yield covered(f"share within an objective, {size:,} values", hits[0])
        yield covered(f"Apdex, {size:,} values", hits[1])


def speed() -> Iterator[Finding]:
    """Time five quantiles of two histograms, and a printed comparison of blocks: the best of many rounds."""
    rng = np.random.default_rng(1)
    for number in (30, 100):
        a, b = ([Histogram.from_values(rng.lognormal(-7, 0.5, 400)) for _ in range(number)] for _ in range(2))
        seconds = []
        for _ in range(20):
            began = time.process_time()
            str(Comparison(merge(a), merge(b), blocks=zip(a, b)))
            seconds.append(time.process_time() - began)
        yield at_most(
            f"a printed comparison of {number} blocks of 400 calls, ms of CPU", 60, 1000 * min(seconds), ".3g"
        )
    for size in (10_000, 1_000_000):
        values = rng.lognormal(-4, 1, (2, size))
        two = list(map(Histogram.from_values, values))
        seconds = []
        for _ in range(50):
            began = time.perf_counter()
            compare(*two).ratio(FIVE)
            seconds.append(time.perf_counter() - began)
        yield at_most(f"compare(a, b).ratio at five quantiles, {size:,} values, ms", 25, 1000 * min(seconds), ".3g")


PARTS = {
    "speed": speed,
    "ratios": ratios,
    "distances": distances,
    "coverage": coverage,
    "periods": periods,
    "blocks": blocks,
    "turns": turns,
    "tables": tables,
    "looks": looks,
    "objectives": objectives,
}


def of(a: NDArray[np.float64], b: NDArray[np.float64]) -> Comparison:
    """Return the comparison of two samples."""
    return compare(Histogram.from_values(a), Histogram.from_values(b))


def holds(estimate: Estimate, truth: float) -> bool:
    """Return whether the interval of an estimate holds the true value."""
    return estimate.lower <= truth <= estimate.upper


def covered(measure: str, hits: int, most: float = 0.99) -> Finding:
    """Return the share of the data sets whose interval holds the true value."""
    return Finding(f"covers: {measure}", 0.93, most, hits / DATA_SETS, ".2%")


if __name__ == "__main__":
    sys.exit(run(PARTS, sys.argv[1:]))
