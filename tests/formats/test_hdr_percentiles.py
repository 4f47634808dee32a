"""Percentile tables of HdrHistogram, beside those that Java printed."""

from pathlib import Path

import pytest

from historian import Histogram
from historian.formats import hdr
from historian.formats.hdr._percentiles import fixed
from historian.formats.hdr._table import is_table, parse_percentiles

DATA = Path(__file__).parents[1] / "data" / "hdrhistogram"
ENCODED = dict(line.split() for line in (DATA / "encoded.txt").read_text(encoding="utf-8").splitlines())

HEADER = f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}\n\n"
GOOD = HEADER + "       1.000 0.000000000000          1           1.00\n       2.000 1.000000000000          4\n"


@pytest.mark.parametrize(
    ("file", "name", "options"),
    [
        ("log3.hgrm", "log3", {"ratio": 1e6}),
        ("log0.hgrm", "log0", {"ratio": 1e6}),
        ("zero.hgrm", "zero", {"ratio": 1e6}),
        ("empty.hgrm", "empty", {"ratio": 1e6}),
        ("double.hgrm", "double", {}),
        ("unit1000-one-tick.hgrm", "unit1000", {"ticks": 1}),
        ("log5.csv", "log5", {"ratio": 1e3, "csv": True}),
    ],
)
def test_byte_for_byte_as_java(file, name, options):
    assert hdr.decode(bytes.fromhex(ENCODED[name])).percentiles(**options) == (DATA / file).read_text(encoding="utf-8")


def test_a_table_of_more_values_than_float64_can_tell_apart_ends():
    """Java writes such a table without end."""
    text = hdr.decode(bytes.fromhex(ENCODED["huge"])).percentiles()
    assert len(text) < 50_000
    assert text.splitlines()[-4].split()[1:] == ["1.000000000000", "4611686018427387903"]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.125, 2, "0.13"),
        (2.5, 0, "3"),
        (1.005, 2, "1.01"),
        (1e22, 3, "10000000000000000000000.000"),
        (5e-324, 2, "0.00"),
    ],
)
def test_rounding_is_that_of_java(value, decimals, text):
    assert fixed(value, decimals) == text  # of the shortest decimal form, half up; C and Python round the binary value


def test_invalid_arguments():
    one = hdr.HdrHistogram(3, 1, 100, [5], [1])
    with pytest.raises(ValueError, match="ticks must be in"):
        one.percentiles(0)
    with pytest.raises(ValueError, match="ratio must be positive"):
        one.percentiles(ratio=0)


# ---- read ----


@pytest.mark.parametrize("file", ["log3.hgrm", "log0.hgrm", "zero.hgrm", "unit1000-one-tick.hgrm", "log5.csv"])
def test_what_java_printed_is_read(file):
    name = file.partition(".")[0].partition("-")[0]
    theirs = hdr.decode(bytes.fromhex(ENCODED[name]))
    table = hdr.read_percentiles(DATA / file)
    ratio = {"log5.csv": 1e3, "unit1000-one-tick.hgrm": 1.0}.get(file, 1e6)
    assert table.total == theirs.count
    assert table.max == pytest.approx(theirs.max / ratio, abs=0.51 * 10**-table.decimals)
    if not file.endswith(".csv"):
        assert table.mean == pytest.approx(theirs.mean / ratio, abs=0.51 * 10**-table.decimals)
        assert table.stddev == pytest.approx(theirs.stddev / ratio, abs=0.51 * 10**-table.decimals)
    h = table.histogram(values="rows")
    for value, count in zip(table.values, table.counts):
        assert h.quantile(count / h.count) == pytest.approx(value, rel=0.00542)


def test_quantiles_lie_within_the_error():
    values = [k**1.7 for k in range(1, 3000)]
    ours = Histogram.from_values(values, unit="us")
    table = parse_percentiles(hdr.HdrHistogram.of(ours, values="ns").percentiles(ratio=1e3).encode(), "x")
    h = table.histogram(values="us", unit="us")
    assert h.count == 2999
    bound = 1 + table.relative_error
    for rank in range(1, 3000, 7):
        assert 1 / bound <= h.quantile(rank / 2999) / values[rank - 1] <= bound
    assert h.to_dict()["bounds"] == ["min", "max"]


def test_an_empty_table():
    table = hdr.read_percentiles(DATA / "empty.hgrm")
    assert (table.total, table.max, table.relative_error) == (0, 0, 0)
    assert table.histogram(values="ms") == Histogram()


def test_text_around_the_table_is_skipped():
    """As wrk2 prints it."""
    text = f"Running 30s test\n  Latency Distribution\n   50.000%    1.20ms\n\n  Detailed Percentile spectrum:\n{GOOD}"
    text += "#[Mean    =        1.500, StdDeviation   =        0.500]\n"
    text += "#[Max     =        2.000, Total count    =            4]\n----------\n"
    for after in ("----------", "----------\n  100 requests in 30.00s", "\n100 requests in 30 s"):
        table = parse_percentiles(text.replace("----------", after).encode(), "x")
        assert (table.total, table.mean, table.max) == (4, 1.5, 2)
    with pytest.raises(ValueError, match="line 12: not a row"):
        parse_percentiles(text.replace("----------", "100 requests").encode(), "x")
    with pytest.raises(ValueError, match="line 10: not a row"):
        parse_percentiles(text.replace("#[Mean ", "----------\n#[Mean ").encode(), "x")
    assert parse_percentiles(GOOD.replace("          4\n", "          4          inf\n").encode(), "x").total == 4


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1\n2\n", "x: not a percentile table: no line 'Value Percentile"),
        (GOOD.replace("2.000", "0.500"), "x, line 4: values, percentiles and counts must ascend"),
        (GOOD.replace("         4", "         0"), "x, line 4: values, percentiles and counts must ascend"),
        (GOOD.replace("1.000000000000", "1.500000000000"), "x, line 4: the percentile is above 1: 1.5"),
        (GOOD.replace("1.000000000000", "0.500000000000"), "x: cut short: its last row is at 0.5, not at 1"),
        (GOOD.replace("         4", "9" * 19), r"x, line 4: the count must be in 1..2\*\*63 - 1"),
        (GOOD.replace("2.000", "x"), "x, line 4: not a row of a percentile table"),
        (GOOD + "#[Max     = 2.000, Total count    = 5]\n", "x: cut short: the last row counts 4 of 5 values"),
    ],
)
def test_what_is_not_valid(text, match):
    with pytest.raises(ValueError, match=match):
        parse_percentiles(text.encode(), "x")


def test_a_table_is_told_by_its_header():
    assert is_table(GOOD.encode())
    assert is_table((DATA / "log5.csv").read_bytes())
    assert not is_table(b"Value,Count\n1,2\n")
