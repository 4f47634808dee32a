"""`History`: laws of cuts, steps and sums, what it refuses, and what it gives to others."""

import copy
import math
import pickle
import subprocess
import sys
import warnings
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from historian import Histogram, History, Interval, Key, Registry, TimeSeries, merge
from historian._history.intervals import Listed
from historian.tail import TailWarning, burn_rates

NS = 10**9
START = 1_795_757_400 * NS  # 2026-11-27 05:30 UTC, a Friday
USERS, CARTS, SQL = Key("http", route="/users"), Key("http", route="/carts"), Key("sql", table="users")


def interval(start, end, held):
    """Return an interval of seconds after START, of values by key."""
    return Interval(
        START + start * NS, START + end * NS, {key: Histogram.from_values(values) for key, values in held.items()}
    )


def steady(count, step=10, values=(0.010, 0.020, 0.5)):
    return History(interval(k * step, (k + 1) * step, {USERS: values}) for k in range(count))


VALUES = st.lists(st.floats(0.001, 100.0), max_size=4)
HELD = st.dictionaries(st.sampled_from([USERS, CARTS, SQL]), VALUES, max_size=3)


@st.composite
def histories(draw, most=24):
    """Draw histories of 10 s, aligned, with gaps and with intervals of no values."""
    places = sorted(draw(st.sets(st.integers(0, 200), max_size=most)))
    return History(interval(10 * k, 10 * k + 10, draw(HELD)) for k in places)


@st.composite
def nested(draw):
    """Draw histories whose intervals are of 10, 20 or 40 s, at multiples of their length: they always nest."""
    found, end = [], 0
    base = START // NS % 40
    for place, power in sorted(draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), max_size=10))):
        length = 10 << power
        start = (place * 10 + base) // length * length - base
        if start >= end and start >= 0:
            found.append(interval(start, start + length, draw(HELD)))
            end = start + length
    return History(found)


# ---- what it is ----


def test_an_empty_history_answers():
    history = History()
    assert (len(history), list(history), history.keys, history.histograms) == (0, [], (), ())
    assert repr(history) == "<History of 0 intervals>"
    assert history.total() == Histogram()
    assert history.snapshot() == {}
    assert len(history.percentile(99)) == len(history.rate()) == 0
    assert history.resample("1m") == history.last("1h") == history.between(0, 1) == history.select("x") == history
    assert history.by("route") == {}
    assert list(history.to_frame()) == ["start", "end", "name", "unit", "count", "sum", "mean", "min", "p50", "p90",
                                        "p99", "p99.9", "p99.99", "max"]  # fmt: skip
    assert "0 intervals" in history._repr_html_()


def test_it_is_a_sequence_of_intervals():
    history = steady(6)
    assert len(history) == 6
    assert history[0] == history[-6] == next(iter(history))
    assert history[1:3] == History(list(history)[1:3])
    assert history[:] == history
    assert len(history[4:2]) == 0
    with pytest.raises(IndexError):
        history[6]
    with pytest.raises(ValueError, match="without a step"):
        history[::2]
    assert history.starts[0] == np.datetime64("2026-11-27T05:30")
    assert history.ends[-1] == np.datetime64("2026-11-27T05:31")
    with pytest.raises(ValueError, match="read-only"):
        history.starts[0] = 0
    assert repr(history) == "<History of 6 intervals of 10s from 2026-11-27T05:30Z to 2026-11-27T05:31Z>"


@settings(deadline=None)
@given(histories())
def test_it_is_a_value(history):
    for other in (pickle.loads(pickle.dumps(history)), copy.copy(history), copy.deepcopy(history), History(history)):
        assert other == history
        assert hash(other) == hash(history)
    assert history != "history"
    assert history + History([interval(5000, 5010, {})]) != history


def test_print_shows_a_table():
    lines = str(steady(2)).splitlines()
    assert lines[2].split() == ["from", "(UTC)", "median", "(ms)", "90", "99", "99.9", "max", "count", "per", "s"]
    assert lines[3].split() == ["2026-11-27", "05:30:00", "19.9", "-", "-", "-", "500", "3", "0.300"]
    assert str(History()) == "History: 0 intervals"
    assert str(steady(1).rate()).splitlines()[-1].split() == ["2026-11-27", "05:30", "0.300"]


def test_pickles_name_only_public_constructors():
    text = pickle.dumps(steady(2).select("http")[0:1], protocol=2)
    assert b"_history" not in text
    assert b"historian" in text


# ---- laws ----


@settings(deadline=None)
@given(histories(), st.sampled_from(["10s", "30s", "1m", "1h", "1d", "1w"]))
def test_steps_lose_nothing(history, step):
    longer = history.resample(step)
    assert longer.total() == history.total()
    assert longer.snapshot() == history.snapshot()
    assert sum(len(one.histograms) > 0 for one in longer) <= len(longer) <= max(1, len(history))


@settings(deadline=None)
@given(histories())
def test_steps_of_steps_are_the_longer_steps(history):
    assert history.resample("1m").resample("1h") == history.resample("1h")
    assert history.resample("30s").resample("1m").resample("1d") == history.resample("1d")
    assert history.resample("10s") == history
    berlin = "Europe/Berlin"
    assert history.resample("1h", zone=berlin).resample("1d", zone=berlin) == history.resample("1d", zone=berlin)


@settings(deadline=None)
@given(histories(), st.lists(st.integers(-2, 210), min_size=3, max_size=3))
def test_cuts_add_up(history, places):
    a, b, c = (START // NS + 10 * place for place in sorted(places))
    assert history.between(a, b) + history.between(b, c) == history.between(a, c)
    assert history.between(None, b) + history.between(b, None) == history.between(None, None) == history


@settings(deadline=None)
@given(histories(), st.sampled_from(["30s", "1m", "1h"]))
def test_selection_and_steps_commute(history, step):
    longer = history.resample(step)
    assert longer.select("http") == history.select("http").resample(step)
    assert longer.select("*", route="/u*") == history.select("*", route="/u*").resample(step)
    assert longer.by("route") == {key: one.resample(step) for key, one in history.by("route").items()}
    assert longer.keys == history.keys


@settings(deadline=None)
@given(histories())
def test_groups_are_those_of_snapshots(history):
    by_route = history.by("route")
    assert {key: one.total() for key, one in by_route.items()} == history.snapshot().by("route")
    assert sum(by_route.values(), History()) == history if by_route else history.total().count == 0
    assert {key: one.total() for key, one in history.by().items()} == history.snapshot().by()
    assert history.select().snapshot() == history.snapshot()
    assert history.select("sql").snapshot() == history.snapshot().select("sql")


@settings(deadline=None)
@given(nested(), nested(), nested())
def test_sums_are_exact_commutative_and_associative(a, b, c):
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + History() == History() + a == a
    assert (a + b + c).total() == merge([a.total(), b.total(), c.total()])
    assert (a + b).snapshot() == History([Interval(0, 1, a.snapshot())]).snapshot() if not len(b) else True
    assert (a + b).resample("40s") == a.resample("40s") + b.resample("40s")


@settings(deadline=None)
@given(histories(), histories())
def test_machines_add_up_in_each_interval(a, b):
    both = a + b
    counts = {one.start: one.count for one in both}
    for one in both:
        assert one.count == sum(other.count for h in (a, b) for other in h if other.start == one.start)
    assert len(counts) == len({*a.starts.tolist(), *b.starts.tolist()})


def test_a_sum_of_many_machines_is_flat():
    machines = [steady(3) for _ in range(1500)]  # more than Python's limit of recursion
    total = sum(machines, History())
    assert total.total().count == 1500 * 9
    assert total.resample("1m").resample("1h").total().count == 1500 * 9


def test_coarser_edges_win():
    minute = History([interval(0, 60, {CARTS: [1.0]})])
    both = steady(6) + minute
    assert len(both) == 1
    assert both[0].count == 19
    assert both == minute + steady(6)
    shifted = History([interval(55, 65, {CARTS: [1.0]})])
    with pytest.raises(ValueError, match=r"cross: add a.resample\('2m'\) and b.resample\('2m'\)"):
        minute + shifted
    assert NotImplemented is History.__add__(minute, minute[0])
    with pytest.raises(TypeError):
        minute + 1


# ---- days of zones ----


@pytest.mark.parametrize(
    ("first", "hours", "wanted"),
    [("2026-03-28T00:00+01:00", 71, [24, 23, 24]), ("2026-10-24T00:00+02:00", 73, [24, 25, 24])],
)
def test_days_of_23_and_25_hours_lose_nothing(first, hours, wanted):
    begin = round(datetime.fromisoformat(first).timestamp())
    history = History(
        Interval((begin + 3600 * k) * NS, (begin + 3600 * (k + 1)) * NS, {"get": Histogram.from_values([k + 1])})
        for k in range(hours)
    )
    days = history.resample("1d", zone="Europe/Berlin")
    assert [one.seconds / 3600 for one in days] == wanted
    assert [one.count for one in days] == wanted
    assert days.total() == history.total()
    assert days == history.resample("1d", zone=ZoneInfo("Europe/Berlin"))
    midnights = [datetime.fromtimestamp(one.start / NS, ZoneInfo("Europe/Berlin")).strftime("%H:%M") for one in days]
    assert midnights == ["00:00"] * 3
    with pytest.raises(ValueError, match="does not fit"):
        history.resample("2h").resample("1d", zone="Europe/Berlin")


# ---- cuts ----


def test_edges_inside_an_interval_are_refused_or_rounded():
    history = steady(6)
    inside = datetime(2026, 11, 27, 5, 30, 15, tzinfo=timezone.utc)
    with pytest.raises(ValueError, match=r"2026-11-27T05:30:15Z is inside the interval from 2026-11-27T05:30:10Z to"):
        history.between(inside, None)
    assert len(history.between(inside, None, partial="drop")) == 4
    assert len(history.between(inside, None, partial="keep")) == 5
    assert len(history.between(None, inside, partial="drop")) == 1
    for partial in (None, "half", True):
        with pytest.raises(ValueError, match="partial must be one of 'raise', 'drop', 'keep'"):
            history.between(inside, None, partial=partial)
    with pytest.raises(ValueError, match="partial must be one of 'raise', 'keep', not 'drop'"):
        history.resample("1m", partial="drop")
    with pytest.raises(ValueError, match="end must not be before start"):
        history.between("2026-11-27T06:00Z", "2026-11-27T05:00Z")
    with pytest.raises(ValueError, match="end must have an offset"):
        history.between(None, "2026-11-27T05:00")


def test_the_last_hour():
    history = steady(600)
    assert len(history.last("1h")) == 360
    assert history.last(timedelta(hours=1)) == history.last(3600) == history.last("1h")
    assert len(history.last("15s")) == 2  # the interval in which they begin is whole
    assert len(history.last("15s", partial="drop")) == 1
    with pytest.raises(ValueError, match="is inside the interval"):
        history.last("15s", partial="raise")
    assert history.last("1d") == history
    with pytest.raises(ValueError, match="units are"):
        history.last("1 hour")


class Counting:
    """A source that counts what is read of it."""

    def __init__(self, history):
        self.of = Listed(list(history))
        self.starts, self.ends, self.read, self.decoded = self.of.starts, self.of.ends, [], 0

    def load(self, i, keys=None):
        self.read.append(i)
        found = self.of.load(i, keys)
        self.decoded += len(found)
        return found


def test_what_is_left_out_is_not_read():
    source = Counting(History(interval(10 * k, 10 * k + 10, {USERS: [0.01], SQL: [0.5]}) for k in range(360)))
    history = History._of(source)
    part = history.last("1m").select("sql")
    hours = history.resample("1h")
    repr(part), repr(hours), len(part), part.starts, history.between(None, None), history[3:9]
    assert source.read == []
    assert part.total().count == 6
    assert source.read == list(range(354, 360))
    assert source.decoded == 6  # no histogram of other keys
    source.read.clear()
    assert hours[0].count + hours[1].count == 720
    assert source.read == list(range(360))
    source.decoded = 0
    assert history.keys == (USERS, SQL)
    assert source.decoded == 0  # keys are found without their histograms


def test_histograms_are_merged_once():
    source = Counting(steady(5))
    history = History._of(source)
    assert history.histograms is history.histograms
    history.percentile(50), history.percentile(99), history.total()
    assert source.read == list(range(5))


# ---- units ----


def test_keys_of_different_units():
    held = {Key("time"): Histogram.from_values([0.5]), Key("size"): Histogram.from_values([9.0], unit="bytes")}
    history = History([Interval(0, NS, held), Interval(NS, 2 * NS, {"time": held[Key("time")]})])
    for question in (history.total, lambda: history.percentile(99), lambda: history.histograms):
        with pytest.raises(ValueError, match=r"time is in 's', size in 'bytes'.*select"):
            question()
    assert history.select("size").percentile(99).unit == "bytes"
    assert history.rate().values.tolist() == [2.0, 1.0]
    assert history.snapshot().keys() == held.keys()
    assert "select() those of one unit" in history._repr_html_() or "by select()" in history._repr_html_()
    changed = {"time": Histogram.from_values([5.0], unit="ms")}
    with pytest.raises(ValueError, match="'s' and 'ms'"):
        (history + History([Interval(3 * NS, 4 * NS, changed)])).snapshot()


# ---- answers over time ----


def test_percentiles_are_those_of_each_histogram():
    rng = np.random.default_rng(7)
    sizes = [0, 1, 5, 100, 999, 1000, 20_000, 20_001]
    history = History(
        Interval(k * NS, (k + 1) * NS, {"get": Histogram.from_values(rng.lognormal(-4, 1, size))})
        for k, size in enumerate(sizes)
    )
    for p, q in ((50, 0.5), (99, 0.99), (99.9, 0.999), (0, 0.0), (100, 1.0)):
        series = history.percentile(p)
        assert isinstance(series, TimeSeries)
        assert series == history.quantile(q)
        for k, histogram in enumerate(history.histograms):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TailWarning)
                answer = histogram.ci(q)
            found = series.values[k], series.lower[k], series.upper[k]
            np.testing.assert_equal(found, (float(answer), answer.lower, answer.upper))
            np.testing.assert_equal(found[0], histogram.percentile(p))
    assert math.isnan(history.percentile(99).values[0])
    assert (history.percentile(99).lower[0], history.percentile(99).upper[0]) == (0, math.inf)
    assert (history.percentile(99.9).upper == math.inf).tolist() == [True] * 6 + [False] * 2


def test_percentiles_of_corrected_histograms():
    corrected = Histogram.from_values([0.1] * 500 + [2.0]).corrected(0.1)
    history = History([Interval(0, NS, {"get": corrected})])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        answer = corrected.ci(0.9)
    series = history.percentile(90)
    assert (series.values[0], series.lower[0], series.upper[0]) == (float(answer), answer.lower, answer.upper)


@pytest.mark.parametrize(
    ("p", "confidence", "error"),
    [(101, 0.95, ValueError), (-1, 0.95, ValueError), (math.nan, 0.95, ValueError), ("99", 0.95, TypeError),
     ([50, 99], 0.95, TypeError), (99, 1.0, ValueError), (True, 0.95, TypeError)],
)  # fmt: skip
def test_bad_percentiles_are_refused_also_without_data(p, confidence, error):
    for history in (History(), steady(2)):
        with pytest.raises(error):
            history.percentile(p, confidence)


def test_names_of_percentiles():
    history = steady(1)
    assert [history.percentile(p).name for p in (50, 99.9, 99.99, 0)] == ["p50", "p99.9", "p99.99", "p0"]
    assert [history.quantile(q).name for q in (0.5, 0.999, 0.07)] == ["p50", "p99.9", "p7"]
    assert history.quantile(0.999) == history.percentile(99.9)


def test_rates_are_calls_per_second():
    history = History([interval(0, 10, {USERS: [0.1] * 5, SQL: [0.1] * 20}), interval(20, 21, {})])
    rate = history.rate()
    assert (rate.values.tolist(), rate.unit, rate.name, rate.confidence) == ([2.5, 0.0], "1/s", "rate", None)
    assert rate.lower.tolist() == rate.upper.tolist() == [2.5, 0.0]


def test_columns_for_a_data_frame():
    history = History([interval(0, 10, {USERS: [0.25], SQL: [0.5, 0.5]}), interval(10, 20, {}),
                       interval(20, 30, {Key("x", start="y"): [1.0]})])  # fmt: skip
    frame = history.to_frame([50])
    assert list(frame) == ["start", "end", "name", "route", "label_start", "table", "unit", "count", "sum", "mean",
                           "min", "p50", "max"]  # fmt: skip
    assert frame["name"] == ["http", "sql", "x"]
    assert frame["count"].tolist() == [1, 2, 1]
    assert frame["start"].tolist() == [START, START, START + 20 * NS]
    assert frame["label_start"] == ["", "", "y"]


# ---- what takes it ----


def test_it_is_what_windows_take():
    rng = np.random.default_rng(3)
    history = History(interval(10 * k, 10 * k + 10, {USERS: rng.lognormal(-4, 0.5, 200)}) for k in range(60))
    total, windows = history.total(), list(history.histograms)
    assert total.ci(0.9, windows=history) == total.ci(0.9, windows=windows)
    assert total.ci([0.5, 0.9], windows=history).why == total.ci([0.5, 0.9], windows=windows).why
    assert str(total.slo(0.03, 0.9, windows=history)) == str(total.slo(0.03, 0.9, windows=windows))
    assert total.apdex(0.03, windows=history) == total.apdex(0.03, windows=windows)
    assert total.dist(windows=history).quantile(0.5) == total.dist(windows=windows).quantile(0.5)
    bounds = [total.fanout(3).bounds(0.03, windows=given) for given in (history, windows)]
    assert bounds[0] == bounds[1]
    assert (bounds[0].lower, bounds[0].why) == (bounds[1].lower, bounds[1].why)
    with pytest.raises(ValueError, match="pass all windows"):
        total.ci(0.9, windows=history[1:])


def test_burn_rates_of_durations():
    quiet, outage = [0.1] * 999 + [2.0], [0.1] * 800 + [2.0] * 200
    minutes = History(interval(60 * k, 60 * k + 60, {USERS: outage if k == 59 else quiet}) for k in range(60))
    rates = burn_rates(minutes, 1.0, 0.999, windows=("1m", "5m", timedelta(hours=1), 5, np.int64(60)))
    assert list(rates) == ["1m", "5m", timedelta(hours=1), 5, 60]
    assert rates["1m"] == 200
    assert rates["5m"] == rates[5] == pytest.approx((4 + 200) / 5)
    assert rates[timedelta(hours=1)] == rates[60]
    assert rates[60].why == burn_rates(list(minutes.histograms), 1.0, 0.999, windows=[60])[60].why
    with pytest.raises(ValueError, match=r"windows must be at most '1h', the length of the history, not '1d'"):
        burn_rates(minutes, 1.0, 0.999, windows=["1d"])
    with pytest.raises(TypeError, match="durations need a History"):
        burn_rates(list(minutes.histograms), 1.0, 0.999, windows=["5m"])
    with pytest.raises(TypeError, match="windows must be a whole number"):
        burn_rates(minutes, 1.0, 0.999, windows=[5.0])
    with pytest.raises(ValueError, match="at most 60, the number of intervals"):
        burn_rates(minutes, 1.0, 0.999, windows=[61])


def test_drained_snapshots_are_intervals():
    registry = Registry()
    recorder = registry.recorder("get", route="/users")
    held = []
    for k in range(3):
        recorder.record_many([0.010] * (k + 1))
        held.append(Interval(START + k * NS, START + (k + 1) * NS, registry.drain()))
    assert [one.count for one in History(held)] == [1, 2, 3]


def test_importing_historian_does_not_load_it():
    code = (
        "import sys, historian; assert not any('_history' in name for name in sys.modules); historian.History(); "
        "assert 'numpy' not in sys.modules and 'decimal' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_intervals_in_different_units_are_not_mixed():
    seconds = Interval("2026-11-27T05:30Z", "2026-11-27T05:31Z", {"a": Histogram.from_values([1.0])})
    empty = Interval("2026-11-27T05:31Z", "2026-11-27T05:32Z", {})
    milliseconds = Interval("2026-11-27T05:32Z", "2026-11-27T05:33Z", {"a": Histogram.from_values([1.0], unit="ms")})
    history = History([seconds, empty, milliseconds])
    why = "05:30Z is in 's', that from 2026-11-27T05:32Z in 'ms', which cannot be merged: cut the history by between"
    for ask in (lambda: history.percentile(99), lambda: history.histograms, history.total, history.changes):
        with pytest.raises(ValueError, match=why):
            ask()
    assert history[:2].percentile(99).unit == "s" and history[1:].percentile(99).unit == "ms"


def test_an_interval_that_is_not_there():
    with pytest.raises(IndexError, match="there are 0 intervals, none at index 3"):
        History()[3]
