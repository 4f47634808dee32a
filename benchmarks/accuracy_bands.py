"""Bands of whole curves: how often they hold the whole curve, and what they cost.

``python -m benchmarks.accuracy_bands`` prints the tables of docs/how-to/whole-curves.md.
``python -m benchmarks.accuracy_bands width`` prints some of them: those of `PARTS`.  Every simulation is seeded, so
each run prints the same.  All take some minutes.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from historian import Histogram
from historian._stats.bands import local_confidence
from historian.tail import TailWarning

from .coverage_tables import header, line

_Floats = NDArray[np.float64]

RUNS = {10: 20_000, 100: 20_000, 1_000: 20_000, 10_000: 10_000, 100_000: 4_000, 1_000_000: 1_000}  # by values

#: Both tails down to 1e-7, and the middle.
TAILS = np.geomspace(1e-7, 0.5, 50)
Q = np.concatenate([TAILS, 1 - TAILS])


def ranks() -> Iterator[str]:
    """Count the runs in which any sorted value leaves its interval: without ties and buckets, which hold more often."""
    yield from header("values", ["whole curve held", "each interval at 95 %"])
    for count, runs in RUNS.items():
        rank = np.arange(1, count + 1)
        bounds = []
        for level in (1 - local_confidence(count, 0.95), 0.05):
            low, high = (special.betaincinv(rank, count + 1 - rank, p) for p in (level / 2, 1 - level / 2))
            bounds.append((low, high))
        rng, held = np.random.default_rng(1), [0, 0]
        for _ in range(runs):
            gaps = rng.standard_exponential(count + 1).cumsum()
            points = gaps[:-1] / gaps[-1]  # sorted, and uniform
            for k, (low, high) in enumerate(bounds):
                held[k] += bool(((points >= low) & (points <= high)).all())
        yield line(f"{count:,}", [f"{one / runs:.1%}" for one in held])


def lognormal(p: _Floats) -> _Floats:
    return np.exp(special.ndtri(p))


def bimodal(p: _Floats) -> _Floats:
    """Return quantiles of a cache: 90 % hits about 1, and 10 % misses about 50."""
    return np.where(p < 0.9, np.exp(0.3 * special.ndtri(p / 0.9)), 50 * np.exp(0.3 * special.ndtri((p - 0.9) / 0.1)))


def ticks(p: _Floats) -> _Floats:
    return np.ceil(4 * lognormal(p)) / 4


CURVES: dict[str, Callable[[_Floats], _Floats]] = {
    "lognormal(1)": lognormal,
    "a cache: 10 % are 50 times slower": bimodal,
    "in whole ticks of a quarter of the median": ticks,
}

SIZES = {10: 400, 1_000: 400, 100_000: 400, 1_000_000: 100}  # runs, by values


def coverage() -> Iterator[str]:
    """Count the histograms of which each of 100 quantiles is inside, and each of 100 shares above a time."""
    yield from header("values", [f"{name}, {size:,}" for size in SIZES for name in ("`ci`", "`p_wait`")])
    for name, curve in CURVES.items():
        yield line(name, [cell for size, runs in SIZES.items() for cell in held(curve, size, runs)])


def held(curve: Callable[[_Floats], _Floats], size: int, runs: int) -> list[str]:
    times = np.unique(curve(Q))
    low, high = (np.array([share_above(curve, t) for t in times.tolist()]), curve(Q))
    rng, often = np.random.default_rng(1), [0, 0]
    for _ in range(runs):
        h = Histogram.from_values(curve(rng.random(size)))
        band, shares = h.ci(Q, simultaneous=True), h.fanout(1).p_wait(times, simultaneous=True)
        often[0] += bool(((band.lower <= high) & (high <= band.upper)).all())
        often[1] += bool(((shares.lower <= low) & (low <= shares.upper)).all())
    return [f"{one / runs:.1%}" for one in often]


def share_above(curve: Callable[[_Floats], _Floats], t: float) -> float:
    """Return the share above `t`, by bisection of the share at or below, on the side that is small."""
    low, high = -40.0, 40.0  # log-odds
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if curve(special.expit(np.array([middle])))[0] <= t else (low, middle)
    return float(special.expit(-low))


def width() -> Iterator[str]:
    """Compare the widths of bands: of shares above the p50, p99 and p99.9, on the logarithm."""
    sizes = (1_000, 100_000, 10_000_000)
    asked = ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))
    yield from header("band", [f"{name}, {size:,}" for size in sizes for _, name in asked])
    levels: dict[str, Callable[[int], float]] = {
        "each interval at 95 %": lambda size: 0.05,
        "equal local levels": lambda size: 1 - local_confidence(size, 0.95),
        "Bonferroni, 6,144 buckets": lambda size: 0.05 / 6_144,
    }
    for name, level in levels.items():
        yield line(name, [exact(level(size), size, q) for size in sizes for q, _ in asked])
    yield line("Dvoretzky, Kiefer, Wolfowitz", [by_distance(size, q) for size in sizes for q, _ in asked])


def exact(level: float, size: int, q: float) -> str:
    above = round((1 - q) * size)
    low = special.betaincinv(above, size - above + 1, level / 2)
    return f"{math.log(special.betaincinv(above + 1, size - above, 1 - level / 2) / low):.3g}"


def by_distance(size: int, q: float) -> str:
    most = stats.kstwo.isf(0.05, size)
    return f"{math.log((1 - q + most) / (1 - q - most)):.3g}" if most < 1 - q else "no bound"


def price() -> Iterator[str]:
    """Compare the widths of the intervals of quantiles with those of single ones, on the logarithm."""
    sizes = (1_000, 10_000, 100_000)
    yield from header("width, compared with a single interval", [f"{size:,} values" for size in sizes])
    rng = np.random.default_rng(1)
    made = [Histogram.from_values(rng.lognormal(0, 1, size)) for size in sizes]
    for q in (0.5, 0.9, 0.99):
        both = [(h.ci(q, simultaneous=True), h.ci(q)) for h in made]
        times = [
            math.log(a.upper / a.lower) / math.log(b.upper / b.lower) if a.upper < math.inf else 0 for a, b in both
        ]
        yield line(f"`ci({q:g})`", [f"{one:.2f}" if one else "no bound" for one in times])


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "ranks": ranks,
    "coverage": coverage,
    "width": width,
    "price": price,
}


def main() -> None:
    warnings.simplefilter("ignore", TailWarning)  # with few values, which miss nothing
    for name in sys.argv[1:] or PARTS:
        print(f"\n{name}\n", flush=True)
        for row in PARTS[name]():
            print(row, flush=True)


if __name__ == "__main__":
    main()
