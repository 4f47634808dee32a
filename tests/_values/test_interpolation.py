"""Interpolated quantiles: close for smooth distributions, never outside the bucket, the extremes exact."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram

values = st.one_of(st.floats(0, 1e300), st.floats(1e-3, 1e3), st.integers(0, 20), st.sampled_from([0.0, 1e-12, 1e25]))
filled = st.lists(values, min_size=1, max_size=60)
shares = st.one_of(st.floats(0, 1), st.integers(0, 1000).map(lambda k: k / 1000))


def smooth():
    draw, n = np.random.default_rng(20_26), 100_000
    return {
        "exponential": draw.exponential(0.1, n),
        "lognormal": draw.lognormal(-5, 1, n),
        "gamma": draw.gamma(4, 2.0, n),
        "normal": draw.normal(100, 15, n),
        "uniform": draw.uniform(0, 1, n),
        "weibull": draw.weibull(2, n),
    }


PERCENTS = np.arange(10, 991) / 10  # p1, p1.1, ..., p99
SMOOTH = smooth()


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_distributions(name):
    data = np.sort(SMOOTH[name])
    h = Histogram.from_values(data)
    exact = data[np.arange(1_000, 99_001, 100) - 1]  # p1 of 100,000 values is the 1,000th, p1.1 the 1,100th
    errors = abs(h.percentile(PERCENTS, interpolated=True) / exact - 1)
    plain = abs(h.percentile(PERCENTS) / exact - 1)
    assert np.median(errors) < 0.0002 and (errors < 0.0005).mean() > 0.85 and errors.max() < 0.0109
    assert np.median(plain) > 0.002  # ten times as much, or more


@given(filled, st.lists(values, max_size=20), shares)
def test_it_stays_in_the_bucket_and_within_the_extremes(a, b, q):
    one, other = Histogram.from_values(a), Histogram.from_values(b)
    for h in (one, one + other, (one + other) - other):
        answer = h.quantile(q, interpolated=True)
        lower, upper = h.quantile_bounds(q)
        assert lower <= answer <= upper and h.min <= answer <= h.max
        assert type(answer) is float
    exact = float(np.quantile(a, q, method="inverted_cdf"))
    if 2.0**-32 < exact <= 2.0**64 and one.quantile_bounds(q)[0] < exact <= one.quantile_bounds(q)[1]:
        assert abs(one.quantile(q, interpolated=True) - exact) <= (2 ** (1 / 64) - 1) * exact


@given(filled, st.lists(values, max_size=20), st.lists(shares, min_size=2, max_size=30))
def test_it_is_monotone(a, b, qs):
    one, other = Histogram.from_values(a), Histogram.from_values(b)
    for h in (one, (one + other) - other):
        assert (np.diff(h.quantile(sorted(qs), interpolated=True)) >= 0).all()
        assert (np.diff(h.percentile(sorted(100 * q for q in qs), interpolated=True)) >= 0).all()


@given(st.integers(1, 2**62 - 1), st.integers(1, 2**62 - 1), st.lists(shares, min_size=2, max_size=30))
def test_it_is_monotone_for_any_count(low, high, qs):
    data = Histogram.from_values([1.0, 3.0]).to_dict()
    h = Histogram.from_dict(data | {"counts": [low, high], "count": low + high})
    assert (np.diff(h.quantile(sorted(qs), interpolated=True)) >= 0).all()


def test_the_place_fits_the_rank():
    # 20 values in (1, 1.0109], none of them known: five are below the quantile 0.25
    recorded = Histogram.from_values([1.005] * 20 + [0.5] * 2 + [2.0] * 2)
    h = recorded - Histogram.from_values([0.5] * 2 + [2.0] * 2)
    width = 2 ** (1 / 64) - 1
    found = h.quantile([0.05, 0.25, 0.5, 1], interpolated=True)
    assert found == pytest.approx([1 + width * share for share in (0.05, 0.25, 0.5, 1)], rel=1e-15)
    assert h.percentile([5, 25, 50, 100], interpolated=True).tolist() == found.tolist()
    # the second of three values lies in the middle of what is between the smallest and the largest
    assert Histogram.from_values([1.002, 1.004, 1.009]).quantile(0.5, interpolated=True) == pytest.approx(1.0055)
    # the smallest is known, so the other three lie above it: the second of them in the middle, at 2.5 of 4
    upper = Histogram.from_values([1.004] * 4 + [2.0]).quantile(2.5 / 5, interpolated=True)
    assert upper == pytest.approx((1.004 + 1 + width) / 2, rel=1e-15)


@pytest.mark.parametrize(
    "data", [[0.25], [0.3] * 1000, [0.0] * 7, [1e30] * 3, [0.0, 1e30], [0.1, 0.2], [1.0, 1.0 + 1e-9]]
)
def test_extremes_and_single_values_are_exact(data):
    h = Histogram.from_values(data)
    assert h.quantile(0, interpolated=True) == h.min == min(data)
    assert h.quantile(1, interpolated=True) == h.max == max(data)
    if len(data) == 2:
        assert h.quantile([0.5, 0.51], interpolated=True).tolist() == data
    else:
        assert set(h.quantile(np.linspace(0, 1, 101), interpolated=True)) == {data[0]}


def test_arguments():
    h = Histogram.from_values([1.0, 2.0])
    assert math.isnan(Histogram().quantile(0.5, interpolated=True))
    assert math.isnan(Histogram().percentile(50, interpolated=True))
    assert h.quantile([[0.5, 1], [0, 0.1]], interpolated=True).shape == (2, 2)
    assert h.quantile(0.5, interpolated=False) == h.quantile(0.5)
    with pytest.raises(TypeError):
        h.quantile(0.5, True)
    for wrong in (-0.1, 1.1, math.nan, [0.5, 2]):
        with pytest.raises(ValueError, match=r"q must be in 0\.\.1"):
            h.quantile(wrong, interpolated=True)
        with pytest.raises(ValueError, match=r"p must be in 0\.\.100"):
            h.percentile([101], interpolated=True)
