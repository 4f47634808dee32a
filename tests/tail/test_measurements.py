"""Histograms corrected for coordinated omission: their intervals come from the values that were measured."""

import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, buckets, merge
from historian.tail import TailWarning, burn_rates
from historian.tail.measurements import mean_size, observed_size

INTERVAL = 0.01
STALLS = 0.005  # the share of calls that stall, for a time with an exponential distribution of mean 1
T = buckets.upper(buckets.index(0.3))


def measured(rng, count):
    stalled = rng.random(count) < STALLS
    return np.where(stalled, 0.001 + rng.exponential(1.0, count), 0.001)


def share_above(t):
    """Return the true share of the waits above t >= 2 INTERVAL: sum of P(v > t + j INTERVAL) over that of all waits."""
    tail, step = math.exp(0.001), 1 - math.exp(-INTERVAL)
    stalls = STALLS * tail / step
    return stalls * math.exp(-t) / (1 + stalls * math.exp(-2 * INTERVAL))


def quantile(q):
    return math.log(share_above(2 * INTERVAL) / (1 - q)) + 2 * INTERVAL


QUESTIONS = {
    "slo": (lambda h: h.slo(T, 0.9).within, 1 - share_above(T)),
    "ci": (lambda h: h.ci(0.9), quantile(0.9)),
    "p_wait": (lambda h: h.fanout(3).p_wait(T), 1 - (1 - share_above(T)) ** 3),
    "fanout.quantile": (lambda h: h.fanout(3).quantile(0.5), quantile(0.5 ** (1 / 3))),
    "dist.sf": (lambda h: h.dist().sf(T), share_above(T)),
    "dist.ppf": (lambda h: h.dist().ppf(0.9), quantile(0.9)),
    "apdex": (lambda h: h.apdex(T), 1 - (share_above(T) + share_above(4 * T)) / 2),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_coverage_of_corrected_histograms(question):
    ask, truth = QUESTIONS[question]
    rng, sets = np.random.default_rng(7), 100 if question.startswith("dist") else 300
    held = naive = 0
    for _ in range(sets):
        corrected = Histogram.from_values(measured(rng, 4_000)).corrected(INTERVAL)
        answer = ask(corrected)
        held += answer.lower <= truth <= answer.upper
        corrected._synthetic = False  # as if every value had been measured
        answer = ask(corrected)
        naive += answer.lower <= truth <= answer.upper
    assert 0.93 <= held / sets <= 0.99
    assert naive / sets < 0.4


def test_the_size_is_that_of_a_ratio_of_sums():
    rng = np.random.default_rng(1)
    values = [buckets.representative(i) for i in rng.integers(-500, 100, 200)]
    h = Histogram.from_values(values)
    corrected, t, n = h.corrected(INTERVAL), buckets.upper(-200), 200
    waits = [max(1, math.floor(v / INTERVAL)) for v in values]
    above = [sum(v - k * INTERVAL > t for k in range(m)) for v, m in zip(values, waits)]
    share = sum(above) / sum(waits)
    squares = [(a - share * m) ** 2 for a, m in zip(above, waits)]
    freedom = sum(squares) ** 2 / sum(square**2 for square in squares)
    assert 10 < freedom < 100  # rounded down to a whole number
    from scipy import stats

    worse = stats.t.ppf(0.975, math.floor(freedom)) / stats.norm.ppf(0.975)
    variance = sum(squares) / sum(waits) ** 2 * n / (n - 1) * worse**2
    size = observed_size(corrected, sum(above), -200 + 2049, 0.95)
    assert size == pytest.approx(min(n, share * (1 - share) / variance), rel=1e-6)


def test_plain_values_are_worth_about_themselves():
    scores = np.array([[1.0], [0.0]])
    size = mean_size(scores, np.ones(2), np.array([300.0, 700.0]), 0.95)
    assert size[0] == pytest.approx(1000, rel=0.01) and size[0] <= 1000


def test_corrected_values_that_were_not_hidden_add_nothing():
    h = Histogram.from_values(np.random.default_rng(2).lognormal(0, 0.5, 5_000))
    corrected = h.corrected(100.0)
    assert corrected == h and corrected.synthetic
    for plain, told in ((h.ci(0.9), corrected.ci(0.9)), (h.slo(2.0, 0.9).within, corrected.slo(2.0, 0.9).within)):
        assert told.lower == pytest.approx(plain.lower, rel=0.02) and told.upper == pytest.approx(plain.upper, rel=0.02)


def test_nothing_bounds_the_share_above_the_longest_measured_value():
    h = Histogram.from_values([0.001] * 1000 + [1.0] * 10).corrected(INTERVAL)
    assert h.fanout(1).p_wait(1.0).upper == 1.0 and h.slo(1.0, 0.9).within.lower == 0.0
    assert h.apdex(1.0).lower == 0.0
    assert h.fanout(2).max_n(1.0, 0.5, confidence=0.95) == 0
    assert h.fanout(1).p_wait(0.0005).lower > 0.99  # but a shorter one cannot have hidden much
    with pytest.warns(TailWarning, match="no upper bound"):
        assert h.ci(1.0).upper == math.inf


LOST = {
    "bytes": lambda h: Histogram.from_bytes(h.to_bytes()),
    "dict": lambda h: Histogram.from_dict(h.to_dict()),
    "pickle": lambda h: pickle.loads(pickle.dumps(h)),
    "+": lambda h: h + Histogram.from_values([0.5]),
    "merge": lambda h: merge([h]),
}


@pytest.mark.parametrize("way", LOST)
def test_without_the_measured_values_there_are_no_bounds(way):
    h = LOST[way](Histogram.from_values([0.001] * 1000 + [1.0] * 10).corrected(INTERVAL))
    for share in (
        h.slo(0.1, 0.9).within,
        h.apdex(0.1),
        h.fanout(2).p_wait(0.1),
        h.fanout(2).bounds(0.1),
        h.fanout(2).sensitivity(0.1, 0.5),
        h.dist().sf(0.1),
        burn_rates([h], 0.1, 0.0, windows=[1])[1],
    ):
        assert (share.lower, share.upper) == (0, 1)
        assert "the measured values are not known, so sampling gives no bounds" in share.why
    for ask in (lambda: h.ci(0.5), lambda: h.fanout(2).quantile(0.5), lambda: h.dist().ppf(0.5)):
        with pytest.warns(TailWarning, match="no upper bound|no lower and no upper bound"):
            answer = ask()
        assert (answer.lower, answer.upper) == (0, math.inf)
        assert "the measured values are not known" in answer.why
    assert h.enough_for(0.5).recorded == 0 and not h.enough_for(0.5)


def test_windows_bound_what_the_measured_values_would():
    rng = np.random.default_rng(3)
    parts = [Histogram.from_values(measured(rng, 2_000)).corrected(INTERVAL) for _ in range(50)]
    whole = merge(parts)  # it does not know the measured values any more
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        within, wait = whole.slo(T, 0.9, windows=parts).within, whole.fanout(1).bounds(T, windows=parts)
    assert within.lower < 1 - share_above(T) < within.upper < within.lower + 0.1
    assert wait.lower < share_above(T) < wait.upper < wait.lower + 0.1
    beyond = whole.fanout(2).bounds(2 * whole.max, windows=parts)
    assert (beyond.lower, float(beyond), beyond.upper) == (0, 0, 1)


def test_enough_counts_the_effective_sample():
    h = Histogram.from_values([0.001] * 10_000 + [1.0] * 10).corrected(INTERVAL)
    few = h.enough_for(0.9)
    assert 0 < few.recorded < 100  # ten stalls hold a tenth of all waits: as 10 of 100 values, and a little less
    assert Histogram.from_values([0.001] * 10_000 + [1.0] * 10).enough_for(0.9).recorded == 10_010


@given(
    st.lists(st.floats(0, 50) | st.sampled_from([0.0, 1e-12, 2.0**65]), min_size=1, max_size=20),
    st.floats(1e-3, 100),
    st.floats(0, 60),
)
def test_more_confidence_is_a_wider_interval_of_any_corrected_histogram(values, interval, t):
    if max(values) / interval > 2.0**52:
        interval = max(values) * 2.0**-40
    h = Histogram.from_values(values).corrected(interval)
    questions = (
        lambda confidence: h.slo(t, 0.9, confidence).within,
        lambda confidence: h.apdex(t, confidence),
        lambda confidence: h.fanout(7).p_wait(t, confidence),
        lambda confidence: h.ci(0.7, confidence),
    )
    for ask in questions:
        narrow, wide = ask(0.5), ask(0.99)
        assert wide.lower <= narrow.lower <= narrow <= narrow.upper <= wide.upper
