"""``historian plan``."""

import json
import re

import numpy as np
import pytest
from outside import historian

import historian as package
from historian import Histogram
from historian._compare import planning

A = Histogram.from_values(np.random.default_rng(1).lognormal(-4.5, 0.4, 20_000))


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Work in a folder with files of histograms and numbers; let a plan take a tenth of its time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(planning, "TRIALS", 250)
    monkeypatch.setattr(planning, "FEWER", 50)
    (tmp_path / "a.hist").write_bytes(A.to_bytes())
    (tmp_path / "empty.hist").write_bytes(Histogram().to_bytes())
    (tmp_path / "few.txt").write_text("\n".join(["0.010"] * 99 + ["1.0"]))
    rows = [f"{route},{1 + k / 100}" for route in ("x", "y") for k in range(100)]
    (tmp_path / "table.csv").write_text("\n".join(["route,latency", *rows]))


def test_a_count_and_a_time():
    status, out, err = historian("plan", "a.hist", "--change", "1.2", "-p", "90", "--rate", "100")
    planned = package.plan(A, 1.2, 0.9)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["pilot", "percentile", "change", "power", "values", "of", "each", "side", "time"]
    assert lines[1].split()[:4] == ["a.hist", "p90", "1.2", "0.8"]
    assert str(planned.count).replace(" values", "") in lines[1] and str(planned.seconds(100)) in lines[1]
    assert "the 95 % interval of the ratio does not hold 1" in out and "independent" in out


def test_a_power_and_a_change():
    power = json.loads(
        historian("plan", "a.hist", "--change", "1.1", "--count", "500", "-p", "90", "--format", "json")[1]
    )
    assert power["power"]["value"] == package.plan(A, 1.1, 0.9, count=500).power
    assert (power["count"], power["change"], power["quantile"], power["confidence"]) == (500, 1.1, 0.9, 0.95)
    args = "--count", "500", "--power", "50", "--confidence", "99", "-p", "90", "--rate", "50", "--format", "csv"
    header, row = historian("plan", "a.hist", *args)[1].splitlines()
    change = dict(zip(header.split(","), row.split(",")))
    found = package.plan(A, None, 0.9, count=500, power=0.5, confidence=0.99).change
    assert (float(change["change"]), float(change["lower"]), float(change["seconds"])) == (found, found.lower, 10.0)


def test_counts_are_whole():
    out = historian("plan", "a.hist", "--change", "2", "-p", "50")[1]
    assert re.fullmatch(r"a\.hist +p50 +2 +0\.8 +\d+ \(\d+ to \d+\)", out.splitlines()[1])


def test_a_change_of_few_ticks(tmp_path):
    ticks = np.ceil(np.random.default_rng(1).lognormal(-4, 0.6, 20_000) / 0.002) * 0.002
    (tmp_path / "ticks.hist").write_bytes(Histogram.from_values(ticks).to_bytes())
    status, out, err = historian("plan", "ticks.hist", "--change", "1.1", "--count", "500", "-p", "50")
    assert (status, err) == (0, "")
    assert "ticks.hist: beyond the data: the change is less than 6 ticks of the clock, and it is not known where" in out


def test_groups():
    args = "--column", "latency", "--by", "route", "--change", "1.2", "--count", "50", "-p", "50", "--format", "json"
    groups = json.loads(historian("plan", "table.csv", *args)[1])["groups"]
    assert [one["name"] for one in groups] == ["x", "y"]


@pytest.mark.parametrize(
    ("args", "status", "text"),
    [
        ("a.hist", 2, "pass --change, such as 1.1, or --count, such as 5000, or both"),
        ("a.hist --change 1.1 --count 10 --power 80", 2, "pass two of --change, --count and --power"),
        ("a.hist --change 0", 2, "must be positive and finite, such as 1.1, not '0'"),
        ("a.hist --count 1", 2, "must be a whole number from 2 to 999,999,999, not '1'"),
        ("a.hist --count 5 --power 100", 2, "must be between 0 and 100, not '100'"),
        ("a.hist --count 5 --rate 0", 2, "must be positive and finite, not '0'"),
        ("a.hist --change 1.01", 1, "a.hist: change must be 1.0219 or more"),
        (
            "few.txt --change 1.1",
            1,
            "few.txt: pilot must hold at least 1,000 values to know the 0.99-quantile, not 100",
        ),
        ("missing.hist --change 1.1", 1, "missing.hist"),
        ("empty.hist --change 1.1", 1, "empty.hist: it contains no numbers"),
    ],
)
def test_misuse(args, status, text):
    found, out, err = historian("plan", *args.split())
    assert (found, out) == (status, "") and text in err
