"""Looking often: how many false alarms 1,000 looks give, and what the intervals cost.

``python -m benchmarks.accuracy_often`` prints the tables of docs/how-to/looking-often.md and of
docs/how-to/extrapolate.md, misses included.  ``python -m benchmarks.accuracy_often sequences`` prints some of them:
those of `PARTS`.  Every simulation is seeded, so each run prints the same.  All take some minutes.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from historian import Histogram, compare
from historian._stats.binomial import rank_interval
from historian._stats.sequences import rank_sequence
from historian.tail import Estimate, TailWarning

from .coverage_tables import header, line, print_parts

RUNS = 5_000
LOOKS = 1_000
LIMIT = math.log(1 / 0.05)  # of the evidence

_Floats = NDArray[np.float64]
_Counts = NDArray[np.int64]


def growing(factor: float) -> _Counts:
    """Return numbers of values at looks, from 10 on: at each look, larger by this factor, at least by one value."""
    sizes = [10]
    while len(sizes) < LOOKS:
        sizes.append(max(sizes[-1] + 1, math.ceil(sizes[-1] * factor)))
    return np.array(sizes)


SCHEDULES: dict[str, _Counts] = {
    "100 values more each time": 100 * np.arange(1, LOOKS + 1),
    "1 % more each time": growing(1.01),
    "2 % more each time": growing(1.02),
}


def sequences() -> Iterator[str]:
    """Count the runs in which an interval misses the truth at any of 1,000 looks.

    What decides is how many values are at or below the true quantile.  So these numbers are drawn, and compared with
    the ranks of the interval.  Buckets, which make intervals wider, are left out.
    """
    yield from header("misses at any of 1,000 looks", ["`anytime=True`", "each as if it were the only one"])
    for schedule, sizes in SCHEDULES.items():
        for name, q, share in (
            ("`ci(0.5)`", 0.5, 0.0),
            ("`ci(0.99)`", 0.99, 0.0),
            ("`ci(0.9)`, a tenth of the values are equal to it", 0.9, 0.1),
        ):
            yield line(f"{name}, {schedule}", quantiles(q, share, sizes))
        for q in (0.5, 0.99):
            yield line(f"`ratio({q:g})`, {schedule}", [ratios(q, sizes), ""])


def grown(rng: np.random.Generator, sizes: _Counts, share: float, runs: int) -> _Counts:
    """Return how many values are within a share at each look, shape (runs, looks)."""
    return rng.binomial(np.diff(sizes, prepend=0), share, (runs, len(sizes))).cumsum(axis=1)


def quantiles(q: float, equal: float, sizes: _Counts) -> list[str]:
    """Return how often the ranks of an interval miss the quantile, to which a share of the values is equal."""
    rng, often, runs = np.random.default_rng(1), [0, 0], RUNS // 10
    asked = [np.array([ranks(q, n, 0.95) for n in sizes.tolist()]) for ranks in (rank_sequence, rank_interval)]
    for _ in range(10):
        below = grown(rng, sizes, q - equal / 2, runs)
        steps = np.diff(sizes, prepend=0) - np.diff(below, axis=1, prepend=0)  # at or above
        through = below + rng.binomial(steps, equal / (1 - q + equal / 2)).cumsum(axis=1)
        for k, bounds in enumerate(asked):
            often[k] += int(((through < bounds[:, 0]) | (below >= bounds[:, 1])).any(axis=1).sum())
    return [f"{one / RUNS:.1%}" for one in often]


def ratios(q: float, sizes: _Counts) -> str:
    """Return how often two quantiles of one distribution are refuted together: then the ratio may be missed."""
    rng, often, runs = np.random.default_rng(1), 0, RUNS // 10
    for _ in range(10):
        kept = [np.logaddexp(0, evidence(q, grown(rng, sizes, q, runs), sizes)) - math.log(2) for _ in range(2)]
        often += int((kept[0] + kept[1] >= LIMIT).any(axis=1).sum())
    return f"{often / RUNS:.1%}"


def evidence(q: float, counts: _Counts, sizes: _Counts) -> _Floats:
    """Return the logarithm of the evidence against the share q, by another formula than historian's."""
    a, b = q / min(q, 1 - q), (1 - q) / min(q, 1 - q)
    found = special.betaln(a + counts, b + sizes - counts) - special.betaln(a, b)
    return np.asarray(found - counts * math.log(q) - (sizes - counts) * math.log1p(-q))


def price() -> Iterator[str]:
    """Compare widths on the logarithm with those of intervals for a single look."""
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    yield from header("width, compared with a single look", [f"{size:,} values" for size in sizes])
    rng = np.random.default_rng(1)
    pairs = [[Histogram.from_values(rng.lognormal(0, 1, size)) for _ in range(2)] for size in sizes]
    for q in (0.5, 0.9, 0.99):
        yield line(f"`ci({q:g})`", [times(a.ci(q, anytime=True), a.ci(q)) for a, _ in pairs])
    for q in (0.5, 0.9, 0.99):
        yield line(
            f"`ratio({q:g})`", [times(compare(a, b).ratio(q, anytime=True), compare(a, b).ratio(q)) for a, b in pairs]
        )
    for q in (0.5, 0.9, 0.99):
        yield line(
            f"`ratio({q:g})`, `looks=1_000`",
            [times(compare(a, b, looks=1_000).ratio(q), compare(a, b).ratio(q)) for a, b in pairs],
        )


def times(wide: Estimate, single: Estimate) -> str:
    if wide.lower == 0 or wide.upper == math.inf:
        return "no bounds"
    return f"{math.log(wide.upper / wide.lower) / math.log(single.upper / single.lower):.2f}"


# ---- beyond the largest value ----

FITS, SIZES = 100, (1_000, 100_000)


def mixed(rng: np.random.Generator, n: int) -> _Floats:
    """Return values of which 2 % come from a path that is ten times as slow: the tail is that of this path."""
    return np.where(rng.random(n) < 0.02, 10.0, 1.0) * rng.lognormal(0, 0.5, n)


def rare(rng: np.random.Generator, n: int) -> _Floats:
    """Return values of which 1 in 20,000 comes from a path a hundred times as slow: 1,000 values mostly hold none."""
    return np.where(rng.random(n) < 5e-5, 100.0, 1.0) * rng.lognormal(0, 0.5, n)


def found(sf: Callable[[float], float]) -> Callable[[float], float]:
    """Return the quantile of a distribution, given the share above, by bisection."""

    def quantile(tail: float) -> float:
        low, high = 1e-3, 1e12
        for _ in range(200):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if sf(middle) > tail else (low, middle)
        return low

    return quantile


def above(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2


def slower(share: float, factor: float) -> Callable[[float], float]:
    def sf(t: float) -> float:
        z = math.log(t) / 0.5
        return (1 - share) * above(z) + share * above(z - math.log(factor) / 0.5)

    return sf


#: How to draw, and the quantile given the share above it.
TAILS: dict[str, tuple[Callable[[np.random.Generator, int], _Floats], Callable[[float], float]]] = {
    "generalised Pareto, shape 0.2": (
        lambda rng, n: (rng.random(n) ** -0.2 - 1) / 0.2,
        lambda tail: (tail**-0.2 - 1) / 0.2,
    ),
    "exponential": (lambda rng, n: rng.exponential(1.0, n), lambda tail: -math.log(tail)),
    "Pareto(1.5)": (lambda rng, n: 1 + rng.pareto(1.5, n), lambda tail: tail ** (-1 / 1.5)),
    "lognormal(1)": (lambda rng, n: rng.lognormal(0, 1, n), found(lambda t: above(math.log(t)))),
    "lognormal(0.5), 2 % ten times slower": (mixed, found(slower(0.02, 10.0))),
    "lognormal(0.5), 1 in 20,000 a hundred times slower": (rare, found(slower(5e-5, 100.0))),
    "in whole ticks of a tenth of the median": (
        lambda rng, n: np.ceil(10 * rng.lognormal(0, 1, n)) / 10,
        lambda tail: math.ceil(10 * found(lambda t: above(math.log(t)))(tail)) / 10,
    ),
}


def extrapolation() -> Iterator[str]:
    """Count how often the interval of an extrapolated quantile holds it, and how often there was a warning."""
    yield from header("values", [f"{size:,} values" for size in SIZES])
    for name in TAILS:
        yield fits(name)


def fits(name: str) -> str:
    """Return the percentage of intervals that hold the slowest of 10 N calls, and in brackets of those that warn."""
    draw, quantile = TAILS[name]
    cells = []
    for size in SIZES:
        held = warned = 0
        for run in range(FITS):
            h = Histogram.from_values(draw(np.random.default_rng(run), size))
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always", TailWarning)
                estimate = h.tail_fit().quantile(1 - 0.1 / size)
            held += estimate.lower <= quantile(0.1 / size) <= estimate.upper
            warned += bool(seen)
        cells.append(f"{held / FITS:.0%} ({warned / FITS:.0%})")
    return line(name, cells)


#: Those that are generalised Pareto distributions above any threshold: the shape, and the scale at the threshold.
PARETO: dict[str, tuple[float, Callable[[float], float]]] = {
    "generalised Pareto, shape 0.2": (0.2, lambda threshold: 1 + 0.2 * threshold),
    "exponential": (0.0, lambda threshold: 1.0),
    "Pareto(1.5)": (1 / 1.5, lambda threshold: threshold / 1.5),
}


def parameters() -> Iterator[str]:
    """Count how often the intervals of shape and scale hold them."""
    yield from header("values", [f"`{name}`, {size:,} values" for size in SIZES for name in ("shape", "scale")])
    for name, (shape, scale) in PARETO.items():
        cells = []
        for size in SIZES:
            held = np.zeros(2)
            for run in range(FITS):
                fit = Histogram.from_values(TAILS[name][0](np.random.default_rng(run), size)).tail_fit()
                held += [
                    fit.shape.lower <= shape <= fit.shape.upper,
                    fit.scale.lower <= scale(fit.threshold) <= fit.scale.upper,
                ]
            cells += [f"{share:.0%}" for share in held / FITS]
        yield line(name, cells)


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "sequences": sequences,
    "price": price,
    "extrapolation": extrapolation,
    "parameters": parameters,
}


if __name__ == "__main__":
    sys.exit(print_parts(PARTS, sys.argv[1:]))
