"""The accuracy of `historian.tail` and of quantiles, and coverage of intervals: ``python -m benchmarks.accuracy``.

Prints a table: measure, target, measured.  ``python -m benchmarks.accuracy chains trees`` runs some of the parts.  All
parts take about ten minutes.  Every simulation is seeded, so each run prints the same.  Needs scipy and mpmath.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import mpmath
import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from historian import Histogram, merge
from historian.tail import Dist, Estimate, TailWarning, all_of, choice, first_of, hedge, k_of, retry, seq, tied
from historian.tail.dist import from_sf
from historian.tail.shares import any_of

QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
STAGES = (2, 3, 10, 30, 100)
SIGMAS = (0.05, 0.25, 0.5, 1.0, 2.0)
SIZE = 2**22  # of the linear grid that sums are compared with
DATA_SETS = 2_000
DRAWS, BATCH = 10_000_000, 1_000_000


class Finding(NamedTuple):
    """One line of the table."""

    measure: str
    least: float  # the smallest allowed result
    most: float
    measured: float
    spec: str  # format of the three numbers

    def __str__(self) -> str:
        limit = f"at most {self.most:{self.spec}}"
        if self.least > -math.inf:
            limit = f"{self.least:{self.spec}} to {self.most:{self.spec}}"
        verdict = "" if self.least <= self.measured <= self.most else "   MISSED"
        return f"{self.measure:<72} {limit:>18} {self.measured:>12{self.spec}}{verdict}"


def at_most(measure: str, most: float, measured: float, spec: str = ".2g") -> Finding:
    """Return a finding with an upper limit only."""
    return Finding(measure, -math.inf, most, measured, spec)


# ---- interpolated quantiles, against the sorted values ----


def interpolated() -> Iterator[Finding]:
    """Compare interpolated quantiles from p1 to p99 with the recorded values, for smooth distributions and others."""
    percents = np.arange(10, 991) / 10
    for count, typical, share in ((100_000, 0.0002, 0.85), (1_000_000, 0.0001, 0.97)):
        draw = np.random.default_rng(7)
        for name, data in (
            ("exponential", draw.exponential(1, count)),
            ("lognormal(1)", draw.lognormal(0, 1, count)),
            ("gamma(4)", draw.gamma(4, 1, count)),
            ("normal(100, 15)", draw.normal(100, 15, count)),
            ("uniform(0, 1)", draw.random(count)),
        ):
            errors = interpolation_errors(data, percents)
            what = f"interpolated p1..p99, {count:,} of {name}"
            yield at_most(f"{what}: median error", typical, float(np.median(errors)), ".4%")
            yield Finding(f"{what}: share within 0.05 %", share, 1.0, float((errors <= 0.0005).mean()), ".1%")
    whole_ms = np.random.default_rng(7).geometric(0.02, 100_000).astype(float)
    worst = float(interpolation_errors(whole_ms, percents).max())
    yield at_most("interpolated p1..p99, whole numbers: largest error", 2 ** (1 / 64) - 1, worst, ".2%")


def interpolation_errors(data: NDArray[np.float64], percents: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the relative errors of interpolated percentiles with one decimal; len(data) is a multiple of 1,000."""
    exact = np.sort(data)[np.rint(percents * len(data) / 100).astype(int) - 1]
    return np.abs(Histogram.from_values(data).percentile(percents, interpolated=True) / exact - 1)


# ---- formulas, against high-precision arithmetic ----


def p_wait() -> Iterator[Finding]:
    """Compare the share of users who wait with mpmath, over the whole range of float64."""
    worst = 0.0
    with mpmath.workdps(700):
        for exponent in range(-300, 1, 5):
            for mantissa in (1.0, 0.37, 0.99):
                tail = mantissa * 10.0**exponent
                for n in [10**k for k in range(19)] + [2, 7, 3 * 10**17]:
                    exact = 1 - (1 - mpmath.mpf(tail)) ** n
                    if exact > 1e-307:
                        worst = max(worst, float(abs(any_of(tail, n) / exact - 1)))
    yield at_most("p_wait: relative error, n 1..1e18, p 1e-300..1, against mpmath", 1e-14, worst)


def quorums() -> Iterator[Finding]:
    """Compare k of n with sums of 60 digits."""
    worst = 0.0
    for n in (2, 3, 10, 100, 1_000, 10_000, 1_000_000):
        for k in sorted({1, 2, n // 2, n - n // 20, n - n // 1_000, n - 1, n} - {0}):
            for tail in (1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.999):
                exact = at_least(n, n - k + 1, tail)
                if exact > 1e-300:
                    answer = float(k_of(k, n, from_sf(lambda t, tail=tail: tail if t < 1 else 0.0)).sf(0.5))
                    worst = max(worst, float(abs(answer / exact - 1)))
    yield at_most("k_of: relative error, n up to 1e6, against sums in 60 digits", 1e-8, worst)


def at_least(n: int, m: int, tail: float) -> mpmath.mpf:
    """Return the probability that at least m of n are slow, as a sum over the side with fewer terms."""
    with mpmath.workdps(60):
        p, upward = mpmath.mpf(tail), m > n * tail
        j = m if upward else m - 1
        logs = mpmath.loggamma(n + 1) - mpmath.loggamma(j + 1) - mpmath.loggamma(n - j + 1)
        term, total = mpmath.exp(logs + j * mpmath.log(p) + (n - j) * mpmath.log1p(-p)), mpmath.mpf(0)
        while 0 <= j <= n and term > total * mpmath.mpf(10) ** -30:
            total += term
            term *= (n - j) * p / ((j + 1) * (1 - p)) if upward else j * (1 - p) / ((n - j + 1) * p)
            j += 1 if upward else -1
        return total if upward else 1 - total


# ---- chains ----


def chains() -> Iterator[Finding]:
    """Compare sums of equal stages with the gamma distribution, and with a Fourier transform on a fine linear grid."""
    inside = asked = 0
    for name, sf, truth in (
        ("Exp", lambda t: math.exp(-t), lambda n: stats.gamma.ppf(QUANTILES, n)),
        *((f"lognormal({s})", lambda t, s=s: lognormal_sf(t, s), lambda n, s=s: by_transform(n, s)) for s in SIGMAS),
        ("Pareto(1.2)", lambda t: max(t, 1.0) ** -1.2, lambda n: transformed(n, lambda t: t**-1.2, 1e-3 * n, 1.0)),
    ):
        stage, worst = from_sf(sf), 0.0
        for n in STAGES:
            chain = seq(*[stage] * n)
            for q, exact in zip(QUANTILES, truth(n)):
                answer = chain.ppf(q)
                worst, asked = max(worst, abs(answer / exact - 1)), asked + 1
                inside += answer.lower <= exact * (1 + 1e-6) and exact * (1 - 1e-6) <= answer.upper
        yield at_most(f"chains of 2..100 stages, {name}: error of p1..p99.99", 0.002, worst, ".4%")
    yield Finding("chains: truth inside the bracket", 1.0, 1.0, inside / asked, ".0%")
    yield from nested()


def nested() -> Iterator[Finding]:
    """Compare sums that have another operation between any two, with sums that have none."""
    for name, sf in (
        ("Exp", lambda t: math.exp(-t)),
        ("lognormal(2)", lambda t: lognormal_sf(t, 2.0)),
        ("lognormal(0.05)", lambda t: lognormal_sf(t, 0.05)),
        ("Pareto(1.2)", lambda t: max(t, 1.0) ** -1.2),
        ("1 or 10", lambda t: 1.0 if t < 1 else 0.1 if t < 10 else 0.0),
        ("1 or 2", lambda t: 1.0 if t < 1 else 0.5 if t < 2 else 0.0),
    ):
        stage, worst = from_sf(sf), 0.0
        for n in STAGES:
            flat, total = seq(*[stage] * n), stage
            for _ in range(n - 1):
                total = seq(hedge(total, after=1.0, prob=0.0), stage)
            worst = max(worst, *(abs(total.ppf(q) / flat.ppf(q) - 1) for q in QUANTILES))
        yield at_most(f"2..100 sums with operations between, {name}: p1..p99.99", 0.002, worst, ".4%")


def lognormal_sf(t: float, sigma: float) -> float:
    """Return the survival at t of a lognormal with median 1; 0 at infinity."""
    return float(special.ndtr(-math.log(t) / sigma)) if t < math.inf else 0.0


def by_transform(n: int, sigma: float) -> NDArray[np.float64]:
    """Return quantiles of a sum of n lognormals."""
    # The grid reaches beyond p99.99 of the sum, whether one stage or all of them make it large.
    top = max(1.2 * n * math.exp(sigma**2 / 2) + 40 * math.sqrt(n) * sigma, math.exp(-special.ndtri(1e-5 / n) * sigma))
    with np.errstate(divide="ignore", invalid="ignore"):
        return transformed(n, lambda t: special.ndtr(-np.log(t) / sigma), top / SIZE, 0.0)


def transformed(n: int, sf: Callable[[NDArray], NDArray], step: float, least: float) -> NDArray[np.float64]:
    """Return quantiles of a sum of n times above `least`.  The noise, 1e-14, is far below the smallest tail."""
    size = SIZE
    edges = np.maximum((np.arange(size + 1) - 0.5) * step, 0.0)
    masses = -np.diff(np.where(edges > least, sf(np.maximum(edges, least)), 1.0))
    # Twice as long, so that sums beyond the grid do not come in again at its start.
    total = np.fft.irfft(np.fft.rfft(masses, 2 * size) ** n, 2 * size)[:size].cumsum()
    return np.interp(QUANTILES, np.maximum.accumulate(total), np.arange(size) * step + step / 2)


# ---- coverage ----


def coverage() -> Iterator[Finding]:
    """Count how often a 95 % interval holds the truth."""
    for count, q in ((1_000, 0.5), (1_000, 0.9), (1_000, 0.99), (10_000, 0.99), (10_000, 0.999)):
        exact = math.exp(special.ndtri(q))
        yield covered(f"quantile {q} of {count:,}", exact, lognormals(count), lambda h, q=q: h.ci(q))
    for count, n, tail in ((1_000, 10, 0.05), (10_000, 100, 0.01), (10_000, 1_000, 0.001)):
        t, exact = math.exp(-special.ndtri(tail)), any_of(tail, n)
        what = f"P(wait) for {n:,}, {count:,} values"
        yield covered(what, exact, lognormals(count), lambda h, n=n, t=t: h.fanout(n).p_wait(t))
    exact = math.exp(-special.ndtri(-math.expm1(math.log(0.9) / 10)))
    ten = "p90 of a fan-out of 10, 10,000 values"
    yield covered(ten, exact, lognormals(10_000), lambda h: h.fanout(10).quantile(0.9))
    exact = chain_p99()
    chain = covered("p99 of a chain of two, 10,000 values", exact, lognormals(10_000, 500), chain_of_two)
    yield chain._replace(most=1.0)  # combines the bounds of all parts, so it is slightly too wide, as documented
    for count, rate in ((200, 0.1), (2_000, 0.03), (20_000, 0.001)):
        exact, requests = any_of(rate, 3), misses_of(count, rate)
        yield covered(f"all of 3, misses with a rate measured in {count:,}", exact, requests, all_of_three)
    yield from bursts()


def misses_of(count: int, rate: float) -> Iterator[Histogram]:
    """Yield histograms of requests, 1 for a miss and 0 for a hit."""
    for misses in np.random.default_rng(count).binomial(count, rate, DATA_SETS).tolist():
        yield Histogram.from_values([1.0] * misses + [0.0] * (count - misses))


def all_of_three(requests: Histogram) -> Estimate:
    """Return the share of users of three requests who wait for a miss, if only the rate of misses is not known."""
    hit, miss = (Histogram.from_values([t] * 1_000).dist(confidence=None) for t in (0.001, 0.100))
    rate = requests.dist().sf(0.5)
    return all_of(3, choice({miss: rate, hit: 1 - rate})).sf(0.05)


def chain_p99() -> float:
    """Return the true p99 of the sum of two lognormals."""
    return float(by_transform(2, 1.0)[QUANTILES.index(0.99)])


def chain_of_two(h: Histogram) -> Estimate:
    """Return the p99 of a chain of two such calls."""
    x = h.dist()
    return seq(x, x).ppf(0.99)


def lognormals(count: int, sets: int = DATA_SETS) -> Iterator[Histogram]:
    """Yield histograms of `count` lognormal values each."""
    rng = np.random.default_rng(count)
    for _ in range(sets):
        yield Histogram.from_values(rng.lognormal(0, 1, count))


def covered(what: str, exact: float, given: Iterator[Histogram], ask: Callable[[Histogram], Estimate]) -> Finding:
    """Return the share of the histograms for which the interval of the answer holds the exact value."""
    held = [(answer := ask(one)).lower <= exact <= answer.upper for one in given]
    return Finding(f"coverage of 95 %: {what}", 0.93, 0.99, sum(held) / len(held), ".1%")


def bursts() -> Iterator[Finding]:
    """Measure the coverage for forty windows with different shares of slow calls, with and without `windows`."""
    rng, n, size, windows = np.random.default_rng(40), 10, 500, 40
    mean = 0.02
    a, b = 0.5, 0.5 / mean - 0.5
    # E[1 - (1 - p)^n] for p from Beta(a, b), by its moments
    exact = -math.expm1(math.fsum(math.log1p(-a / (a + b + i)) for i in range(n)))
    with_windows = without = shares = 0
    for _ in range(DATA_SETS):
        slow = rng.binomial(size, rng.beta(a, b, windows))
        parts = [Histogram.from_values(np.repeat([0.01, 1.0], [size - c, c])) for c in slow.tolist()]
        whole = merge(parts)
        answer = whole.fanout(n).bounds(0.5, windows=parts)
        with_windows += answer.lower <= exact <= answer.upper
        answer = whole.fanout(1).bounds(0.5, windows=parts)
        shares += answer.lower <= mean <= answer.upper
        answer = whole.fanout(1).p_wait(0.5)
        without += answer.lower <= mean <= answer.upper
    yield Finding("coverage of 95 %: P(wait) for 10 in bursts, by windows", 0.93, 0.99, with_windows / DATA_SETS, ".1%")
    yield Finding("coverage of 95 %: share in bursts, by windows", 0.93, 0.99, shares / DATA_SETS, ".1%")
    yield Finding("the same without windows (too narrow, as documented)", 0.0, 1.0, without / DATA_SETS, ".1%")


# ---- request trees ----

Draw = Callable[[np.random.Generator], NDArray[np.float64]]


def trees() -> Iterator[Finding]:
    """Compare request trees with simulations: the distance is in standard errors of the simulation."""
    hit, miss = from_sf(lambda t: lognormal_sf(t / 0.003, 0.5)), from_sf(lambda t: lognormal_sf(t / 0.08, 1.0))

    def hits(rng: np.random.Generator) -> NDArray[np.float64]:
        return 0.003 * rng.lognormal(0, 0.5, BATCH)

    def misses(rng: np.random.Generator) -> NDArray[np.float64]:
        return 0.08 * rng.lognormal(0, 1.0, BATCH)

    def either(rng: np.random.Generator) -> NDArray[np.float64]:
        return np.where(rng.random(BATCH) < 0.9, hits(rng), misses(rng))

    def hedged(rng: np.random.Generator, prob: float = 1.0) -> NDArray[np.float64]:
        first, second = misses(rng), 0.3 + misses(rng)
        return np.where((first > 0.3) & (rng.random(BATCH) < prob), np.minimum(first, second), first)

    def retried(rng: np.random.Generator) -> NDArray[np.float64]:
        took = np.full(BATCH, np.inf)
        for attempt in (2, 1, 0):
            this = misses(rng)
            took = np.where(this > 0.2, took, attempt * 0.25 + this)
        return took

    def tree(rng: np.random.Generator) -> NDArray[np.float64]:
        return either(rng) + np.maximum.reduce([hedged(rng) for _ in range(3)])

    cache = choice({hit: 0.9, miss: 0.1})
    for name, dist, draw in (
        ("choice", cache, either),
        ("hedge", hedge(miss, after=0.3), hedged),
        ("hedge of half", hedge(miss, after=0.3, prob=0.5), lambda rng: hedged(rng, 0.5)),
        ("retry", retry(miss, timeout=0.2, retries=2, backoff=0.05), retried),
        ("tied", tied(miss, hit), lambda rng: np.minimum(misses(rng), misses(rng)) + hits(rng)),
        ("first of 3", first_of(3, miss), lambda rng: np.minimum.reduce([misses(rng) for _ in range(3)])),
        ("2 of 3", k_of(2, 3, miss), lambda rng: np.sort([misses(rng) for _ in range(3)], axis=0)[1]),
        ("choice, then all of 3 hedges", seq(cache, all_of(3, hedge(miss, after=0.3))), tree),
    ):
        yield at_most(f"tree: {name}, against 1e7 draws, in standard errors", 4.0, distance(dist, draw))


def distance(dist: Dist, draw: Draw) -> float:
    """Return the largest distance, in standard errors, at tails from 0.9 to 1e-4 in one simulation of DRAWS."""
    tails = np.array([0.9, 0.5, 0.1, 0.01, 0.001, 0.0001])
    times = [float(t) for t in (dist.isf(p) for p in tails) if t < math.inf]
    rng, above = np.random.default_rng(7), np.zeros(len(times))
    for _ in range(DRAWS // BATCH):
        drawn = draw(rng)
        above += [np.count_nonzero(drawn > t) for t in times]
    expected = np.array([float(dist.sf(t)) for t in times])
    return float(np.max(np.abs(above / DRAWS - expected) / np.sqrt(expected * (1 - expected) / DRAWS)))


# ---- time ----


def speed() -> Iterator[Finding]:
    """Time the calls that users wait for in a notebook, in processor time: other load does not count."""
    rng = np.random.default_rng(1)
    h = Histogram.from_values(rng.lognormal(0, 1, 1_000_000))
    full = Histogram.from_values(2.0 ** rng.uniform(-32, 64, 1_000_000)).dist()
    wide = Histogram.from_values(2.0 ** rng.uniform(-10, 20, 100_000))
    widest = Histogram.from_values(2.0 ** np.arange(-31.99, 20.9, 1 / 64))
    points = [float(t) for t in np.exp(special.ndtri(np.linspace(0.5, 0.9999, 20)))]
    shares = [float(q) for q in np.linspace(0.5, 0.99, 20)]
    for what, most, call in (
        ("fanout(100).p_wait with interval, 20 points", 5, lambda: [h.fanout(100).p_wait(t) for t in points]),
        ("fanout(100).quantile with interval, 20 points", 5, lambda: [h.fanout(100).quantile(q) for q in shares]),
        ("seq of two full-width histograms", 80, lambda: seq(full, full).ppf(0.5)),
        ("corrected, a million lognormal values", 20, lambda: h.corrected(0.01)),
        ("corrected, 100,000 values in 30 octaves", 20, lambda: wide.corrected(0.001)),
        ("corrected, 53 octaves, the most that there can be", 20, lambda: widest.corrected(2.0**-32)),
    ):
        best, median = processor_ms(call)
        yield at_most(f"{what}, ms, best", most, best, ".1f")
        yield at_most(f"{what}, ms, median", most, median, ".1f")


def processor_ms(call: Callable[[], object], times: int = 21) -> tuple[float, float]:
    """Return the shortest and the median processor time of a call, in ms."""
    taken = []
    for _ in range(times):
        began = time.process_time_ns()
        call()
        taken.append(time.process_time_ns() - began)
    return min(taken) / 1e6, sorted(taken)[times // 2] / 1e6


PARTS = {
    "interpolated": interpolated,
    "p_wait": p_wait,
    "quorums": quorums,
    "chains": chains,
    "coverage": coverage,
    "trees": trees,
    "speed": speed,
}


def run(parts: dict[str, Callable[[], Iterator[Finding]]], arguments: list[str]) -> int:
    """Print the findings of all parts, or of the named ones; return 1 for a missed target, 2 for an unknown part."""
    unknown = [name for name in arguments if name not in parts]
    if unknown:
        print(f"there is no part named {unknown[0]}: choose from {', '.join(parts)}", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore", TailWarning)
    missed = 0
    print(f"{'measure':<72} {'target':>18} {'measured':>12}")
    for name in arguments or parts:
        for finding in parts[name]():
            print(finding, flush=True)
            missed += not finding.least <= finding.measured <= finding.most
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(run(PARTS, sys.argv[1:]))
