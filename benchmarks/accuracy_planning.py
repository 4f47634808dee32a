"""How often comparisons see the change that was planned for: ``python -m benchmarks.accuracy_planning``.

Each plan is for a power of 80 %.  Then whole comparisons of the planned size are counted, with new values from the true
distribution: 10,000 of them for each line of ``known``, 2,000 for each other one, so that their error is 0.4 or 0.9
points.  ``known`` plans five times, with a pilot of a million values each: the chance of one pilot and of one plan's
trials is about a point.  ``ticks`` does so for changes of few ticks of a clock.  ``pilots`` plans with 20 small pilots
of 100 comparisons each.  ``blocks`` plans with pairs of blocks of machines whose speed drifts: with five pilots of
2,000 pairs, of 2,000 comparisons each, and with 100 pilots of 30 pairs, of 20 each.  All parts take about half an hour.
Every simulation is seeded.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from historian import Comparison, Histogram, compare, merge, plan
from historian._compare import planning
from historian.tail import Estimate, TailWarning

from .accuracy import Finding, run

COMPARISONS, PILOTS = 2_000, 20
LARGE_PILOTS = 5  # of `COMPARISONS` each
SHORT_PILOTS = 100  # of 30 pairs of blocks, `COMPARISONS` together
POWER = 0.8

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


def lognormal(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Draw latencies of which p99 is four times the median."""
    return rng.lognormal(-4, 0.6, n)


def bimodal(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Draw latencies of a cache: two of a hundred miss it, and take twenty times as long."""
    return np.where(rng.random(n) < 0.98, rng.lognormal(-4, 0.3, n), rng.lognormal(-1, 0.5, n))


class Case(NamedTuple):
    """Values, and what is to be seen."""

    name: str
    draw: Draw
    q: float
    change: float
    tick: float = 0.0  # of the clock: values are its multiples, 0 for all values

    def sample(self, rng: np.random.Generator, n: int, change: float = 1.0) -> Histogram:
        """Draw n values that are slower by a change."""
        values = self.draw(rng, n) * change
        return Histogram.from_values(np.ceil(values / self.tick) * self.tick if self.tick else values)

    def seen(self, rng: np.random.Generator, n: int, comparisons: int) -> int:
        """Count the comparisons of n values with n others that see the change."""
        found = (compare(self.sample(rng, n), self.sample(rng, n, self.change)) for _ in range(comparisons))
        return sum(sees(one, self.q, self.change) for one in found)


KNOWN = (
    Case("lognormal, median, 5 %", lognormal, 0.5, 1.05),
    Case("lognormal, median, 2.5 %", lognormal, 0.5, 1.025),
    Case("lognormal, p99, 10 %", lognormal, 0.99, 1.1),
    Case("lognormal, p99, 10 % faster", lognormal, 0.99, 1 / 1.1),
    Case("lognormal, p99.9, 30 %", lognormal, 0.999, 1.3),
    Case("bimodal, median, 5 %", bimodal, 0.5, 1.05),
    Case("bimodal, p99, 20 %", bimodal, 0.99, 1.2),
    Case("ticks of 1 ms, p99, 10 %", lognormal, 0.99, 1.1, 0.001),
)
#: Changes of less than six ticks, of which `plan` warns: where values lie between ticks decides, and no pilot knows.
FEW_TICKS = (
    Case("ticks of 5 ms, p90, 50 %", lognormal, 0.9, 1.5, 0.005),
    Case("ticks of 2 ms, median, 10 %", lognormal, 0.5, 1.1, 0.002),
    Case("ticks of 5 ms, p90, 20 %", lognormal, 0.9, 1.2, 0.005),
)
SMALL = (
    (1_000, Case("lognormal, p90, 10 %", lognormal, 0.9, 1.1)),
    (10_000, Case("lognormal, p99, 10 %", lognormal, 0.99, 1.1)),
    (10_000, Case("bimodal, p99, 20 %", bimodal, 0.99, 1.2)),
)


def known() -> Iterator[Finding]:
    """Plan with about the true distribution: the mean power over large pilots."""
    for k, case in enumerate(KNOWN):
        yield of_large_pilots(case, k, 0.78, 0.82)


def ticks() -> Iterator[Finding]:
    """Plan likewise for changes of few ticks: any power is possible."""
    for k, case in enumerate(FEW_TICKS, len(KNOWN)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TailWarning)
            yield of_large_pilots(case, k, 0.0, 1.0)


def of_large_pilots(case: Case, k: int, least: float, most: float) -> Finding:
    """Return the mean power over `LARGE_PILOTS`, whose random numbers are those of the k-th case."""
    counts, seen = [], 0
    for seed in range(LARGE_PILOTS):
        rng = np.random.default_rng([k, seed])
        counts.append(int(plan(case.sample(rng, 1_000_000), case.change, case.q, seed=seed).count))
        seen += case.seen(rng, counts[-1], COMPARISONS)
    what = f"{case.name}: {min(counts):,} to {max(counts):,} values: mean power"
    return Finding(what, least, most, seen / COMPARISONS / LARGE_PILOTS, ".1%")


def pilots() -> Iterator[Finding]:
    """Plan with small pilots: the mean power, how it varies, and how often the interval holds the right number."""
    for k, (size, case) in enumerate(SMALL):
        rng = np.random.default_rng(100 + k)
        right = float(plan(case.sample(rng, 1_000_000), case.change, case.q).count)
        counts, seen, surely = [], [], []
        for seed in range(PILOTS):
            with mock.patch.object(planning, "TRIALS", 500):  # their chance is small beside that of the pilot
                count = plan(case.sample(rng, size), case.change, case.q, seed=seed).count
            assert isinstance(count, Estimate)
            counts.append(count)
            seen.append(case.seen(rng, int(count), COMPARISONS // PILOTS))
            surely.append(case.seen(rng, int(min(count.upper, 1e5)), COMPARISONS // PILOTS // 5))
        each = COMPARISONS // PILOTS
        what = f"pilots of {size:,}, {case.name}"
        holds = sum(one.lower <= right <= one.upper for one in counts) / PILOTS
        yield Finding(f"{what}: mean power", 0.7, 0.9, float(np.mean(seen)) / each, ".1%")
        yield Finding(f"{what}: spread of counts", 0.0, 1.0, float(np.std(np.log(counts))), ".1%")
        yield Finding(f"{what}: interval holds", 0.9, 1.0, holds, ".1%")
        yield Finding(f"{what}: power at upper bound", 0.85, 1.0, 5 * float(np.mean(surely)) / each, ".1%")


class Machine(NamedTuple):
    """A machine whose speed drifts from block to block, for both sides, and a little for each."""

    name: str
    own: float  # deviation of the logarithm of the speed of one side in a block
    alike: float  # correlation of this from one block to the next
    calls: int = 100  # of each side, in a block

    def turns(self, rng: np.random.Generator, number: int, change: float) -> Comparison:
        """Measure so many pairs of blocks."""
        weather = np.exp(0.2 * rng.normal(size=number).cumsum() / np.sqrt(number))
        own = rng.normal(size=(2, number))
        for k in range(1, number):
            own[:, k] = self.alike * own[:, k - 1] + np.sqrt(1 - self.alike**2) * own[:, k]
        speeds = weather * np.exp(self.own * own)
        a, b = (
            [Histogram.from_values(slower * speed * rng.lognormal(0, 0.3, self.calls)) for speed in side]
            for side, slower in zip(speeds, (1.0, change))
        )
        return Comparison(merge(a), merge(b), blocks=zip(a, b))

    def power(self, rng: np.random.Generator, counts: list[int], comparisons: int, q: float, change: float) -> float:
        """Return the share of comparisons that see the change, with so many for each number of pairs."""
        seen = sum(sees(self.turns(rng, n, change), q, change) for n in counts for _ in range(comparisons))
        return seen / comparisons / len(counts)


MACHINES = (
    (Machine("steady", 0.0, 0.0), 0.5, 1.04),
    (Machine("own drift of 5 %", 0.05, 0.0), 0.5, 1.05),
    (Machine("own drift of 5 %", 0.05, 0.0), 0.9, 1.08),
    (Machine("own drift of 5 %, neighbours alike (0.5)", 0.05, 0.5), 0.5, 1.07),
    (Machine("own drift of 5 %, neighbours alike (0.8)", 0.05, 0.8), 0.5, 1.1),
)


def blocks() -> Iterator[Finding]:
    """Plan with long pilots, of A against A, and with pilots of 30 pairs."""
    for k, (machine, q, change) in enumerate(MACHINES):
        rng = np.random.default_rng(200 + k)
        counts = sorted(int(plan(machine.turns(rng, 2_000, 1.0), change, q).count) for _ in range(LARGE_PILOTS))
        right = counts[LARGE_PILOTS // 2]
        what = f"blocks, {machine.name}, q={q}, {change - 1:.0%}"
        found = machine.power(rng, counts, COMPARISONS, q, change)
        yield Finding(f"{what}: {counts[0]} to {counts[-1]} pairs: mean power", 0.78, 0.82, found, ".1%")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TailWarning)  # a pilot of 30 pairs does not tell how alike neighbours are
            small = [plan(machine.turns(rng, 30, 1.0), change, q).count for _ in range(SHORT_PILOTS)]
        answers = [one for one in small if isinstance(one, Estimate)]
        holds = sum(one.lower <= right <= one.upper for one in answers) / SHORT_PILOTS
        bounded = sorted(one.upper / one for one in answers if one.upper < math.inf)
        yield Finding(f"{what}, pilots of 30: interval holds {right}", 0.9, 1.0, holds, ".1%")
        yield Finding(f"{what}, pilots of 30: no upper bound", 0.0, 1.0, 1 - len(bounded) / SHORT_PILOTS, ".1%")
        yield Finding(f"{what}, pilots of 30: else, upper bound by count", 1.0, 9.0, bounded[len(bounded) // 2], ".1f")
        found = machine.power(rng, [int(one) for one in small], COMPARISONS // SHORT_PILOTS, q, change)
        yield Finding(f"{what}, pilots of 30: mean power", 0.7, 0.9, found, ".1%")


def sees(comparison: Comparison, q: float, change: float) -> bool:
    """Return whether the interval of the ratio lies on the side of the change."""
    ratio = comparison.quiet_ratio(q)
    return ratio.lower > 1 if change > 1 else ratio.upper < 1


PARTS = {"known": known, "ticks": ticks, "pilots": pilots, "blocks": blocks}

if __name__ == "__main__":
    sys.exit(run(PARTS, sys.argv[1:]))
