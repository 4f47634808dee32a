import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import historian
from historian import Histogram
from historian._show.interval import texts
from historian._show.scale import SIZE, TIME, Scale, base_unit
from historian._show.summary import describe, is_supported, min_count, supported_percentile, unit_question
from historian._show.table import table
from historian._show.terminal import text
from historian._values.text import printable
from historian.tail import Estimate

EVERY_UNIT = [*TIME, *SIZE, "bytes", "rows"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (1.0, "1.00"),
        (1.005, "1.00"),  # the float is below 1.005
        (9.999, "10.0"),  # rounding moves the point
        (99.96, "100"),
        (123.4, "123"),
        (1234.0, "1,230"),
        (1e6, "1,000,000"),
        (0.0123456, "0.0123"),
        (0.000001, "0.00000100"),
        (9.99e-7, "9.99e-07"),
        (1e15, "1.00e+15"),
        (math.inf, "inf"),
        (math.nan, "-"),
    ],
)
def test_three_digits(value, shown):
    assert Scale("rows", 1.0).show(value) == shown


@pytest.mark.parametrize(
    ("unit", "typical", "shown", "chosen"),
    [
        ("s", 0.00102, "1.02", "ms"),
        ("s", 1.0, "1.00", "s"),
        ("s", 0.000_999_9, "1.00", "ms"),  # not 1,000 us
        ("s", 0.000_999, "999", "us"),
        ("s", 90.0, "90.0", "s"),
        ("s", 600.0, "10.0", "min"),
        ("s", 36_000.0, "10.0", "h"),
        ("s", 1e-12, "0.00100", "ns"),
        ("ns", 2_500_000.0, "2.50", "ms"),
        ("us", 0.25, "250", "ns"),
        ("ms", 1500.0, "1.50", "s"),
        ("bytes", 1023.0, "1,020", "B"),
        ("bytes", 1024.0, "1.00", "KiB"),
        ("B", 3 * 1024.0**3, "3.00", "GiB"),
        ("KiB", 0.5, "512", "B"),
        ("rows", 1e6, "1,000,000", "rows"),
        ("s", 0.0, "0", "s"),
        ("s", math.nan, "-", "s"),
        ("s", math.inf, "inf", "s"),
    ],
)
def test_the_unit_suits_a_typical_value(unit, typical, shown, chosen):
    scale = Scale.of(unit, typical)
    assert (scale.show(typical), scale.unit) == (shown, chosen)


@given(
    value=st.floats(min_value=0, max_value=1e290),
    typical=st.floats(min_value=1e-290, max_value=1e290),
    unit=st.sampled_from(EVERY_UNIT),
)
def test_text_has_an_error_below_the_third_digit(value, typical, unit):
    scale = Scale.of(unit, typical)
    shown = float(scale.show(value).replace(",", ""))
    exact = value * base_unit(unit)[1] / base_unit(scale.unit)[1]
    # The worst case of three digits is 1.00 for 1.005: half a unit of the third digit, 0.5 %. Subnormal numbers have
    # fewer digits.
    assert shown == pytest.approx(exact, rel=0.005 * (1 + 1e-9), abs=1e-300)


@given(typical=st.floats(min_value=1e-9, max_value=1e9), unit=st.sampled_from(["s", "ms", "us", "ns"]))
def test_a_typical_time_takes_few_digits(typical, unit):
    scale = Scale.of(unit, typical)
    if base_unit(unit)[1] * typical >= 1 and scale.unit != "h":
        assert len(scale.show(typical)) <= 4  # 1.23, 12.3, 123


def test_a_histogram_in_one_line():
    h = Histogram.from_values([0.00103] * 950 + [0.0141] * 49 + [0.0852])
    assert repr(h) == "<Histogram of 1,000 values: p50 1.03 ms, p99 14.1 ms, max 85.2 ms>"
    assert describe(Histogram.from_values([3], unit="rows")) == (
        "<Histogram of 1 value: p50 3.00 rows, p99 3.00 rows, max 3.00 rows>"
    )
    assert describe(Histogram()) == "<Histogram: empty>"
    assert shown(Histogram()) == "Histogram: nothing recorded yet"


def shown(histogram):
    """Return the text that IPython shows, without the picture."""
    return text(histogram._view(), 80, pictures=False)


def test_a_summary_has_one_unit_and_no_percentile_beyond_the_data():
    # The ranks of the median's interval are 40 and 61.  So it goes from the lower edge of the bucket of 1 ms,
    # 2**(-638/64) s = 0.99795 ms, to the upper edge of that of 2 ms, 2**(-573/64) s = 2.0176 ms.  The lower edge of the
    # latter is 2**(-574/64) s = 1.9959 ms.  Bounds are rounded outwards.
    h = Histogram.from_values([0.001] * 50 + [0.002] * 50)
    assert [re.split(r"  +", line) for line in shown(h).splitlines()] == [
        ["Histogram: 100 values"],
        [""],
        ["", "ms", "95 % interval"],
        ["min", "1.00", "exact"],
        ["p50", "1.00", "0.99 to 2.02"],
        ["p90", "2.00", "1.99 to 2.02"],
        ["p99", "2.00", "from 1.99"],
        ["p99.9", "-", "needs 1,000 values"],
        ["max", "2.00", "exact"],
        ["mean", "1.50"],
    ]


def test_a_summary_hides_neither_zero_nor_overflow():
    lines = shown(Histogram.from_values([0.0, 5.0, 1e20], unit="rows")).splitlines()
    assert lines[-2:] == ["1 value at most 2**-32, not in the picture", "1 value above 2**64"]


@pytest.mark.parametrize(
    ("values", "unit", "words"),
    [
        ([2.5e6], "s", "were nanoseconds recorded as seconds"),
        ([1.7e18], "ns", "were time stamps instead of durations"),
        ([0.003], "ns", "were seconds recorded as ns"),
        ([1e-12] * 10, "s", "practically 0 s: is the unit wrong"),
        ([99_999.0], "s", ""),  # the limit is 1e5 s
        ([1.0], "ns", ""),
        ([0.0, 1.0], "s", ""),
        ([2.5e6], "bytes", ""),
        ([], "s", ""),
    ],
)
def test_a_doubtful_unit_is_questioned(values, unit, words):
    h = Histogram.from_values(values, unit=unit)
    assert words in unit_question(h)
    assert bool(unit_question(h)) == bool(words)
    assert " ".join(shown(h).split()).endswith(unit_question(h))


@given(count=st.integers(1, 10**6), p=st.sampled_from([50, 90, 99, 99.9, 99.99]))
def test_a_percentile_is_supported_if_one_value_is_above_it(count, p):
    assert is_supported(count, p) == (count >= min_count(p) == {50: 2, 90: 10, 99: 100, 99.9: 1000, 99.99: 10_000}[p])


@pytest.mark.parametrize(("count", "p"), [(2, 50), (10, 90), (100, 99), (1000, 99.9)])
def test_a_supported_percentile_is_not_the_maximum(count, p):
    assert supported_percentile(Histogram.from_values([1.0] * (count - 1) + [2.0]), p) == 1.0
    too_few = Histogram.from_values([1.0] * (count - 2) + [2.0])
    assert too_few.percentile(p) == pytest.approx(too_few.max, rel=0.0055)
    assert math.isnan(supported_percentile(too_few, p))


def test_a_table_with_wide_characters_is_aligned():
    assert table(["name", "n"], [["日本", "1"], ["a", "1,000"]]) == "name      n\n日本      1\na     1,000"
    assert table(["name"], []) == "name"


def test_text_cannot_move_the_cursor():
    assert printable("a\x1b[31m\r\n\u202e") == r"a\x1b[31m\r\n\u202e"
    assert printable("größer {a=b}") == "größer {a=b}"


def test_ipython_shows_the_summary(monkeypatch):
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    monkeypatch.setenv("COLUMNS", "80")
    h = Histogram.from_values([1.0])
    assert pretty(h) == text(h._view(), 79)
    assert pretty([h]) == f"[{h!r}]"


def test_no_numpy_for_a_repr():
    code = (
        f"import sys; sys.path[0] = {str(Path(historian.__file__).parents[1])!r};"  # instead of the working directory
        "from historian import Recorder, Registry;"
        "x = Recorder(); x.record(1.0);"
        "h = x.snapshot(); repr(h); h._repr_html_(); r = Registry(); r.recorder('x').record(1.0);"
        "str(r.profile()); r._repr_html_(); print('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_share_next_to_1_shows_no_errors_of_rounding() -> None:
    """1 - 1e-16 is 1.00: its nines are those of the computation."""
    assert str(Estimate(1 - 2**-53, 1 - 2**-53, 1.0)) == "1.00 (1.00 to 1.00)"
    assert texts(Estimate(1 - 2**-53, 1 - 2**-52, 1.0), Scale("", 1.0))[0] == "1.00"
    assert str(Estimate(1 - 1e-9, 1 - 2e-9, 1.0)) == "0.99999999900 (0.99999999800 to 1.00000000000)"
