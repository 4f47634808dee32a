"""Histories on the command line: parts of them, steps of time, periods before and after, pictures, ``top``."""

import csv
import io
import json
import os

import numpy as np
import pytest
from outside import historian

from historian import Histogram, History, Interval, Key, merge
from historian.formats import hdr

START = "2026-11-27T05:30Z"
MINUTE = 60 * 10**9
USERS, CARTS = Key("query", table="users"), Key("query", table="carts")


def minutes(count=30, slower_from=15, seed=1):
    """Return a history of two recorders; one is slower by half from a minute on."""
    rng = np.random.default_rng(seed)
    first = Interval(START, "2026-11-27T05:31Z", {}).start
    found = []
    for k in range(count):
        speed = np.exp(0.05 * rng.normal()) * (1.5 if k >= slower_from else 1.0)
        values = rng.lognormal(-5, 0.5, (2, 300))
        histograms = {USERS: Histogram.from_values(speed * values[0]), CARTS: Histogram.from_values(values[1])}
        found.append(Interval(first + k * MINUTE, first + (k + 1) * MINUTE, histograms))
    return History(found)


@pytest.fixture(scope="module")
def shop():
    return minutes()


@pytest.fixture(scope="module")
def path(shop, tmp_path_factory):
    path = tmp_path_factory.mktemp("histories") / "shop.history"
    shop.save(path)
    return path


def summary(*args):
    """Run ``summarize`` with JSON, which must succeed without a message."""
    status, out, err = historian("summarize", "--format", "json", *args)
    assert (status, err) == (0, "")
    return json.loads(out)


def complaint(*args):
    """Run a command, which must fail and print no result; return its message."""
    status, out, err = historian(*args)
    assert (status, out, err.count("\n")) == (1, "", 1)
    return err.partition(": ")[2].rstrip("\n")


# ---- which intervals, and steps ----


def test_a_history_is_read_as_its_recorders(path, shop):
    rows = summary(path)["rows"]
    assert {row["name"]: row["count"] for row in rows} == {str(key): one.count for key, one in shop.snapshot().items()}


def test_a_folder_of_histories(path, shop, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "lock").touch()  # as a writer leaves it
    shop[:10].save(folder / "0000000001.history")
    shop[10:].save(folder / "0000000002.history")
    assert summary(folder) == summary(path)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--since", "2026-11-27T05:40Z"], slice(10, 30)),
        (["--until", "2026-11-27T06:40+01:00"], slice(0, 10)),
        (["--since", "2026-11-27T05:40:01Z", "--until", "2026-11-27T05:45:59Z"], slice(11, 15)),
        (["--last", "5m"], slice(25, 30)),
        (["--until", "2026-11-27T05:40Z", "--last", "90s"], slice(9, 10)),
    ],
)
def test_a_part_of_a_history(path, shop, options, part):
    (row,) = summary(path, "--where", "table=users", *options)["rows"]
    whole = shop[part].select(table="users").total()
    assert (row["count"], row["max"], row["percentiles"]["99"]) == (whole.count, whole.max, whole.percentile(99))


def test_steps_of_time(path, shop):
    rows = summary(path, "--every", "10m", "--where", "table=users")["rows"]
    steps = shop.select(table="users").resample("10m")
    assert [row["name"] for row in rows] == [f"2026-11-27T05:{k}Z" for k in (30, 40, 50)]
    assert [row["count"] for row in rows] == [one.count for one in steps.histograms]
    assert [row["percentiles"]["99"] for row in rows] == steps.percentile(99).values.tolist()


def test_steps_of_several_recorders_come_one_recorder_after_the_other(path):
    names = [row["name"] for row in summary(path, "--every", "15m")["rows"]]
    assert names == [f"query{{table={t}}} 2026-11-27T05:{k}Z" for t in ("users", "carts") for k in (30, 45)]
    groups = summary(path, "--every", "15m", "--by", "table")["rows"]
    assert [row["labels"]["table"] for row in groups] == ["users", "users", "carts", "carts"]
    assert {row["labels"]["start"] for row in groups} == {"2026-11-27T05:30Z", "2026-11-27T05:45Z"}


def test_two_machines_are_added_up(path, tmp_path):
    other = tmp_path / "other.history"
    minutes(seed=2).save(other)
    rows = summary(path, other, "--every", "30m", "--by", "name")["rows"]
    assert [row["count"] for row in rows] == [2 * 2 * 30 * 300]


def test_csv_of_steps(path):
    status, out, _ = historian("summarize", path, "--every", "10m", "--by", "name", "--format", "csv")
    assert status == 0
    assert [row["count"] for row in csv.DictReader(io.StringIO(out))] == ["6000"] * 3


def test_steps_of_a_log_of_hdr_histogram(tmp_path, shop):
    log = tmp_path / "shop.hlog"
    users = shop.select(table="users")
    intervals = [hdr.Interval(one.start / 1e9, one.end / 1e9, one.total()) for one in users]
    hdr.write_log(log, intervals, values="ns")
    rows = summary(log, "--unit", "ns", "--every", "10m")["rows"]
    assert [row["count"] for row in rows] == [3000] * 3
    rows = summary(log, "--unit", "ns", "--last", "5m")["rows"]
    assert [row["count"] for row in rows] == [1500]


def test_a_part_without_intervals(path):
    why = complaint("summarize", path, "--since", "2027-01-01T00:00Z")
    assert "--since: no interval of it lies there; it has those from 2026-11-27T05:30Z to 2026-11-27T06:00Z" in why


def test_what_has_no_times(tmp_path):
    (tmp_path / "numbers.txt").write_text("1 2 3\n")
    why = complaint("summarize", tmp_path / "numbers.txt", "--every", "1m")
    assert why.endswith("it has no intervals of time: --every is for a history or a .hlog")
    why = complaint("summarize", tmp_path, "--last", "1m")
    assert why.endswith("it has no intervals of time: --last is for a history")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--since", "2026-11-27T05:30"], "offset"),
        (["--last", "soon"], "'10s'"),
        (["--every", "0s"], "0s"),
    ],
)
def test_times_and_lengths_that_are_none(path, options, why):
    status, out, err = historian("summarize", path, *options)
    assert (status, out) == (2, "")
    assert why in err


def test_damage_is_said_and_all_else_is_read(path, tmp_path):
    damaged = tmp_path / "damaged.history"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    status, out, err = historian("summarize", damaged, "--format", "json", "--by", "name")
    assert status == 0 and "(left out)" in err
    assert json.loads(out)["rows"][0]["count"] == 2 * 29 * 300


# ---- before and after ----


def test_the_question_of_a_deploy(path, shop):
    status, out, err = historian(
        "compare", path, "--before", "2026-11-27T05:45Z", "--by", "table", "--format", "json", "-p", "50,99"
    )
    assert (status, err) == (0, "")
    groups = {group["name"]: group for group in json.loads(out)["groups"]}
    for ratio in groups["users"]["ratios"]:
        assert ratio["ratio"]["lower"] <= 1.5 <= ratio["ratio"]["upper"] and ratio["ratio"]["lower"] > 1.2
    for ratio in groups["carts"]["ratios"]:
        assert ratio["ratio"]["lower"] <= 1 <= ratio["ratio"]["upper"]
    before, after = (part.select(table="users").total() for part in (shop[:15], shop[15:]))
    (median, _) = groups["users"]["ratios"]
    assert (median["a"], median["b"]) == (before.quantile(0.5), after.quantile(0.5))
    assert groups["users"]["ratios"][0]["ratio"]["method"] == "block bootstrap"


def test_periods_say_when_they_were_and_leave_out_what_lies_between(path):
    status, out, _ = historian(
        "compare", path, "--before", "2026-11-27T05:40:30Z", "--after", "2026-11-27T05:45Z", "--where", "table=users"
    )
    assert status == 0
    assert "before: 10 intervals, which began from 2026-11-27T05:30Z to 2026-11-27T05:39Z" in out
    assert "after: 15 intervals, which began from 2026-11-27T05:45Z to 2026-11-27T05:59Z" in out
    assert "resampled from 10 pairs of blocks" in out


def test_short_periods_say_that_they_are(path):
    status, out, _ = historian(
        "compare", path, "--before", "2026-11-27T05:33Z", "--where", "table=users", "--until", "2026-11-27T05:40Z"
    )
    assert status == 0
    assert "fewer than 8 intervals in a period" in out


def test_a_deploy_that_makes_it_slower_fails_a_check(path):
    check = ["compare", path, "--before", "2026-11-27T05:45Z", "-p", "99", "--fail-above", "1.1", "--where"]
    assert historian(*check, "table=users")[0] == 1
    assert historian(*check, "table=carts")[0] == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ([], "B is missing"),
        (["--after", "2026-11-27T05:45Z"], "--after needs --before"),
        (["other", "--before", "2026-11-27T05:45Z"], "omit 'other'"),
        (["--before", "2026-11-27T05:45Z", "--last", "1h"], "--since and --until"),
    ],
)
def test_misuse_of_periods(path, options, why):
    status, out, err = historian("compare", path, *options)
    assert (status, out) == (2, "")
    assert why in err


# ---- pictures ----


@pytest.mark.parametrize("kind", [["--heatmap"], ["--kind", "over_time"], ["--heatmap", "--every", "5m"]])
def test_pictures_over_time(path, tmp_path, kind):
    pytest.importorskip("matplotlib")
    out = tmp_path / "picture.png"
    assert historian("plot", path, *kind, "--where", "table=users", "-o", out) == (0, "", "")
    assert out.read_bytes().startswith(b"\x89PNG") and out.stat().st_size > 10_000


def test_a_picture_of_groups_over_time(path):
    pytest.importorskip("matplotlib")
    status, out, err = historian("plot", path, "--kind", "over_time", "--by", "table", "-o", "-")
    assert (status, err) == (0, "")
    assert "p99 over time: carts, users" in out


@pytest.mark.parametrize(
    ("options", "status", "why"),
    [
        (["--heatmap"], 1, "several recorders, 'query{table=carts}', 'query{table=users}': choose one with --where"),
        (["--heatmap", "--by", "table"], 2, "choose it with --where"),
        (["--heatmap", "--show", "ms"], 2, "omit --show"),
        (["--every", "1m"], 2, "--every belongs to heatmap and over_time"),
    ],
)
def test_misuse_of_pictures(path, tmp_path, options, status, why):
    found = historian("plot", path, *options, "-o", tmp_path / "p.png")
    assert found[:2] == (status, "") and why in found[2]
    assert os.listdir(tmp_path) == []


def test_a_picture_of_what_has_no_times(tmp_path):
    (tmp_path / "a.txt").write_text("1\n")
    assert "it has no intervals of time" in complaint("plot", tmp_path / "a.txt", "--heatmap", "-o", tmp_path / "a.png")


# ---- top ----


def test_intervals_one_after_the_other(path, shop):
    status, out, err = historian("top", "--history", path, "--format", "json", "--every", "10m", "--sort", "name")
    assert (status, err) == (0, "")
    frames = [json.loads(line) for line in out.splitlines()]
    assert [frame["time"] for frame in frames] == [f"2026-11-27T05:{k}Z" for k in (30, 40, 50)]
    steps = shop.select(table="users").resample("10m")
    for frame, one in zip(frames, steps.histograms):
        assert frame["seconds"] == 600
        row = frame["rows"][1]
        assert (row["name"], row["count"], row["rate"]) == (str(USERS), one.count, one.count / 600)
        assert (row["p99"], row["max"]) == (one.percentile(99), one.max)


def test_the_newest_intervals_as_tables(path):
    status, out, err = historian("top", "--history", path, "--count", "2", "--by", "name")
    assert (status, err) == (0, "")
    assert out.count("operation (ms)") == 2
    assert "10.0/s in 60.0 s  by rate  from 2026-11-27T05:58Z" in out and "from 2026-11-27T05:59Z" in out


def test_misuse_of_top(path, tmp_path):
    status, out, err = historian("top", tmp_path, "--last", "1h")
    assert (status, out) == (2, "") and "--last needs --history" in err
    assert complaint("top", "--history", tmp_path).endswith("it holds no history")


def test_parts_are_merged_as_in_python(path, shop):
    """All counts of all minutes, once: by the command and by `merge`."""
    status, out, _ = historian("summarize", path, "--by", "name", "--format", "json")
    assert status == 0
    assert json.loads(out)["rows"][0]["count"] == merge(shop.histograms).count == 18_000
