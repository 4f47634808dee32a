"""Intervals of shares and ranks, against scipy, which the package does without."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from historian._stats import binomial
from historian.tail.shares import any_of, any_of_correlated, any_over_windows, any_without


@pytest.mark.parametrize(
    ("above", "count"),
    [(0, 1), (1, 1), (0, 10), (1, 100), (3, 1000), (99, 100), (100, 10**4), (5000, 10**4), (9999, 10**4)],
)
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_share_interval_is_clopper_and_pearsons(above, count, confidence):
    oracle = stats.binomtest(above, count).proportion_ci(confidence, method="exact")
    lower, upper = binomial.share_interval(above, count - above, confidence)
    assert lower == pytest.approx(oracle.low, rel=1e-8, abs=0)
    assert upper == pytest.approx(oracle.high, rel=1e-8, abs=0)


@pytest.mark.parametrize(("above", "count"), [(100, 10**9), (30_000, 10**5), (25_000, 10**7), (10**5, 10**12)])
def test_share_interval_of_many(above, count):
    lower, upper = binomial.share_interval(above, count - above, 0.95)
    assert lower == pytest.approx(special.betaincinv(above, count - above + 1, 0.025), rel=1e-8)
    assert upper == pytest.approx(special.betaincinv(above + 1, count - above, 0.975), rel=1e-8)


@pytest.mark.parametrize("count", [10**12, 10**15, 2**62])
@pytest.mark.parametrize("above", [1, 2, 5, 100])
def test_a_few_of_very_many_are_poissons(above, count):
    # Beta(c, N - c + 1) is Gamma(c)/N with a relative error of c/N, here below 1e-10 (Garwood, Biometrika 28, 1936).
    lower, upper = binomial.share_interval(above, count - above, 0.95)
    assert lower * count == pytest.approx(stats.gamma.ppf(0.025, above), rel=1e-8)
    assert upper * count == pytest.approx(stats.gamma.ppf(0.975, above + 1), rel=1e-8)
    assert binomial.share_interval(count - above, above, 0.95) == pytest.approx((1 - upper, 1 - lower), rel=1e-15)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.5, 5000), st.floats(0.5, 5000))
def test_beta_share_and_its_quantile(x, a, b):
    share = binomial.beta_share(x, a, b)
    assert share == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-15)
    if 1e-3 < share < 0.999:
        assert binomial.beta_quantile(share, a, b) == pytest.approx(special.betaincinv(a, b, share), rel=1e-8)


@given(st.sampled_from([0.5, 0.9, 0.99, 0.999]), st.integers(1, 20_000), st.sampled_from([0.5, 0.95, 0.999]))
def test_rank_interval_is_the_narrowest_that_is_safe(q, count, confidence):
    low, high = binomial.rank_interval(q, count, confidence)
    alpha = (1 - confidence) / 2
    assert 0 <= low <= high <= count + 1
    below = stats.binom.cdf([low - 1, low], count, q)  # P(B <= low - 1): the quantile is below the low-th value
    assert below[0] <= alpha * (1 + 1e-9) and (below[1] > alpha * (1 - 1e-9) or low == count)
    above = stats.binom.sf([high - 1, high - 2], count, q)
    assert above[0] <= alpha * (1 + 1e-9) and (above[1] > alpha * (1 - 1e-9) or high == 0)


def test_rank_interval_of_many_is_wider_by_a_rank_at_most():
    count, q = 10**7, 0.9
    low, high = binomial.rank_interval(q, count, 0.95)
    exact = stats.binom.ppf([0.025, 0.975], count, q)
    assert exact[0] - 2 <= low <= exact[0]
    assert exact[1] + 1 <= high <= exact[1] + 3


def test_rank_interval_at_the_ends():
    assert binomial.rank_interval(1.0, 100, 0.95) == (100, 101)
    assert binomial.rank_interval(0.0, 100, 0.95) == (0, 1)
    assert binomial.rank_interval(0.5, 1, 0.95) == (0, 2)


def test_students_quantile():
    for freedom in (1, 2, 5, 39, 1000):
        assert binomial.student_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-8)


@pytest.mark.parametrize(("correlation", "expected"), [(0.01, 0.501545), (0.1, 0.205141), (0.5, 0.050629)])
def test_correlated_calls_at_reference_values(correlation, expected):
    assert any_of_correlated(0.01, 100, correlation) == pytest.approx(expected, abs=5e-7)


def test_correlated_calls_at_their_ends():
    assert any_of_correlated(0.01, 100, 0.0) == any_of(0.01, 100)
    assert any_of_correlated(0.01, 100, 1.0) == 0.01
    assert any_of_correlated(0.01, 100, 1e-9) == pytest.approx(any_of(0.01, 100), rel=1e-6)
    assert any_of_correlated(0.01, 100, 5e-324) == pytest.approx(any_of(0.01, 100), rel=1e-14)
    # two calls: 1 - P(neither) = 1 - ((1 - p)^2 + r p (1 - p))
    assert any_of_correlated(0.3, 2, 0.2) == pytest.approx(1 - (0.49 + 0.2 * 0.21), rel=1e-14)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 66, 1_000, 10**6, 10**9, 10**30])
def test_correlated_calls_against_many_digits(n):
    """1 - B(a, b + n)/B(a, b), with 120 digits, since the logarithms of both nearly cancel."""
    with mpmath.workdps(120):
        for tail, correlation in itertools.product((1e-12, 1e-4, 0.01, 0.5, 0.999), (1e-14, 1e-6, 1e-3, 0.1, 0.9)):
            p, r = mpmath.mpf(tail), mpmath.mpf(correlation)
            both = (1 - r) / r
            b = both - p * both
            logarithm = mpmath.loggamma(b + n) - mpmath.loggamma(b) - mpmath.loggamma(both + n) + mpmath.loggamma(both)
            exact = float(1 - mpmath.exp(logarithm))
            assert any_of_correlated(tail, n, correlation) == pytest.approx(exact, rel=1e-13)


def test_the_share_without_replacement():
    for above, count, n in ((1, 100, 10), (3, 20, 7), (5, 8, 3), (0, 5, 5)):
        exact = 1 - math.comb(count - above, n) / math.comb(count, n)
        assert any_without(above, count, n) == pytest.approx(exact, rel=1e-12)
    assert any_without(3, 10, 8) == 1.0
    assert any_without(500_000, 10**6, 400_000) == 1.0
    assert any_without(10**8, 10**9, 2) == pytest.approx(0.19, rel=1e-8)


def test_windows_never_exceed_the_pool():
    rng = np.random.default_rng(2)
    for n in (1, 10, 100, 5000):
        above = rng.binomial(1000, rng.beta(0.5, 20, 12)).tolist()
        low, value, high = any_over_windows(above, [1000] * 12, n, 0.95)
        assert low <= value <= high
        assert value <= any_of(sum(above) / 12_000, n) + 1e-15


def test_quantiles_that_no_float_below_1_is():
    for p, a, b in ((0.975, 4.5e6, 1e-4), (0.025, 1e3, 1e-6), (1 - 1e-12, 1e-9, 1e3), (1e-300, 0.01, 5.0)):
        assert 0 <= binomial.beta_quantile(p, a, b) <= 1
