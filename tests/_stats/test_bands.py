"""Equal local levels: against Steck's determinant, mpmath, and drawn points."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from historian._stats import bands
from historian._stats.bands import crossing, exit_rate, local_confidence


def steck(low, high):
    """Return P(a_r <= r-th of N points <= b_r for all r): N! det((b_i - a_j)_+^(j-i+1) / (j-i+1)!), exactly.

    Source: Steck, Rectangle Probabilities for Uniform Order Statistics, Annals of Mathematical Statistics 42 (1971).
    """
    n, low, high = len(low), [Fraction(a) for a in low], [Fraction(b) for b in high]

    def entry(i, j):
        power = j - i + 1
        return max(high[i] - low[j], Fraction(0)) ** power / math.factorial(power) if power >= 0 else Fraction(0)

    rows = [[entry(i, j) for j in range(n)] for i in range(n)]
    found = Fraction(math.factorial(n))
    for k in range(n):  # elimination; the diagonal is positive, because no bounds are empty
        found *= rows[k][k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [one - factor * other for one, other in zip(rows[i], rows[k])]
    return float(found)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 14), level=st.floats(1e-6, 0.1))
def test_probability_is_that_of_the_determinant(count, level):
    rank = np.arange(1, count + 1)
    low, high = (special.betaincinv(rank, count + 1 - rank, p) for p in (level / 2, 1 - level / 2))
    assert math.exp(-crossing(count, level)) == pytest.approx(steck(low, high), rel=1e-10)


@pytest.mark.parametrize("level", [1e-9, 1e-4, 0.001, 0.01, 0.1, 0.25])
def test_exit_rate_is_the_root_of_the_series(level):
    with mpmath.workdps(40):
        y = mpmath.erfinv(1 - mpmath.mpf(level)) ** 2  # z**2 / 2
        rate = exit_rate(level)
        below, above = (mpmath.hyp1f1(-rate * (1 + step), 0.5, y) for step in (-1e-10, 1e-10))
    assert below > 0 > above  # it is the lowest root: at 0 the function is 1


@pytest.mark.parametrize("count", [1, 2, 3, 10, 100, 256])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_up_to_256_values_the_level_is_exact(count, confidence):
    together = math.exp(-crossing(count, 1 - local_confidence(count, confidence)))
    assert -1e-12 <= together - confidence < 3e-4 * (1 - confidence)  # it ends within 1e-4, on the safe side


def test_beyond_it_is_close_to_exact_and_on_the_safe_side():
    level = 1 - local_confidence(1_500, 0.95)
    together = math.exp(-crossing(1_500, level))
    assert 0.95 < together < 0.951


def test_levels_of_many_values():
    levels = [1 - local_confidence(10**k, 0.95) for k in range(16)]
    assert levels[0] == pytest.approx(0.05)
    assert all(many < few for few, many in itertools.pairwise(levels))
    assert all(level > 0.05 / 10**k for k, level in enumerate(levels) if k)  # more than Bonferroni's
    assert levels[15] > 1e-4  # of 1e15 values, the level is still one of 500
    assert all(local_confidence(300, a) < local_confidence(300, b) for a, b in [(0.5, 0.9), (0.9, 0.99)])
    assert local_confidence(300, 0.1) == local_confidence(300, 0.5)


def test_drawn_points_lie_within_the_band(monkeypatch):
    rng, count = np.random.default_rng(1), 60
    points = np.sort(rng.random((20_000, count)), axis=1)
    rank = np.arange(1, count + 1)
    half = (1 - local_confidence(count, 0.9)) / 2
    low, high = (special.betaincinv(rank, count + 1 - rank, p) for p in (half, 1 - half))
    within = ((points >= low) & (points <= high)).all(axis=1).mean()
    assert within == pytest.approx(0.9, abs=0.008)  # four standard errors
    # The same level by the rate alone, from 8 values on: on the safe side.
    monkeypatch.setattr(bands, "EXACT", 8)
    local_confidence.cache_clear()
    assert local_confidence(count, 0.9) > 1 - 2 * half
    local_confidence.cache_clear()
