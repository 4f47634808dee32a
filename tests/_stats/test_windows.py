"""The variance that comes from consecutive windows, and how often its intervals hold the truth."""

import numpy as np
import pytest
from scipy import stats

from historian._stats.binomial import share_interval
from historian._stats.windows import ENOUGH_WINDOWS, long_run_variance, windows_sample_size

PER_WINDOW = 500


def test_windows_that_agree_are_worth_all_their_values_and_bursts_few():
    assert windows_sample_size([10] * 20, [1000] * 20, 0.95).size == pytest.approx(20_000)
    assert windows_sample_size([0] * 20, [1000] * 20, 0.95).size == 20_000
    # 2 of 20 windows with a share of 0.1, far apart: p = 0.01.
    above = [0] * 20
    above[5] = above[14] = 100
    size, freedom, windows, equal, bursts = windows_sample_size(above, [1000] * 20, 0.95)
    # With 7 of 19 cosines (20^(2/3)), v is their mean variance, and the size p(1 - p)/v times (1.95996/2.36462)^2.  The
    # correlation, -0.12, is taken as 0.16, a standard error and the bias above it: this adds 10 % to v.
    cosines = np.cos(np.pi * np.outer(np.arange(1, 8), np.arange(20) + 0.5) / 20) @ (np.array(above) / 20_000 - 0.0005)
    variance = 2 * (cosines**2).mean()
    assert (freedom, windows, bursts) == (7, 20, 2)
    assert equal == pytest.approx(20)
    assert size == pytest.approx(0.01 * 0.99 / variance * (1.959964 / 2.364624) ** 2 / 1.096, rel=1e-3)


def test_the_variance_of_independent_windows_is_the_usual_one():
    rng, n = np.random.default_rng(1), 1000
    series = rng.normal(size=(300, n))
    series -= series.mean(axis=1, keepdims=True)
    found = [long_run_variance(one) for one in series.tolist()]
    assert np.mean([variance for variance, _ in found]) == pytest.approx(n, rel=0.05)
    assert np.median([freedom for _, freedom in found]) == 100  # 1000^(2/3)


def test_the_variance_of_correlated_windows_is_the_long_run_one():
    rng, n, correlation = np.random.default_rng(2), 2000, 0.8
    noise = rng.normal(size=(300, n))
    series = np.zeros((300, n))
    for k in range(1, n):
        series[:, k] = correlation * series[:, k - 1] + noise[:, k]
    series -= series.mean(axis=1, keepdims=True)
    found = np.mean([long_run_variance(one)[0] for one in series.tolist()])
    assert found == pytest.approx(n / (1 - correlation) ** 2, rel=0.06)  # of an autoregression


@pytest.mark.parametrize("series", [[0.0, 0.0], [0.5, -0.5], [1.0, 0.0, -1.0], [0.0] * 40])
def test_short_and_constant_series_have_an_answer(series):
    variance, freedom = long_run_variance(series)
    assert 0 <= variance < 1e4 and 1 <= freedom < len(series)


def held(slow, mean):
    """Return whether the interval of each set of windows holds the mean, and whether it is uncertain."""
    counts, found, warned = [PER_WINDOW] * slow.shape[1], [], []
    for above in slow.tolist():
        total = sum(counts)
        p, effective = sum(above) / total, windows_sample_size(above, counts, 0.95)
        lower, upper = share_interval(p * effective.size, (1 - p) * effective.size, 0.95)
        found.append(lower <= mean <= upper)
        warned.append(effective.is_uncertain)
    return np.array(found), np.array(warned)


def in_bursts(rng, sets, windows, length, often):
    """Return the share of each window that lies in a burst: bursts last `length` windows on average."""
    steps = 4
    ends = 1 / (length * steps)
    begins = ends * often / (1 - often)
    now, states = rng.random(sets) < often, np.empty((sets, windows * steps), dtype=bool)
    for k in range(windows * steps):
        states[:, k] = now
        now = np.where(now, rng.random(sets) > ends, rng.random(sets) < begins)
    return states.reshape(sets, windows, steps).mean(axis=-1)


@pytest.mark.parametrize(("windows", "length"), [(40, 0.5), (100, 1.0), (200, 3.0), (400, 10.0)])
def test_coverage_if_bursts_outlast_the_windows(windows, length):
    rng, sets, often, slow = np.random.default_rng(3), 600, 0.2, 0.1
    rates = 0.002 + (slow - 0.002) * in_bursts(rng, sets, windows, length, often)
    found, _ = held(rng.binomial(PER_WINDOW, rates), 0.002 + (slow - 0.002) * often)
    assert 0.93 <= found.mean() <= 0.99


@pytest.mark.parametrize(("windows", "spread"), [(40, 0.0), (40, 0.7), (100, 0.7), (1000, 0.3)])
def test_coverage_of_independent_windows(windows, spread):
    rng, sets, mean = np.random.default_rng(4), 600, 0.02
    rates = mean * np.exp(spread * rng.normal(size=(sets, windows)) - spread**2 / 2)
    found, warned = held(rng.binomial(PER_WINDOW, rates), mean)
    assert 0.93 <= found.mean() <= 0.99
    assert warned.mean() < 0.08


@pytest.mark.parametrize("windows", [5, 10, 20, 40])
def test_quiet_windows_are_enough_or_uncertain(windows):
    rng, sets, often = np.random.default_rng(5), 600, 0.1  # every tenth window is slow
    rates = np.where(rng.random((sets, windows)) < often, 0.5, 0.002)
    found, warned = held(rng.binomial(PER_WINDOW, rates), often * 0.5 + (1 - often) * 0.002)
    assert (~found & ~warned).mean() <= 0.07
    assert warned.all() == (windows < ENOUGH_WINDOWS)


@pytest.mark.parametrize("windows", [40, 100, 400])
def test_a_drift_widens_the_interval_and_is_uncertain(windows):
    rng, sets = np.random.default_rng(6), 200
    rates = np.linspace(0.01, 0.05, windows)
    found, warned = held(rng.binomial(PER_WINDOW, rates, size=(sets, windows)), rates.mean())
    assert found.mean() > 0.99 and warned.mean() > 0.9


@pytest.mark.parametrize(
    ("windows", "length", "cycle", "least"),
    [(74, 2, 20, 0.94), (222, 3, 60, 0.94), (450, 3, 60, 0.94), (100, 2, 20, 0.96)],
)
def test_rare_bursts_that_outlast_a_window(windows, length, cycle, least):
    """Bursts come at random; with few of them, an interval misses only if it warns, or if there was no burst."""
    rng, sets = np.random.default_rng(7), 400
    rates = np.full((sets, windows), 0.002)
    for row in rates:
        at = -10.0 * cycle
        while at < windows:
            at += rng.exponential(cycle - length)
            row[max(round(at), 0) : max(round(at) + length, 0)] = 0.1
            at += length
    slow = rng.binomial(PER_WINDOW, rates)
    mean = 0.002 + 0.098 * length / cycle
    found, warned = held(slow, mean)
    assert least <= found.mean() <= 0.998
    seen = (rates > 0.05).any(axis=1)
    assert (~found & ~warned & seen).mean() <= 0.02


@pytest.mark.parametrize(("windows", "length", "often"), [(40, 3, 0.2), (100, 10, 0.2), (100, 3, 0.05), (222, 3, 0.05)])
def test_bursts_of_random_length_are_held_or_warned_of_or_not_seen(windows, length, often):
    rng, sets = np.random.default_rng(8), 500
    inside = in_bursts(rng, sets, windows, length, often)
    found, warned = held(rng.binomial(PER_WINDOW, 0.002 + 0.098 * inside), 0.002 + 0.098 * often)
    assert (~found & ~warned & inside.any(axis=1)).mean() <= 0.06
    assert found[inside.any(axis=1)].mean() >= 0.9


def test_windows_that_are_alike_show_no_burst():
    rng = np.random.default_rng(9)
    alike = [
        windows_sample_size(row, [PER_WINDOW] * 74, 0.95) for row in rng.binomial(PER_WINDOW, 0.02, (200, 74)).tolist()
    ]
    assert np.mean([one.is_alike for one in alike]) > 0.9
    assert alike[0].unseen == 20  # (1 - 1/20)^74 is 0.022, (1 - 1/21)^74 0.027
    bursts = windows_sample_size([100, 0, 0, 0, 0, 0, 0, 0, 0, 0] * 10, [PER_WINDOW] * 100, 0.95)
    assert bursts.bursts == pytest.approx(10) and not bursts.is_alike


@pytest.mark.parametrize(("giant", "least"), [(0.5, 0.97), (0.9, 0.95), (0.99, 0.93)])
def test_a_window_that_holds_most_of_the_values(giant, least):
    """Its deviation from the mean is small, because it is most of the mean; this does not make the mean certain."""
    rng, sets, windows = np.random.default_rng(10), 300, 60
    counts = [PER_WINDOW] * (windows - 1) + [round(PER_WINDOW * (windows - 1) * giant / (1 - giant))]
    rates = 0.02 * np.exp(0.7 * rng.normal(size=(sets, windows)) - 0.245)
    found = []
    for above in rng.binomial(counts, rates).tolist():
        p, effective = sum(above) / sum(counts), windows_sample_size(above, counts, 0.95)
        lower, upper = share_interval(p * effective.size, (1 - p) * effective.size, 0.95)
        found.append(lower <= 0.02 <= upper)
        assert effective.is_uncertain
        assert effective.equal < 4.1
    assert np.mean(found) >= least


def test_a_single_window_tells_nothing():
    for above in ([0], [5], [10]):
        effective = windows_sample_size(above, [10], 0.95)
        assert (effective.size, effective.windows, effective.is_uncertain) == (0, 1, True)


def test_the_least_number_of_windows_is_that_of_one_burst_in_ten():
    assert stats.binom.pmf(0, ENOUGH_WINDOWS, 0.1) <= 0.025 < stats.binom.pmf(0, ENOUGH_WINDOWS - 1, 0.1)
