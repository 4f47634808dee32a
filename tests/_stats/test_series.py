"""The parts of the incomplete beta function, the normal distribution and Student's: against mpmath and fractions."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from historian._stats import series
from historian._stats.beta import stirling_rest
from historian._stats.normal import normal_quantile
from historian._stats.student import student_quantile


def test_the_nodes_integrate_polynomials_up_to_degree_55():
    nodes, weights = np.array(series.NODES).T
    for degree in range(56):
        assert weights @ nodes**degree == pytest.approx(1 / (degree + 1), rel=1e-14)


@pytest.mark.parametrize("x", [1e-9, 0.1, 0.5, 0.7])
def test_cumulants_are_derivatives_of_their_generating_function(x):
    with mpmath.workdps(60):
        exact = mpmath.taylor(lambda s: mpmath.log1p(mpmath.mpf(x) * mpmath.expm1(s)), 0, len(series.CUMULANTS) + 1)
        exact = [float(one * mpmath.factorial(k)) for k, one in enumerate(exact)][2:]
    v, lean = x * (1 - x), 1 - 2 * x
    found = [v * lean ** (k % 2) * series.horner(one, v) for k, one in enumerate(series.CUMULANTS)]
    assert found == pytest.approx(exact, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize("z", [1e-9, 0.5, 1.0, 9.99, 10.0, 10.01, 50.0, 1e6, 1e18])
def test_what_stirlings_formula_leaves(z):
    with mpmath.workdps(40):
        exact = mpmath.loggamma(z) - (z - mpmath.mpf(1) / 2) * mpmath.log(z) + z - mpmath.log(2 * mpmath.pi) / 2
    assert stirling_rest(z) == pytest.approx(float(exact), rel=1e-15, abs=1e-14)


@given(st.floats(-0.4, 0.6).filter(lambda t: abs(t) > 1e-100))
def test_the_logarithm_less_its_argument(t):
    with mpmath.workdps(240):
        exact = float(mpmath.log1p(t) - mpmath.mpf(t))
    assert series.log1p_series(t) == pytest.approx(exact, rel=2e-15, abs=1e-300)


@given(st.floats(1e-280, 0.5), st.floats(0.5, 1e18), st.floats(0.5, 1e18))
def test_the_excess_keeps_its_digits(x, a, b):
    exact = (Fraction(a) + Fraction(b)) * Fraction(x) - Fraction(a)
    scale = max(abs(float(exact)), 1e-15 * a * 2.0**-40)  # below 1e-27, cancelled digits are lost
    assert abs(series.excess(x, a, b) - float(exact)) <= 1e-15 * scale


@pytest.mark.parametrize("p", [1e-300, 1e-20, 1e-4, 0.025, 0.4999, 0.6, 0.975, 0.9995, 1 - 1e-12])
def test_the_normal_quantile(p):
    with mpmath.workdps(40):
        small = min(mpmath.mpf(p), 1 - mpmath.mpf(p))
        start = -abs(normal_quantile(p))
        exact = float(mpmath.findroot(lambda z: mpmath.log(mpmath.ncdf(z)) - mpmath.log(small), start))
    assert abs(normal_quantile(p)) == pytest.approx(-exact, rel=1e-14)


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 19, 39, 1000, 10**6])
@pytest.mark.parametrize("p", [0.6, 0.975, 0.9995, 1 - 1e-9])
def test_students_quantile(freedom, p):
    found = student_quantile(p, freedom)
    with mpmath.workdps(40):  # the density there, and the error in the share above the quantile
        x = freedom / (freedom + mpmath.mpf(found) ** 2)
        above = mpmath.betainc(mpmath.mpf(freedom) / 2, 0.5, 0, x, regularized=True) / 2
        half = mpmath.mpf(freedom + 1) / 2
        density = mpmath.gammaprod([half], [half - 0.5]) / mpmath.sqrt(freedom * mpmath.pi) * x**half
        assert abs(above - (1 - mpmath.mpf(p))) / density / found < 1e-12
    assert found == pytest.approx(stats.t.ppf(p, freedom), rel=1e-8)


def test_students_quantile_of_one_and_two_degrees():
    assert student_quantile(0.975, 1) == pytest.approx(math.tan(math.pi * 0.475), rel=1e-13)  # the Cauchy distribution
    assert student_quantile(0.975, 2) == pytest.approx(0.95 / math.sqrt(2 * 0.975 * 0.025), rel=1e-13)
