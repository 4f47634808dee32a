"""`Histogram.corrected` and `Histogram.synthetic`."""

import json
import math
import pickle
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import historian
from historian import Histogram, Recorder, buckets


def as_recorded(values, interval, unit="s"):
    """Return the histogram of a recorder that corrects each value when it is recorded."""
    recorder = Recorder(unit=unit)
    for value in values:
        recorder.record_corrected(value, interval)
    return recorder.snapshot()


def by_definition(values, interval):
    """Return all waits as exact fractions, by the loop of HdrHistogram.

    Fewer than there should be, by one, where a value is a multiple of the interval but for rounding.
    """
    waits = []
    for value in map(Fraction, values):
        waits.append(value)
        value -= Fraction(interval)
        while value >= Fraction(interval):
            waits.append(value)
            value -= Fraction(interval)
    return waits


# ---- the closed form ----


def test_as_hdrhistogram_does():
    h = Histogram.from_values([1.0]).corrected(0.25)  # 1.0, then 0.75, 0.5, 0.25
    assert h == Histogram.from_values([1.0, 0.75, 0.5, 0.25])
    assert h == as_recorded([1.0], 0.25)
    assert Histogram.from_values([0.4]).corrected(0.25) == Histogram.from_values([0.4])  # 0.15 is below the interval
    assert Histogram.from_values([0.5]).corrected(0.25) == Histogram.from_values([0.5, 0.25])


@given(
    st.lists(st.tuples(st.integers(-200, 900), st.integers(1, 50)), min_size=1, max_size=12),
    st.floats(0.01, 100),
)
def test_equals_what_is_corrected_at_record_time(parts, interval):
    values = [buckets.representative(i) for i, n in parts for _ in range(n)]
    h = Histogram.from_values(values)
    corrected, recorded = h.corrected(interval), as_recorded(values, interval)
    assert corrected == recorded
    assert corrected.sum == recorded.sum and corrected.min == recorded.min


@given(st.lists(st.floats(0, 50), min_size=1, max_size=8), st.floats(0.05, 10))
def test_numbers_are_those_of_the_definition(values, interval):
    h = Histogram.from_values(values)
    ranks = [h._value_at(rank) for rank in range(1, h.count + 1)]  # the value that stands for each recorded one
    exact = by_definition(ranks, interval)
    corrected = h.corrected(interval)
    assert corrected.count == sum(max(1, math.floor(value / interval)) for value in ranks)
    if corrected.count != len(exact):
        return
    assert corrected.min == pytest.approx(float(min(exact)), rel=1e-12)
    assert corrected.max == h.max
    taken = h.sum - math.fsum(ranks)  # the recorded values stay the same, to the last digit
    assert corrected.sum == pytest.approx(float(sum(exact)) + taken, rel=1e-12, abs=1e-12)
    for q in (0.1, 0.5, 0.9):
        expected = sorted(exact)[max(1, math.ceil(q * len(exact))) - 1]
        assert corrected.quantile(q) == pytest.approx(float(expected), rel=0.0109, abs=2**-32)


def test_the_smallest_and_the_largest_value_are_taken_exactly():
    h = Histogram.from_values([10.0, 10.001, 10.002])  # one bucket, whose representative is 9.998: clamped to 10.0
    # floor(10.0 / 5.001) is 1 for each but the largest: floor(10.002 / 5.001) is 2.
    assert h.quantile(0.5) == 10.0
    assert h.corrected(5.001).count == 3 + 1


def test_their_number_is_that_of_decimal_fractions():
    # The float64 of 0.01 is a little more than 0.01: exact fractions would give 9,999.
    assert len(by_definition([100.0], 0.01)) == 9_999
    assert Histogram.from_values([100.0]).corrected(0.01).count == 10_000


def test_rounding_leaves_the_smallest_in_its_bucket():
    # The interval is the upper edge of a bucket.  By rounding, 4 intervals minus 3 intervals is a little below it.
    interval = buckets.upper(-38)
    h = Histogram.from_values([4 * interval]).corrected(interval)
    assert 4 * interval - 3 * interval < interval and h.count == 4
    assert h.indices[0] == buckets.index(h.min) == -38


def test_needs_no_loop_over_what_it_adds():
    h = Histogram.from_values([1e9] * 1000).corrected(1e-3)
    assert h.count == 1000 * 10**12
    assert h.quantile(0.5) == pytest.approx(5e8, rel=0.0055)
    assert h.sum == pytest.approx(1000 * 5e20, rel=1e-9)


@pytest.mark.parametrize("interval", [2.0**-30, 0.001, 0.37, 1e3])
def test_many_buckets_are_the_sum_of_each(interval):
    rng = np.random.default_rng(4)
    values = [buckets.representative(int(i)) for i in rng.integers(-1900, 1400, 500)]
    h = Histogram.from_values(values)
    corrected, recorded = h.corrected(interval), as_recorded(values, interval)
    assert corrected == recorded and corrected.count > 500


def test_counts_beyond_the_digits_of_a_float():
    values = [buckets.representative(i) for i in range(1300, 1400)] * 3
    corrected, recorded = Histogram.from_values(values).corrected(1e-9), as_recorded(values, 1e-9)
    assert corrected.count > 2**53 and corrected == recorded


@pytest.mark.parametrize(("values", "interval"), [([1.7e308, 3.0], 1e299), ([7 * 5e-324], 5e-324), ([1e-310], 1e-312)])
def test_the_ends_of_the_floats(values, interval):
    corrected, recorded = Histogram.from_values(values).corrected(interval), as_recorded(values, interval)
    assert corrected == recorded and corrected.sum == recorded.sum


def test_a_stall_is_seen():
    # Tene's example: 100 s at 1 ms a request, 100 a second; then a stall of 100 s, of which the generator saw one.
    h = Histogram.from_values([0.001] * 10_000 + [100.0])
    assert h.quantile(0.5) == pytest.approx(0.001, rel=0.006)
    corrected = h.corrected(0.01)
    assert corrected.count == 20_000
    assert corrected.mean == pytest.approx(25.0, rel=1e-3)
    assert corrected.quantile(0.75) == pytest.approx(50.0, rel=0.006)
    assert corrected.quantile(0.99) == pytest.approx(98.0, rel=0.006)


def test_what_it_assumes_is_wrong_for_independent_calls():
    h = Histogram.from_values([1e-5] * 99_000 + [1.0] * 1_000)
    assert h.corrected(0.01).sf(0.011) == pytest.approx(0.5, abs=0.01)


# ---- invalid input ----


@pytest.mark.parametrize("interval", [0, -1.0, math.nan, math.inf])
def test_other_intervals_are_refused(interval):
    with pytest.raises(ValueError, match="expected_interval must be positive and finite"):
        Histogram.from_values([1.0]).corrected(interval)


@pytest.mark.parametrize("interval", ["1", None, [1.0]])
def test_what_is_no_interval_names_the_argument(interval):
    with pytest.raises(TypeError, match="expected_interval must be a number, not"):
        Histogram.from_values([1.0]).corrected(interval)
    with pytest.raises(TypeError, match="expected_interval must be a number, not"):
        historian.Recorder().record_corrected(3.0, interval)


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="too small"):
        Histogram.from_values([1e15]).corrected(1e-9)
    with pytest.raises(ValueError, match=r"the count would reach 2\*\*63"):
        Histogram.from_values(np.full(2000, 1e15)).corrected(0.2)
    with pytest.raises(TypeError):
        Histogram.from_values([1.0]).corrected("0.1")


def test_never_twice():
    once = Histogram.from_values([1.0, 3.0]).corrected(0.5)
    with pytest.raises(ValueError, match="synthetic"):
        once.corrected(0.5)
    with pytest.raises(ValueError, match="synthetic"):
        (once + Histogram.from_values([1.0])).corrected(0.5)


def test_nothing_changes_the_original():
    h = Histogram.from_values([1.0, 3.0])
    before = h.to_dict()
    h.corrected(0.5)
    assert h.to_dict() == before and not h.synthetic


def test_empty():
    assert Histogram().corrected(1.0) == Histogram()
    assert not Histogram().corrected(1.0).synthetic


# ---- the property `synthetic` ----


def test_the_mark_goes_wherever_the_counts_go():
    measured, estimated = Histogram.from_values([2.0]), Histogram.from_values([1.0]).corrected(0.3)
    assert estimated.synthetic and not measured.synthetic
    assert Histogram.from_values([0.1]).corrected(0.3).synthetic  # even if no value was added
    assert (measured + estimated).synthetic and (estimated + measured).synthetic
    assert ((measured + estimated) - measured).synthetic
    assert not (measured + measured).synthetic and not (measured - Histogram()).synthetic
    assert (Histogram() + estimated).synthetic and not (estimated - estimated).synthetic  # empty, so not an estimate
    for again in (
        pickle.loads(pickle.dumps(estimated)),
        Histogram.from_dict(json.loads(json.dumps(estimated.to_dict()))),
        Histogram.from_bytes(estimated.to_bytes()),
        historian.merge([measured, estimated]) - measured,
        historian.merge([measured, estimated.to_bytes()]),
        historian.merge([measured.to_bytes(), estimated.to_bytes()]),
    ):
        assert again.synthetic
    assert not historian.merge([measured, measured.to_bytes()]).synthetic
    assert not Histogram.from_dict(measured.to_dict()).synthetic and "synthetic" not in measured.to_dict()


def test_a_recorder_marks_what_it_has_corrected(tmp_path):
    for recorder in (Recorder(), historian.Registry(tmp_path).recorder("q")):
        recorder.record(0.01)
        recorder.record_corrected(0.15, 0.1)  # below two intervals: nothing is added
        assert not recorder.snapshot().synthetic
        recorder.record_corrected(1.0, 0.1)
        h = recorder.snapshot()
        assert h.synthetic and h.count == 12
        with pytest.warns(historian.tail.TailWarning, match="no lower and no upper bound"):
            answer = h.ci(0.5)
        assert (answer.lower, answer.upper) == (0, math.inf) and "the measured values are not known" in answer.why
        assert recorder.drain().synthetic
        recorder.record(0.5)
        assert recorder.snapshot().synthetic and not Recorder().snapshot().synthetic


def test_other_processes_see_the_mark_in_the_file(tmp_path):
    recorder = historian.Registry(tmp_path).recorder("q")
    recorder.record_corrected(1.0, 0.1)
    code = (
        "import historian, sys; [h] = historian.Registry(sys.argv[1]).snapshot().values(); print(h.count, h.synthetic)"
    )
    told = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["10", "True"]
    Path(recorder.path).unlink()  # the values are kept, and so is the mark
    assert recorder.snapshot().synthetic and recorder.snapshot().count == 10
    [kept] = historian.Registry(tmp_path).snapshot().values()
    assert kept.synthetic


def test_the_mark_is_shown():
    estimated = Histogram.from_values([1.0]).corrected(0.3)
    assert repr(estimated).startswith("<Histogram of 3 values, some of them synthetic: ")
    assert "synthetic" not in repr(Histogram.from_values([1.0]))


def test_intervals_say_how_many_values_were_measured():
    measured = Histogram.from_values([0.01] * 90 + [0.1] * 10)
    estimated = measured.corrected(0.05)
    for ask in (
        lambda h: h.ci(0.5),
        lambda h: h.fanout(2).p_wait(0.05),
        lambda h: h.fanout(2).quantile(0.25),
        lambda h: h.slo(0.05, 0.5).within,
        lambda h: h.apdex(0.05),
        lambda h: h.dist().sf(0.05),
    ):
        assert ask(estimated).why.startswith("sampling: 100 measured values, corrected for coordinated omission")
        assert ask(measured).why.startswith("sampling: 100 values") and "corrected" not in ask(measured).why


def test_bytes_hold_the_mark_in_one_bit():
    estimated = Histogram.from_values([1.0]).corrected(0.3)
    measured = Histogram.from_values([1.0, 0.7, 0.4])
    a, b = estimated.to_bytes(), measured.to_bytes()
    assert (a[6], b[6]) == (1, 0) and len(a) == len(b)


@pytest.mark.parametrize("mark", ["yes", 1, None])
def test_plain_data_with_another_mark_are_refused(mark):
    with pytest.raises(ValueError, match="synthetic"):
        Histogram.from_dict({**Histogram.from_values([1.0]).to_dict(), "synthetic": mark})


def test_nothing_cannot_be_an_estimate():
    with pytest.raises(ValueError, match="synthetic"):
        Histogram.from_dict({**Histogram().to_dict(), "synthetic": True})
