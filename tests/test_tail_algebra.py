"""Distributions and request trees: reference values, laws, simulations, the bracket of chains."""

import copy
import itertools
import math
import pickle
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from historian import Histogram, buckets
from historian.tail import Dist, TailWarning, all_of, choice, first_of, hedge, k_of, retry, seq, tied
from historian.tail.dist import COLUMNS, edges, from_sf
from historian.tail.quorum import at_least

ONE_IN_100 = Histogram.from_values([0.01] * 9_900 + [1.0] * 100).dist()
EXP = from_sf(lambda t: math.exp(-t))
LOGNORMAL = from_sf(lambda t: float(special.ndtr(-math.log(t))) if t < math.inf else 0.0)

dists = st.builds(
    lambda values: Histogram.from_values(values).dist(),
    st.lists(st.floats(1e-3, 1e3) | st.sampled_from([0.0, 1e-12, 1e21]), min_size=1, max_size=40),
)
few = settings(max_examples=30)


def same(a: Dist, b: Dist) -> bool:
    return bool(np.allclose(a._sf, b._sf, rtol=1e-11, atol=1e-13))


# ---- one distribution ----


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=60), st.floats(0, 1e3))
def test_a_distribution_agrees_with_its_histogram(data, t):
    h = Histogram.from_values(data)
    x = h.dist(confidence=None)
    after = next(edge for edge in edges().tolist() if edge >= t)
    assert x.sf(after) == sum(value > after for value in data) / len(data)  # exact at an edge
    answer = x.sf(t)
    assert answer.lower <= sum(value > t for value in data) / len(data) <= answer.upper
    assert x.cdf(t) == 1 - answer
    assert (x.cdf(t).lower, x.cdf(t).upper) == (1 - answer.upper, 1 - answer.lower)


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=60), st.integers(0, 59))
def test_quantiles_lie_in_the_bucket_of_the_histograms(data, above):
    above = min(above, len(data) - 1)
    exact = sorted(data)[len(data) - 1 - above]
    answer = Histogram.from_values(data).dist(confidence=None).isf((above + 0.5) / len(data))
    assert answer.lower <= exact <= answer.upper
    assert answer.upper <= max(answer.lower * 1.0109, 2.0**-32)
    assert answer.unit == "s"


def test_isf_and_ppf_invert_sf():
    for p in (0.9, 0.5, 0.01, 1e-6, 1e-12, 1e-100):
        assert LOGNORMAL.sf(LOGNORMAL.isf(p)) == pytest.approx(p, rel=1e-12)
        assert LOGNORMAL.isf(p) == pytest.approx(math.exp(-special.ndtri(p)), rel=1e-4 + 1e-6 * -math.log(p))
    assert LOGNORMAL.ppf(0.99) == pytest.approx(LOGNORMAL.isf(0.01), rel=1e-12)


def test_the_far_tail_keeps_its_digits():
    edge = buckets.upper(64 * 6)
    tail = math.exp(-edge)  # 1e-28
    assert first_of(3, EXP).sf(edge) == pytest.approx(tail**3, rel=1e-13)
    assert all_of(7, EXP).sf(edge) == pytest.approx(-math.expm1(7 * math.log1p(-tail)), rel=1e-13)


def test_sampling_intervals_are_clopper_and_pearsons():
    answer = ONE_IN_100.sf(0.5)
    oracle = stats.binomtest(100, 10_000).proportion_ci(0.95, method="exact")
    assert (answer.lower, answer.upper) == pytest.approx((oracle.low, oracle.high), rel=1e-8)
    assert answer.why == "sampling: 10,000 values; bucket width"


def test_what_lies_beyond_the_data_is_left_open():
    with pytest.warns(TailWarning, match="10,000 values are too few"):
        answer = ONE_IN_100.ppf(0.9999)
    assert answer.upper == math.inf
    assert "too few values" in answer.why
    x = Histogram.from_values([0.01] * 9_900 + [1.0] * 100).dist(confidence=None)
    assert x.ppf(0.9999).upper == 1.0
    with pytest.warns(TailWarning):
        assert all_of(1000, ONE_IN_100).ppf(0.99).upper == math.inf
    with pytest.warns(TailWarning, match="all of 20,000 parts are waited for, but only 10,000 were recorded"):
        assert all_of({ONE_IN_100: 20_000, EXP: 1}).sf(2.0) <= 1


def test_mean():
    h = Histogram.from_values(np.random.default_rng(3).lognormal(0, 1, 10_000))
    mean = h.dist(confidence=None).mean()
    assert mean.lower <= h.mean <= mean.upper
    assert mean == pytest.approx(h.mean, rel=buckets.RELATIVE_ERROR)
    assert h.dist().mean().upper == math.inf
    assert "no sample bounds a mean" in h.dist().mean().why
    assert retry(EXP, timeout=1.0, retries=1).mean() == math.inf
    assert Histogram.from_values([0.0]).dist(confidence=None).mean() == 0.0
    beyond = Histogram.from_values([1.0, 1e21]).dist(confidence=None).mean()
    assert (beyond, beyond.lower) == (math.inf, pytest.approx(2.0**63, rel=1e-9))


@given(dists, st.lists(st.floats(0, 1e22), min_size=2, max_size=20))
def test_survival_does_not_grow(x, times):
    answers = [x.sf(t) for t in sorted(times)]
    for part in ("value", "lower", "upper"):
        values = [getattr(one, part) for one in answers]
        assert values == sorted(values, reverse=True)
    assert all(one.lower <= one <= one.upper for one in answers)


def test_the_ends_of_a_distribution():
    x = Histogram.from_values([0.0, 1e-12, 1.0, 1e21]).dist(confidence=None)
    assert (x.sf(-1.0), x.sf(0.0), x.sf(math.inf), x.never) == (1.0, 0.5, 0.0, 0.0)
    assert x.sf(0.0).upper == 1.0  # the zero bucket reaches to 2**-32
    assert x.isf(0.5) == 0.0
    assert x.isf(0.25) == pytest.approx(1.0, rel=0.011)
    assert (x.isf(0.0), x.isf(0.0).lower) == (math.inf, 2.0**64)
    assert x.isf(1.0) == 0.0


def test_distributions_are_immutable_and_equal_only_to_themselves():
    x = Histogram.from_values([1.0]).dist()
    with pytest.raises(ValueError, match="read-only"):
        x._sf[0, 0] = 0.5
    assert len({x, Histogram.from_values([1.0]).dist()}) == 2
    assert same(pickle.loads(pickle.dumps(x)), x)
    assert same(copy.copy(x), x)
    assert not pickle.loads(pickle.dumps(x))._sf.flags.writeable
    assert x.mass.sum() + x.never == pytest.approx(1)
    assert "p50" in repr(x)


# ---- laws ----


@given(dists, st.integers(2, 30))
def test_quorums_hold_all_and_first(x, n):
    assert all_of(1, x) is x
    assert first_of(1, x) is x
    assert same(k_of(n, n, x), all_of(n, x))
    assert same(k_of(1, n, x), first_of(n, x))
    with np.errstate(all="ignore"):
        assert np.allclose(at_least([(x._sf, n)], n), first_of(n, x)._sf, rtol=1e-11)
        assert np.allclose(at_least([(x._sf, n)], 1), all_of(n, x)._sf, rtol=1e-11)


@given(dists, dists, st.integers(1, 5), st.integers(1, 5))
def test_a_mapping_is_what_its_parts_are(x, y, m, n):
    assert same(all_of({x: m, y: n}), all_of({all_of(m, x): 1, all_of(n, y): 1}))
    assert same(first_of({x: m, y: n}), first_of({first_of(m, x): 1, first_of(n, y): 1}))
    assert same(all_of({x: m}), all_of(m, x))
    again = Dist(x._sf, unit=x.unit, count=x.count, why=x._why, load=x._load)
    for k in range(1, m + n + 1):
        assert same(k_of(k, {x: m, again: n}), k_of(k, m + n, x))


@few
@given(dists, dists)
def test_chains_commute(x, y):
    assert same(seq(x, y), seq(y, x))
    assert seq(x) is x


@few
@given(dists, dists, dists)
def test_chains_associate_but_for_the_grid(x, y, z):
    one, other = seq(seq(x, y), z), seq(x, seq(y, z))
    for p in (0.5, 0.1):
        a, b = one.isf(p), other.isf(p)
        assert max(a.lower, b.lower) <= min(a.upper, b.upper)  # both hold the truth


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
    # comonotone: all are slow together; disjoint: one is slow at a time
    assert all_of(5, x, dependence="positive").sf(0.5).lower == pytest.approx(0.1)
    assert all_of(5, x, dependence="any").sf(0.5).upper == pytest.approx(0.5)
    assert first_of(5, x, dependence="any").sf(0.5).lower == 0.0
    assert first_of(5, x, dependence="positive").sf(0.5).upper == pytest.approx(0.1)
    assert k_of(4, 5, x, dependence="any").sf(0.5).upper == pytest.approx(5 * 0.1 / 2)  # two slow at a time
    y = Histogram.from_values([0.01] * 10 + [1.0] * 90).dist(confidence=None)
    assert k_of(4, 5, y, dependence="any").sf(0.5).lower == pytest.approx((4.5 - 2 + 1) / 4)


def test_any_dependence_of_a_chain_is_makarovs():
    either = seq(LOGNORMAL, LOGNORMAL, dependence="any").ppf(0.99)
    assert seq(LOGNORMAL, LOGNORMAL).ppf(0.99) == pytest.approx(15.0, abs=0.05)
    assert either.upper == pytest.approx(26.3, rel=0.03)  # 2 Q(0.995), and 1.1 % to each edge
    assert either.lower <= 10.3  # one is at its 99th percentile while the other is quick: Q(0.99) + 0
    h = Histogram.from_values([0.01] * 90 + [1.0] * 10).dist(confidence=None)
    bounds = seq(h, h, dependence="any").sf(0.9)
    assert (bounds.lower, bounds.upper) == pytest.approx((0.1, 0.2), abs=1e-12)


# ---- reference values ----


@pytest.mark.parametrize(
    ("k", "n", "expected"), [(95, 100, 5.345345e-4), (99, 100, 0.264238), (2, 3, 2.98e-4), (1, 2, 1e-4), (2, 2, 0.0199)]
)
def test_quorums_at_reference_values(k, n, expected):
    assert k_of(k, n, ONE_IN_100).sf(0.5) == pytest.approx(expected, rel=1e-6)


def exactly_at_least(shares, slow):
    """Return P(at least `slow` are slow) by exact fractions, one part after the other."""
    pmf = [Fraction(1)]
    for share in map(Fraction, shares):
        pmf = [a * (1 - share) + b * share for a, b in zip([*pmf, 0], [0, *pmf])]
    return float(sum(pmf[slow:]))


@pytest.mark.parametrize("kinds", [{1e-5: 9, 0.01: 3}, {1e-5: 9, 0.01: 3, 0.3: 4}, {0.5: 2, 0.2: 2, 0.1: 2, 0.9: 2}])
def test_unequal_quorums_against_fractions(kinds):
    shares = [share for share, n in kinds.items() for _ in range(n)]
    for slow in range(1, len(shares) + 1):
        answer = float(at_least([(np.array([share]), n) for share, n in kinds.items()], slow)[0])
        assert answer == pytest.approx(exactly_at_least(shares, slow), rel=1e-12, abs=0)


@pytest.mark.parametrize("n", [3, 100, 10_000, 1_000_000])
@pytest.mark.parametrize("share", [1e-9, 1e-3, 0.01, 0.5])
def test_equal_quorums_against_fifty_digits(n, share):
    with mpmath.workdps(50):
        p = mpmath.mpf(share)
        for slow in (1, 2, 3, max(3, n // 20_000)):
            terms = (mpmath.binomial(n, j) * p**j * (1 - p) ** (n - j) for j in range(slow, slow + 400) if j <= n)
            if n * share > 100:  # too many terms above: the others, then
                terms = (-mpmath.binomial(n, j) * p**j * (1 - p) ** (n - j) for j in range(slow))
            exact = float(sum(terms, mpmath.mpf(n * share > 100)))
            answer = float(at_least([(np.array([share]), n)], slow)[0])
            assert answer == pytest.approx(exact, rel=1e-8, abs=1e-300)


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
    assert all_of(2, x).never == pytest.approx(2e-6, rel=1e-5)
    assert seq(x, x).never == pytest.approx(2e-6, rel=1e-5)


def test_loads_of_a_tree_add_up():
    hedged = hedge(ONE_IN_100, after=0.5)
    assert all_of(3, hedged).extra_load == pytest.approx(0.01)
    assert seq(hedged, ONE_IN_100).extra_load == pytest.approx(0.005)
    assert choice({hedged: 0.2, ONE_IN_100: 0.8}).extra_load == pytest.approx(0.002)
    assert ONE_IN_100.extra_load == 0.0
    assert hedge(EXP, after=64.0).extra_load == pytest.approx(math.exp(-64), rel=1e-13)
    # of 1.01 calls, those of the hedged one, 0.01 are made once more
    assert hedge(hedged, after=0.5, prob=1.0).extra_load == pytest.approx(0.01 + 1.01 * float(hedged.sf(0.5)))


# ---- chains ----


@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_sums_of_exponentials_are_gamma(n):
    chain = seq(*[EXP] * n)
    for q in (0.5, 0.9, 0.99, 0.999, 0.9999):
        exact, answer = stats.gamma.ppf(q, n), chain.ppf(q)
        assert answer == pytest.approx(exact, rel=0.002)
        assert answer.lower <= exact <= answer.upper
    assert chain.mean() == pytest.approx(n, rel=0.001)


@pytest.mark.parametrize(("sigma", "n"), [(0.25, 100), (1.0, 2)])
def test_sums_of_lognormals(sigma, n):
    stage = from_sf(lambda t: float(special.ndtr(-math.log(t) / sigma)) if t < math.inf else 0.0)
    # the density's Fourier transform on a fine linear grid, to the power of n
    step, size = 2e-3, 2**18
    with np.errstate(divide="ignore", invalid="ignore"):
        masses = np.diff(special.ndtr(np.log(np.maximum((np.arange(size + 1) - 0.5) * step, 0)) / sigma))
    total = np.fft.irfft(np.fft.rfft(masses) ** n, size).cumsum()
    chain = seq(*[stage] * n)
    for q in (0.5, 0.9, 0.99, 0.999, 0.9999):
        answer = chain.ppf(q)
        exact = float(np.interp(q, total, np.arange(size) * step + step / 2))
        assert answer == pytest.approx(exact, rel=0.001)
        assert answer.lower <= exact <= answer.upper


@few
@given(
    st.lists(st.floats(1e-3, 1e3) | st.just(0.0), min_size=1, max_size=8),
    st.lists(st.floats(1e-7, 1e6) | st.just(0.0), min_size=1, max_size=8),
)
def test_the_truth_of_a_chain_is_inside_its_bracket(a, b):
    x, y = (Histogram.from_values(values).dist(confidence=None) for values in (a, b))
    chain, sums = seq(x, y), sorted(v + w for v, w in itertools.product(a, b))
    for rank, exact in enumerate(sums, 1):
        answer = chain.isf((len(sums) - rank + 0.5) / len(sums))
        assert answer.lower <= exact <= answer.upper
        share = sum(value > exact * 1.05 for value in sums) / len(sums)
        tail = chain.sf(exact * 1.05)
        assert tail.lower - 1e-12 <= share <= tail.upper + 1e-12


def test_the_mean_of_a_chain_is_the_sum_of_means():
    h = Histogram.from_values(np.random.default_rng(4).lognormal(0, 2, 5_000))
    x = h.dist(confidence=None)
    assert seq(x, EXP).mean() == pytest.approx(x.mean() + EXP.mean(), rel=1e-3)
    assert seq(x, x, x).mean() == pytest.approx(3 * x.mean(), rel=1e-3)


def test_chains_far_out():
    big = Histogram.from_values([2.0**63.5] * 10).dist(confidence=None)
    assert seq(big, big).isf(0.5) == math.inf
    assert seq(big, big).isf(0.5).lower >= 2.0**64
    zero = Histogram.from_values([0.0]).dist(confidence=None)
    assert seq(zero, zero).isf(0.5) == 0.0
    assert same(all_of({EXP: 1}), EXP)
    assert seq(zero, EXP).ppf(0.5) == pytest.approx(EXP.ppf(0.5), rel=1e-12)


# ---- the bracket of what lies off the grid ----

atoms = st.lists(st.floats(1e-3, 10) | st.just(0.0), min_size=1, max_size=6)


def holds(dist, outcomes, times):
    """Check the bounds of the survival against weighted outcomes, of which infinity is one that never returns."""
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


# ---- bad input ----


def test_bad_numbers():
    x = ONE_IN_100
    for call, message in (
        (lambda: all_of(0, x), "n must be at least 1"),
        (lambda: first_of(-1, x), "n must be at least 1"),
        (lambda: k_of(0, 3, x), "k must be at least 1"),
        (lambda: k_of(4, 3, x), "k must be at most n, 3, not 4"),
        (lambda: k_of(4, {x: 3}), "k must be at most n"),
        (lambda: choice({x: 0.5}), "shares must add up to 1, not 0.5"),
        (lambda: choice({x: 1.5}), r"shares must be in 0\.\.1"),
        (lambda: choice({}), "at least one"),
        (lambda: all_of({}), "at least one"),
        (lambda: seq(), "at least one"),
        (lambda: hedge(x, -1.0), "after must be a finite number from 0"),
        (lambda: hedge(x, math.nan), "after must be a finite number"),
        (lambda: hedge(x, 1.0, 1.1), r"prob must be in 0\.\.1"),
        (lambda: retry(x, 0.0, 1), "timeout must be more than 0"),
        (lambda: retry(x, 1.0, -1), "retries must be at least 0"),
        (lambda: retry(x, 1.0, 1, math.inf), "backoff must be a finite number"),
        (lambda: x.sf(math.nan), "t must not be NaN"),
        (lambda: x.ppf(1.1), r"q must be in 0\.\.1"),
        (lambda: x.isf(-0.1), r"p must be in 0\.\.1"),
        (lambda: all_of(2, x, dependence="some"), "dependence must be"),
        (lambda: seq(x, x, dependence="some"), "dependence must be"),
        (lambda: Histogram().dist(), "empty"),
        (lambda: Histogram.from_values([1.0]).dist(confidence=1.0), "confidence must be between"),
        (lambda: from_sf(lambda t: t), "sf must give shares"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_mixed_units():
    other = Histogram.from_values([1.0], unit="ms").dist()
    for call in (
        lambda: seq(ONE_IN_100, other),
        lambda: all_of({ONE_IN_100: 1, other: 1}),
        lambda: first_of({ONE_IN_100: 1, other: 1}),
        lambda: k_of(2, {ONE_IN_100: 2, other: 1}),
        lambda: choice({ONE_IN_100: 0.5, other: 0.5}),
        lambda: tied(ONE_IN_100, other),
    ):
        with pytest.raises(ValueError, match="parts must be in one unit, not 's' and 'ms'"):
            call()


def test_all_kinds_of_numbers():
    for one in (np.float32(0.5), np.array(0.5), Fraction(1, 2)):
        assert ONE_IN_100.sf(one) == ONE_IN_100.sf(0.5)
        assert ONE_IN_100.ppf(one) == ONE_IN_100.ppf(0.5)
        assert hedge(ONE_IN_100, one, one).extra_load == pytest.approx(0.005, rel=1e-14)
    assert all_of(np.int64(3), ONE_IN_100).sf(np.int64(2)) == 0


def test_bad_types():
    h = Histogram.from_values([1.0])
    for call, message in (
        (lambda: seq(h, h), r"parts must be distributions, not .*: pass its \.dist\(\)"),
        (lambda: all_of(2, h), r"pass its \.dist\(\)"),
        (lambda: hedge(1.0, 1.0), "parts must be distributions"),
        (lambda: all_of(2), "n must be a whole number followed by a distribution"),
        (lambda: all_of(1.5, ONE_IN_100), "n must be a whole number"),
        (lambda: all_of({ONE_IN_100: 1}, ONE_IN_100), "n must be a whole number"),
        (lambda: choice([ONE_IN_100]), "shares must be a mapping"),
        (lambda: hedge(ONE_IN_100, "1"), "after must be a number"),
        (lambda: ONE_IN_100.sf("1"), "t must be a number"),
        (lambda: ONE_IN_100.sf(np.array([1.0])), "t must be a number"),
        (lambda: ONE_IN_100.ppf(None), "q must be a number"),
    ):
        with pytest.raises(TypeError, match=message):
            call()


def test_the_columns_are_the_edges_of_the_buckets():
    edge = edges()
    assert len(edge) == COLUMNS
    assert (edge[0], edge[-2], edge[-1]) == (2.0**-32, 2.0**64, math.inf)
    assert edge[2048] == 1.0
