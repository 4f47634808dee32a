"""Intervals: what they hold, what they refuse, and the order of many."""

import copy
import pickle
from datetime import datetime, timezone

import numpy as np
import pytest

from historian import Histogram, History, Interval, Key, Snapshot
from historian._history.intervals import listed

START = 1_795_757_400 * 10**9  # 2026-11-27 05:30 UTC
ONE = Histogram.from_values([0.010, 0.25])


def test_edges_can_be_written_in_several_ways():
    wanted = Interval(START, START + 60 * 10**9, {"get": ONE})
    for start in (
        "2026-11-27T05:30Z",
        datetime(2026, 11, 27, 5, 30, tzinfo=timezone.utc),
        np.datetime64("2026-11-27T05:30"),
        np.int64(START),
    ):
        assert Interval(start, "2026-11-27T06:31+01:00", {Key("get"): ONE}) == wanted
    assert wanted.seconds == 60.0
    assert type(wanted.start) is int


@pytest.mark.parametrize(
    ("start", "end", "held", "error", "reason"),
    [
        (0, 0, {}, ValueError, "must end after its start, not from 1970-01-01T00:00Z to 1970-01-01T00:00Z"),
        (1, 0, {}, ValueError, "must end after its start"),
        (0.0, 1, {}, TypeError, "whole number of nanoseconds"),
        (True, 2, {}, TypeError, "start must be"),
        ("2026-11-27T05:30", 2**62, {}, ValueError, "start must have an offset"),
        (0, 2**63, {}, ValueError, "end must be in the years"),
        (0, 1, ONE, TypeError, r"\{'lookup': histogram\}"),
        (0, 1, [("get", ONE)], TypeError, "must map keys or names"),
        (0, 1, {"get": 0.5}, TypeError, "not 'get' to float"),
        (0, 1, {1: ONE}, TypeError, "not 1"),
    ],
)
def test_bad_intervals_say_why(start, end, held, error, reason):
    with pytest.raises(error, match=reason):
        Interval(start, end, held)


def test_histograms_without_values_are_left_out():
    assert Interval(0, 1, {"get": ONE, "put": Histogram()}) == Interval(0, 1, {"get": ONE})
    assert list(Interval(0, 1, {"get": ONE, "put": Histogram()}).histograms) == [Key("get")]


def test_it_is_a_value_that_nobody_can_change():
    held = {"get": ONE}
    interval = Interval(0, 10**9, held)
    held["get"] = Histogram()
    interval.histograms.clear()
    assert interval.histograms == {Key("get"): ONE}
    assert isinstance(interval.histograms, Snapshot)
    assert (interval.count, interval.total()) == (2, ONE)
    assert interval != Interval(0, 10**9, {"put": ONE})
    assert interval != "interval"
    for other in (pickle.loads(pickle.dumps(interval)), copy.copy(interval), copy.deepcopy(interval)):
        assert other == interval
        assert hash(other) == hash(interval)
    assert repr(interval) == "<Interval from 1970-01-01T00:00Z to 1970-01-01T00:00:01Z: 1 key, 2 values>"


def test_units_of_keys_may_differ_until_they_are_merged():
    interval = Interval(0, 1, {"time": ONE, "size": Histogram.from_values([10.0], unit="bytes")})
    assert interval.count == 3
    with pytest.raises(ValueError, match="'s' and 'bytes'"):
        interval.total()


def test_intervals_are_sorted_and_must_not_overlap():
    a, b, c = (Interval(k, k + 1, {"get": ONE}) for k in (0, 1, 5))
    assert list(History([c, a, b])) == [a, b, c]
    with pytest.raises(ValueError, match=r"must not overlap, as those from .* do: make a history of each machine"):
        History([a, Interval(0, 2, {})])
    with pytest.raises(TypeError, match=r"Interval\(start, end, histograms\)"):
        History([(0, 1, {"get": ONE})])
    with pytest.raises(TypeError):
        History(None)


def test_a_source_returns_only_wanted_keys():
    source = listed([Interval(0, 1, {"get": ONE, "put": ONE})])
    assert list(source.load(0, lambda key: key.name == "put")) == [Key("put")]
    assert source.load(0, lambda _: False) == {}
