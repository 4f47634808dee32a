"""What notebooks and terminals show of a history: rows of time, few of them, with units."""

import io
from itertools import pairwise

import numpy as np
import pytest

from historian import Histogram, History, Interval, Key
from historian._history import views
from historian._show.terminal import text

START = 1_795_757_400 * 10**9  # 2026-11-27 05:30 UTC


def history(count, step=10.0, keys=("get",), size=100):
    values = Histogram.from_values(np.linspace(0.010, 0.250, size) if size else [])
    edges = [START + round(k * step * 1e9) for k in range(count + 1)]
    return History(Interval(a, b, {Key(key): values for key in keys}) for a, b in pairwise(edges))


def shown(one, width=100):
    return text(one._view(), width)


def test_few_intervals_have_a_row_each():
    lines = shown(history(2)).splitlines()
    assert lines[0].startswith(
        "History of 2 intervals of 10s from 2026-11-27T05:30Z to 2026-11-27T05:30:20Z: 1 key, 200"
    )
    table = lines[lines.index("") + 1 :]
    assert table[0].split()[:4] == ["from", "(UTC)", "median", "(ms)"]
    assert table[1].split()[:9] == ["2026-11-27", "05:30:00", "128", "226", "249", "-", "250", "100", "10.0"]
    assert table[2].split()[1] == "05:30:10"
    assert "too few values: 99 needs 100, 99.9 needs 1,000" in shown(history(2)).replace("\n", " ")


@pytest.mark.parametrize(
    ("count", "step", "rows", "said"),
    [
        (24, 10.0, 24, "values\n"),
        (360, 10.0, 12, "in steps of 5m"),
        (8640, 10.0, 13, "in steps of 2h"),
        (400, 86_400.0, 24, "in the last 24 intervals, which are shown"),
        (100, 10.3, 17, "in steps of 1m"),  # which do not nest
    ],
)
def test_many_intervals_are_shown_in_longer_steps(count, step, rows, said):
    made = history(count, step, size=100 if count < 1000 else 1)
    html = made._repr_html_()
    assert html.count("<tr>") == 1 + rows
    assert said.strip() in html
    assert len(html) < 30_000


def test_what_would_take_long_is_not_merged(monkeypatch):
    monkeypatch.setattr(views, "MOST_MERGED", 100)
    html = history(51, keys=("get", "put"))._repr_html_()
    assert "in the last 24 intervals" in html
    assert "2 keys" in html


def test_gaps_and_intervals_without_values():
    one = history(1) + History([Interval(START + 60 * 10**9, START + 70 * 10**9, {})])
    assert [line.split()[:2] for line in shown(one).splitlines()[3:5]] == [
        ["2026-11-27", "05:30"],
        ["2026-11-27", "05:31"],
    ]
    assert shown(one).splitlines()[4].split()[2:9] == ["-", "-", "-", "-", "-", "0", "0"]
    empty = history(2, size=0)
    assert "0 keys, 0 values" in shown(empty)
    assert "count" in shown(empty)


def test_each_display_shows_it():
    one = history(3)
    assert repr(one) == "<History of 3 intervals of 10s from 2026-11-27T05:30Z to 2026-11-27T05:30:30Z>"
    rich = pytest.importorskip("rich.console")
    console = rich.Console(width=100, record=True, file=io.StringIO())
    console.print(one)
    assert "median (ms)" in console.export_text()


def test_times_have_as_many_digits_as_they_need():
    assert views._time_texts([START + 1_500_000]) == ["2026-11-27 05:30:00.001"]
    assert views._time_texts([START, START + 10**9]) == ["2026-11-27 05:30:00", "2026-11-27 05:30:01"]
    assert views._time_texts([START + 1_500_000, START + 10**9]) == ["2026-11-27 05:30:00", "2026-11-27 05:30:01"]
    assert views._time_texts([]) == []


def test_what_is_said_of_lengths():
    second, start = 10**9, 3_600 * 10**9
    one = {"x": Histogram.from_values([1.0])}
    edges = [start + 700_000_001, start + 10 * second, start + 20 * second, start + 25 * second]
    cut = History(Interval(a, b, one) for a, b in pairwise(edges))
    assert repr(cut) == "<History of 3 intervals of up to 10s from 1970-01-01T01:00:00.7Z to 1970-01-01T01:00:25Z>"
    assert repr(cut[1:2]) == "<History of 1 interval of 10s from 1970-01-01T01:00:10Z to 1970-01-01T01:00:20Z>"
    assert repr(cut + History([Interval(start + 60 * second, start + 61 * second, one)])).startswith(
        "<History of 4 intervals from 1970-01-01T01:00:00.7Z"
    )
