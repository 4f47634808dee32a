"""`Histogram.scaled`: the error that its docstring states, and what stays exact."""

import math
from fractions import Fraction

import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from historian import Histogram, buckets

#: (1 + e)**2 - 1, and a little for the rounding of float64.
ERROR = (1 + buckets.RELATIVE_ERROR) ** 2 - 1 + 1e-12
EDGE_ERROR = buckets.GROWTH - 1 + 1e-12

values_in_range = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60)
factors = st.one_of(st.floats(1e-3, 1e3), st.sampled_from([1000.0, 1e-3, 60.0, 1 / 3, 1024.0]))


def test_the_error_is_that_of_one_more_bucket():
    assert round(100 * ERROR, 4) == 1.0860
    assert round(100 * EDGE_ERROR, 4) == 1.0889


def test_seconds_to_milliseconds():
    h = Histogram.from_values([0.012, 0.015, 0.250]).scaled(1000, "ms")
    assert (h.count, h.min, h.max, h.unit) == (3, 12.0, 250.0, "ms")
    assert h.sum == pytest.approx(277.0, rel=1e-15)
    assert h.quantile(0.5) == pytest.approx(15.0, rel=ERROR)


@given(values_in_range, factors)
@example([1.0], 1 / 3)
@example([1.0, 1.0], 1000.0)
@example([2.0**-20, 2.0**20], 3.0)
def test_every_rank_is_within_the_error(values, factor):
    h = Histogram.from_values(values)
    scaled = h.scaled(factor, "x")
    assert scaled.count == len(values)
    for rank, value in enumerate(sorted(values), 1):
        assert scaled.quantile((rank - 0.5) / len(values)) == pytest.approx(value * factor, rel=ERROR)


@given(values_in_range, factors)
def test_extremes_and_sum_are_scaled_as_floats(values, factor):
    h = Histogram.from_values(values)
    scaled = h.scaled(factor, "x")
    assert (scaled.min, scaled.max) == (h.min * factor, h.max * factor)
    assert scaled.sum == pytest.approx(math.fsum(values) * factor, rel=1e-15)
    assert Histogram.from_bytes(scaled.to_bytes()) == scaled


@given(values_in_range, st.integers(-8, 8))
def test_a_power_of_two_loses_nothing(values, power):
    h = Histogram.from_values(values)
    scaled = h.scaled(2.0**power, "s")
    assert scaled == Histogram.from_values([v * 2.0**power for v in values])
    assert scaled.scaled(2.0**-power, "s") == h


@given(values_in_range, values_in_range, factors)
def test_a_difference_of_histograms(before, after, factor):
    recent = Histogram.from_values(before + after) - Histogram.from_values(before)
    scaled = recent.scaled(factor, "x")
    ordered = sorted(after)
    for q in (0.0, 0.5, 1.0):
        exact = ordered[max(1, math.ceil(Fraction(q) * len(after))) - 1]
        assert scaled.quantile(q) == pytest.approx(exact * factor, rel=EDGE_ERROR)
    assert scaled.min <= scaled.quantile(0) <= scaled.quantile(1) <= scaled.max
    assert Histogram.from_bytes(scaled.to_bytes()) == scaled


def test_a_factor_of_one_changes_only_the_unit():
    h = Histogram.from_values([0.0, 1e-20, 3.0, 1e30])
    assert h.scaled(1, "s") == h
    assert h.scaled(1, "rows").unit == "rows"


def test_the_zero_and_the_overflow_bucket():
    h = Histogram.from_values([0.0, 1e-10, 2e-10, 1e30]).scaled(1e10, "x")
    assert (h.count, h.zero_count, h.overflow_count, h.min, h.max) == (4, 3, 1, 0.0, 1e40)
    h = Histogram.from_values([1e-10, 2e-10, 1e30, 2e30]).scaled(1e-20, "x")
    assert (h.zero_count, h.overflow_count, h.max) == (2, 0, 2e10)
    assert h.quantile(0.75) == pytest.approx(2e10)  # 1e30 counts as the maximum
    assert Histogram.from_values([5e-324]).scaled(0.25, "x").min == 0.0


def test_an_empty_histogram_stays_empty():
    assert Histogram().scaled(1000, "ms") == Histogram.from_values([], unit="ms")


def test_synthetic_stays():
    assert Histogram.from_values([1.0]).corrected(0.25).scaled(1000, "ms").synthetic


def test_intervals_of_corrected_histograms_are_scaled_with_them():
    corrected = Histogram.from_values([0.01] * 500 + [0.02] * 400 + [1.0] * 100).corrected(0.1)
    before, after = corrected.ci(0.5), corrected.scaled(1000, "ms").ci(0.5)
    ends = [before, before.lower, before.upper]
    assert [after, after.lower, after.upper] == pytest.approx([1000 * end for end in ends], rel=2.5 * ERROR)
    assert after.why == before.why


@pytest.mark.parametrize("factor", [0, -1.0, math.nan, math.inf, -math.inf])
def test_a_factor_must_be_positive_and_finite(factor):
    with pytest.raises(ValueError, match="factor must be positive and finite, not"):
        Histogram.from_values([1.0]).scaled(factor, "ms")
    with pytest.raises(ValueError, match="factor must be positive"):
        Histogram().scaled(factor, "ms")


def test_other_bad_arguments():
    h = Histogram.from_values([1e300])
    with pytest.raises(TypeError, match="factor must be a number, not 'ten'"):
        h.scaled("ten", "ms")
    with pytest.raises(ValueError, match=r"factor 10000000000\.0 is too large: the maximum 1e\+300"):
        h.scaled(1e10, "ms")
    with pytest.raises(ValueError, match="unit must be a printable label"):
        h.scaled(2, "")
    assert h.scaled(numpy.float32(0.5), "ms").max == 5e299


def test_a_sum_beyond_float64():
    h = Histogram.from_values([1.7e308, 1.7e308])
    assert (h.sum, h.scaled(0.25, "x").sum) == (math.inf, math.inf)
    assert Histogram.from_values([1.7e308]).scaled(0.25, "x").sum == 4.25e307
