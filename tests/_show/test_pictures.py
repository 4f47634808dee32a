"""The parts of pictures: axes with round ticks, densities that add up, and texts of intervals with honest digits."""

import math
from itertools import pairwise

import pytest
from displayed import ALL_BUCKETS, TWO_MODES
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram
from historian._show.axis import Axis
from historian._show.density import column_shares, columns_for, share_below, smallest
from historian._show.interval import bar, texts
from historian._show.scale import Scale, base_unit
from historian._show.view import Density, plain
from historian.tail import Estimate

positive = st.floats(2.0**-32, 2.0**64, exclude_min=True)


@given(st.lists(positive, min_size=1, max_size=5))
def test_an_axis_holds_all_values_in_their_order(values):
    axis = Axis.of(values, "s")
    places = [axis.place(value) for value in sorted(values)]
    assert places == sorted(places) and places[0] >= 0 and places[-1] <= 1
    assert axis.high / axis.low >= 2 * (1 - 1e-9)
    for place in (0.0, 0.25, 1.0):
        assert axis.place(axis.value(place)) == pytest.approx(place, abs=1e-9)


@given(positive, st.floats(1, 1e20), st.sampled_from(["s", "ms", "ns", "bytes", "KiB", "rows"]), st.integers(2, 8))
def test_ticks_are_round_few_and_apart(low, ratio, unit, most):
    axis = Axis.of([low, low * ratio], unit)
    ticks = axis.ticks(most)
    assert len(ticks) <= most + 1
    assert all(b - a >= 0.7 / most - 1e-9 for (a, _), (b, _) in pairwise(ticks))
    kind, factor = base_unit(unit)
    for place, label in ticks:
        number, _, shown = label.partition(" ")
        base, _, power = number.partition("^")
        value = float(base.replace(",", "")) ** int(power or 1) * (base_unit(shown)[1] if shown else 1)
        assert value == pytest.approx(axis.value(place) * factor, rel=1e-6)
        assert len(number) <= 7
    if ratio >= 10 and most >= 4 and kind != "B":
        assert len(ticks) >= 2


@pytest.mark.parametrize(
    ("low", "high", "unit", "labels"),
    [
        (0.0008, 0.6, "s", ["1 ms", "10 ms", "100 ms"]),
        (0.95, 2.1, "s", ["1 s", "1.5 s", "2 s"]),
        (1e3, 1e6, "bytes", ["1 KiB", "4 KiB", "16 KiB", "64 KiB", "256 KiB"]),
        (1.0, 86400.0, "s", ["1 s", "1 min", "1 h"]),
        (1e-9, 1.0, "rows", ["1e-8", "1e-6", "1e-4", "0.01", "1"]),
        (1.0, 1e9, "rows", ["1", "100", "10,000", "1e6", "1e8"]),
    ],
)
def test_the_ticks_that_people_expect(low, high, unit, labels):
    assert [label for _, label in Axis(low, high, unit).ticks(5)] == labels


@given(st.lists(positive, min_size=1, max_size=30), st.integers(1, 120))
def test_columns_add_up(values, columns):
    h = Histogram.from_values(values)
    axis = Axis.of([smallest(h), h.max], "s")
    shares = column_shares(share_below(h), axis, columns)
    assert len(shares) == columns and min(shares) >= 0
    assert sum(shares) == pytest.approx(1.0)


def test_a_column_has_the_values_between_its_edges():
    # two columns from 1 to 4: two buckets' edges are exactly 1, 2 and 4
    h = Histogram.from_values([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 4.0, 4.0])
    assert column_shares(share_below(h), Axis(1.0, 4.0, "s"), 2) == pytest.approx([3 / 8, 5 / 8])


def test_zeros_are_left_out_of_a_picture():
    h = Histogram.from_values([0.0, 1e-30, 1.0, 2.0])
    assert sum(column_shares(share_below(h), Axis.of([smallest(h), h.max], "s"), 16)) == pytest.approx(0.5)


def test_one_value_is_one_column():
    for value in (2.0**-31, 1.0, 1.2345, 2.0**64, 1e300):
        h = Histogram.from_values([value] * 9)
        shares = column_shares(share_below(h), Axis.of([smallest(h), h.max], "s"), 16)
        assert sorted(shares)[-2:] == [0.0, 1.0]


def test_a_mode_of_one_percent_is_a_tenth_as_high():
    h = Histogram.from_values([1.0] * 9_900 + [100.0] * 100)
    heights, none = Density(Axis.of([1.0, 100.0], "s"), share_below(h), h.count).heights(50)
    assert none == [] and heights[0] == 1.0 and heights[-1] == pytest.approx((1 / 99) ** 0.5)


def test_more_values_support_more_columns():
    assert [columns_for(n) for n in (1, 64, 1_000, 27_000, 1e300, math.inf)] == [16, 16, 40, 120, 120, 120]
    assert len(Density(Axis.of([1.0], "s"), share_below(ALL_BUCKETS), 10).heights(120)[0]) == 16
    assert len(Density(Axis.of([1.0], "s"), share_below(ALL_BUCKETS), 10).heights(9)[0]) == 9


SECONDS, SHARES = Scale.of("s", 0.01), Scale("", 1.0)


@pytest.mark.parametrize(
    ("numbers", "scale", "shown"),
    [
        ((0.0123, 0.0121, 0.0125), SECONDS, ("12.3", "12.1 to 12.5")),
        ((0.0123, 0.0071, 0.0212), SECONDS, ("12.3", "7.1 to 21.2")),  # half is 7.05: its second digit is the tenth
        ((0.123, 0.071, 0.25), SECONDS, ("123", "71 to 250")),  # 89.5
        ((0.5, 0.1, 4.0), SECONDS, ("500", "100 to 4,000")),  # 1,950: hundreds
        ((0.012, 0.0119, math.inf), SECONDS, ("12.0", "from 11.9")),
        ((0.012, 0.0, math.inf), SECONDS, ("12", "no bounds")),
        ((math.inf, 0.012, math.inf), SECONDS, ("inf", "from 12")),
        ((math.inf, math.inf, math.inf), SECONDS, ("inf", "inf")),
        ((0.01, 0.01, 0.01), SECONDS, ("10.0", "exact")),
        ((0.63397, 0.5591, 0.7057), SHARES, ("0.634", "0.559 to 0.706")),
        ((0.5, 0.1, 0.9), SHARES, ("0.50", "0.10 to 0.90")),
        ((0.0, 0.0, 0.0123), SHARES, ("0", "0 to 0.0123")),
        ((0.0001, 0.00002, 0.00031), SHARES, ("0.00010", "0.00002 to 0.00031")),
        ((0.9995, 0.99934, 0.99963), SHARES, ("0.99950", "0.99934 to 0.99963")),
        ((1.0, 0.9963, 1.0), SHARES, ("1.0000", "0.9963 to 1.0000")),
        ((1e-9, 2e-10, 3.1e-9), SHARES, ("1.0e-09", "2e-10 to 3.1e-09")),
        ((-0.25, -0.284, -0.216), SHARES, ("-0.250", "-0.284 to -0.216")),
        ((16.0, -math.inf, 17.0), SHARES, ("16.0", "up to 17.0")),
        ((1.25e30, 1e30, 2e30), Scale("rows", 1.0), ("1.25e+30", "1.00e+30 to 2.00e+30")),
    ],
)
def test_no_digit_that_the_interval_does_not_support(numbers, scale, shown):
    assert texts(Estimate(*numbers, unit=scale.unit), scale) == shown


@given(st.floats(1e-5, 1e5), st.floats(0, 1), st.floats(0, 10))
def test_the_interval_shown_holds_the_interval(value, below, above):
    estimate = Estimate(value, value * (1 - below), value * (1 + above), unit="rows")
    shown, inside = texts(estimate, Scale("rows", 1.0))
    number = float(shown.replace(",", ""))
    if inside == "exact":
        return
    low, high = (float(one.replace(",", "")) for one in inside.split(" to "))
    half = (estimate.upper - estimate.lower) / 2
    assert low <= estimate.lower * (1 + 1e-6) and high >= estimate.upper * (1 - 1e-6)
    # half a unit of the third digit, or of the second digit of half of the interval
    assert abs(number - value) <= max(0.005 * value, 0.05 * half) * (1 + 1e-6)
    assert estimate.lower - low <= max(0.01 * value, 0.1 * half) * (1 + 1e-6)
    assert high - estimate.upper <= max(0.01 * value, 0.1 * half) * (1 + 1e-6)


def test_bars_share_an_axis():
    one, other = Estimate(1.0, 0.5, 2.0), Estimate(30.0, 20.0, math.inf)
    bars = [bar([one, other], each, 1.0) for each in (one, other)]
    assert bars[0].axis == bars[1].axis == Axis(0.5, 30.0, "")
    assert bar([one], Histogram().ci(0.5)) == ""


@given(st.text(), st.integers(4, 50))
def test_plain_text_has_its_width_and_nothing_hidden(text, width):
    from historian._show.table import text_width

    shown = plain(text, width)
    assert shown.isprintable() and text_width(shown) <= width and len(shown) <= 2 * width
    if text.isprintable() and len(text) * 2 <= width:
        assert shown == text


def test_the_marks_are_where_the_values_are():
    picture = TWO_MODES._view().picture
    assert [name for name, _ in picture.marks] == ["p50", "p90", "p99", "max"]
    assert [value for _, value in picture.marks] == [*(TWO_MODES.percentile(p) for p in (50, 90, 99)), TWO_MODES.max]
