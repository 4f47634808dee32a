"""The exact smallest and largest time go through every operation on distributions."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
from distributions import EXP, few, same
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram
from historian.tail import Dist, all_of, choice, first_of, hedge, k_of, retry, seq, tied

SPIKE = Histogram.from_values([0.011] * 7 + [0.5] * 1_986 + [5.0] * 7)  # time-outs at 5 s
DEPENDENCE = ["independent", "positive", "any"]


def check_ends(x: Dist, least: float, most: float) -> None:
    """Assert that all times lie between the smallest and the largest, and that both occur."""
    assert (x.sf(most), x.cdf(most), x.never) == (0.0, 1.0, 0.0)
    assert f"{x.sf(most):.0%}, {x.never.lower:.0%}" == "0%, 0%"  # not -0%
    assert (x.sf(math.nextafter(least, 0)), x.cdf(math.nextafter(least, 0))) == (1.0, 0.0)
    assert x.sf(math.nextafter(most, 0)) > 0.0
    with pytest.warns(match="beyond the data") if x.never.upper else np.errstate():
        assert (x.isf(0.0), x.ppf(1.0)) == (most, most)
    assert x.isf(0.999999999999) >= least


@pytest.mark.parametrize("confidence", [None, 0.95])
@pytest.mark.parametrize("dependence", DEPENDENCE)
def test_every_operation_keeps_the_extremes(confidence, dependence):
    x = SPIKE.dist(confidence)
    y = Histogram.from_values([0.02] * 50 + [0.7] * 50).dist(confidence)
    how = {"dependence": dependence}
    for dist, least, most in (
        (x, 0.011, 5.0),
        (all_of(100, x, **how), 0.011, 5.0),
        (all_of({x: 2, y: 3}, **how), 0.02, 5.0),
        (first_of(3, x, **how), 0.011, 5.0),
        (first_of({x: 2, y: 3}, **how), 0.011, 0.7),
        (k_of(2, 3, x, **how), 0.011, 5.0),
        (k_of(3, {x: 2, y: 3}, **how), 0.02, 0.7),
        (k_of(4, {x: 2, y: 3}, **how), 0.02, 5.0),
        (choice({x: 0.2, y: 0.8}), 0.011, 5.0),
        (choice({x: 0.0, y: 1.0}), 0.02, 0.7),
        (hedge(x, 0.6, **how), 0.011, 5.0),
        (hedge(x, 0.6, 0.5, **how), 0.011, 5.0),
        (retry(x, timeout=5.0, retries=2), 0.011, 5.0),
        (seq(x, y, **how), 0.011 + 0.02, 5.7),
        (seq(x, x, y, **how), 0.011 + 0.011 + 0.02, 10.7),
        (tied(x, y, 2), 0.011 + 0.02, 5.7),
        (seq(choice({x: 0.5, y: 0.5}), all_of(10, hedge(x, 0.6)), **how), 0.022, 10.0),
        (all_of(3, seq(x, y, **how)), 0.011 + 0.02, 5.7),
    ):
        check_ends(dist, least, most)
        again = pickle.loads(pickle.dumps(dist))
        assert same(again, dist) and same(copy.copy(dist), dist)
        check_ends(again, least, most)
        if confidence is None:
            if dependence == "independent" or least != 0.02:  # Markov's inequality says less of three of five
                assert (dist.sf(most).upper, dist.isf(0.0).upper) == (0.0, most)
                assert dist.isf(0.999999999999).lower >= least
                assert dist.mean.upper <= most
        else:
            assert dist.sf(most).upper > 0.0  # a sample does not tell that nothing is slower


def test_extremes_that_are_edges_of_buckets():
    """0.5, 1 and 2 are edges.  They may be limits of a difference, too, so lower bounds allow for smaller values."""
    h = Histogram.from_values([0.5, 0.75, 1.0, 2.0, 2.0])
    x, y = h.dist(confidence=None), Histogram.from_values([0.0, 1.0]).dist(confidence=None)
    for dist, least, most in (
        (x, 0.5, 2.0),
        (all_of(100, x), 0.5, 2.0),
        (seq(x, x), 1.0, 4.0),
        (seq(x, y), 0.5, 3.0),
        (choice({x: 0.5, y: 0.5}), 0.0, 2.0),
        (seq(all_of(2, seq(x, y)), x), 1.0, 5.0),
    ):
        assert (dist.sf(most), dist.sf(most).upper, dist.isf(0.0), dist.isf(0.0).upper) == (0.0, 0.0, most, most)
        assert dist.sf(math.nextafter(most, 0)).upper > 0.0  # its value is 0, as that of `Histogram.sf`
        assert dist.sf(math.nextafter(least, -1)) == 1.0
    assert (h.dist().isf(0.0), h.max) == (2.0, 2.0)
    difference = (h + h - h).dist(confidence=None)  # its largest value may be anywhere in the bucket of 2.0
    assert difference.isf(0.0).lower < 1.98 < difference.isf(0.0) == difference.isf(0.0).upper == 2.0


def test_time_outs():
    x = SPIKE.dist()
    assert (SPIKE.sf(5.0), x.sf(5.0), all_of(100, x).sf(5.0), seq(x, x).sf(10.0)) == (0.0, 0.0, 0.0, 0.0)
    assert x.sf(5.0).upper == pytest.approx(SPIKE.fanout(1).p_wait(5.0).upper, rel=1e-12)
    assert all_of(100, x).sf(5.0).upper == pytest.approx(SPIKE.fanout(100).p_wait(5.0).upper, rel=1e-9)
    assert x.sf(4.9) == pytest.approx(7 / 2_000)
    assert x.isf(7 / 2_000) == pytest.approx(0.5, rel=0.011)
    assert x.isf(0.001) == pytest.approx(5.0, rel=0.011)


def test_the_0_quantile_is_the_smallest_time():
    x = SPIKE.dist()
    trees = x, all_of(3, x), first_of(3, x), k_of(2, 3, x), seq(x, x), choice({x: 0.5, SPIKE.dist(): 0.5})
    for tree, least in zip(trees, (0.011, 0.011, 0.011, 0.011, 0.022, 0.011)):
        assert (tree.quantile(0.0), tree.quantile(0.0).upper) == (least, least) == (tree.min, tree.isf(1.0))
        many = tree.quantile([0.0, 0.5])
        assert (many.value[0], many.lower[0], many.upper[0]) == (least, tree.quantile(0.0).lower, least)
    assert SPIKE.quantile(0.0) == SPIKE.fanout(3).quantile(0.0) == 0.011
    assert (EXP.quantile(0.0), EXP.quantile(0.0).upper) == (0.0, 0.0)


def test_a_part_that_may_never_return():
    x = SPIKE.dist(confidence=None)
    late = retry(x, timeout=1.0, retries=1, backoff=0.25)  # at most 1.25 + 1; the share (7/2000)^2 never returns
    never = (7 / 2_000) ** 2
    assert late.sf(2.25) == late.sf(2.25).upper == pytest.approx(never, rel=1e-12)
    assert (late.sf(0.0109), late.sf(0.0109).lower) == (1.0, 1.0)
    hedged = hedge(late, after=3.0)  # a second call, which may be done when the first one never is
    assert hedged.sf(3.0 + 2.25) == pytest.approx(never**2, rel=1e-12)
    assert first_of({late: 1, x: 1}).sf(5.0) == 0.0
    assert seq(late, x).sf(7.25) == pytest.approx(never, rel=1e-12)
    assert all_of({late: 1, x: 1}).sf(5.0) == pytest.approx(never, rel=1e-12)
    assert first_of(2, late).sf(2.25) == pytest.approx(never**2, rel=1e-12)


def test_a_known_distribution_has_no_largest_time():
    for dist in (EXP, seq(EXP, EXP), all_of(3, EXP), first_of(3, EXP), choice({EXP: 1.0})):
        assert dist._extremes == (0.0, math.inf)
        assert (dist.sf(0.0), dist.sf(-1.0), dist.sf(0.0).upper) == (pytest.approx(1.0), 1.0, 1.0)
        assert 0 < dist.sf(20.0) < 1e-6
    x = SPIKE.dist(confidence=None)
    both = all_of({x: 1, EXP: 1}).sf(5.0)
    assert both.lower <= both <= math.exp(-5) <= both.upper
    assert seq(x, EXP).sf(0.0109) == 1.0


def test_the_mean_lies_between_the_extremes():
    h = Histogram.from_values([0.5] * 10)
    x = h.dist(confidence=None)
    assert (x.mean, x.mean.lower, x.mean.upper) == (pytest.approx(0.5),) * 3
    assert seq(x, x).mean == pytest.approx(1.0) == seq(x, x).mean.upper
    far = Histogram.from_values([1e21, 2e21, 3e21]).dist(confidence=None).mean  # beyond the buckets, yet at most 3e21
    assert far.lower < 2e21 < far.upper == pytest.approx(1e21 / 3 + 2e21)
    assert far.lower <= far <= far.upper


atoms = st.lists(st.floats(1e-3, 10) | st.sampled_from([0.0, 1e-12, 1.0, 2.0]), min_size=1, max_size=4)


@few
@given(atoms, atoms)
def test_the_truth_at_every_possible_time(a, b):
    """Ask at all sums and at all values, where an error of one bucket would show; exact up to the last bit."""
    x, y = (Histogram.from_values(values).dist(confidence=None) for values in (a, b))
    pairs = list(itertools.product(a, b))
    for dist, outcomes in (
        (seq(x, y), [math.fsum(pair) for pair in pairs]),
        (all_of({x: 1, y: 1}), [max(pair) for pair in pairs]),
        (first_of({x: 1, y: 1}), [min(pair) for pair in pairs]),
    ):
        low, high = min(outcomes), max(outcomes)
        assert (dist.sf(high), dist.sf(high).upper) == (0.0, 0.0)
        if low > 0:
            assert (dist.sf(math.nextafter(low, 0)), dist.sf(math.nextafter(low, 0)).lower) == (1.0, 1.0)
        for t in outcomes:
            answer = dist.sf(t)
            exact = sum(outcome > t for outcome in outcomes) / len(outcomes)
            assert answer.lower - 1e-12 <= exact <= answer.upper + 1e-12
            assert answer.lower <= answer <= answer.upper
        for k in range(len(outcomes)):
            answer = dist.isf((k + 0.5) / len(outcomes))
            exact = sorted(outcomes)[len(outcomes) - 1 - k]
            assert low <= answer <= high
            assert low <= answer.lower <= exact <= answer.upper <= high


@pytest.mark.parametrize("timeout", [0.001, 1.0, math.nextafter(5.0, 0)])
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_nothing_returns_before_every_timeout(timeout, retries):
    x = Histogram.from_values([5.0] * 50 + [6.0] * 50).dist(confidence=None)
    never = retry(x, timeout, retries)
    assert (never.min, never.max, never.never, never.sf(1e9)) == (math.inf, math.inf, 1.0, 1.0)
    assert never.quantile(0.5) == never.mean == math.inf
    for whole, extremes in (
        (seq(never, x), (math.inf, math.inf)),
        (first_of({never: 1, x: 1}), (5.0, 6.0)),
        (choice({never: 0.5, x: 0.5}), (5.0, 6.0)),
        (all_of({never: 1, x: 1}), (math.inf, math.inf)),
    ):
        assert (whole.min, whole.max) == extremes
    assert (retry(x, 5.0, retries).min, retry(x, 5.0, retries).max) == (5.0, 5.0 * (retries + 1))


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_the_smallest_time_is_in_its_interval_if_it_is_not_known(confidence):
    """Of a difference, the minimum may be only a bound: the smallest time lies somewhere in its bucket."""
    values = [1.0, 1.001, 1.009, 2.0, 3.0]
    h = Histogram.from_values(values) - Histogram.from_values(values[:1])
    x = h.dist(confidence)
    assert h.min == x.min < 1.001
    upper = h.quantile_bounds(0)[1]
    for found in (x.quantile(0), x.quantile([0.0])[0], x.isf(1), h.ci(0)):
        assert found.lower < 1.001 < found.upper == upper
    for composed, least in (
        (all_of(1000, x), 1.001),
        (seq(x, x), 2.002),
        (first_of(3, x), 1.001),
        (hedge(x, 2), 1.001),
    ):
        assert composed.quantile(0).lower < least < composed.quantile(0).upper < 1.02 * least
    known = Histogram.from_values(values).dist(confidence)
    for composed, least in ((known, 1.0), (seq(known, known), 2.0), (first_of(3, known), 1.0)):
        assert composed.quantile(0).upper == least


def test_smallest_times_in_the_zero_bucket_add_up():
    values = [1e-10, 2e-10, 2.2e-10, 1.0]
    x = (Histogram.from_values(values) - Histogram.from_values(values[:1])).dist(confidence=None)
    assert x.quantile(0).upper == 2**-32
    assert seq(x, x, x).quantile(0).upper >= 6e-10 > 2**-32
