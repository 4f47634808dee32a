"""Looking often: how many false alarms 1,000 looks give, and what the intervals cost.

``python -m benchmarks.accuracy_often`` prints the tables of docs/how-to/looking-often.md and of
docs/how-to/extrapolate.md, misses included.  ``python -m benchmarks.accuracy_often sequences`` prints some of them:
those of `PARTS`.  Every simulation is seeded, so each run prints the same.  All take about an hour.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from historian import Histogram, compare
from historian.tail import Estimate, TailWarning

from .coverage_tables import header, line

RUNS = 250
LOOKS = 1_000
#: Standard deviations: closer to the truth, no interval of 95 % misses it.  The evidence is 20 from sqrt(2 log 20) on,
#: and if that of two histograms is enough, one of them has 7.9 or more.
NOTEWORTHY = {False: 1.9, True: 2.4}
OF_A_PAIR = 2.0

_Floats = NDArray[np.float64]
_Counts = NDArray[np.int64]

SHAPES: dict[str, tuple[Callable[[np.random.Generator, int], _Floats], Callable[[float], float]]] = {
    "lognormal(1)": (lambda rng, n: rng.lognormal(0, 1, n), lambda q: math.exp(normal(q))),
    "whole numbers, many equal": (lambda rng, n: 1.0 + rng.poisson(3.0, n), lambda q: 1.0 + poisson(3.0, q)),
}

#: Numbers of values at each look: the same number more at each one, or 1 % more.
SCHEDULES: dict[str, _Counts] = {
    "each 100 values": 100 * np.arange(1, LOOKS + 1),
    "each 1 % more, from 10 on": np.unique(np.ceil(10 * 1.0093 ** np.arange(LOOKS))).astype(np.int64),
}


def normal(q: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(q)


def poisson(mean: float, q: float) -> int:
    """Return the q-quantile of Poisson's distribution."""
    k, term = 0, math.exp(-mean)
    total = term
    while total < q:
        k += 1
        term *= mean / k
        total += term
    return k


def first_miss(asked: Callable[[int], Estimate], truth: float, sizes: _Counts, suspects: NDArray[np.bool_]) -> bool:
    """Return whether the interval misses the truth at any look.  It can do so only at the suspects."""
    for n in sizes[suspects].tolist():
        estimate = asked(n)
        if not estimate.lower <= truth <= estimate.upper:
            return True
    return False


def sequences() -> Iterator[str]:
    """Count how often an interval misses the truth at any of 1,000 looks."""
    yield from header("misses the truth at any look", ["`anytime=True`", "as if each look were the only one"])
    for name, sizes in SCHEDULES.items():
        for shape, (draw, quantile) in SHAPES.items():
            for q in (0.5, 0.99) if shape == "lognormal(1)" else (0.5,):
                yield line(f"`ci({q:g})`, {shape}, {name}", quantiles(draw, quantile(q), q, sizes))
        yield line(f"`fanout(10).p_wait(t)`, 1 % above t, {name}", waits(sizes))
        draw, quantile = SHAPES["lognormal(1)"]
        for q in (0.5, 0.99):
            yield line(f"`ratio({q:g})`, lognormal(1), {name}", ratios(draw, quantile(q), q, sizes))


def missed(often: list[int], runs: int) -> list[str]:
    return [f"{one / runs:.1%}" for one in often]


def quantiles(draw: Callable[..., _Floats], truth: float, q: float, sizes: _Counts) -> list[str]:
    """Return how often the interval of a quantile misses it at any look: always valid, and for a single look."""
    often = [0, 0]
    for run in range(RUNS):
        values = draw(np.random.default_rng(run), int(sizes[-1]))
        low, high = (np.cumsum(side)[sizes - 1] for side in (values < truth, values <= truth))
        scale = np.sqrt(sizes * q * (1 - q))
        apart = np.maximum(low - q * sizes, q * sizes - high) / scale
        for k, anytime in enumerate((True, False)):
            suspects = apart > NOTEWORTHY[anytime]

            def asked(n: int, anytime: bool = anytime, values: _Floats = values) -> Estimate:
                return Histogram.from_values(values[:n]).ci(q, anytime=anytime)

            often[k] += first_miss(asked, truth, sizes, suspects)
    return missed(often, RUNS)


def waits(sizes: _Counts) -> list[str]:
    """Return the same for the share of users who wait, of ten calls."""
    often, p = [0, 0], 0.01
    truth = -math.expm1(10 * math.log1p(-p))
    for run in range(RUNS):
        slow = np.cumsum(np.random.default_rng(run).random(int(sizes[-1])) < p)[sizes - 1]
        apart = np.abs(slow - p * sizes) / np.sqrt(sizes * p * (1 - p))
        at = dict(zip(sizes.tolist(), slow.tolist()))
        for k, anytime in enumerate((True, False)):

            def asked(n: int, anytime: bool = anytime, at: dict[int, int] = at) -> Estimate:
                h = Histogram.from_values([0.01, 1.0], counts=[n - at[n], at[n]])
                return h.fanout(10).p_wait(0.5, anytime=anytime)

            often[k] += first_miss(asked, truth, sizes, apart > NOTEWORTHY[anytime])
    return missed(often, RUNS)


def ratios(draw: Callable[..., _Floats], truth: float, q: float, sizes: _Counts) -> list[str]:
    """Return the same for the ratio of two histograms of one distribution."""
    often, runs = [0, 0], RUNS // 2
    for run in range(runs):
        rng = np.random.default_rng(run)
        a, b = (draw(rng, int(sizes[-1])) for _ in range(2))
        scale = np.sqrt(sizes * q * (1 - q))
        of_a, of_b = ((np.cumsum(values <= truth)[sizes - 1] - q * sizes) / scale for values in (a, b))
        for k, anytime in enumerate((True, False)):

            def asked(n: int, anytime: bool = anytime, a: _Floats = a, b: _Floats = b) -> Estimate:
                return compare(Histogram.from_values(a[:n]), Histogram.from_values(b[:n])).ratio(q, anytime=anytime)

            apart = np.maximum(abs(of_a), abs(of_b)) if anytime else abs(of_a - of_b) / math.sqrt(2)
            often[k] += first_miss(asked, 1.0, sizes, apart > (OF_A_PAIR if anytime else NOTEWORTHY[False]))
    return missed(often, runs)


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

FITS = 120


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
    "uniform, ends at 1": (lambda rng, n: rng.random(n), lambda tail: 1 - tail),
}


def extrapolation() -> Iterator[str]:
    """Count how often the interval of an extrapolated quantile holds it, and how often there was a warning."""
    sizes = (1_000, 10_000, 100_000)
    columns = [f"{size:,} values, {what}" for size in sizes for what in ("1 in N", "1 in 10 N")]
    yield from header("values", columns)
    for name, (draw, quantile) in TAILS.items():
        cells = [cell for size in sizes for cell in fits(draw, quantile, size)]
        yield line(name, cells)


def fits(draw: Callable[..., _Floats], quantile: Callable[[float], float], size: int) -> list[str]:
    """Return the percentage of intervals that hold the quantile, and in brackets of fits that warn, for two tails."""
    held, warned = [0, 0], [0, 0]
    for run in range(FITS):
        h = Histogram.from_values(draw(np.random.default_rng(run), size))
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", TailWarning)
            fit = h.tail_fit()
            of_fit = len(seen)
            for k, tail in enumerate((1 / size, 0.1 / size)):
                before, truth = len(seen), quantile(tail)
                estimate = fit.quantile(1 - tail)
                held[k] += estimate.lower <= truth <= estimate.upper
                warned[k] += of_fit > 0 or len(seen) > before
    return [f"{one / FITS:.0%} ({two / FITS:.0%})" for one, two in zip(held, warned)]


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "sequences": sequences,
    "price": price,
    "extrapolation": extrapolation,
}


def main() -> None:
    warnings.simplefilter("ignore", TailWarning)  # with few values, which miss nothing
    for name in sys.argv[1:] or PARTS:
        print(f"\n{name}\n", flush=True)
        for row in PARTS[name]():
            print(row, flush=True)


if __name__ == "__main__":
    main()
