"""``historian changes``: when a percentile changed in a history."""

import json

import numpy as np
import pytest
from outside import historian

from historian import Histogram, History, Interval, Key

MINUTE = 60 * 10**9


def minutes(count, slower_from=None, calls=400, seed=1):
    rng = np.random.default_rng(seed)
    first = Interval("2026-11-27T11:00Z", "2026-11-27T11:01Z", {}).start
    found = []
    for k in range(count):
        speed = 2.0 if slower_from is not None and k >= slower_from else 1.0
        histograms = {
            Key("get", route="/a"): Histogram.from_values(speed * rng.lognormal(-4, 0.5, calls)),
            Key("get", route="/b"): Histogram.from_values(rng.lognormal(-5, 0.5, calls)),
        }
        found.append(Interval(first + k * MINUTE, first + (k + 1) * MINUTE, histograms))
    return History(found)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("changes") / "shop.history"
    minutes(60, slower_from=30).save(path)
    return path


def test_a_history_says_when_it_changed():
    (change,) = minutes(60, slower_from=30).select(route="/a").changes()
    assert change.earliest <= "2026-11-27T11:30Z" <= change.latest
    assert change.ratio.lower <= 2 <= change.ratio.upper and change.ratio.lower > 1.5
    assert change.q == 0.99
    assert minutes(60).select(route="/a").changes() == ()


def test_a_change_of_one_route(path):
    status, out, err = historian("changes", path, "--by", "route", "--format", "json")
    assert (status, err) == (0, "")
    (change,) = json.loads(out)["changes"]
    assert change["name"] == "/a" and change["unit"] == "s" and change["quantile"] == 0.99
    assert change["earliest"] <= "2026-11-27T11:30Z" <= change["latest"]
    assert change["lower"] <= 2 <= change["upper"] and change["p_value"] < 0.01


def test_a_table_says_that_it_is_a_hint(path):
    status, out, _ = historian("changes", path, "--where", "route=/a", "-p", "50", "--every", "2m")
    assert status == 0
    assert "2026-11-27T11:30Z" in out and "p50 before (ms)" in out
    assert out.endswith("a change is a hint where to look: load, a time of day and a deploy look the same\n")


def test_nothing_changed(path):
    assert historian("changes", path, "--where", "route=/b") == (0, "no change of p99 of get{route=/b} was found\n", "")
    status, out, _ = historian("changes", path, "--where", "route=/b", "--format", "json")
    assert (status, json.loads(out)) == (0, {"changes": []})


def test_too_few_intervals_are_said(path):
    status, out, err = historian("changes", path, "--where", "route=/a", "--last", "5m")
    assert status == 0
    assert "too few to find changes" in err and "no change" in out


@pytest.mark.parametrize(
    ("options", "status", "why"),
    [
        ([], 1, "several recorders, 'get{route=/a}', 'get{route=/b}'"),
        (["--by", "route", "-p", "100"], 2, "must be between 0 and 100"),
        (["--by", "route", "--period", "1"], 2, "2 or more"),
        (["--by", "route", "--period", "50"], 1, "period"),
        (["--where", "route=/c"], 1, "nothing has route=/c"),
    ],
)
def test_misuse(path, options, status, why):
    found = historian("changes", path, *options)
    assert found[:2] == (status, "") and why in found[2]


def test_no_file():
    status, out, err = historian("changes")
    assert (status, out) == (2, "") and "name the file of a history" in err
    status, out, err = historian("changes", "missing.history")
    assert (status, out) == (1, "") and "missing.history: No such file" in err
