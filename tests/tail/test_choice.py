"""Mixtures whose shares are estimates: their bounds against linear programming, and their coverage."""

import math

import numpy as np
import pytest
from distributions import EXP, LOGNORMAL, ONE_IN_100
from scipy import optimize

from historian import Histogram
from historian.tail import Estimate, all_of, choice, hedge, seq

FAST = Histogram.from_values([0.001] * 1_000).dist(confidence=None)
SLOW = Histogram.from_values([0.100] * 1_000).dist(confidence=None)
EMPTY = Histogram().dist()


def test_a_part_with_the_share_0_is_left_out():
    assert choice({EXP: 1.0, EMPTY: 0.0}) is EXP
    assert choice({EMPTY: 0, EXP: 0.5, LOGNORMAL: 0.5}).sf(1.0) == pytest.approx(0.5 * math.exp(-1) + 0.25)
    two = choice({ONE_IN_100: 0.0, EXP: 0.5, LOGNORMAL: 0.5})
    assert two.count == math.inf  # nothing of it depends on that sample
    assert "sampling" not in two.sf(1.0).why
    assert choice({EMPTY: 0.25, EXP: 0.75}).sf(1.0).why == "no data"
    with pytest.raises(ValueError, match="parts must be in one unit"):
        choice({EXP: 1.0, Histogram.from_values([1.0], unit="ms").dist(): 0.0})
    with pytest.raises(TypeError, match="parts must be distributions"):
        choice({EXP: 1.0, "x": 0.0})


def test_a_share_that_is_an_estimate_widens_the_bounds():
    rate = Estimate(0.9, 0.88, 0.92, confidence=0.95)
    for shares in (
        {FAST: rate, SLOW: 1 - rate},  # a difference is a plain number: it takes what the other share leaves
        {FAST: rate, SLOW: Estimate(0.1, 0.08, 0.12)},
        {FAST: rate, SLOW: Estimate(0.1, 0.0, 1.0)},
        {FAST: Estimate(0.9, 0.0, 1.0), SLOW: Estimate(0.1, 0.08, 0.12, confidence=0.95)},
    ):
        mixed = choice(shares)
        slow = mixed.sf(0.05)
        assert (slow, slow.lower, slow.upper) == pytest.approx((0.1, 0.08, 0.12))
        assert (slow.confidence, "shares: anywhere in their intervals" in slow.why) == (0.95, True)
        assert (mixed.ppf(0.9).upper, mixed.ppf(0.87).upper) == (pytest.approx(0.1, rel=0.011), 0.001)
        assert (mixed.sf(0.1), mixed.sf(0.1).upper) == (0.0, 0.0)
        assert mixed.sf(0.0009).lower == 1.0
    assert choice({FAST: 0.9, SLOW: 0.1}).sf(0.05).upper == 0.1


def test_a_share_of_0_that_may_be_more():
    mixed = choice({FAST: 1.0, SLOW: Estimate(0.0, 0.0, 0.003)})
    assert (mixed.sf(0.05), mixed.sf(0.05).lower, mixed.sf(0.05).upper) == (0.0, 0.0, pytest.approx(0.003))


def test_the_load_of_a_mixture_of_unknown_shares():
    hedged = hedge(SLOW, after=0.05)  # one more call for each
    twice = seq(FAST, FAST)
    load = choice({hedged: Estimate(0.2, 0.1, 0.4), twice: 0.8}).extra_load
    assert (load, load.lower, load.upper) == pytest.approx((0.2 / 1.8, 0.1 / 1.9, 0.4 / 1.6))


def test_the_bounds_are_those_of_linear_programming():
    rng = np.random.default_rng(7)
    for _ in range(60):
        count = int(rng.integers(2, 6))
        parts = [Histogram.from_values(rng.lognormal(0, 1, 50)).dist(confidence=None) for _ in range(count)]
        values = rng.dirichlet(np.ones(count))
        estimated = rng.random(count) < 0.7
        low, high = values * rng.uniform(0, 1, count), 1 - (1 - values) * rng.uniform(0, 1, count)
        shares = [Estimate(v, a, b) if e else v for v, a, b, e in zip(values.tolist(), low, high, estimated)]
        mixed, edge = choice(dict(zip(parts, shares))), 2.0 ** (int(rng.integers(-64, 64)) / 64)
        kinds = [float(part.sf(edge)) for part, e in zip(parts, estimated) if e]
        limits = [(a, b) for a, b, e in zip(low, high, estimated) if e]
        if not estimated.all():
            rest = sum(values[~estimated])
            plain = sum(v / rest * float(part.sf(edge)) for v, part, e in zip(values, parts, estimated) if not e)
            kinds, limits = [*kinds, plain], [*limits, (0, 1)]
        row = np.ones((1, len(kinds)))
        least = optimize.linprog(kinds, A_eq=row, b_eq=[1], bounds=limits).fun
        most = -optimize.linprog([-one for one in kinds], A_eq=row, b_eq=[1], bounds=limits).fun
        answer = mixed.sf(edge)
        assert (answer.lower, answer.upper) == pytest.approx((least, most), abs=1e-9)
        assert answer == pytest.approx(sum(v * float(part.sf(edge)) for v, part in zip(values, parts)))


def test_intervals_of_estimated_shares_cover_the_truth():
    """The rate of misses of a cache is measured in 2,000 requests, the times of hits and misses are known."""
    rng, miss, inside, runs = np.random.default_rng(12), 0.03, 0, 600
    exact = 1 - (1 - miss) ** 3
    for _ in range(runs):
        misses = int(rng.binomial(2_000, miss))
        times = Histogram.from_values([1.0] * misses + [0.0] * (2_000 - misses))
        answer = all_of(3, choice({SLOW: times.dist().sf(0.5), FAST: 1 - misses / 2_000})).sf(0.05)
        assert answer.confidence == 0.95
        inside += answer.lower <= exact <= answer.upper
    assert 0.93 <= inside / runs <= 0.99


def test_without_the_intervals_of_the_shares_it_would_not_cover():
    rate = Estimate(0.9, 0.9, 0.9)
    known = choice({FAST: rate, SLOW: 0.1}).sf(0.05)
    assert known.lower == known.upper == pytest.approx(0.1)
    assert "shares" not in known.why
