import re

import pytest

from historian import Histogram, Key, Registry
from historian._show.profile import Profile

NOTE = "-  too few values: 99 needs 100, 99.9 needs 1,000, 99.99 needs 10,000"


def rows_of(profile):
    return [re.split(r"\s{2,}", line) for line in str(profile).splitlines()]


def test_the_exact_text_of_a_table():
    registry = Registry()
    registry.recorder("scan", unit="ms").record_many([250] * 200)
    registry.recorder("look-up").record_many([0.001] * 9_000 + [0.00201] * 900 + [0.1] * 99 + [0.8])
    registry.recorder("never")
    registry.recorder("read", unit="bytes", by="look-up").record_many([1024, 3072])
    # Sums: 250 ms * 200 = 50 s; 9 + 1.809 + 9.9 + 0.8 = 21.509 s; 1 KiB + 3 KiB.
    assert str(registry.profile()).splitlines() == [
        "operation (ms)   min  median    90    99  99.9  99.99  max   count  sum (s)",
        "scan             250     250   250   250     -      -  250     200     50.0",
        "look-up         1.00    1.00  1.00  2.01   100    100  800  10,000     21.5",
        "",
        "operation (KiB)    min  median  90  99  99.9  99.99   max  count  sum (KiB)",
        "read{by=look-up}  1.00    1.00   -   -     -      -  3.00      2       4.00",
        "",
        NOTE,
    ]


def test_times_of_all_units_share_a_table_and_are_sorted_by_sum():
    # sums: 3 s, 4e9 ns = 4 s, 2e6 us = 2 s, 5,000 ms = 5 s
    profile = Profile(
        {
            "a": Histogram.from_values([3.0]),
            "b": Histogram.from_values([4e9], unit="ns"),
            "c": Histogram.from_values([2e6], unit="us"),
            "d": Histogram.from_values([5000], unit="ms"),
        }
    )
    rows = rows_of(profile)
    assert rows[0][0] == "operation (s)" and rows[0][-1] == "sum (s)"
    assert [(row[0], row[1], row[-1]) for row in rows[1:5]] == [
        ("d", "5.00", "5.00"),
        ("b", "4.00", "4.00"),
        ("a", "3.00", "3.00"),
        ("c", "2.00", "2.00"),
    ]


def test_the_order_of_tables_is_times_sizes_and_the_others_by_name():
    one = [Histogram.from_values([1.0], unit=unit) for unit in ("rows", "bytes", "apples", "s", "KiB")]
    heads = re.findall(r"operation \((\w+)\)", str(Profile({h.unit: h for h in one})))
    assert heads == ["s", "KiB", "apples", "rows"]  # bytes and KiB are units of one kind


def test_equal_sums_are_sorted_by_name():
    h = Histogram.from_values([1.0])
    assert [row[0] for row in rows_of(Profile({"b": h, "a": h}))[1:3]] == ["a", "b"]


def test_every_number_shown_is_the_histograms_own():
    h = Histogram.from_values([k / 1000 for k in range(1, 20_001)])  # 1 ms to 20 s, most of them seconds
    name, low, *percentiles, high, count, total = rows_of(Profile({"x": h}))[1]
    shown = [float(cell.replace(",", "")) for cell in (low, *percentiles, high)]
    expected = [h.min, *(h.percentile(p) for p in (50, 90, 99, 99.9, 99.99)), h.max]
    assert shown == [pytest.approx(value, rel=0.005) for value in expected]
    assert (name, count) == ("x", "20,000")
    assert float(total) == pytest.approx(h.sum / 3600, rel=0.005)  # 20000*20001/2 ms, 55.6 h


@pytest.mark.parametrize("empty", [{}, {"a": Histogram()}])
def test_nothing_recorded(empty):
    assert str(Profile(empty)) == repr(Profile(empty)) == str(Registry().profile()) == "nothing recorded yet"
    assert (
        '<p><strong>Profile</strong> <span class="hsn-f">nothing recorded yet</span></p>'
        in Profile(empty)._repr_html_()
    )


def test_the_note_appears_only_if_a_percentile_is_missing():
    assert NOTE not in str(Profile({"a": Histogram.from_values([1.0] * 10_000)}))
    assert NOTE in str(Profile({"a": Histogram.from_values([1.0] * 9_999)}))


def test_a_doubtful_unit_is_reported():
    text = str(Profile({"x": Histogram.from_values([2.5e6]), "y": Histogram.from_values([1e20], unit="rows")}))
    assert "x: the median is 694 h: were nanoseconds recorded as seconds" in text
    assert "y: 1 value above 2**64" in text


def test_names_are_escaped():
    profile = Profile({"<script>alert('1')</script>\x1b[2J": Histogram.from_values([1e9], unit="<i>")})
    html = profile._repr_html_()
    assert "<script>" not in html and "<i>" not in html and "&lt;script&gt;" in html
    assert "\x1b" not in html and "\x1b" not in str(profile)


def test_recorders_that_used_to_print_alike_have_a_row_each():
    registry = Registry()
    registry.recorder("q", path="/a,query=x").record_many([1.0] * 1_000)
    registry.recorder("q", path="/a", query="x").record_many([2.0] * 10)
    rows = rows_of(registry.profile())
    assert [(row[0], row[-2]) for row in rows[1:3]] == [('q{path="/a,query=x"}', "1,000"), ("q{path=/a,query=x}", "10")]
    assert sum(h.count for h in registry.profile().histograms.values()) == 1_010
    assert set(registry.profile().histograms) == {Key("q", path="/a,query=x"), Key("q", path="/a", query="x")}


def test_names_that_differ_only_by_escapes_have_a_row_each():
    h = Histogram.from_values([1.0])
    rows = rows_of(Profile({"a\nb": h, r"a\nb": h, "": h}))
    assert [row[0] for row in rows[1:4]] == ['""', r'"a\nb"', r"a\nb"]


def test_a_long_label_does_not_make_a_wide_table():
    registry = Registry()
    for end in "xy":
        registry.recorder("q", path="/" + "a" * 2_000 + end).record(1e9)  # with a question about the unit below
    assert max(map(len, str(registry.profile()).splitlines())) < 200
    html = re.sub("<style>.*?</style>", "", registry.profile()._repr_html_())
    assert max(map(len, re.findall(">([^<]*)<", html))) < 200
    names = [row[0] for row in rows_of(registry.profile())[1:3]]
    assert len(set(names)) == 2 and max(map(len, names)) == 80


def cells_of(profile):
    """Return the texts of the cells of a notebook's tables, without the pictures."""
    return re.findall(r"<t[dh](?: [^>]*)?>([^<]*)</t[dh]>", profile._repr_html_())


def test_html_has_the_same_cells():
    profile = Profile({"a": Histogram.from_values([1.0] * 200), "b": Histogram.from_values([7], unit="bytes")})
    expected = [cell for row in rows_of(profile) if len(row) == 10 for cell in row]
    assert [cell for cell in cells_of(profile) if cell != "density"] == expected


def test_each_row_has_its_density_on_one_axis():
    # the middle of 1 ms and of 100 ms is 10 ms: below it, the first bar; above it, the second; the units differ
    profile = Profile({"a": Histogram.from_values([1.0], unit="ms"), "b": Histogram.from_values([0.1, 0.1])})
    paths = re.findall(r'class="hsn-s".*?viewBox="0 0 (\d+) 100".*?d="([^"]*)"', profile._repr_html_())
    assert [(width, path) for width, path in paths] == [
        ("16", "M0 100H15V0H16V100Z"),
        ("16", "M0 100H0V0H1V100H16V100Z"),
    ]


def test_a_notebook_shows_the_largest_sums():
    profile = Profile({f"q{k:03}": Histogram.from_values([k + 1.0]) for k in range(500)})
    cells = cells_of(profile)
    assert [cell for cell in cells if cell.startswith("q")] == [f"q{k:03}" for k in range(499, 479, -1)]
    assert "<p>the largest sums; 480 more: print(profile) shows all</p>" in profile._repr_html_()
    assert str(profile).count("q") == 500


def test_each_kind_of_unit_has_a_row_if_there_is_room():
    histograms = {f"s{k}": Histogram.from_values([9.0]) for k in range(50)}
    histograms.update({unit: Histogram.from_values([1.0], unit=unit) for unit in ("bytes", "rows", "users")})
    cells = cells_of(Profile(histograms))
    assert {"bytes", "rows", "users"} <= set(cells)
    assert len([cell for cell in cells if cell.startswith("s") and cell[1:].isdigit()]) == 14  # of 20, 2 for each other


def test_ipython_shows_the_table(monkeypatch):
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    monkeypatch.setenv("COLUMNS", "200")
    profile = Profile({"a": Histogram.from_values([1.0])})
    title, _, headers, row, *_ = pretty(profile, max_width=120).splitlines()
    assert title == "Profile of 1 histogram: 1 value"
    assert headers.split() == [*str(profile).splitlines()[0].split(), "density"]
    assert row.split()[:10] == str(profile).splitlines()[1].split()
    assert max(map(len, pretty(profile).splitlines())) <= 79
