"""How late ticks were: each tick that was due counts, however many came due meanwhile."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Recorder, Registry
from historian.meters.ticks import FEW, check_interval, record_late

MS = 1_000_000


def late_ticks(late: int, interval: int) -> list[float]:
    """Return how late each tick was in seconds, one by one."""
    return [each / 1e9 for each in range(max(late, 0), -1, -interval)]


def test_a_tick_that_is_late_by_less_than_an_interval_is_alone() -> None:
    recorder = Recorder()
    assert record_late(recorder, 3 * MS, 10 * MS) == 1
    assert (recorder.snapshot().count, recorder.snapshot().max) == (1, 0.003)


def test_a_tick_that_is_early_is_not_late() -> None:
    recorder = Recorder()
    assert record_late(recorder, -1, 10 * MS) == 1
    assert (recorder.snapshot().count, recorder.snapshot().max) == (1, 0.0)


def test_a_stall_of_a_second_counts_all_the_ticks_it_hid() -> None:
    recorder = Recorder()
    # Due at 0, 10, ..., 1,000 ms; all run at 1,000 ms: late by 1,000, 990, ..., 0 ms, which is 101 ticks.
    assert record_late(recorder, 1_000 * MS, 10 * MS) == 101
    found = recorder.snapshot()
    assert (found.count, found.max, found.min) == (101, 1.0, 0.0)
    assert found.sum == pytest.approx(0.01 * 100 * 101 / 2)  # 50.5 s: an arithmetic series
    assert found.percentile(50) == pytest.approx(0.5, rel=0.0055)


@given(st.integers(-5, 40 * FEW), st.integers(1, 1000))
def test_what_is_recorded_is_what_counting_one_by_one_records(late: int, interval: int) -> None:
    late, interval = late * 997, interval * 1_009
    recorder, one_by_one = Recorder(), Recorder()
    number = record_late(recorder, late, interval)
    one_by_one.record_many(late_ticks(late, interval))
    found, expected = recorder.snapshot(), one_by_one.snapshot()
    assert number == found.count
    # Where late is a multiple of the interval, or nearly so, rounding may count a tick that is due right now, or not.
    assert abs(found.count - expected.count) <= 1
    assert found.max == expected.max
    assert found.sum == pytest.approx(expected.sum, rel=1e-9, abs=interval / 1e9)
    for t in late_ticks(late, interval)[:-1:7]:
        below = t * 0.98  # between buckets, so that rounding at an edge does not matter
        assert abs(found.sf(below) * found.count - expected.sf(below) * expected.count) <= 2


def test_counts_and_synthetic_marks_of_a_long_stall() -> None:
    recorder = Recorder()
    hours = 3600 * 24 * 1_000 * MS  # a day at 1 ms: 86,400,001 ticks, counted by bucket
    assert record_late(recorder, hours, MS) == 86_400_001
    found = recorder.snapshot()
    assert found.count == 86_400_001
    assert found.to_dict().get("synthetic", False) is False  # each was late: nothing is an estimate


@pytest.mark.skipif("sys.platform == 'win32'")
def test_ticks_in_a_directory(tmp_path: Path) -> None:
    recorder = Registry(tmp_path / "d").recorder("x")
    assert record_late(recorder, 1_000 * MS, 10 * MS) == 101
    again = Registry(tmp_path / "d").snapshot().total()
    assert (again.count, again.max) == (101, 1.0)


def test_intervals() -> None:
    assert check_interval(0.01) == 10 * MS
    assert check_interval(1) == 1_000 * MS
    for wrong in (0, -1, float("nan"), 0.00001, 1.5):
        with pytest.raises(ValueError, match="interval must be"):
            check_interval(wrong)
    for not_a_number in ("0.01", None, True):
        with pytest.raises(TypeError, match="interval must be a number"):
            check_interval(not_a_number)  # type: ignore[arg-type]
