"""Times and durations: what users write, as whole nanoseconds."""

import math
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian._history.times import DAY, NS, duration_ns, duration_text, time_ns, time_text

NOON = 1_769_860_800 * NS  # 2026-01-31 12:00 UTC: 20,484 days of 86,400 s, and 43,200 s


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("2026-01-31T12:00Z", NOON),
        ("2026-01-31 12:00:00Z", NOON),
        ("2026-01-31t12:00z", NOON),
        (" 2026-01-31T12:00Z ", NOON),
        ("2026-01-31T13:00+01:00", NOON),
        ("2026-01-31T13:00+01", NOON),
        ("2026-01-31T17:45+0545", NOON),
        ("2026-01-31T12:00:00.000000001Z", NOON + 1),
        ("2026-01-31T12:00:00,5Z", NOON + NS // 2),
        ("2026-01-31Z", NOON - DAY // 2),
        (datetime(2026, 1, 31, 12, tzinfo=timezone.utc), NOON),
        (datetime(2026, 1, 31, 13, 0, 0, 1, tzinfo=timezone(timedelta(hours=1))), NOON + 1000),
        (np.datetime64("2026-01-31T12:00"), NOON),
        (np.datetime64("2026-01-31"), NOON - DAY // 2),
        (np.datetime64("2026-01"), NOON - 30 * DAY - DAY // 2),
        (np.datetime64(NOON + 7, "ns"), NOON + 7),
        (1_769_860_800, NOON),
        (1_769_860_800.1, NOON + NS // 10),
        (np.float64(1_769_860_800.1), NOON + NS // 10),
        (np.int64(-1), -NS),
        (0.1, NS // 10),
        (Fraction(1, 2), NS // 2),
        ("1969-12-31T23:59:59.999999999Z", -1),
    ],
)
def test_times_are_exact(given, wanted):
    assert time_ns(given) == wanted


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("2026-01-31T12:00", r"must have an offset: write '2026-01-31T12:00Z' for UTC, or '2026-01-31T12:00\+01:00'"),
        ("2026-01-31", "must have an offset: write '2026-01-31T00:00Z' for UTC"),
        (datetime(2026, 1, 31, 12), r"pass tzinfo=timezone.utc, or call .astimezone\(\) on local time"),
        ("noon", "must be a time, such as '2026-01-31T12:00Z'"),
        ("2026-02-30T12:00Z", "is no time, day"),
        ("2026-01-31T24:01Z", "is no time, hour must be in 0..23"),
        ("2026-01-31T12:00:00.0000000001Z", "must be a time"),
        (np.datetime64("NaT", "s"), "not NaT"),
        (np.datetime64(1, "ps"), "not in ps"),
        (math.nan, "finite number of seconds"),
        (math.inf, "finite number of seconds"),
        (NOON, rf"in the years 1678 to 2261, .*: write numpy.datetime64\({NOON}, 'ns'\)"),
        ("1600-01-01T00:00Z", "in the years 1678 to 2261"),
        ("2262-12-31T00:00Z", "in the years 1678 to 2261"),
        (datetime(9999, 1, 1, tzinfo=timezone.utc), "in the years 1678 to 2261"),
        (np.datetime64("3000-01-01"), "in the years 1678 to 2261"),
    ],
)
def test_what_is_no_time_says_why(given, reason):
    with pytest.raises(ValueError, match=reason):
        time_ns(given)


@pytest.mark.parametrize("given", [None, date(2026, 1, 31), b"2026-01-31T12:00Z", timedelta(1), np.timedelta64(1, "s"),
                                   True, [1.0], np.array(["2026-01-31"], "datetime64[s]")])  # fmt: skip
def test_other_objects_are_no_times(given):
    with pytest.raises(TypeError):
        time_ns(given)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_the_text_of_a_time_is_read_back(ns):
    assert time_ns(time_text(ns)) == ns


def test_a_timestamp_of_pandas_has_nanoseconds():
    pandas = pytest.importorskip("pandas")
    assert time_ns(pandas.Timestamp(NOON + 123, tz="UTC")) == NOON + 123
    assert duration_ns(pandas.Timedelta(1_000_000_123, "ns")) == 1_000_000_123


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("10s", 10 * NS),
        ("1m", 60 * NS),
        ("1h", 3600 * NS),
        ("1d", 86_400 * NS),
        ("2w", 14 * 86_400 * NS),
        ("250ms", 250_000_000),
        ("1us", 1000),
        ("1ns", 1),
        ("1h30m", 5400 * NS),
        ("1 h 30 m", 5400 * NS),
        ("1.5h", 5400 * NS),
        ("0.1s", NS // 10),
        (timedelta(minutes=5, microseconds=1), 300 * NS + 1000),
        (np.timedelta64(5, "m"), 300 * NS),
        (np.timedelta64(1, "W"), 7 * DAY),
        (10, 10 * NS),
        (0.1, NS // 10),
    ],
)
def test_durations_are_exact(given, wanted):
    assert duration_ns(given) == wanted


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "must be a duration, such as '10s'"),
        ("10", "units are w, d, h, m, s, ms, us, ns"),
        ("10 min", "units are"),
        ("1M", "units are"),
        ("-1h", "must be a duration"),
        ("0s", "at least 1 ns"),
        (0, "at least 1 ns"),
        (-1.5, "at least 1 ns"),
        (timedelta(0), "at least 1 ns"),
        (1e-10, "at least 1 ns"),
        ("0.5ns", "whole number of nanoseconds"),
        ("300000d", "below 292 years"),
        (math.nan, "finite"),
        (np.timedelta64("NaT", "s"), "NaT"),
        (np.timedelta64(1, "M"), "fixed length"),
    ],
)
def test_what_is_no_duration_says_why(given, reason):
    with pytest.raises(ValueError, match=reason):
        duration_ns(given, "step")


@pytest.mark.parametrize("given", [None, b"10s", True, [1], datetime(2026, 1, 31)])
def test_other_objects_are_no_durations(given):
    with pytest.raises(TypeError):
        duration_ns(given)


@given(st.integers(1, 2**63 - 1))
def test_the_text_of_a_duration_is_read_back(ns):
    assert duration_ns(duration_text(ns)) == ns


def test_names_of_arguments_are_in_the_message():
    with pytest.raises(ValueError, match=r"^start must have an offset"):
        time_ns("2026-01-31", "start")


def test_no_numpy_for_texts():
    code = (
        "import sys; from historian._history.times import time_ns; time_ns('2026-01-31T12:00Z'); "
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
