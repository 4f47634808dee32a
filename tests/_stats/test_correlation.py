"""Correlation of series in time; benchmarks/accuracy_correlation.py counts how often the intervals hold the truth."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from historian._stats.correlation import autocorrelation, correlation
from historian._stats.windows import chi_square, dependence_sizes, half_width, windows_sample_size


def autoregression(rho, n, rng):
    series, noise = np.zeros(n), rng.normal(size=n) * math.sqrt(1 - rho * rho)
    series[0] = rng.normal()
    for k in range(1, n):
        series[k] = rho * series[k - 1] + noise[k]
    return series


def share_held(answers, truth):
    return np.mean([low <= truth <= high for _, low, high in answers])


def test_the_value_is_pearsons():
    a, b = np.random.default_rng(1).normal(size=(2, 60))
    value, low, high = correlation(a, a + b, 0.95)
    assert value == pytest.approx(np.corrcoef(a, a + b)[0, 1], rel=1e-12)
    assert -1 < low < value < high < 1


def test_independent_series_have_about_the_interval_of_fisher():
    rng = np.random.default_rng(2)
    answers = [correlation(*rng.normal(size=(2, 400)), 0.95) for _ in range(60)]
    z = 1.96 / math.sqrt(400)
    assert np.median([high - low for _, low, high in answers]) == pytest.approx(2 * math.tanh(z), rel=0.15)
    assert all(high - low >= 1.9 * z * (1 - value * value) * 0.98 for value, low, high in answers)
    assert share_held(answers, 0) >= 0.9


def test_series_that_change_slowly_have_a_wider_one():
    """Bartlett: the variance of r between two independent autoregressions is (1 + rho^2)/(1 - rho^2)/n: 4.3 times."""
    rng = np.random.default_rng(3)
    answers = [correlation(autoregression(0.9, 400, rng), autoregression(0.9, 400, rng), 0.95) for _ in range(60)]
    assert np.mean([abs(value) > 1.96 / 20 for value, _, _ in answers]) > 0.3  # which Fisher's would call significant
    assert share_held(answers, 0) >= 0.85


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_the_autocorrelation_of_an_autoregression(rho):
    rng = np.random.default_rng(4)
    found = [autocorrelation(autoregression(rho, 300, rng), 3, 0.95) for _ in range(50)]
    for lag in (1, 2, 3):
        answers = [one[lag - 1] for one in found]
        assert np.mean([value for value, _, _ in answers]) == pytest.approx(rho**lag, abs=0.04)
        assert share_held(answers, rho**lag) >= 0.88


def test_the_bias_is_corrected():
    """Uncorrected, 40 values with rho = 0.5 are short of it by (1 + 3/2)/40 = 0.06 on average."""
    rng = np.random.default_rng(5)
    series = [autoregression(0.5, 40, rng) for _ in range(200)]
    assert np.mean([autocorrelation(one, 1, 0.95)[0][0] for one in series]) == pytest.approx(0.5, abs=0.03)
    plain = [np.corrcoef(one[1:], one[:-1])[0, 1] for one in series]
    assert np.mean(plain) == pytest.approx(0.44, abs=0.03)


def test_missing_values_keep_their_places():
    """Of 1, 2, 1, 2, ... every second neighbour is the same, whatever is missing."""
    series = np.array([1.0, 2.0] * 30)
    series[[7, 20, 21, 40]] = math.nan
    first, second = autocorrelation(series, 2, 0.95)
    assert first[0] == pytest.approx(-1, abs=0.03)
    assert second[0] == pytest.approx(1, abs=0.03)


def test_constant_and_short_series():
    nothing = (True, -1.0, 1.0)
    for a, b in (([1.0] * 9, range(9)), (range(9), [1.0] * 9), ([], []), ([1.0], [2.0]), ([math.nan] * 9, range(9))):
        value, low, high = correlation(np.array(a, dtype=float), np.array(b, dtype=float), 0.95)
        assert (math.isnan(value), low, high) == nothing
    assert correlation(np.arange(7.0), np.arange(7.0), 0.95) == (pytest.approx(1), -1.0, 1.0)  # too few
    value, low, high = correlation(np.arange(8.0), np.arange(8.0), 0.95)
    assert (value, low, high) == (1.0, pytest.approx(0.025 ** (1 / 8)), 1.0)
    assert [math.isnan(one[0]) for one in autocorrelation(np.arange(3.0), 4, 0.95)] == [False, True, True, True]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=20))
def test_laws(pairs):
    a, b = np.array(pairs, dtype=float).T
    value, low, high = correlation(a, b, 0.95)
    if math.isnan(value):
        assert len(set(a)) == 1 or len(set(b)) == 1
        return
    assert -1 <= low <= value <= high <= 1
    assert correlation(b, a, 0.95) == pytest.approx((value, low, high), rel=1e-6, abs=1e-9)
    assert correlation(a, 1 - 2 * b, 0.95) == pytest.approx((-value, -high, -low), rel=1e-6, abs=1e-9)
    wider = correlation(a, b, 0.99)
    assert wider[1] <= low and high <= wider[2]


@pytest.mark.parametrize("freedom", [1, 1.5, 7, 64, 300])
def test_chi_square(freedom):
    for p in (0.005, 0.025, 0.5, 0.975, 0.995):
        assert chi_square(p, freedom) == pytest.approx(scipy.stats.chi2.ppf(p, freedom), rel=1e-7)


def test_independent_windows_tell_as_much_as_all_their_values():
    rng = np.random.default_rng(6)
    answers = [dependence_sizes(rng.binomial(200, 0.05, 200).tolist(), [200] * 200, 0.95) for _ in range(60)]
    assert np.median([value for value, _, _ in answers]) > 30_000
    assert all(low <= value <= high <= 40_000 for value, low, high in answers)
    assert share_held(answers, 40_000) >= 0.9


def test_the_size_is_that_of_the_simulated_mean():
    """The mean of 200 windows of an autoregression: its variance is counted over 2,000 simulations."""
    rng, calls, windows = np.random.default_rng(7), 200, 200

    def slow():
        return rng.binomial(calls, np.clip(0.1 + 0.04 * autoregression(0.6, windows, rng), 0, 1))

    means = [slow().mean() / calls for _ in range(2_000)]
    truth = np.mean(means) * (1 - np.mean(means)) / np.var(means)
    assert truth < 3_000  # of 40,000
    answers = [dependence_sizes(slow().tolist(), [calls] * windows, 0.95) for _ in range(60)]
    assert np.median([value for value, _, _ in answers]) == pytest.approx(truth, rel=0.3)
    assert share_held(answers, truth) >= 0.88


def test_what_intervals_count_is_less_than_the_value_of_one_way():
    """By the squared ratio of the normal quantile to Student's, which allows for the unknown variance."""
    above = [1, 9, 2, 8, 0, 7, 7, 1] * 8
    value, low, high = dependence_sizes(above, [100] * 64, 0.95)
    used = windows_sample_size(above, [100] * 64, 0.95).size
    assert low <= used <= value <= high
    assert dependence_sizes([0] * 9, [100] * 9, 0.95) is None
    assert dependence_sizes([100] * 9, [100] * 9, 0.95) is None


def test_half_width_of_two_alternating_windows():
    assert half_width([0.5, -0.5], 0.95) > 0
    assert half_width([0.0] * 9, 0.95) == 0


def test_series_that_are_the_same_are_not_certain_to_stay_so():
    series = np.arange(10.0)
    for sign in (1, -1):
        value, low, high = correlation(series, sign * series, 0.95)
        assert value == sign and max(abs(low), abs(high)) == 1
        assert min(abs(low), abs(high)) == pytest.approx(0.025 ** (1 / 10))
