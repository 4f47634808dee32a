"""`Histogram.fanout`: reference values, the far tail against mpmath, and consistency of its answers."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, buckets
from historian.tail.fanout import _any_of, _leaf_tail

ONE_IN_100 = Histogram.from_values([0.01] * 99 + [1.0])


def one_in(n):
    data = ONE_IN_100.to_dict()
    return Histogram.from_dict({**data, "counts": [n - 1, 1], "count": n, "sum": 1.0})


@pytest.mark.parametrize(
    ("leaf", "n", "expected"),
    [
        (one_in(100), 1, 0.01),
        (one_in(100), 2, 0.0199),  # 1 - 0.99**2; some guides print 0.019
        (one_in(100), 100, 0.6339676587),
        (one_in(10**4), 2000, 0.1812774347),
    ],
)
def test_p_wait_at_reference_values(leaf, n, expected):
    assert leaf.fanout(n).p_wait(0.5) == pytest.approx(expected, abs=6e-11)


def test_leaf_percentile_at_reference_values():
    fan = ONE_IN_100.fanout(100)
    assert fan.leaf_percentile(0.99) == pytest.approx(99.9899502, abs=5e-8)
    assert fan.leaf_percentile(0.999) == pytest.approx(99.9989995, abs=5e-8)
    assert ONE_IN_100.fanout(1).leaf_percentile(0.99) == 99.0


def test_max_n_at_reference_values():
    assert ONE_IN_100.fanout(1).max_n(0.5, 0.5) == 68
    assert one_in(10**4).fanout(1).max_n(0.5, 0.01) == 100


def test_the_far_tail_against_mpmath():
    with mpmath.workdps(400):
        for exponent in range(0, 301, 12):
            tail = 10.0**-exponent
            for n in (1, 2, 7, 100, 10**6, 10**12, 10**18):
                exact = 1 - (1 - mpmath.mpf(tail)) ** n if tail < 1 else mpmath.mpf(1)
                assert abs(_any_of(tail, n) - exact) <= 1e-14 * exact
                if tail < 1:
                    back = 1 - mpmath.power(1 - mpmath.mpf(tail), mpmath.mpf(1) / n)
                    if back > 1e-307:  # below this, float64 has too few digits
                        assert abs(_leaf_tail(tail, n) - back) <= 1e-14 * back


@pytest.mark.parametrize("n", [1, 2, 3, 10, 67, 68, 69, 100, 1000, 10**6, 10**18])
def test_max_n_is_the_largest(n):
    leaf = one_in(10**6)
    p = leaf.fanout(n).p_wait(0.5)
    best = leaf.fanout(1).max_n(0.5, p)
    if p < 1:
        assert leaf.fanout(best).p_wait(0.5) <= p < leaf.fanout(best + 1).p_wait(0.5) or best >= 10**9
        assert best >= n


@given(st.integers(2, 10**6), st.floats(1e-9, 0.999999))
def test_max_n_holds_and_one_more_does_not(count, p):
    leaf = one_in(count)
    n = leaf.fanout(1).max_n(0.5, p)
    assert isinstance(n, int)
    with mpmath.workdps(50):  # p is read as the decimal, and p_wait may be rounded up
        assert 1 - (1 - mpmath.mpf(1) / count) ** n <= mpmath.mpf(repr(p)) or leaf.fanout(n).p_wait(0.5) <= p
    assert leaf.fanout(n + 1).p_wait(0.5) > p


def test_max_n_at_its_ends():
    assert ONE_IN_100.fanout(1).max_n(2.0, 0.5) == math.inf  # no call was slower than 2 s
    assert ONE_IN_100.fanout(1).max_n(0.5, 1.0) == math.inf
    assert ONE_IN_100.fanout(1).max_n(0.5, 0.0) == 0
    assert ONE_IN_100.fanout(1).max_n(0.001, 0.5) == 0  # every call was slower


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=50), st.integers(1, 1000), st.floats(0, 1))
def test_quantile_inverts_p_wait(data, n, q):
    fan = Histogram.from_values(data).fanout(n)
    answer = fan.quantile(q)
    assert fan.leaf.min <= answer <= fan.leaf.max
    assert fan.p_wait(answer) <= 1 - q + 1e-12
    below = buckets.lower(buckets.index(answer))  # the whole bucket of a threshold counts as at or below it
    if below >= fan.leaf.min:
        assert fan.p_wait(below) >= 1 - q - 1e-12


def test_quantiles_at_a_step():
    h = Histogram.from_values([0.01] * 9 + [0.99])
    for n in range(1, 9):  # for 0.9^n of the users all n are fast: a number of n decimals
        assert h.fanout(n).quantile(round(0.9**n, 8)) < 0.02
        assert h.fanout(n).quantile(round(0.9**n, 8) + 1e-9) == 0.99


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=50), st.floats(0, 1))
def test_a_fanout_of_one_is_the_leaf(data, q):
    h = Histogram.from_values(data)
    fan = h.fanout(1)
    assert fan.quantile(q) == h.quantile(q)
    for t in data:
        assert fan.p_wait(t) == pytest.approx(h.sf(t), rel=1e-14)


def test_against_simulation():
    rng = np.random.default_rng(5)
    leaf = rng.lognormal(0, 1, 200_000)
    h = Histogram.from_values(leaf)
    slowest = rng.choice(leaf, size=(20_000, 100)).max(axis=1)
    fan = h.fanout(100)
    for q in (0.1, 0.5, 0.9, 0.99):
        t = fan.quantile(q)
        share = (slowest > t).mean()
        assert abs(share - fan.p_wait(t)) < 4 * math.sqrt(q * (1 - q) / 20_000) + 0.02 * (1 - q)


@pytest.mark.parametrize(
    ("n", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("3", TypeError), (None, TypeError)]
)
def test_bad_n(n, error):
    with pytest.raises(error, match="n must be"):
        ONE_IN_100.fanout(n)


def test_bad_arguments():
    with pytest.raises(ValueError, match="empty"):
        Histogram().fanout(3)
    fan = ONE_IN_100.fanout(np.int64(3))
    assert fan.n == 3
    for bad in (-0.1, 1.1, math.nan):
        for ask in (fan.quantile, fan.leaf_percentile, lambda p: fan.max_n(0.5, p), ONE_IN_100.fanout(1).quantile):
            with pytest.raises(ValueError, match=r"must be in 0\.\.1"):
                ask(bad)
    for ask in (fan.p_wait, lambda t: fan.max_n(t, 0.5)):
        with pytest.raises(ValueError, match="NaN"):
            ask(math.nan)
    assert "n=3" in repr(fan)
