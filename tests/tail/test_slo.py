"""`Histogram.slo`, `Histogram.apdex` and `historian.tail.burn_rates`."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from historian import Histogram, merge
from historian.buckets import lower, upper
from historian.tail import TailWarning, burn_rates

H = Histogram.from_values([0.1] * 9_950 + [2.0] * 50)


def exact(successes, count, confidence=0.95):
    return stats.binomtest(successes, count).proportion_ci(confidence)


# ---- objectives ----


def test_share_burn_rate_and_budget():
    slo = H.slo(1.0, target=0.99)
    assert float(slo.within) == 0.995
    assert slo.edges == (0.995, 0.995)  # 1.0 is an edge
    ends = exact(9_950, 10_000)
    assert (slo.within.lower, slo.within.upper) == pytest.approx((ends.low, ends.high), abs=1e-9)
    assert slo.burn_rate == pytest.approx(0.005 / 0.01)
    assert slo.budget_left == pytest.approx(0.5)
    assert (slo.burn_rate.lower, slo.burn_rate.upper) == pytest.approx((100 * (1 - ends.high), 100 * (1 - ends.low)))
    assert slo.budget_left.lower == pytest.approx(1 - slo.burn_rate.upper)
    assert "10,000 values" in slo.within.why and "bucket" not in slo.within.why
    assert slo.is_met is True


def test_met_missed_or_open():
    assert H.slo(1.0, target=0.99).is_met is True
    assert H.slo(1.0, target=0.999).is_met is False
    assert H.slo(1.0, target=0.995).is_met is None  # the target lies inside the interval
    assert H.slo(1.0, target=0.999).budget_left < 0  # overspent: 0.5 % are slow, 0.1 % are allowed


def test_a_threshold_inside_a_bucket_gives_both_edges():
    h = Histogram.from_values([1.0] * 900 + [2.99] * 50 + [3.01] * 40 + [3.5] * 10)
    low, high = lower(101), upper(101)  # 2**(101/64) = 2.986, 2**(102/64) = 3.018
    assert low < 2.99 < 3.0 < 3.01 < high
    slo = h.slo(3.0, target=0.9)
    assert slo.edges == (0.9, 0.99)
    assert slo.within.lower <= exact(900, 1000).low + 1e-9 and slo.within.upper >= exact(990, 1000).high - 1e-9
    assert "bucket width" in slo.within.why
    assert "0.9 at its lower edge, 0.99 at its upper" in str(slo)
    assert h.slo(high, target=0.9).edges == (0.99, 0.99)
    assert h.slo(low, target=0.9).edges == (0.9, 0.9)


def test_small_shares_keep_their_digits():
    h = Histogram.from_values(np.ones(10**7)) + Histogram.from_values([5.0])
    slo = h.slo(2.0, target=0.9999)
    assert slo.burn_rate == pytest.approx(1 / (10**7 + 1) / 1e-4, rel=1e-6)


def test_the_ends_of_the_targets():
    assert H.slo(1.0, target=0.0).burn_rate == pytest.approx(0.005)
    assert H.slo(0.05, target=0.0).is_met is True  # no call is within the threshold, and the target requires none
    perfect = H.slo(1.0, target=1.0)
    assert perfect.burn_rate == math.inf and perfect.budget_left == -math.inf and perfect.is_met is False
    assert str(perfect).splitlines()[-1] == "error budget: none" and "inf" not in str(perfect)
    flawless = H.slo(5.0, target=1.0)
    assert (float(flawless.burn_rate), flawless.burn_rate.upper, flawless.is_met) == (0, math.inf, None)


def test_intervals_cover_what_they_say():
    rng, hits = np.random.default_rng(8), 0
    truth = 1 - math.exp(-2.0)  # the share within 2 of an exponential distribution
    for _ in range(400):
        within = Histogram.from_values(rng.exponential(1.0, 500)).slo(2.0, target=0.9).within
        hits += within.lower <= truth <= within.upper
    assert 0.93 <= hits / 400 <= 0.99


def test_windows_widen_the_interval_of_bursts():
    windows = [
        Histogram.from_values([0.1] * (500 if k % 10 == 0 else 995) + [2.0] * (500 if k % 10 == 0 else 5))
        for k in range(30)
    ]
    whole = sum(windows, Histogram())
    plain, honest = whole.slo(1.0, 0.95), whole.slo(1.0, 0.95, windows=windows)
    assert float(plain.within) == float(honest.within)
    assert honest.within.lower < plain.within.lower and honest.within.upper > plain.within.upper
    assert "in windows: effective sample size 53, too few independent windows" in honest.within.why
    with pytest.raises(ValueError, match="windows must hold"):
        whole.slo(1.0, 0.95, windows=windows[1:])


def test_looks():
    assert str(H.slo(1.0, target=0.99)).splitlines()[0] == "objective: 99 % within 1.00 s: met"
    assert repr(Histogram.from_values([5.0] * 9, unit="ms").slo(1.0, 0.5)).startswith(
        "objective: 50 % within 1.00 ms: missed"
    )


@pytest.mark.parametrize(
    ("t", "target", "message"),
    [
        (math.nan, 0.9, "t must be"),
        (-1.0, 0.9, "t must be"),
        (math.inf, 0.9, "t must be"),
        (10**400, 0.9, "t must be"),
        (1.0, 10**400, "target must be in"),
        (1.0, -0.1, r"target must be in 0\.\.1"),
        (1.0, 99.9, r"target must be in 0\.\.1"),
        (1.0, math.nan, r"target must be in 0\.\.1"),
    ],
)
def test_bad_input_names_the_argument(t, target, message):
    with pytest.raises(ValueError, match=message):
        H.slo(t, target)
    with pytest.raises(ValueError, match=message):
        burn_rates([H], t, target, windows=[1])
    with pytest.raises(ValueError, match=message):
        burn_rates([Histogram()], t, target, windows=[1])
    with pytest.raises(ValueError, match=message):
        burn_rates([], t, target, windows=[])


def test_confidence_is_checked():
    with pytest.raises(ValueError, match="confidence"):
        H.slo(1.0, 0.9, confidence=95)
    with pytest.raises(ValueError, match="confidence"):
        burn_rates([Histogram()], 1.0, 0.9, windows=[1], confidence=95)


# ---- burn rates over windows ----


def test_burn_rates_of_the_last_intervals():
    good = Histogram.from_values([0.1] * 1000)
    bad = Histogram.from_values([0.1] * 900 + [2.0] * 100)
    rates = burn_rates(iter([bad, good, good, good, good, bad]), 1.0, 0.99, windows=(1, 2, 5, 6))
    # slow shares: 100/1000, 100/2000, 100/5000, 200/6000; each over 0.01
    assert list(rates) == [1, 2, 5, 6]
    assert list(rates.values()) == pytest.approx([10, 5, 2, 200 / 60])
    assert rates[5] == pytest.approx(float((good + good + good + good + bad).slo(1.0, 0.99).burn_rate))
    assert rates[1].lower < 10 < rates[1].upper


def test_a_window_without_calls_says_what_slo_says():
    rates = burn_rates([H, Histogram()], 1.0, 0.99, windows=(1, 2))
    same = Histogram().slo(1.0, 0.99).burn_rate
    assert math.isnan(rates[1]) and not rates[1] > 14.4
    assert (rates[1].why, rates[1].lower, rates[1].upper) == (same.why, same.lower, same.upper)
    assert (str(rates[1]), rates[1].upper) == ("no data", pytest.approx(100))
    assert rates[2] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("slow", "count", "target"),
    [(144, 1_000, 0.99), (144, 10_000, 0.999), (100_800, 7_000_000, 0.999), (72, 100, 0.95), (288, 1000, 0.98)],
)
def test_a_burn_rate_of_14_4_is_14_4(slow, count, target):
    h = Histogram.from_values([0.1] * (count - slow) + [2.0] * slow)
    assert h.slo(1.0, target).burn_rate == 14.4
    assert burn_rates([h], 1.0, target, windows=[1])[1] == 14.4
    assert burn_rates([h] * 3, 1.0, target, windows=[3])[3] == 14.4


@pytest.mark.parametrize("windows", [5, 12.0, None])
def test_windows_must_be_iterable(windows):
    with pytest.raises(TypeError, match="windows must be an iterable of whole numbers, such as"):
        burn_rates([H] * 5, 1.0, 0.99, windows=windows)


def test_intervals_must_be_histograms():
    with pytest.raises(TypeError, match="intervals must be an iterable of histograms, not"):
        burn_rates(H, 1.0, 0.99)
    with pytest.raises(TypeError, match="windows must be a whole number, not 'a'"):
        burn_rates([H] * 5, 1.0, 0.99, windows="a")


def test_burn_rates_allow_for_bursts():
    rng, sets, often, truth = np.random.default_rng(9), 200, 0.2, 0.2 * 0.2 / 0.01
    held, plain = 0, 0
    for _ in range(sets):
        bad = (rng.random(72) < often).tolist()
        intervals = [Histogram.from_values([0.1] * (400 if b else 500) + [2.0] * (100 if b else 0)) for b in bad]
        rate = burn_rates(intervals, 1.0, 0.99, windows=[72])[72]
        held += rate.lower <= truth <= rate.upper
        rate = sum(intervals, Histogram()).slo(1.0, 0.99).burn_rate
        plain += rate.lower <= truth <= rate.upper
    assert 0.93 <= held / sets <= 0.99
    assert plain / sets < 0.4  # if every call were independent


def test_burn_rates_over_few_intervals_say_so_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rates = burn_rates([H] * 72, 1.0, 0.99, windows=(1, 6, 12, 72))
    assert [("too few" in rate.why) for rate in rates.values()] == [False, True, True, False]
    assert rates[1].why.endswith("independent calls within the interval assumed")
    assert list(burn_rates([H] * 72, 1.0, 0.99)) == [1, 12, 72]


def test_windows_that_are_not_there():
    with pytest.raises(ValueError, match="at most 2, the number of intervals, not 3"):
        burn_rates([H, H], 1.0, 0.99, windows=(1, 3))
    with pytest.raises(ValueError, match="windows must be at least 1"):
        burn_rates([H, H], 1.0, 0.99, windows=(0,))
    with pytest.raises(ValueError, match="cannot combine"):
        burn_rates([H, Histogram.from_values([1.0], unit="ms")], 1.0, 0.99, windows=(2,))


# ---- Apdex ----


def test_apdex_of_the_specification():
    # 60 satisfied, 30 tolerating, 10 frustrated: (60 + 30/2) / 100
    h = Histogram.from_values([0.5] * 60 + [2.0] * 30 + [8.0] * 10)
    apdex = h.apdex(1.0)
    assert apdex == 0.75
    # variance 0.6 + 0.3/4 - 0.75**2 = 0.1125, which a share has for 0.75 * 0.25 / 0.1125 * 100 = 167 values
    assert (apdex.lower, apdex.upper) == pytest.approx((0.677, 0.814), abs=0.002)
    assert "bucket" not in apdex.why
    assert h.apdex(2.0) == 0.95  # 90 satisfied; 8.0 is exactly 4t, so it is tolerated
    assert "bucket" not in h.apdex(2.0).why  # 8.0 is an edge, and exactly 4t
    assert h.apdex(100.0) == 1 and h.apdex(0.1) == 0


def test_apdex_inside_a_bucket_is_not_known_better():
    h = Histogram.from_values([2.99] * 50 + [3.01] * 50 + [100.0] * 100)  # 2.99 and 3.01 share a bucket, as above
    apdex = h.apdex(3.0)
    assert apdex.lower < 0.25 and apdex.upper > 0.5  # of these 100, none or all may be within 3.0
    assert apdex.why.endswith("bucket width")


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.floats(0.01, 50))
def test_apdex_laws(values, t):
    h = Histogram.from_values(values)
    apdex = h.apdex(t)
    assert 0 <= apdex.lower <= apdex <= apdex.upper <= 1
    exact_score = sum(1.0 if v <= t else 0.5 if v <= 4 * t else 0.0 for v in values) / len(values)
    assert apdex.lower <= exact_score <= apdex.upper
    within = h.slo(t, 0.9).within
    assert within <= apdex <= h.slo(4 * t, 0.9).within
    share = sum(v <= t for v in values) / len(values)
    assert within.lower - 1e-9 <= share <= within.upper + 1e-9


def test_apdex_in_bursts():
    rng, sets, often, held, plain = np.random.default_rng(10), 200, 0.2, 0, 0
    truth = 1 - often * (0.1 + 0.2) / 2  # of 500 calls in a slow window, 50 take 2 s, and 50 take 9 s
    slow = Histogram.from_values([0.1] * 400 + [2.0] * 50 + [9.0] * 50)
    fast = Histogram.from_values([0.1] * 500)
    for _ in range(sets):
        parts = [slow if is_slow else fast for is_slow in (rng.random(60) < often).tolist()]
        whole = merge(parts)
        answer = whole.apdex(1.0, windows=parts)
        held += answer.lower <= truth <= answer.upper
        answer = whole.apdex(1.0)
        plain += answer.lower <= truth <= answer.upper
    assert 0.93 <= held / sets <= 0.99
    assert plain / sets < 0.5


def test_apdex_with_windows_says_so():
    parts = [H] * 20
    whole = merge(parts)
    with pytest.warns(TailWarning, match="20 windows are too few") as caught:
        answer = whole.apdex(1.0, windows=parts)
    assert [one.filename for one in caught] == [__file__]
    assert "in windows: effective sample size" in answer.why and answer == whole.apdex(1.0)
    assert whole.apdex([1.0, 5.0], windows=parts)[0].upper == answer.upper
    assert whole.apdex(5.0, windows=parts).lower == whole.apdex(5.0).lower  # the windows do not differ
    with pytest.raises(ValueError, match="windows must hold"):
        whole.apdex(1.0, windows=parts[1:])


@pytest.mark.parametrize("t", [math.nan, -0.5, math.inf])
def test_bad_apdex_thresholds(t):
    with pytest.raises(ValueError, match="t must be"):
        H.apdex(t)
