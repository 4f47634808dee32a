"""`History.forecast`; benchmarks/accuracy_forecast.py counts how often its intervals hold what happens."""

import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import historian
from historian import Histogram, History, Interval
from historian._history.forecast import predicted
from historian.tail import TailWarning

HOUR = 3600 * 10**9
BEGIN = 1_795_737_600 * 10**9  # 2026-11-27 00:00 UTC


def history(slow, calls=10_000, begin=BEGIN):
    """Return hours with these numbers of slow calls, which take 2 s."""
    hours = (Histogram.from_values(np.repeat([0.1, 2.0], [calls - one, one])) for one in slow)
    return History(Interval(begin + k * HOUR, begin + (k + 1) * HOUR, {"get": one}) for k, one in enumerate(hours))


STEADY = history([5] * 48)  # hours are alike, so each call counts as one
SLOW = 5 * 48


# ---- the prediction ----


@settings(max_examples=15, deadline=None)
@given(count=st.integers(0, 200), ratio=st.floats(0.05, 20))
def test_predicted_counts_are_those_that_the_binomial_test_allows(count, ratio):
    low, high = predicted(count, ratio, 0.95)
    for y in {math.ceil(low), math.floor(high), max(0, math.ceil(low) - 1), math.floor(high) + 1}:
        total = count + y
        fewer = stats.binom.cdf(count, total, 1 / (1 + ratio))
        more = stats.binom.sf(count - 1, total, 1 / (1 + ratio))
        if min(abs(fewer - 0.025), abs(more - 0.025)) > 1e-9:
            assert (fewer > 0.025 and more > 0.025) == (low <= y <= high)


def test_no_slow_call_gives_the_exact_bound():
    assert predicted(0, 3.0, 0.9) == (0.0, pytest.approx(math.log(0.05) / math.log(0.75), rel=1e-12))


def test_predictions_hold_a_poisson_count():
    rng = np.random.default_rng(1)
    drawn = rng.poisson([4.0, 12.0], (300, 2)).tolist()  # three times as long
    bounds = {past: predicted(past, 3.0, 0.9) for past, _ in drawn}
    assert sum(bounds[past][0] <= y <= bounds[past][1] for past, y in drawn) >= 0.9 * 300


# ---- the budget ----


def test_the_share_that_is_spent():
    slow, budget = SLOW, 0.001 * 10_000 * 240
    forecast = STEADY.forecast(1.0, 0.999, "10d")
    assert forecast.spent == pytest.approx(slow / budget)
    assert forecast.spent_at_end == pytest.approx(5 * slow / budget)
    low, high = predicted(slow, 4.0, 0.95)
    assert forecast.spent_at_end.lower == pytest.approx((slow + low) / budget)
    assert forecast.spent_at_end.upper == pytest.approx((slow + high) / budget)
    assert (forecast.now - forecast.start, forecast.end - forecast.start) == (48 * 3600, 240 * 3600)
    assert forecast.spent_at_end.confidence == 0.95 and "as many, and as slow" in forecast.spent_at_end.why
    assert (float(forecast.lasts), forecast.lasts.upper, forecast.lasts.unit) == (math.inf, math.inf, "s")


def test_until_when_it_lasts():
    slow, left = SLOW, 0.0002 * 10_000 * 240 - SLOW
    forecast = STEADY.forecast(1.0, 0.9998, "10d")
    assert forecast.lasts == pytest.approx(left / (slow / 48) * 3600)
    # At either bound, all that is left is just what the prediction for this time allows.
    at_low, at_high = (forecast.lasts.lower / 48 / 3600, forecast.lasts.upper / 48 / 3600)
    assert predicted(slow, at_low, 0.95)[1] == pytest.approx(left, rel=1e-6)
    assert predicted(slow, at_high, 0.95)[0] == pytest.approx(left, rel=1e-6)
    assert STEADY.forecast(1.0, 0.9998, "10d", confidence=0.8).lasts.lower > forecast.lasts.lower


def test_hours_that_differ_widen_it():
    slow = [0] * 96
    slow[::8] = [40] * 12
    forecast, alike = history(slow).forecast(1.0, 0.999, "8d"), history([5] * 96).forecast(1.0, 0.999, "8d")
    assert forecast.spent_at_end == alike.spent_at_end
    width = forecast.spent_at_end.upper - forecast.spent_at_end.lower
    assert width > 1.5 * (alike.spent_at_end.upper - alike.spent_at_end.lower)


def test_a_period_that_began_later_counts_from_there_and_learns_from_all():
    whole = history([5] * 24 + [10] * 24)
    later = whole.forecast(1.0, 0.999, "2d", start="2026-11-28T00:00Z")
    assert later.spent == pytest.approx(240 / 480) and later.spent_at_end == pytest.approx((240 + 7.5 * 24) / 480)


def test_a_period_may_begin_at_any_time_in_the_history_and_counts_the_intervals_from_there_on():
    whole, end = history([5] * 24 + [10] * 24), BEGIN // 10**9 + 48 * 3600
    for seconds, hours in ((48 * 3600, 48), (86_400, 24), (86_399, 23), (3_601, 1), (3_600, 1), (3_599, 0), (1, 0)):
        forecast = whole.forecast(1.0, 0.999, "3d", start=end - seconds)
        slow = 10 * min(hours, 24) + 5 * max(0, hours - 24)  # a split hour is left out
        calls = 10_000 * (hours + 72 - seconds / 3600)  # of the intervals in the period, and of what is left of it
        assert forecast.spent == pytest.approx(slow / (0.001 * calls))
        assert (forecast.now - forecast.start, forecast.end - forecast.start) == (seconds, 3 * 86_400)


def test_of_a_part_of_a_day_only_whole_days_tell_the_future():
    forecast = history([0] * 12 + [10] * 48).forecast(1.0, 0.999, "10d")  # 2.5 days: the last two have 10 an hour
    assert forecast.spent_at_end == pytest.approx((480 + 10 * 180) / 2400)


def test_what_is_printed():
    lines = str(STEADY.forecast(1.0, 0.9998, "10d")).splitlines()
    assert lines[0] == "error budget of 99.98 % within 1.00 s, from 2026-11-27T00:00Z to 2026-12-07T00:00Z"
    assert lines[1].startswith("spent at 2026-11-29T00:00Z: 0.")
    assert lines[2].startswith("spent at the end: 2.")
    assert lines[3].startswith("it lasts until 2026-") and " to 2026-" in lines[3]
    assert str(history([5] * 48).forecast(1.0, 0.99, "10d")).endswith("it lasts until the end of the period")
    assert str(history([5] * 48).forecast(1.0, 0.9999, "10d")).endswith("it is spent")
    assert history([5] * 48).forecast(1.0, 0.9999, "10d").lasts.upper == 0


# ---- edges ----


def test_no_slow_call_has_an_upper_bound():
    forecast = history([0] * 48).forecast(1.0, 0.999, "4d")
    assert (forecast.spent, float(forecast.spent_at_end), forecast.spent_at_end.lower) == (0.0, 0.0, 0.0)
    assert forecast.spent_at_end.upper == pytest.approx(math.log(0.025) / math.log(0.5) / 960)
    assert forecast.lasts.lower == math.inf  # so few that the budget surely lasts


def test_no_data():
    empty = History([Interval(BEGIN, BEGIN + HOUR, {})]).forecast(1.0, 0.99)
    assert math.isnan(empty.spent) and math.isnan(empty.spent_at_end) and math.isnan(empty.lasts)
    assert str(empty).endswith(": no data")
    assert empty._view().facts == "no data"


def test_a_single_interval_gives_no_bounds():
    with pytest.warns(TailWarning, match="only one window"):
        forecast = history([5]).forecast(1.0, 0.99, "1d")
    assert (forecast.spent_at_end.lower, forecast.spent_at_end.upper) == (pytest.approx(forecast.spent), math.inf)
    assert forecast.lasts.lower == 0


@pytest.mark.filterwarnings("ignore::historian.tail.TailWarning")
@pytest.mark.parametrize("slow", [[0, 1], [1, 0], [0, 2], [0, 5]])
def test_a_burst_in_two_hours_gives_no_upper_bound(slow):
    """It counts as a hundredth of a call, whose beta quantile is less than the smallest float."""
    forecast = history(slow, calls=2_000).forecast(1.0, 0.999, "31d")
    assert forecast.lasts.lower < 24 * 3600 and forecast.lasts.upper == math.inf
    assert 0 < forecast.spent_at_end.lower < forecast.spent_at_end < forecast.spent_at_end.upper < math.inf


@pytest.mark.filterwarnings("ignore::historian.tail.TailWarning")
@settings(max_examples=60, deadline=None)
@given(
    slow=st.lists(st.integers(0, 20), min_size=1, max_size=6),
    calls=st.sampled_from([20, 1_000]),
    target=st.one_of(st.sampled_from([0.0, 0.9, 0.999, 1 - 1e-12]), st.floats(0, 1, exclude_max=True)),
    confidence=st.sampled_from([0.5, 0.95, 0.9999]),
)
def test_any_short_history_has_a_forecast(slow, calls, target, confidence):
    forecast = history(slow, calls).forecast(1.0, target, "31d", confidence=confidence)
    for answer in (forecast.lasts, forecast.spent_at_end):
        assert 0 <= answer.lower <= answer.value <= answer.upper
    assert forecast.spent <= forecast.spent_at_end.lower


def test_a_threshold_within_a_bucket():
    forecast = STEADY.forecast(1.999, 0.999, "10d")  # 2.0 is in its bucket
    assert forecast.spent_at_end == pytest.approx(5 * 1 / 2400)  # of the whole, one is known to be above: its maximum
    assert forecast.spent_at_end.upper >= STEADY.forecast(1.0, 0.999, "10d").spent_at_end.upper  # all of them may be
    assert forecast.spent_at_end.why.endswith("bucket width")


def test_what_is_refused():
    with pytest.raises(ValueError, match="target must be below 1"):
        STEADY.forecast(1.0, 1.0)
    with pytest.raises(ValueError, match="a forecast needs a history"):
        History().forecast(1.0, 0.99)
    for start, why in (
        ("2026-11-26T23:59:59Z", "what was spent before it is not known"),
        ("2026-11-29T00:00Z", "nothing is known of calls after it"),
        ("2027-01-01T00:00Z", "nothing is known of calls after it"),
    ):
        limits = "start must be in the history, from 2026-11-27T00:00Z to before 2026-11-29T00:00Z"
        message = f"{limits}, not {start}: {why}"
        with pytest.raises(ValueError, match=message):
            STEADY.forecast(1.0, 0.99, "30d", start=start)
    for period, start, end in (("2d", None, 29), ("1d", None, 28), ("12h", "2026-11-28T12:00Z", 29)):
        message = f"must end after the history, whose end is 2026-11-29T00:00Z, not at 2026-11-{end}T00:00Z: pass a "
        with pytest.raises(ValueError, match=message):
            STEADY.forecast(1.0, 0.99, period, start=start)
    with pytest.raises(ValueError, match="confidence"):
        STEADY.forecast(1.0, 0.99, confidence=1.0)


def test_pickles():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast = STEADY.forecast(1.0, 0.999)
    again = pickle.loads(pickle.dumps(forecast))
    assert type(again) is historian.Forecast and str(again) == str(forecast)


def test_a_notebook_shows_what_is_spent_and_until_when():
    shown = STEADY.forecast(1.0, target=0.9995, period="4d")._view()
    assert shown.title == "Error budget: 99.95 % within 1.00 s"
    assert [row[0] for row in shown.tables[0].rows] == ["spent now", "spent at the end", "lasts until"]
    assert "2026-12-01T00:00Z" in STEADY.forecast(1.0, target=0.9995, period="4d")._repr_html_()
