"""Chains: laws, sums of known distributions, and the bracket that holds the true distribution."""

import itertools
import math

import numpy as np
import pytest
from distributions import EXP, LOGNORMAL, dists, few, same
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from historian import Histogram
from historian.tail import all_of, seq
from historian.tail.dist import from_sf


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


def test_any_dependence_of_a_chain_is_makarovs():
    either = seq(LOGNORMAL, LOGNORMAL, dependence="any").ppf(0.99)
    assert seq(LOGNORMAL, LOGNORMAL).ppf(0.99) == pytest.approx(15.0, abs=0.05)
    assert either.upper == pytest.approx(26.3, rel=0.03)  # 2 Q(0.995), and 1.1 % to each edge
    assert either.lower <= 10.3  # one part is at its 99th percentile while the other is fast: Q(0.99) + 0
    h = Histogram.from_values([0.01] * 90 + [1.0] * 10).dist(confidence=None)
    bounds = seq(h, h, dependence="any").sf(0.9)
    assert (bounds.lower, bounds.upper) == pytest.approx((0.1, 0.2), abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_sums_of_exponentials_are_gamma(n):
    chain = seq(*[EXP] * n)
    for q in (0.5, 0.9, 0.99, 0.999, 0.9999):
        exact, answer = stats.gamma.ppf(q, n), chain.ppf(q)
        assert answer == pytest.approx(exact, rel=0.002)
        assert answer.lower <= exact <= answer.upper
    assert chain.mean == pytest.approx(n, rel=0.001)


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
    assert seq(x, EXP).mean == pytest.approx(x.mean + EXP.mean, rel=1e-3)
    assert seq(x, x, x).mean == pytest.approx(3 * x.mean, rel=1e-3)


def test_chains_far_out():
    big = Histogram.from_values([2.0**63.5] * 10).dist(confidence=None)
    twice = seq(big, big).isf(0.5)
    assert (twice, twice.lower, twice.upper) == (2.0**64.5,) * 3  # beyond the buckets, but all values are an extreme
    far = Histogram.from_values([2.0**62, 2.0**63, 2.0**63.5]).dist(confidence=None)
    assert seq(far, far).isf(0.0) == 2.0**64.5
    zero = Histogram.from_values([0.0]).dist(confidence=None)
    assert seq(zero, zero).isf(0.5) == 0.0
    assert same(all_of({EXP: 1}), EXP)
    assert seq(zero, EXP).ppf(0.5) == pytest.approx(EXP.ppf(0.5), rel=1e-12)
