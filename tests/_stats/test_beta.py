"""The incomplete beta function and its inverse, for floats and for arrays, against mpmath and scipy.

Every limit is a relative error, separately for each tail.  mpmath is the oracle, because scipy's functions have errors
above 1e-12 at some of these points.
"""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import special

from historian._stats import beta, beta_arrays

PARAMETERS = [0.5, 1.0, 1.5, 3.0, 9.99, 10.0, 100.0, 1234.5, 1e5, 1e9, 1e13, 1e18]
NEAR = [-8.0, -2.0, -0.5, 0.0, 0.3, 1.0, 6.0]  # standard deviations from the mean
SHARES = [0.5, 0.025, 0.975, 0.0005, 0.9995, 1e-12, 1 - 1e-12, 1e-100, 1e-290]

parameters = st.floats(-0.3, 18).map(lambda exponent: max(0.5, 10.0**exponent)) | st.integers(1, 10**6).map(float)
shares = st.floats(1e-12, 1 - 1e-12) | st.floats(-290, -1).map(lambda exponent: 10.0**exponent)


def exact_tails(x: float, a: float, b: float) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Return both tails to 30 digits: by the continued fraction of DLMF 8.17.22, or by quadrature where it is slow."""
    with mpmath.workdps(60):
        x, a, b = mpmath.mpf(x), mpmath.mpf(a), mpmath.mpf(b)
        mirrored = x > a / (a + b)
        if mirrored:
            x, a, b = 1 - x, b, a
        front = mpmath.exp(a * mpmath.log(x) + b * mpmath.log1p(-x) - log_beta(a, b))
        tail = front * (continued_fraction(x, a, b) or quadrature(x, a, b))
        return (1 - tail, tail) if mirrored else (tail, 1 - tail)


def log_beta(a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
    return mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)


def continued_fraction(x: mpmath.mpf, a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf | None:
    """Return I_x(a, b) over x^a (1 - x)^b / B(a, b), by Lentz's method; None if 1,000 terms are too few."""
    c, d = mpmath.mpf(1), 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 1_000):
        before = value
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            c, d = 1 + term / c, 1 / (1 + term * d)
            value *= c * d
        if abs(value / before - 1) < mpmath.mpf(10) ** -32:
            return value / a
    return None


def quadrature(x: mpmath.mpf, a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
    n = a + b
    slope = a - n * x
    length = 160 / (slope + mpmath.sqrt(slope**2 + 160 * n * x * (1 - x)))
    ends = [k * length / 6 for k in range(13)]
    return mpmath.quad(lambda s: mpmath.exp(-a * s - n * mpmath.log1p(x * mpmath.expm1(-s))), ends)


def off(found: float, exact: mpmath.mpf) -> float:
    """Return the relative error; 0 if both are below about 1e-290, where a float64 loses digits."""
    return 0.0 if exact < 1e-290 and found < 2e-290 else abs(float(found / exact - 1))


def points() -> list[tuple[float, float, float]]:
    """Return triples of x, a and b: with x near the mean, and far from it."""
    found = []
    for a in PARAMETERS:
        for b in PARAMETERS:
            mean, spread = a / (a + b), math.sqrt(a / (a + b) * b / (a + b) / (a + b + 1))
            xs = [mean + spread * z for z in NEAR] + [mean / 2, mean * 1e-3, 0.5, 0.999, 1e-300]
            found += [(x, a, b) for x in xs if 0 < x < 1]
    return found


def test_tails_against_mpmath():
    rng = np.random.default_rng(1)
    for x, a, b in rng.permutation(points())[:200].tolist():
        for found, exact in zip(beta.tails(x, a, b), exact_tails(x, a, b)):
            assert off(found, exact) < 1e-12, (x, a, b)


def test_tails_against_scipy_and_where_they_differ_mpmath_decides():
    for x, a, b in points():
        if max(a, b) > 1e9:
            continue
        found, others = beta.tails(x, a, b), (special.betainc(a, b, x), special.betaincc(a, b, x))
        if any(abs(one - other) > 1e-12 * other + 1e-290 for one, other in zip(found, others)):
            assert max(map(off, found, exact_tails(x, a, b))) < 1e-12, (x, a, b)


@pytest.mark.parametrize(
    ("x", "a", "b"),
    [
        (1e-9, 1e9 + 0.5, 1e18),  # n x - a is 1/2, while both terms are 1e9
        (0.5 + 3e-10, 1e18, 1e18),
        (1 / 3, 1e17 / 3, 2e17 / 3),
        (3e-18, 1.0, 1e18),
        (1 - 2**-53, 1e18, 100.0),
        (0.25, 1.0, 3.0),  # at the mean
        (1e-300, 0.5, 0.5),
        (0.9, 9.999999, 10.000001),  # below and above the limit up to which a is raised
        (1e-5, 20.0, 1e9),  # the variance is 1e4, from which on a series is used
        (0.02, 40.0, 1e-3),  # parameters below 1/2, for floats only
        (1e-5, 1e-9, 1e3),
        (0.3, 1e-6, 1e-6),
    ],
)
def test_tails_at_hard_points(x, a, b):
    for found, exact in zip(beta.tails(x, a, b), exact_tails(x, a, b)):
        assert off(found, exact) < 1e-12
    if min(a, b) >= 0.5:
        for found, exact in zip(beta_arrays.tails(x, [a], [b]), exact_tails(x, a, b)):
            assert off(found[0], exact) < 1e-12


def test_tails_of_whole_numbers_are_those_of_fractions():
    for n, x in ((5, Fraction(1, 4)), (40, Fraction(1, 1024)), (40, Fraction(1023, 1024)), (200, Fraction(3, 8))):
        terms = [math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(n + 1)]
        for m in range(1, n + 1):  # P(at least m of n) = I_x(m, n - m + 1), DLMF 8.17.5
            exact = sum(terms[m:])
            assert beta.tails(float(x), m, n - m + 1) == pytest.approx((float(exact), float(1 - exact)), rel=1e-13)
            assert float(beta_arrays.lower_tail(np.array(float(x)), m, n - m + 1)) == pytest.approx(exact, rel=1e-13)
        pmf = [float(one) for one in beta_arrays.binomial_shares(n, n, np.array(float(x)))]
        assert pmf == pytest.approx([float(term) for term in terms], rel=1e-12)


def test_the_binomial_terms_of_many_trials():
    n, x = 10**12, np.array([0.0, 1e-13, 1e-12, 5e-12, 1.0])
    with mpmath.workdps(40):
        shares = [mpmath.mpf(one) for one in x.tolist()]
        exact = [float(mpmath.binomial(n, 3) * one**3 * (1 - one) ** (n - 3)) for one in shares]
    assert beta_arrays.binomial_shares(3, n, x)[3].tolist() == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("function", [beta.tails, beta_arrays.tails])
def test_the_ends(function):
    for a, b in ((0.5, 3.0), (1e18, 1.0)):
        assert tuple(map(float, function(0.0, a, b))) == (0.0, 1.0)
        assert tuple(map(float, function(1.0, a, b))) == (1.0, 0.0)
        lower, upper = function(5e-324, a, b)
        assert 0 <= lower < 1e-150 and upper == 1
    for a in PARAMETERS:
        assert tuple(map(float, function(0.5, a, a))) == pytest.approx((0.5, 0.5), rel=1e-14)


@given(st.floats(0.5, 1, exclude_max=True), parameters, parameters)
def test_tails_mirrored(x, a, b):
    assert beta.tails(x, a, b) == pytest.approx(beta.tails(1 - x, b, a)[::-1], rel=1e-12, abs=1e-290)
    assert sum(beta.tails(x, a, b)) == 1


@given(parameters, parameters, st.floats(-9, 9), st.floats(0, 1e-3))
def test_tails_are_monotone(a, b, z, more):
    mean = a / (a + b)
    x = mean + z * math.sqrt(mean * (b / (a + b)) / (a + b + 1))
    assume(0 < x < 1)
    further = x + min(x, 1 - x) * more
    lower, upper = beta.tails(x, a, b)
    assert beta.tails(further, a, b)[0] >= lower * (1 - 1e-12)
    assert beta.tails(further, a, b)[1] <= upper * (1 + 1e-12)


@given(parameters, parameters, shares)
def test_one_more_success(a, b, p):
    """I_x(a, b) - I_x(a + 1, b) = x^a (1 - x)^b / (a B(a, b)), DLMF 8.17.20: exact to its digits."""
    assume(a < 1e15)
    x, _ = beta.quantile(p, a, b)
    assume(1e-290 < x < 1)
    step = beta.density(x, a, b) * x * (1 - x) / a
    assert beta.tails(x, a, b)[0] == pytest.approx(beta.tails(x, a + 1, b)[0] + step, rel=1e-11)


def check_quantile(p: float, a: float, b: float, x: float, y: float, limit: float = 1e-12) -> None:
    """Check the smaller one of x and y = 1 - x against the exact quantile, by the error in p over the density."""
    if min(x, y) < 1e-290:  # x has lost digits
        return
    with mpmath.workdps(60):
        below, above = mpmath.mpf(p), 1 - mpmath.mpf(p)
        z, of = (x, (a, b)) if x <= y else (y, (b, a))
        if x > y:
            below, above = above, below
        logarithm = of[0] * mpmath.log(z) + of[1] * mpmath.log1p(-mpmath.mpf(z)) - log_beta(*map(mpmath.mpf, of))
        lower, upper = exact_tails(z, *of)
        miss = lower - below if below < above else above - upper
        assert abs(miss / mpmath.exp(logarithm)) * (1 - mpmath.mpf(z)) < limit


@pytest.mark.parametrize("p", SHARES)
def test_quantiles_against_mpmath(p):
    for a in PARAMETERS[::2]:
        for b in PARAMETERS[::3] if a < 1e9 else (100.0, 1e18):
            check_quantile(p, a, b, *beta.quantile(p, a, b))


@given(shares, parameters, parameters)
@example(0.9995, 0.5, 9e16)
@example(1e-290, 1e18, 1.5)
@settings(max_examples=300)
def test_the_quantile_is_the_inverse(p, a, b):
    x, y = beta.quantile(p, a, b)
    assume(min(x, y) > 1e-290)
    assert x + y == pytest.approx(1, rel=1e-15)
    z, of, wanted = (x, (a, b), p) if x <= y else (y, (b, a), 1 - p)
    tail = beta.tails(z, *of)[0] if wanted <= 0.5 else beta.tails(z, *of)[1]
    share = wanted if wanted <= 0.5 else p if x > y else 1 - p
    rounding = beta.density(z, *of) * z * 2.0**-52  # the rounding of z itself
    assert tail == pytest.approx(share, rel=1e-12, abs=2 * rounding)


@given(shares, st.floats(1e-9, 1 - 1e-9), parameters, parameters)
def test_quantiles_grow_with_the_share(p, factor, a, b):
    smaller, larger = beta.quantile(p * factor, a, b), beta.quantile(p, a, b)
    assert smaller[0] <= larger[0] * (1 + 1e-12)
    assert smaller[1] >= larger[1] * (1 - 1e-12)


def test_quantiles_against_scipy_and_where_they_differ_mpmath_decides():
    for p in SHARES:
        for a in PARAMETERS[:9]:
            for b in PARAMETERS[:9]:
                x, y = beta.quantile(p, a, b)
                if abs(x - special.betaincinv(a, b, p)) > 1e-12 * x:
                    check_quantile(p, a, b, x, y)


def test_arrays_are_floats_many_at_a_time():
    x, a, b = np.array(points()).T
    floats = np.array([beta.tails(*one) for one in zip(x.tolist(), a.tolist(), b.tolist())])
    for found, wanted in zip(beta_arrays.tails(x, a, b), floats.T):
        assert found == pytest.approx(wanted, rel=5e-13, abs=1e-290)
    for p in SHARES[:7]:
        floats = np.array([beta.quantile(p, *one) for one in zip(a.tolist(), b.tolist())])
        for found, wanted in zip(beta_arrays.quantiles(p, a, b), floats.T):
            assert found == pytest.approx(wanted, rel=5e-13, abs=1e-290)


def test_arrays_of_any_shape():
    x = np.linspace(0, 1, 12).reshape(3, 4)
    lower, upper = beta_arrays.tails(x, 2.0, 3.0)
    assert lower.shape == upper.shape == (3, 4)
    assert lower == pytest.approx(special.betainc(2, 3, x), rel=1e-13)
    assert beta_arrays.tails(0.25, np.ones(5), np.full(5, 2.0))[0] == pytest.approx(np.full(5, 1 - 0.75**2), rel=1e-15)
    assert beta_arrays.tails(0.25, np.ones((2, 0)), np.ones((2, 0)))[0].shape == (2, 0)
    assert float(beta_arrays.tails(0.25, 1.0, 2.0)[1]) == pytest.approx(0.75**2, rel=1e-15)
    assert [one.size for one in beta_arrays.quantiles(0.5, [], [])] == [0, 0]


def test_the_density():
    for x, a, b in ((0.1, 2.0, 3.0), (1e-9, 1.5, 1e9), (0.5, 1e6, 1e6)):
        with mpmath.workdps(40):
            exact = mpmath.exp((a - 1) * mpmath.log(x) + (b - 1) * mpmath.log1p(-mpmath.mpf(x)) - log_beta(a, b))
        assert beta.density(x, a, b) == pytest.approx(float(exact), rel=1e-12)
