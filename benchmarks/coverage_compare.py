"""The coverage of every interval of `historian.compare` and of blocks, under conditions that suit it and that do not.

Each condition draws two samples.  The truth is that of very large samples of the same condition.  An interval with an
open side is counted as if this side had no limit.  Where the assumption of an interval does not hold, it may miss: the
finding says so, and its limits allow for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from historian import Comparison, Histogram, merge
from historian.tail import Estimate, TailWarning

from .accuracy import Finding

Samples = tuple[NDArray[np.float64], NDArray[np.float64]]  # of a and of b, each of shape (blocks, calls)
Drawing = Callable[[np.random.Generator, int, int], Samples]

QUANTILES = (0.5, 0.9, 0.99)
BOUNDS = ("Kolmogorov-Smirnov", "Wasserstein")  # they are upper limits of the error, and cover more than they say


class Condition(NamedTuple):
    """How two samples are drawn, and whether the intervals assume it."""

    name: str
    draw: Drawing
    blocks: int  # 1 for `compare`
    calls: int
    assumed: bool = True  # if not, the intervals may miss
    truth: Drawing | None = None  # if it is not the same


def scaled(one: Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]], factor: float = 0.8) -> Drawing:
    """Return a drawing of a shape, and of the same shape by a factor."""
    return lambda rng, blocks, calls: (one(rng, (blocks, calls)), factor * one(rng, (blocks, calls)))


def whole_milliseconds(rng: np.random.Generator, blocks: int, calls: int) -> Samples:
    """Draw the times that a clock shows which ticks in whole milliseconds."""
    a, b = (np.ceil(rng.lognormal(mean, 0.7, (blocks, calls))) for mean in (2.5, 2.3))
    return a, b


def hits_and_misses(rng: np.random.Generator, blocks: int, calls: int) -> Samples:
    """Draw times of a cache: 1 for a hit, and 10 for 6 % or 4 % of misses."""
    a, b = (np.where(rng.random((blocks, calls)) < share, 10.0, 1.0) for share in (0.06, 0.04))
    return a, b


def in_bursts(length: int) -> Drawing:
    """Return a drawing in which one burst in ten, of this many calls that follow each other, is three times slower."""

    def draw(rng: np.random.Generator, blocks: int, calls: int) -> Samples:
        number = -(-blocks * calls // length)
        found = []
        for factor in (1.0, 0.8):
            slow = np.where(rng.random(number) < 0.1, 3.0, 1.0).repeat(length)[: blocks * calls]
            found.append(factor * slow.reshape(blocks, calls) * rng.lognormal(0, 0.5, (blocks, calls)))
        return found[0], found[1]

    return draw


def slower_and_slower(rng: np.random.Generator, blocks: int, calls: int) -> Samples:
    """Draw both on a machine that becomes half as fast from the first block to the last."""
    speed = np.linspace(1, 2, blocks)[:, None]
    return speed * rng.lognormal(0, 0.5, (blocks, calls)), 0.8 * speed * rng.lognormal(0, 0.5, (blocks, calls))


def weather(rng: np.random.Generator, blocks: int, calls: int) -> Samples:
    """Draw blocks that differ in speed: by 30 % for both, and by another 5 % for each."""
    speed = np.exp(0.3 * rng.normal(size=(blocks, 1)))
    a, b = (speed * np.exp(0.05 * rng.normal(size=(blocks, 1))) * rng.lognormal(0, 0.3, (blocks, calls)) for _ in "ab")
    return a, 0.8 * b


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    return rng.lognormal(0, 0.5, shape)


LOGNORMAL = scaled(lognormal)
PARETO = scaled(lambda rng, shape: 1 + rng.pareto(1.1, shape))

PLAIN = (
    Condition("independent", LOGNORMAL, 1, 2_000),
    Condition("heavy tail: Pareto(1.1)", PARETO, 1, 2_000),
    Condition("whole milliseconds", whole_milliseconds, 1, 2_000),
    Condition("two different values", hits_and_misses, 1, 2_000),
    Condition("20 values of each", LOGNORMAL, 1, 20),
    Condition("bursts of 20 calls", in_bursts(20), 1, 2_000, assumed=False),
    Condition("bursts of 200 calls", in_bursts(200), 1, 2_000, assumed=False),
    Condition("B on a slower machine", scaled(lognormal, 1.1 * 0.8), 1, 2_000, assumed=False, truth=LOGNORMAL),
)

IN_BLOCKS = (
    Condition("independent", LOGNORMAL, 30, 50),
    Condition("heavy tail: Pareto(1.1)", PARETO, 30, 50),
    Condition("whole milliseconds", whole_milliseconds, 30, 50),
    Condition("two different values", hits_and_misses, 30, 50),
    Condition("8 blocks of 10 calls", LOGNORMAL, 8, 10),
    Condition("bursts of 20 calls", in_bursts(20), 30, 50),
    Condition("bursts of 50 calls: a block", in_bursts(50), 30, 50),
    Condition("slower and slower", slower_and_slower, 30, 50),
    Condition("blocks differ by 30 %", weather, 30, 50),
    Condition("the same, 10 blocks", weather, 10, 50),
    Condition("bursts of 4 blocks, 40 blocks", in_bursts(200), 40, 50, assumed=False),
    Condition("bursts of 4 blocks, 100 blocks", in_bursts(200), 100, 50, assumed=False),
)


def coverage(data_sets: int = 1_000) -> Iterator[Finding]:
    """Count how often each interval of `compare` and of blocks holds the truth."""
    for condition in (*PLAIN, *IN_BLOCKS):
        sets = data_sets if condition.blocks == 1 else data_sets // 2
        hits = covering(condition, sets)
        for question, hit in hits.items():
            what = f"{'blocks' if condition.blocks > 1 else 'compare'}: {question}, {condition.name}"
            # Blocks widen the distribution itself, so their intervals cover more; discrete values have exact tests.
            least, most = (0.93, 1.0) if condition.assumed else (0.0, 1.0)
            note = "" if condition.assumed else " (not assumed)"
            yield Finding(f"covers: {what}{note}", least, most, hit / sets, ".1%")


def covering(condition: Condition, sets: int) -> dict[str, int]:
    """Return how many of the data sets have an interval that holds the truth, by question."""
    truth = true_answers(condition)
    hits = dict.fromkeys(truth, 0)
    rng = np.random.default_rng(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        for _ in range(sets):
            samples = condition.draw(rng, condition.blocks, condition.calls)
            a, b = ([Histogram.from_values(block) for block in sample] for sample in samples)
            comparison = Comparison(merge(a), merge(b), blocks=zip(a, b) if condition.blocks > 1 else ())
            for question, estimate in answers(comparison).items():
                hits[question] += estimate.lower <= truth[question] <= estimate.upper
    return hits


def answers(comparison: Comparison) -> dict[str, Estimate]:
    """Return every interval of a comparison."""
    ratios = {f"ratio of p{100 * q:g}": comparison.quiet_ratio(q) for q in QUANTILES}
    others = {"superiority": comparison.superiority, BOUNDS[0]: comparison.kolmogorov_smirnov}
    return {**ratios, **others, BOUNDS[1]: comparison.wasserstein}


def true_answers(condition: Condition) -> dict[str, float]:
    """Return the true answers, from two million values of each."""
    rng = np.random.default_rng(3)
    blocks = 1 if condition.blocks == 1 else 2_000_000 // condition.calls
    a, b = (np.sort(one, axis=None) for one in (condition.truth or condition.draw)(rng, blocks, 2_000_000 // blocks))
    below = (np.searchsorted(a, b, "left") + np.searchsorted(a, b, "right")) / 2 / len(a)
    both = np.concatenate([a, b])
    shares = [np.searchsorted(one, both, "right") / len(one) for one in (a, b)]
    exact = np.quantile(a, QUANTILES, method="inverted_cdf"), np.quantile(b, QUANTILES, method="inverted_cdf")
    return {
        **{f"ratio of p{100 * q:g}": float(over / under) for q, under, over in zip(QUANTILES, *exact)},
        "superiority": float(1 - below.mean()),
        BOUNDS[0]: float(np.abs(shares[0] - shares[1]).max()),
        BOUNDS[1]: float(np.abs(np.log(a) - np.log(b)).mean()),
    }
