"""Quorums: laws, and comparison with reference values, exact fractions and high-precision sums."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from distributions import ONE_IN_100, dists, same
from hypothesis import given
from hypothesis import strategies as st

from historian.tail import all_of, first_of, k_of
from historian.tail.quorum import at_least


@given(dists, st.integers(2, 30))
def test_quorums_hold_all_and_first(x, n):
    assert all_of(1, x) is x
    assert first_of(1, x) is x
    for kind in ("independent", "positive", "any"):
        assert same(k_of(n, n, x, dependence=kind), all_of(n, x, dependence=kind))
        assert same(k_of(1, n, x, dependence=kind), first_of(n, x, dependence=kind))
    with np.errstate(all="ignore"):
        assert np.allclose(at_least([(x._sf, n)], n), first_of(n, x)._sf, rtol=1e-11)
        assert np.allclose(at_least([(x._sf, n)], 1), all_of(n, x)._sf, rtol=1e-11)


@pytest.mark.parametrize(
    ("k", "n", "expected"), [(95, 100, 5.345345e-4), (99, 100, 0.264238), (2, 3, 2.98e-4), (1, 2, 1e-4), (2, 2, 0.0199)]
)
def test_quorums_at_reference_values(k, n, expected):
    assert k_of(k, n, ONE_IN_100).sf(0.5) == pytest.approx(expected, rel=1e-6)


def exactly_at_least(shares, slow):
    """Return P(at least `slow` are slow) in exact fractions, adding one part after the other."""
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
            if n * share > 100:  # too many terms above: add those below instead
                terms = (-mpmath.binomial(n, j) * p**j * (1 - p) ** (n - j) for j in range(slow))
            exact = float(sum(terms, mpmath.mpf(n * share > 100)))
            answer = float(at_least([(np.array([share]), n)], slow)[0])
            assert answer == pytest.approx(exact, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("numbers", [(500, 500), (999, 1), (300, 300, 400)])
def test_large_unequal_quorums_against_many_digits(numbers):
    """Half of a thousand: P(A + B + ... >= 500) by exact convolution with 50 digits."""
    shares, slow = (0.02, 0.4, 0.7)[: len(numbers)], 500
    with mpmath.workdps(50):
        total = [mpmath.mpf(1)]
        for share, n in zip(shares, numbers):
            p = mpmath.mpf(share)
            pmf = [mpmath.binomial(n, j) * p**j * (1 - p) ** (n - j) for j in range(n + 1)]
            if n > 10:  # terms that do not matter would only take time
                pmf = [one if one > mpmath.mpf(10) ** -60 else mpmath.mpf(0) for one in pmf]
            result = [mpmath.mpf(0)] * (len(total) + n)
            for i, one in enumerate(total):
                for j, other in enumerate(pmf):
                    if one and other:
                        result[i + j] += one * other
            total = result
        exact = float(sum(total[slow:]))
    answer = at_least([(np.array([share]), n) for share, n in zip(shares, numbers)], slow)[0]
    assert float(answer) == pytest.approx(exact, rel=1e-11, abs=1e-50)
