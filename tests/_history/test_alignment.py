"""Alignment: steps in UTC and in zones, edges inside intervals, intervals of several machines."""

import re
from bisect import bisect_left
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian._history.alignment import Bin, Grid, cut, nesting, resampled, united
from historian._history.times import DAY, NS, duration_ns, time_ns

HOUR = 3600 * NS
ZONES = ("Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe",
         "Pacific/Apia", "Asia/Beirut", "UTC")  # fmt: skip
TIMES = st.integers(0, 4_000_000_000 * NS)


def hours(first, count):
    starts = [time_ns(first) + k * HOUR for k in range(count)]
    return starts, [start + HOUR for start in starts]


# ---- steps ----


@given(TIMES, st.sampled_from(["7s", "10s", "1m", "1h", "7h", "1d", "3d", "1w", "2w"]))
def test_steps_in_utc_are_whole_multiples(at, step):
    start, end = Grid(step).around(at)
    assert start <= at < end
    assert end - start == duration_ns(step)
    origin = 4 * DAY if step in ("1w", "2w") else 0  # 1970-01-05 was a Monday
    assert (start - origin) % duration_ns(step) == 0


def test_a_week_begins_on_monday():
    start, _ = Grid("1w").around(time_ns("2026-11-27T05:30Z"))  # a Friday
    assert start == time_ns("2026-11-23T00:00Z")
    start, _ = Grid("1w", "Europe/Berlin").around(time_ns("2026-11-27T05:30Z"))
    assert start == time_ns("2026-11-23T00:00+01:00")


@given(TIMES, st.sampled_from(ZONES), st.sampled_from(["1m", "1h", "6h", "1d", "3d", "1w"]))
def test_steps_in_a_zone_hold_the_time_and_follow_each_other(at, zone, step):
    grid = Grid(step, zone)
    start, end = grid.around(at)
    assert start <= at < end
    assert grid.around(start) == (start, end)
    assert grid.around(end)[0] == end
    assert grid.around(start - 1)[1] == start


@pytest.mark.parametrize(
    ("day", "zone", "length"),
    [
        ("2026-03-29T12:00+02:00", "Europe/Berlin", 23),  # clocks go from 2 to 3
        ("2026-10-25T12:00+01:00", "Europe/Berlin", 25),
        ("2026-11-01T12:00-05:00", "America/New_York", 25),
        ("2018-11-04T12:00-02:00", "America/Sao_Paulo", 23),  # from 0 to 1: the day has no midnight
        ("2018-02-18T00:00-03:00", "America/Sao_Paulo", 24),  # the day before goes back from 24 to 23
        ("2018-02-17T12:00-02:00", "America/Sao_Paulo", 25),
        ("2026-11-27T12:00+01:00", "Europe/Berlin", 24),
    ],
)
def test_days_of_changed_clocks(day, zone, length):
    start, end = Grid("1d", zone).around(time_ns(day))
    assert (end - start) / HOUR == length
    first = datetime.fromtimestamp(start / NS, ZoneInfo(zone))
    assert first.date() == datetime.fromtimestamp(time_ns(day) / NS, ZoneInfo(zone)).date()


def test_a_day_that_a_zone_left_out_has_no_step():
    """Samoa had no 30 December 2011: the days before and after it follow each other."""
    _, end = Grid("1d", "Pacific/Apia").around(time_ns("2011-12-29T12:00-10:00"))
    assert Grid("1d", "Pacific/Apia").around(end)[0] == end == time_ns("2011-12-31T00:00+14:00")


def test_hours_of_a_zone_end_with_the_day():
    """On a day of 25 hours, steps of 6 hours are four, and one of an hour."""
    grid, at = Grid("6h", "Europe/Berlin"), time_ns("2026-10-25T00:00+02:00")
    lengths = []
    while at < time_ns("2026-10-26T00:00+01:00"):
        start, at = grid.around(at)
        lengths.append((at - start) // HOUR)
    assert lengths == [6, 6, 6, 6, 1]


def test_a_zone_with_half_hours_aligns_hours_to_its_midnight():
    start, _ = Grid("1h", "Asia/Kolkata").around(time_ns("2026-11-27T05:00Z"))
    assert start == time_ns("2026-11-27T04:30Z")  # 10:00 there


@pytest.mark.parametrize(
    ("step", "zone", "error", "reason"),
    [
        ("7h", "Europe/Berlin", ValueError, "in a zone, a step must divide a day, or be whole days"),
        ("36h", "Europe/Berlin", ValueError, "'36h'"),
        ("1d", "Europe/Nowhere", ValueError, "zone 'Europe/Nowhere' is not known.*tzdata"),
        ("1d", "../etc", ValueError, "is not known"),
        ("1d", "Europe", ValueError, "is not known"),
        ("1d", "", ValueError, "is not known"),
        ("1d", 1, TypeError, "zone must be the name of a zone"),
        ("0s", None, ValueError, "step must be at least 1 ns"),
    ],
)
def test_bad_steps_and_zones_say_why(step, zone, error, reason):
    with pytest.raises(error, match=reason):
        Grid(step, zone)


def test_a_zone_may_be_a_tzinfo():
    assert Grid("1d", timezone(timedelta(hours=1))).around(0) == (-HOUR, 23 * HOUR)


# ---- resampling ----


def test_a_step_has_the_intervals_that_begin_in_it():
    edges = [0, 10, 20, 70], [10, 20, 60, 120]
    seconds = [k * NS for k in edges[0]], [k * NS for k in edges[1]]
    assert resampled(seconds, Grid("1m"), keep=False) == [
        Bin(0, 60 * NS, [(0, 0), (0, 1), (0, 2)]),
        Bin(60 * NS, 120 * NS, [(0, 3)]),
    ]


@pytest.mark.parametrize(
    ("starts", "ends", "step", "reason"),
    [
        ([0, 60], [60, 120], "90s", "step '90s' does not fit: the interval from 1970-01-01T00:01Z to 1970-01-01T00:02Z "
         "crosses 1970-01-01T00:01:30Z; steps of '1m', '2m', '5m', '10m' and more nest"),
        ([0], [60], "10s", "steps of '1m', '2m'"),
        ([3, 13], [13, 23], "10s", "crosses 1970-01-01T00:00:10Z; steps of '30s', '1m'"),
        ([3, 86398], [13, 86408], "10s", "partial='keep' to count it with the step in which it begins"),
        ([5], [2_000_000], "10s", "take a step of '1999995s' or more, with partial='keep'"),
    ],
)  # fmt: skip
def test_a_step_that_does_not_nest_says_which_do(starts, ends, step, reason):
    edges = [k * NS for k in starts], [k * NS for k in ends]
    with pytest.raises(ValueError, match=re.escape(reason)):
        resampled(edges, Grid(step), keep=False)


def test_intervals_that_cross_can_be_kept_but_not_longer_ones():
    edges = [3 * NS, 13 * NS], [13 * NS, 23 * NS]
    assert resampled(edges, Grid("10s"), keep=True) == [
        Bin(0, 10 * NS, [(0, 0)]),
        Bin(10 * NS, 20 * NS, [(0, 1)]),
    ]
    with pytest.raises(ValueError, match="does not fit"):
        resampled(edges, Grid("5s"), keep=True)


def test_nesting_steps_are_those_that_resample_takes():
    edges = hours("2026-11-27T05:00Z", 40)
    fits = set(nesting([edges]))
    for text in ("30m", "1h", "2h", "3h", "6h", "12h", "1d", "1w"):
        if duration_ns(text) in fits:
            resampled(edges, Grid(text), keep=False)
        else:
            with pytest.raises(ValueError, match="does not fit"):
                resampled(edges, Grid(text), keep=False)
    assert duration_ns("1h") in fits


# ---- cuts ----


def test_edges_and_what_lies_inside():
    edges = [0, 10, 30], [10, 20, 40]  # with a gap from 20 to 30
    assert cut(edges, None, None, "raise") == (0, 3)
    assert cut(edges, 0, 40, "raise") == (0, 3)
    assert cut(edges, 10, 30, "raise") == (1, 2)
    assert cut(edges, 25, 40, "raise") == (2, 3)
    assert cut(edges, 20, 30, "raise") == (2, 2)
    assert cut(edges, -5, 0, "raise") == (0, 0)
    assert cut(edges, 40, 99, "raise") == (3, 3)
    assert cut(edges, 5, 35, "drop") == (1, 2)
    assert cut(edges, 5, 35, "keep") == (0, 3)
    assert cut(edges, 12, 18, "drop") == (2, 2)  # both inside one interval
    assert cut(edges, 12, 18, "keep") == (1, 2)
    for start, end in ((5, None), (None, 35), (12, 18)):
        with pytest.raises(ValueError, match=r"is inside the interval from .*partial='drop'.*partial='keep'"):
            cut(edges, start, end, "raise")


@given(st.lists(st.integers(0, 100), min_size=2, unique=True), st.integers(-5, 105), st.integers(-5, 105))
def test_a_cut_has_the_intervals_that_it_should(points, a, b):
    points.sort()
    starts, ends = points[:-1], points[1:]
    a, b = sorted((a, b))
    first, stop = cut((starts, ends), a, b, "drop")
    assert [k for k in range(len(starts)) if starts[k] >= a and ends[k] <= b] == list(range(first, stop))
    first, stop = cut((starts, ends), a, b, "keep")
    touched = [k for k in range(len(starts)) if starts[k] < b and ends[k] > a]
    assert a == b or touched == list(range(first, stop))


# ---- several machines ----


def test_coarser_edges_win():
    fine, coarse = ([0, 10, 20, 60], [10, 20, 30, 70]), ([0], [60])
    assert united([fine, coarse]) == [
        Bin(0, 60, [(1, 0), (0, 0), (0, 1), (0, 2)]),
        Bin(60, 70, [(0, 3)]),
    ]
    assert united([fine]) == [Bin(start, end, [(0, k)]) for k, (start, end) in enumerate(zip(*fine))]
    assert united([]) == []


def test_crossing_intervals_say_how_to_resample():
    minutes = [k * 60 * NS for k in range(3)], [(k + 1) * 60 * NS for k in range(3)]
    steps = [0, 90 * NS], [90 * NS, 180 * NS]
    with pytest.raises(ValueError, match=r"cross: add a.resample\('5m'\) and b.resample\('5m'\)"):
        united([minutes, steps])
    shifted = [start + NS for start in minutes[0]], [end + NS for end in minutes[1]]
    long = [k * 60 * NS + NS for k in range(3000)], [k * 60 * NS + 61 * NS for k in range(3000)]
    with pytest.raises(ValueError, match=r"add a.resample\('10m', partial='keep'\) and b.resample\('10m', partial"):
        united([minutes, long])
    for edges in (minutes, long):
        resampled(edges, Grid("10m"), keep=True)
    assert len(united([minutes, ([start + HOUR for start in shifted[0]], [end + HOUR for end in shifted[1]])])) == 6


@given(st.lists(st.lists(st.tuples(st.integers(0, 63), st.integers(0, 6)), max_size=8), max_size=4))
def test_intervals_that_nest_are_united_without_loss(machines):
    """Intervals of a length of a power of two, at its multiples, always nest."""
    all_edges = []
    for drawn in machines:
        intervals: list[tuple[int, int]] = []
        for at, power in sorted((place >> power << power, power) for place, power in drawn):
            if not intervals or at >= intervals[-1][1]:
                intervals.append((at, at + (1 << power)))
        all_edges.append(([start for start, _ in intervals], [end for _, end in intervals]))
    bins = united(all_edges)
    found = sorted(member for one in bins for member in one.members)
    assert found == [(source, i) for source, edges in enumerate(all_edges) for i in range(len(edges[0]))]
    assert all(former.end <= one.start for former, one in pairwise(bins))
    starts = [one.start for one in bins]
    for one in bins:
        assert any((all_edges[source][0][i], all_edges[source][1][i]) == one[:2] for source, i in one.members)
        for source, i in one.members:
            assert one.start <= all_edges[source][0][i] < all_edges[source][1][i] <= one.end
            assert bisect_left(starts, one.start) == bins.index(one)
