"""Simulated comparisons, to plan one: `Values` of a histogram, and `Turns` of an interleaved run.

A trial compares two samples, of which the second one is slower by a change.  Its margin is the normal deviate of the
evidence that there is a change, less the deviate that the confidence asks for: the trial sees the change if the margin
is above 0.  The margin of all trials has a part that grows with the square root of the number of values or blocks, and
with the logarithm of the change.  The rest, chance, stays as it is.  So trials with one number and one change also tell
what another number or change would show, if it is not far away.

With few values, the interval has no bound, however large the change is, and with some more, the probability that the
quantile is beyond all values uses up a part of what the confidence leaves.  This part is known for each number.

Source: Lehmann & Romano, Testing Statistical Hypotheses (2005), 11.2, for the square root; Efron & Tibshirani, An
Introduction to the Bootstrap (1993), 25.4, for samples that are drawn from a pilot.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .._stats.beta_arrays import tails
from .._stats.binomial import share_interval
from .._stats.estimate import quantile_name
from .._stats.normal import normal_quantile
from .._stats.student import student_quantile
from ..buckets import OVERFLOW_INDEX, ZERO_INDEX
from .arguments import least_blocks
from .distances import STEP
from .neighbours import ENOUGH, Neighbours, times_wider
from .ratios import SPREAD, Grid, RatioOf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..histogram import Histogram
    from .comparison import Comparison
    from .ratios import Asked

__all__ = ["Margins", "Turns", "Values"]

LEAST = 10  # values on each side of a quantile, without which a pilot does not know it; also in a cell of its density
FURTHEST = 37.0  # no deviate is larger: of the probability 1e-300
FEW_TICKS = 6  # with a change of 1.6 ticks, plans for a power of 80 % had 60 %, with 4 ticks 73 %, with 7 ticks 79.5 %
APART = 2  # buckets between two quantiles from which on their ratio can be told from 1
LONGEST = 500  # blocks in a series of a trial: longer ones hardly know better how alike neighbours are
SERIES = 500  # trials whose series are in memory at once, 2 MB
AT_ONCE = 100  # trials whose binomial probabilities are computed in one call


class Margins(NamedTuple):
    """The outcome of some trials."""

    found: NDArray[np.float64]  # the margin of each trial: it sees the change if this is above 0
    grows: float  # the part of the margins that grows with the root of the count and the logarithm of the change
    falls: Callable[[float], float] = lambda _: 0.0  # what margins lose if the root is so many times larger: not rising

    def power(self, known: float = 1.0) -> float:
        """Return the share of trials that see the change if `grows` is so many times larger."""
        return float((self.found + (known - 1) * self.grows > 0).mean())

    def times(self, power: float, known: float = 1.0) -> float:
        """Return how many times larger the root or logarithm must be for this power, if `grows` is `known` times.

        Infinity if `grows` has the wrong sign.
        """
        import numpy

        if self.grows * known <= 0:
            return math.inf
        missing = -float(numpy.quantile(self.found, 1 - power))
        low, high = (max(0.0, 1 + (missing + lost) / self.grows) / known for lost in (self.falls(math.inf), 0.0))
        high = max(1.0, high) if low < high else high  # nothing is lost from 1 on
        while high - low > 1e-10 * high:
            middle = (low + high) / 2
            enough = (middle * known - 1) * self.grows >= missing + self.falls(middle)
            low, high = (low, middle) if enough else (middle, high)
        return high


class Values:
    """Trials with independent values: two samples of a histogram, the second one slower by a change."""

    unit, assumes = "values", "independent values assumed"
    remedy = "use a finer clock, or plan for a larger change"
    most = 10**9  # values in a sample

    def __init__(self, pilot: Histogram, q: float, confidence: float) -> None:
        """Take a pilot with values.  Raises ValueError if it does not know the quantile."""
        self._q, self._alpha = q, (1 - confidence) / 2
        self._count = pilot.count
        self._curve = _Curve.of(Grid.of(pilot), q)
        self._tick = self._curve.tick(q)

    least = 2

    @property
    def enough(self) -> int:
        """The least number of values with which the interval has a bound: fewer see no change at all."""
        n = max(self.least, math.ceil(math.log(self._alpha) / math.log(max(self._q, 1 - self._q)) - 1e-9))
        while self._needed(n) == math.inf:
            n += 1
        return n

    def guess(self, change: float, deviate: float) -> float:
        """Return about how many values it takes for a margin whose mean is `deviate`: 2 q (1 - q) (deviate/D)^2.

        D is the share of values that the change moves past the quantile.
        """
        return 2 * self._q * (1 - self._q) * (deviate / max(self._moved(change), 0.1 / self._count)) ** 2

    def known(self, change: float) -> tuple[float, float]:
        """Return how many times smaller, and larger, `Margins.grows` may be than with this pilot, by its own chance.

        The density around the quantile is the share of values that the change moves past it: Clopper & Pearson.  It is
        not known where values lie between two ticks of a clock, and so neither for a change of few ticks.
        """
        share = self._moved(change)
        if share * self._count < 1 or self.doubt(change):
            return 0.0, math.inf
        low, high = share_interval(share * self._count, (1 - share) * self._count, 0.95)
        return low / share, high / share

    def doubt(self, change: float) -> str:
        """Return why the answer for a change is not known, "" if it is."""
        if self._tick <= 1 or FEW_TICKS * self._tick <= abs(math.log(change)) / STEP * (1 + 1e-9):
            return ""
        return (
            f"the change is less than {FEW_TICKS} ticks of the clock, and it is not known where values lie between them"
        )

    def margins(self, count: float, change: float, trials: int, seed: tuple[int, int]) -> Margins:
        """Return the margins of trials with `count` values in each sample.  0.7 ms for each trial."""
        import numpy

        rng, above, n = numpy.random.default_rng(seed), change > 1, round(count)
        sides = [self._curve.sample(moved, n, trials, rng) for moved in (0.0, math.log(change) / STEP)]
        levels, ranks = numpy.empty(trials), _Ranks(n, self._q)
        for start in range(0, trials, AT_ONCE):
            pairs = list(zip(*(side[start : start + AT_ONCE] for side in sides)))
            ratios = RatioOf.of_pairs(pairs, [self._q] * len(pairs), ranks.chances)
            levels[start : start + len(pairs)] = [one.level(above=above) for one in ratios]
        levels = (levels - self._beyond(n)).clip(1e-300, 1 - 1e-16)
        deviates, needed = -numpy.array([normal_quantile(one) for one in levels.tolist()]), self._needed(n)
        first, second = (numpy.array([_bucket(grid, self._q) for grid in side]) for side in sides)
        apart = second - first if above else first - second
        found = numpy.where(apart < APART, -FURTHEST, deviates) - needed
        return Margins(found, float(numpy.median(deviates)), lambda times: self._needed(n * times**2) - needed)

    def _beyond(self, n: float) -> float:
        """Return the probability that the quantile is above all of n values, or below: then a bound is missing."""
        return float(self._q**n + (1 - self._q) ** n)

    def _needed(self, n: float) -> float:
        """Return the deviate that the evidence must reach beside this probability; infinity if there is no bound."""
        left = self._alpha - self._beyond(n)
        return -normal_quantile(left) if left > 0 else math.inf

    def _moved(self, change: float) -> float:
        """Return the share of the pilot's values within half of the change around the quantile, on the logarithm."""
        return self._curve.around(self._q, abs(math.log(change)) / STEP / 2)


class _Ranks:
    """The distribution of the rank of a quantile, P(rank <= x) = I_(1-q)(n - x, x + 1), in a table for all trials."""

    def __init__(self, n: int, q: float) -> None:
        """Compute it up to `SPREAD` deviations from its mean.  Between its points, its relative error is below 1 %."""
        import numpy

        deviation = math.sqrt(n * q * (1 - q))
        reach, step = SPREAD * deviation + 10, min(deviation, 4.0) / 32
        step = max(step, reach / 4_096)
        self._n, self._at = n, numpy.arange(max(-0.5, n * q - reach), min(n - 0.5, n * q + reach) + step, step)
        self._shares, _ = tails(1 - q, numpy.maximum(n - self._at, 0.5), numpy.maximum(self._at + 1, 0.5))

    def chances(self, asked: Sequence[Asked]) -> list[NDArray[np.float64]]:
        """Return P(rank <= up_to) and P(rank < below), in two rows, for each of `asked`."""
        import numpy

        lengths = [len(one.up_to) for one in asked]
        up_to, below = (numpy.concatenate([one[k] for one in asked]) for k in (0, 1))
        found = numpy.stack([numpy.interp(one, self._at, self._shares) for one in (up_to, below - 1)])
        found[0, up_to >= self._n], found[1, below <= 0] = 1.0, 0.0
        return numpy.split(found, numpy.cumsum(lengths)[:-1], axis=1)


class _Curve(NamedTuple):
    """The distribution of a pilot between its values, and the buckets into which new values fall.

    Each cell of the distribution has `LEAST` values or is a bucket with more; within it, values are spread evenly, on
    the logarithm.  If the clock ticks so slowly that there are empty buckets between equal values, a cell reaches from
    the middle between two ticks to the next middle, and new values fall on the ticks only.
    """

    edges: NDArray[np.float64]  # of the cells: indices of buckets, with fractions, ascending
    shares: NDArray[np.float64]  # of the values below each edge, from 0 to 1
    cuts: NDArray[np.float64]  # edges between which new values fall into the same bucket
    buckets: NDArray[np.int64]  # this bucket

    @classmethod
    def of(cls, grid: Grid, q: float) -> _Curve:
        """Return the distribution of a pilot that knows its q-quantile; else raise ValueError."""
        import numpy

        beyond = int(min(q, 1 - q) * grid.size * (1 + 1e-9))
        if beyond < LEAST:
            least = math.ceil(LEAST / min(q, 1 - q) * (1 - 1e-9))
            known = f"must hold at least {least:,} values to know {quantile_name(q)}"
            raise ValueError(f"pilot {known}, not {grid.size:,}")
        bucket = _bucket(grid, q)
        if bucket in (ZERO_INDEX, OVERFLOW_INDEX):
            raise ValueError(f"{quantile_name(q)} of the pilot is beyond the buckets: record in another unit")
        there = numpy.flatnonzero(grid.counts)
        if len(there) > 1 and grid.tied[bucket - int(grid.edges[0])]:
            return cls.ticking(grid, there)
        keep, last = [0], 0.0
        for k, total in enumerate(grid.totals.tolist()):
            if total - last >= LEAST and grid.size - total >= LEAST:
                keep.append(k)
                last = total
        keep.append(len(grid.totals) - 1)
        edges = grid.edges.astype(numpy.float64)
        return cls(edges[keep], grid.totals[keep] / grid.size, edges, grid.edges[:-1])

    @classmethod
    def ticking(cls, grid: Grid, there: NDArray[np.intp]) -> _Curve:
        """Return the distribution of a pilot whose values are those of a slow clock, at the positions `there`."""
        import numpy

        ticks = grid.edges[there].astype(numpy.float64)
        ends = [2 * ticks[0] - ticks[1]], [2 * ticks[-1] - ticks[-2]]
        around = numpy.concatenate([ends[0], ticks, ends[1]])
        edges = (around[1:] + around[:-1]) / 2 + 0.5
        return cls(edges, grid.totals[numpy.append(there, -1)] / grid.size, edges, ticks.astype(numpy.int64))

    def tick(self, q: float) -> float:
        """Return the larger distance of two ticks around the q-quantile, in buckets: 1 if the clock is fine."""
        import numpy

        middle = numpy.interp(q, self.shares, self.edges)
        at = int(numpy.searchsorted(self.cuts, middle)) - 1
        return float(numpy.diff(self.buckets[max(0, at - 1) : at + 2]).max(initial=1))

    def around(self, q: float, reach: float) -> float:
        """Return the share of values within so many buckets of the q-quantile."""
        import numpy

        middle = float(numpy.interp(q, self.shares, self.edges))
        low, high = numpy.interp([middle - reach, middle + reach], self.edges, self.shares).tolist()
        return float(high - low)

    def sample(self, moved: float, n: int, number: int, rng: np.random.Generator) -> list[Grid]:
        """Return so many samples of n values, each of them moved by so many buckets."""
        import numpy

        cuts, buckets = self.cuts, self.buckets
        for _ in range(math.ceil(abs(moved)) if len(cuts) else 0):  # the moved values need buckets beyond the pilot's
            if cuts[-1] >= self.edges[-1] + moved and cuts[0] <= self.edges[0] + moved:
                break
            low, high = cuts[1] - cuts[0], cuts[-1] - cuts[-2]
            cuts = numpy.concatenate([[cuts[0] - low], cuts, [cuts[-1] + high]])
            ends = [buckets[0] - round(low)], [buckets[-1] + round(high)]
            buckets = numpy.concatenate([ends[0], buckets, ends[1]])
        cuts, buckets = cuts.clip(ZERO_INDEX, OVERFLOW_INDEX + 1), buckets.clip(ZERO_INDEX, OVERFLOW_INDEX)
        chances = numpy.diff(numpy.interp(cuts - moved, self.edges, self.shares))
        drawn = rng.multinomial(n, chances / chances.sum(), size=number)
        first = int(buckets[0])
        dense = numpy.zeros((number, int(buckets[-1]) - first + 1))
        dense[:, buckets - first] = drawn
        return [_grid(first, row, n) for row in dense]


def _grid(first: int, counts: NDArray[np.float64], n: int) -> Grid:
    """Return the grid of n values that are counted in consecutive buckets."""
    import numpy

    there = numpy.flatnonzero(counts)
    low, high = int(there[0]), int(there[-1])
    return Grid.counted(first + low, counts[low : high + 1], n)


def _bucket(grid: Grid, q: float) -> int:
    """Return the bucket of the q-quantile."""
    import numpy

    rank = max(1, math.ceil(q * grid.size * (1 - 1e-15)))
    return int(grid.edges[int(numpy.searchsorted(grid.totals, rank)) - 1])


class Turns:
    """Trials with pairs of blocks, as many as asked for, whose ratios vary as those of a pilot do.

    The logarithm of the ratio of two quantiles is about a mean over the pairs (see `historian._compare.bootstrap`).  So
    its interval is that of Student's t, and a trial is a normal deviate and an independent chi-square one.  Source:
    Student, Biometrika 6 (1908), 1-25, for the two; Hesterberg, The American Statistician 69 (2015), for the interval.

    If neighbours are alike in the pilot, the interval of the test is wider by what the test finds of it.  Few blocks
    find too little of it or too much.  So each trial is then a series of blocks, whose neighbours are as alike as those
    of the pilot, and finds out again.
    """

    unit, assumes = "pairs of blocks", "blocks that vary as those of the pilot"
    remedy = f"make blocks longer than the drift lasts, or measure a pilot of {ENOUGH} pairs or more"
    most = 10**6  # pairs

    def __init__(self, pilot: Comparison, q: float, confidence: float) -> None:
        """Take a pilot with blocks.  Raises ValueError if their ratios of the quantile do not vary."""
        import numpy

        from .bootstrap import Blocks

        self._confidence, self._pairs = confidence, len(pilot.blocks)
        self.least = self.enough = least_blocks(confidence)
        blocks = Blocks(pilot.blocks)
        low, high = blocks.ratios(q)
        self._neighbours = Neighbours.of(blocks.influences(q), math.inf)
        # The draws vary as the mean of the pairs does, except for a factor: the variance of M draws has no M - 1.
        widened = math.sqrt(self._neighbours.ratio)
        self._spread = float(numpy.std((low + high) / 2)) * widened * self._pairs / math.sqrt(self._pairs - 1)
        self._loses = float(numpy.median(high - low)) / 2  # by ties: each bound is that of the other end of a bucket
        if not self._spread < 100:
            raise ValueError(f"{quantile_name(q)} of the pilot is beyond the buckets: record in another unit")
        self._spread = max(self._spread, 1e-9)

    def guess(self, change: float, deviate: float) -> float:
        """Return about how many pairs it takes for a margin whose mean is `deviate`."""
        return (deviate * self._spread / self._moved(change)) ** 2

    def doubt(self, change: float) -> str:
        """Return why the answer is not known, "" if it is; for any change, since blocks vary more than ticks."""
        if not self._neighbours.are_alike or self._pairs >= ENOUGH:
            return ""
        return f"neighbouring blocks are alike, and a pilot of {self._pairs} pairs does not tell how much"

    def known(self, change: float) -> tuple[float, float]:
        """Return how many times smaller, and larger, `Margins.grows` may be than with this pilot, by its own chance.

        The variance of M pairs is that of a chi-square with M - 1 degrees of freedom.  If neighbours do not look alike,
        they may still be, by `Neighbours.most`.  If they do, the long-run variance has fewer degrees of freedom.
        """
        low, high = _chance(self._pairs - 1)
        neighbours = self._neighbours
        if not neighbours.are_alike:
            return math.exp(-math.hypot(math.log(low), math.log(neighbours.most()) / 2)), high
        of_few = _chance(neighbours.freedom)
        if self.doubt(change):  # from no bound to blocks that are not alike at all
            return 0.0, max(of_few[1], high * math.sqrt(neighbours.ratio))
        return of_few

    def margins(self, count: float, change: float, trials: int, seed: tuple[int, int]) -> Margins:
        """Return the margins of trials with `count` pairs of blocks.  O(trials), times `LONGEST` if they are alike."""
        import numpy

        rng, m = numpy.random.default_rng(seed), round(count)
        if self._neighbours.ratio > 1:
            noise, varies = self._of_series(rng, trials, m)
        else:
            noise, varies = rng.normal(size=trials), numpy.sqrt(rng.chisquare(m - 1, trials) / (m - 1))
        grows = self._moved(change) * math.sqrt(m) / self._spread
        reach = student_quantile((1 + self._confidence) / 2, m - 1)
        seen = abs(math.log(change)) + noise * self._spread / math.sqrt(m)
        apart = numpy.floor(seen / STEP + rng.random(trials))  # buckets, from anywhere in a bucket
        return Margins(numpy.where(apart < APART, -FURTHEST, grows + noise - reach * varies), grows)

    def _of_series(
        self, rng: np.random.Generator, trials: int, m: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return deviates of the means of series of m blocks, and the deviations that the test finds, both about 1."""
        import numpy

        size = min(m, LONGEST)
        noise, varies = numpy.empty(trials), numpy.empty(trials)
        for start in range(0, trials, SERIES):
            some = slice(start, min(start + SERIES, trials))
            series = self._neighbours.draw(rng, some.stop - start, size)
            means = series.mean(axis=1)
            series -= means[:, None]
            noise[some] = means * math.sqrt(size)
            varies[some] = series.std(axis=1) * math.sqrt(size / (size - 1)) * times_wider(series)
        return noise, varies

    def _moved(self, change: float) -> float:
        return max(abs(math.log(change)) - self._loses, 1e-9)


def _chance(freedom: float) -> tuple[float, float]:
    """Return the 2.5 % and the 97.5 % quantile of the root of a chi-square by its degrees of freedom.

    Source: Wilson & Hilferty, Proceedings of the National Academy of Sciences 17 (1931), 684-688.
    """
    part = 2 / (9 * freedom)
    low, high = (max(0.0, 1 - part + sign * normal_quantile(0.975) * math.sqrt(part)) ** 1.5 for sign in (-1, 1))
    return low, high
