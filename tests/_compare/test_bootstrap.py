"""Resampled blocks: the answers of each draw, against histograms merged as the draw says."""

import math

import numpy as np
import pytest

from historian import Comparison, Histogram, merge
from historian._compare.bootstrap import DRAWS, Blocks, _draws, _product, percentile_interval
from historian._compare.distances import STEP, Pair
from historian._compare.ratios import Grid


def pairs_of(number, values, repeat=1):
    """Return pairs of blocks, with some values in the zero bucket and in empty ranges of buckets."""
    rng = np.random.default_rng(number)
    sides = []
    for scale in (1.0, 0.9):
        drawn = [scale * rng.lognormal(0, 1, values) * (rng.random(values) > 0.02) for _ in range(number)]
        sides.append([times(Histogram.from_values(one), repeat) for one in drawn])
    return list(zip(*sides))


def times(histogram, number):
    """Return a histogram with each value `number` times, a power of 2."""
    while number > 1:
        histogram, number = histogram + histogram, number // 2
    return histogram


@pytest.mark.parametrize("repeat", [1, 2**17])  # beyond 2**24 values, sums need float64
def test_each_draw_is_a_merge_of_its_blocks(repeat):
    pairs = pairs_of(9, 50, repeat)
    blocks, draws = Blocks(pairs), _draws(9)
    assert blocks._totals[0].dtype == (np.float32 if repeat == 1 else np.float64)
    strictly, ties = blocks.below()
    at_edges, within = blocks.largest_difference()
    shift = blocks.mean_shift()
    for k in (0, 1, DRAWS - 1):
        a, b = (
            merge([h for h, times in zip(side, draws[k]) for _ in range(int(times))]) for side in zip(*pairs)
        )  # fmt: skip
        pair = Pair.of(Grid.of(a), Grid.of(b))
        assert (strictly[k], ties[k]) == pytest.approx(pair.below(), abs=1e-12)
        assert (at_edges[k], within[k]) == pytest.approx(pair.largest_difference(), abs=1e-12)
        assert shift[k] == pytest.approx(pair.mean_shift(), abs=1e-12)
        for q in (0.1, 0.5, 0.9, 0.99):
            # Both are the same bucket; the place within it is not that of the representative.
            low, high = (bound[k] for bound in blocks.ratios(q))
            assert low <= high <= low + 2 * STEP
            assert (low + high) / 2 == pytest.approx(math.log(b.quantile(q) / a.quantile(q)), abs=STEP)


def in_bursts(rng, blocks, length):
    """Return blocks of 40 calls; one burst in ten, of this many blocks, is three times slower."""
    slow = np.where(rng.random(-(-blocks // length)) < 0.1, 3.0, 1.0).repeat(length)[:blocks]
    return [Histogram.from_values(speed * rng.lognormal(0, 0.5, 40)) for speed in slow]


def test_bursts_that_outlast_a_block_widen_the_interval():
    # Without the dependence of neighbours, 95 % intervals cover about 67 %.
    rng, hits, times, wider = np.random.default_rng(8), 0, 120, []
    for _ in range(times):
        a, b = in_bursts(rng, 60, 4), in_bursts(rng, 60, 4)
        ratio = Comparison(merge(a), merge(b), blocks=zip(a, b)).ratio(0.5)
        hits += ratio.lower <= 1 <= ratio.upper
        wider.append("because neighbours are alike" in ratio.why)
    assert hits / times >= 0.86  # 93 % minus three standard deviations of 2.3 %
    assert sum(wider) >= 0.8 * times


def test_independent_blocks_are_seldom_taken_to_be_alike():
    rng = np.random.default_rng(9)
    blocks = [Blocks(list(zip(in_bursts(rng, 30, 1), in_bursts(rng, 30, 1)))) for _ in range(60)]
    wider = [one.ratio_interval(0.5, 0.95).wider for one in blocks]
    assert min(wider) == 1 and np.mean(np.array(wider) > 1) <= 0.15 and np.mean(wider) <= 1.1


def test_equal_blocks_have_no_correlation():
    a, b = (Histogram.from_values([value] * 10) for value in (1.0, 2.0))
    comparison = Comparison(merge([a] * 9), merge([b] * 9), blocks=[(a, b)] * 9)
    for answer in (comparison.ratio(0.5), comparison.superiority, comparison.wasserstein):
        assert "9 blocks of each, resampled; bucket width" in answer.why


def test_draws_are_as_many_blocks_as_there_are():
    draws = _draws(7)
    assert (draws.sum(axis=1) == 7).all() and draws.shape == (DRAWS, 7)
    # Each block is drawn once on average; the standard error of the mean of 2,000 is sqrt(6/7/2000) = 0.021.
    assert draws.mean(axis=0) == pytest.approx(np.ones(7), abs=0.085)
    assert draws.var() == pytest.approx(6 / 7, rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1, 1), (41, 3, 700), (90, 9_000, 17)])
def test_a_product_in_pieces(shape):
    rng = np.random.default_rng(1)
    left, right = (rng.integers(0, 9, size).astype(float) for size in (shape[:2], shape[1:]))
    assert (_product(left, right) == left @ right).all()


def test_a_bound_beyond_the_draws():
    # For 10 blocks and 99.99 %, Student's t is 6.594; times sqrt(10/9), 6.951 standard deviations.
    draws = np.random.default_rng(1).normal(5, 2, 2_000)
    low, high = percentile_interval(draws, 10, 0.9999)
    assert (low, high) == pytest.approx((5 - 2 * 6.951, 5 + 2 * 6.951), rel=0.1)
    assert low < draws.min() and high > draws.max()


def test_a_few_draws_are_not_forgotten():
    # Nine of ten blocks are of one kind: a few draws in 2,000 have a majority of the other.  The bound is theirs.
    draws = np.array([1.3] * 1_997 + [0.7] * 3)
    assert percentile_interval(draws, 10, 0.99)[0] == 0.7
    assert percentile_interval(draws, 10, 0.9)[0] == 1.3


def test_bounds_grow_with_confidence_without_a_jump():
    draws = np.random.default_rng(2).normal(0, 1, 2_000)
    confidences = [1 - 0.5 * 0.9**k for k in range(100)]
    bounds = [percentile_interval(draws, 30, confidence)[1] for confidence in confidences]
    steps = np.diff(bounds)
    assert (steps >= 0).all() and steps.max() < 0.2
