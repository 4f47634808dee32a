"""Request trees: laws, bounds under dependence, brackets by enumeration, simulations."""

import math

import numpy as np
import pytest
from distributions import EXP, LOGNORMAL, ONE_IN_100, dists, few, same
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from historian import Histogram
from historian.tail import Dist, all_of, choice, first_of, hedge, k_of, retry, seq, tied
from historian.tail.dist import from_sf


@given(dists, dists, st.integers(1, 5), st.integers(1, 5))
def test_a_mapping_is_what_its_parts_are(x, y, m, n):
    assert same(all_of({x: m, y: n}), all_of({all_of(m, x): 1, all_of(n, y): 1}))
    assert same(first_of({x: m, y: n}), first_of({first_of(m, x): 1, first_of(n, y): 1}))
    assert same(all_of({x: m}), all_of(m, x))
    again = Dist(x._with(x._extremes), extremes=x._extremes, unit=x.unit, count=x.count, why=x._why, load=x._load)
    for k in range(1, m + n + 1):
        assert same(k_of(k, {x: m, again: n}), k_of(k, m + n, x))


@few
@given(dists, st.integers(1, 12), st.integers(1, 12), st.floats(1e-3, 1e3))
def test_bounds_nest_by_dependence(x, k, n, t):
    k = min(k, n)
    for build in (
        lambda kind: all_of(n, x, dependence=kind),
        lambda kind: first_of(n, x, dependence=kind),
        lambda kind: k_of(k, n, x, dependence=kind),
        lambda kind: hedge(x, 0.5, 0.7, dependence=kind),
    ):
        independent, positive, free = (build(kind).sf(t) for kind in ("independent", "positive", "any"))
        assert independent == pytest.approx(positive, abs=1e-12) == free
        assert free.lower <= positive.lower + 1e-12 <= independent.lower + 2e-12
        assert free.upper >= positive.upper - 1e-12 >= independent.upper - 2e-12


def test_bounds_hold_for_the_worst_dependence():
    x = Histogram.from_values([0.01] * 90 + [1.0] * 10).dist(confidence=None)
    # comonotone: all parts are slow together; disjoint: only one part is slow at a time
    assert all_of(5, x, dependence="positive").sf(0.5).lower == pytest.approx(0.1)
    assert all_of(5, x, dependence="any").sf(0.5).upper == pytest.approx(0.5)
    assert first_of(5, x, dependence="any").sf(0.5).lower == 0.0
    assert first_of(5, x, dependence="positive").sf(0.5).upper == pytest.approx(0.1)
    assert k_of(4, 5, x, dependence="any").sf(0.5).upper == pytest.approx(5 * 0.1 / 2)  # two parts are slow at a time
    y = Histogram.from_values([0.01] * 10 + [1.0] * 90).dist(confidence=None)
    assert k_of(4, 5, y, dependence="any").sf(0.5).lower == pytest.approx((4.5 - 2 + 1) / 4)


def test_unequal_parts_that_are_slow_together():
    x = Histogram.from_values([0.01] * 90 + [1.0] * 10).dist(confidence=None)
    y = Histogram.from_values([0.01] * 70 + [1.0] * 30).dist(confidence=None)
    for kind in ("positive", "any"):
        # y is slow whenever x is slow
        assert all_of({x: 1, y: 1}, dependence=kind).sf(0.5).lower == pytest.approx(0.3)
        assert first_of({x: 1, y: 1}, dependence=kind).sf(0.5).upper == pytest.approx(0.1)
        assert hedge(x, 0.1, dependence=kind).sf(0.5).upper == pytest.approx(0.1)
    assert hedge(x, 0.1).sf(0.5).upper == pytest.approx(0.01)


def test_more_parts_than_an_integer_of_64_bits_counts():
    n, half = 10**30, Histogram.from_values([0.01, 1.0]).dist(confidence=None)
    for kind in ("independent", "positive", "any"):
        assert all_of(n, EXP, dependence=kind).sf(64.0) == pytest.approx(-math.expm1(-n * math.exp(-64.0)))
        assert first_of(n, EXP, dependence=kind).sf(64.0) == 0.0
        assert k_of(n - 1, n, ONE_IN_100, dependence=kind).sf(0.5) == pytest.approx(1.0)
        assert k_of(n - 1, {ONE_IN_100: n - 10, half: 10}, dependence=kind).sf(0.5) == pytest.approx(1.0)


def test_hedging_from_the_p95_on_costs_a_twentieth():
    after = LOGNORMAL.isf(0.05)  # as Dean & Barroso advise, The Tail at Scale
    hedged = hedge(LOGNORMAL, after)
    assert hedged.extra_load == pytest.approx(0.05, rel=1e-9)
    assert hedged.extra_load.lower <= 0.05 <= hedged.extra_load.upper
    assert hedged.isf(0.001) < 0.7 * LOGNORMAL.isf(0.001)
    assert hedge(LOGNORMAL, after, prob=0.5).extra_load == pytest.approx(0.025, rel=1e-9)


def test_retries_leave_some_for_ever():
    x = retry(ONE_IN_100, timeout=0.5, retries=2, backoff=0.1)
    assert x.never == pytest.approx(1e-6)
    assert x.extra_load == pytest.approx(0.01 + 0.0001)
    assert x.sf(0.5) == pytest.approx(0.01)
    assert x.sf(0.605) == pytest.approx(0.01)  # the second attempt began at 0.6
    assert x.sf(0.7) == pytest.approx(1e-4)
    assert x.isf(1e-7) == math.inf
    assert retry(ONE_IN_100, timeout=0.5, retries=0).never == pytest.approx(0.01)
    many = retry(ONE_IN_100, timeout=0.5, retries=10**30, backoff=1e308)
    assert (many.never, many.sf(2.0**60)) == (0.0, pytest.approx(0.01))
    assert many.extra_load == pytest.approx(0.01 / 0.99)
    assert retry(ONE_IN_100, timeout=0.001, retries=7).extra_load == 7.0  # all of them time out
    short = retry(ONE_IN_100, timeout=1e-300, retries=7)
    assert (short.never, short.sf(0.5)) == (1.0, 1.0)
    assert all_of(2, x).never == pytest.approx(2e-6, rel=1e-5)
    assert seq(x, x).never == pytest.approx(2e-6, rel=1e-5)


def test_loads_of_a_tree_add_up():
    hedged = hedge(ONE_IN_100, after=0.5)
    assert all_of(3, hedged).extra_load == pytest.approx(0.01)
    assert seq(hedged, ONE_IN_100).extra_load == pytest.approx(0.005)
    assert choice({hedged: 0.2, ONE_IN_100: 0.8}).extra_load == pytest.approx(0.002)
    assert ONE_IN_100.extra_load == 0.0
    assert hedge(EXP, after=64.0).extra_load == pytest.approx(math.exp(-64), rel=1e-13)
    # the hedged call makes 1.01 calls; 0.01 of them are hedged again
    assert hedge(hedged, after=0.5, prob=1.0).extra_load == pytest.approx(0.01 + 1.01 * float(hedged.sf(0.5)))


# ---- the bracket of sums that are not on the grid ----


atoms = st.lists(st.floats(1e-3, 10) | st.just(0.0), min_size=1, max_size=6)


def holds(dist, outcomes, times):
    """Check the bounds of the survival against weighted outcomes; infinity is an outcome that never returns."""
    for t in times:
        answer, exact = dist.sf(t), sum(weight for value, weight in outcomes if value > t)
        assert answer.lower - 1e-12 <= exact <= answer.upper + 1e-12


@given(atoms, st.floats(0, 12), st.floats(0, 1), st.lists(st.floats(0, 25), min_size=5, max_size=5))
def test_the_truth_of_a_hedge_is_inside_its_bracket(data, after, prob, times):
    hedged = hedge(Histogram.from_values(data).dist(confidence=None), after, prob)
    each = 1 / len(data) ** 2
    outcomes = [(v, each * (1 - prob)) for v in data for _ in data]
    outcomes += [(min(v, after + w) if v > after else v, each * prob) for v in data for w in data]
    holds(hedged, outcomes, times)
    exact = prob * sum(v > after for v in data) / len(data)
    assert hedged.extra_load.lower - 1e-12 <= exact <= hedged.extra_load.upper + 1e-12


@given(
    atoms, st.floats(1e-3, 12), st.integers(0, 3), st.floats(0, 5), st.lists(st.floats(0, 60), min_size=5, max_size=5)
)
def test_the_truth_of_a_retry_is_inside_its_bracket(data, timeout, retries, backoff, times):
    retried = retry(Histogram.from_values(data).dist(confidence=None), timeout, retries, backoff)
    late = sum(v > timeout for v in data) / len(data)
    outcomes = [
        (i * (timeout + backoff) + v, late**i / len(data)) for i in range(retries + 1) for v in data if v <= timeout
    ]
    outcomes.append((math.inf, late ** (retries + 1)))
    holds(retried, outcomes, [t for t in times if all(abs(t - value) > 1e-9 for value, _ in outcomes)])
    assert retried.never.lower - 1e-12 <= outcomes[-1][1] <= retried.never.upper + 1e-12


# ---- simulations ----


def test_trees_against_simulations():
    rng, draws = np.random.default_rng(9), 400_000

    def draw():
        return rng.lognormal(0, 1, draws)

    def hedged():
        first, second = draw(), 3.0 + draw()
        return np.where((first > 3.0) & (rng.random(draws) < 0.7), np.minimum(first, second), first)

    def retried():
        took = np.full(draws, np.inf)
        for attempt in (2, 1, 0):
            this = draw()
            took = np.where(this > 2.0, took, 2.5 * attempt + this)
        return took

    double = from_sf(lambda t: float(special.ndtr(-math.log(t / 2))) if t < math.inf else 0.0)
    for dist, simulated in (
        (hedge(LOGNORMAL, 3.0, 0.7), hedged()),
        (retry(LOGNORMAL, 2.0, 2, 0.5), retried()),
        (choice({LOGNORMAL: 0.9, double: 0.1}), np.where(rng.random(draws) < 0.9, 1, 2) * draw()),
        (tied(LOGNORMAL, double), np.minimum(draw(), draw()) + 2 * draw()),
        (k_of(2, 3, LOGNORMAL), np.sort([draw(), draw(), draw()], axis=0)[1]),
        (k_of(2, {LOGNORMAL: 2, double: 1}), np.sort([draw(), draw(), 2 * draw()], axis=0)[1]),
        (seq(choice({LOGNORMAL: 0.5, double: 0.5}), all_of(2, hedge(LOGNORMAL, 3.0, 0.7))), None),
    ):
        if simulated is None:
            simulated = np.where(rng.random(draws) < 0.5, 1, 2) * draw() + np.maximum(hedged(), hedged())
        for t in (0.3, 0.9, 1.7, 3.1, 4.4, 7.7, 15.0):
            tail = dist.sf(t)
            error = math.sqrt(tail * (1 - tail) / draws)
            assert abs((simulated > t).mean() - tail) <= 4 * error + 1e-4 * tail
