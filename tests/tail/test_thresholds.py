"""Thresholds: every question about one gives the same share, and a recorded value is on its right side."""

import math
import warnings

import numpy as np
import pytest
from distributions import few
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, buckets
from historian.cli.fanout import rows_of
from historian.tail import TailWarning, all_of, burn_rates

MILLISECONDS = [float(ms) for ms in range(1, 1001)]


def answers(h: Histogram, t: float) -> dict[str, tuple[float, float]]:
    """Return the share above `t`, and its largest possible value in the recorded values, by who says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        slo, fan, plain = h.slo(t, 0.9), h.fanout(1), h.dist(confidence=None).sf(t)
        found = {
            "sf": (h.sf(t), h.sf_bounds(t)[1]),
            "cdf": (1 - h.cdf(t), 1 - h.cdf_bounds(t)[0]),
            "slo": (1 - slo.within, 1 - slo.edges[0]),
            "burn rate": (0.1 * slo.burn_rate, 1 - slo.edges[0]),
            "burn rates": (0.1 * burn_rates([h], t, 0.9, windows=[1])[1], 1 - slo.edges[0]),
            "dist": (plain, plain.upper),
            "dist with sampling": (h.dist().sf(t), plain.upper),
            "cdf of dist": (1 - h.dist(confidence=None).cdf(t), plain.upper),
            "fanout": (fan.p_wait(t), h.sf_bounds(t)[1]),
            "bounds": (fan.bounds(t), h.sf_bounds(t)[1]),
            "command": (rows_of(h, [1], [t])[0][1][0], h.sf_bounds(t)[1]),
        }
        hundred = h.fanout(100).p_wait(t)
        assert all_of(100, h.dist()).sf(t) == pytest.approx(hundred, rel=1e-12)
        assert (all_of(100, h.dist()).sf(t).upper) == pytest.approx(hundred.upper, rel=1e-9)
    assert (h.sf_bounds(t)[0], h.cdf_bounds(t)[1]) == (h.sf(t), h.cdf(t))
    assert (slo.edges[1], plain.lower) == (h.cdf(t), h.sf(t))
    assert h.dist().sf(t).lower == pytest.approx(fan.p_wait(t).lower, rel=1e-9)
    assert h.dist().sf(t).upper == pytest.approx(fan.p_wait(t).upper, rel=1e-9)
    return found


def check(values: list[float], h: Histogram, t: float) -> None:
    """Assert that all answers agree, and are true as far as the buckets can tell."""
    said = answers(h, t)
    for who, (share, most) in said.items():
        assert (who, share, most) == (who, pytest.approx(h.sf(t), abs=1e-15), pytest.approx(said["sf"][1], abs=1e-15))
    truth = sum(value > t for value in values) / len(values)
    low, high = h.sf_bounds(t)
    assert low <= truth <= high
    inside = sum(buckets.index(value) == buckets.index(t) for value in values)
    assert high - low <= inside / len(values) + 1e-15


@pytest.mark.parametrize(
    ("values", "t", "above"),
    [
        ([3] * 60 + [5] * 39 + [9], 3, 0.40),
        ([3] * 60 + [5] * 39 + [9], 5, 0.01),
        ([0.1] * 50 + [0.2] * 50, 0.1, 0.5),
        ([0.1] * 50 + [0.2] * 50, math.nextafter(0.1, 0), 1.0),  # below the minimum
        ([0.1] * 50 + [0.2] * 50, 0.2, 0.0),  # at the maximum
        ([0.1] * 50 + [0.25001], math.nextafter(0.25001, 0), 1 / 51),  # below the maximum, in its bucket
        ([0.01] * 9_900 + [5.0] * 100, 5.0, 0.0),
        ([0.0, 1e-12, 1.0], 0.0, 1 / 3),  # the zero bucket holds two
        ([0.0, 1e-12, 1.0], -1.0, 1.0),
        ([1e-12, 1.0], 0.0, 1.0),  # below the minimum
        ([1.0, 1e21, 1e22], 1e22, 0.0),
        ([1.0, 1e21, 1e22], 1e21, 1 / 3),  # the overflow bucket holds both; the maximum is above
        ([7.0] * 10, 7.0, 0.0),
        ([7.0] * 10, 6.999, 1.0),
    ],
)
def test_a_recorded_value_is_on_the_right_side(values, t, above):
    h = Histogram.from_values(values)
    assert h.sf(t) == pytest.approx(above, abs=1e-15)
    if t >= 0:
        check(values, h, t)


def test_whole_milliseconds():
    h = Histogram.from_values(MILLISECONDS * 3)
    shares = [h.sf(t) for t in MILLISECONDS]
    alone = [ms for ms in MILLISECONDS if buckets.index(ms) != buckets.index(ms + 1)]  # the last of its bucket
    assert len(alone) == 311
    for t, share in zip(MILLISECONDS, shares):
        low, high = h.sf_bounds(t)
        assert low == share <= 1 - t / 1000 + 1e-12 and 1 - t / 1000 <= high
        if t in alone:
            assert share == pytest.approx(1 - t / 1000, abs=1e-15)


def test_all_answers_about_whole_milliseconds():
    h, x, fan = (lambda h: (h, h.dist(confidence=None), h.fanout(1)))(Histogram.from_values(MILLISECONDS))
    for t in MILLISECONDS:
        share = h.sf(t)
        assert float(x.sf(t)) == share == float(fan.p_wait(t)) == pytest.approx(1 - h.slo(t, 0.9).within, abs=1e-15)
        assert (x.sf(t).lower, x.sf(t).upper) == h.sf_bounds(t)
    for t in MILLISECONDS[::37]:
        check(MILLISECONDS, h, t)


@few
@given(
    st.lists(st.sampled_from([0.0, 1e-12, 2.0**-32, 1e21]) | st.floats(1e-3, 10.0), min_size=1, max_size=30),
    st.floats(0, 20) | st.sampled_from([0.0, 2.0**-32, 1.0, 1e21, 1e22]),
    st.integers(0, 29),
)
def test_any_threshold(values, t, which):
    h = Histogram.from_values(values)
    check(values, h, t)
    check(values, h, values[which % len(values)])


@few
@given(
    st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=20),
    st.lists(st.floats(1e-3, 10.0), max_size=20),
    st.floats(0, 20),
    st.integers(0, 19),
)
def test_differences_whose_extremes_are_edges(values, earlier, t, which):
    whole, before = Histogram.from_values(values + earlier), Histogram.from_values(earlier)
    check(values, whole - before, t)
    check(values, whole - before, values[which % len(values)])


def test_the_overflow_bucket_of_a_difference():
    """The maximum is that of the left-hand side: it may have been recorded before."""
    before = Histogram.from_values([1e22])
    h = (Histogram.from_values([1.0, 1e21]) + before) - before
    assert h.max == 1e22
    check([1.0, 1e21], h, 1e21)
    assert h.sf_bounds(1e21) == (0.0, 0.5)


@given(st.lists(st.lists(st.floats(0.9, 1.1), min_size=1, max_size=9), min_size=2, max_size=5), st.floats(0.9, 1.1))
def test_windows_count_as_the_whole_does(windows, t):
    parts = [Histogram.from_values(window) for window in windows]
    whole = sum(parts, Histogram())
    assert whole.slo(t, 0.9, windows=parts).within == whole.cdf(t)
    assert whole.fanout(1).bounds(t, windows=parts) == pytest.approx(whole.sf(t), abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        assert whole.fanout(10).bounds(t, windows=parts) <= whole.fanout(10).p_wait(t) + 1e-12


def test_apdex_counts_both_thresholds_as_in_time():
    h = Histogram.from_values([0.1] * 60 + [0.4] * 30 + [1.0] * 10)
    assert h.apdex(0.1) == pytest.approx(0.75)
    assert h.apdex(0.1).lower < 0.75 < h.apdex(0.1).upper


def test_bounds_of_arrays():
    h = Histogram.from_values(MILLISECONDS)
    for question in (h.sf_bounds, h.cdf_bounds):
        lower, upper = question([[1.0, 500.0], [999.0, 2000.0]])
        assert lower.shape == upper.shape == (2, 2)
        assert (lower[0, 1], upper[0, 1]) == question(500.0)
        assert all(math.isnan(bound) for bound in getattr(Histogram(), question.__name__)(1.0))
        with pytest.raises(ValueError, match="NaN"):
            question(np.nan)
