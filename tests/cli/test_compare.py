"""``historian compare`` and ``historian fanout``."""

import json
import subprocess
import sys

import numpy as np
import pytest
from outside import historian

import historian as package
from historian import Histogram

A = Histogram.from_values(np.random.default_rng(1).lognormal(-4.5, 0.4, 20_000))
B = Histogram.from_values(0.8 * np.random.default_rng(2).lognormal(-4.5, 0.4, 20_000))


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Work in a folder with files of histograms and numbers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    histograms = {
        "a": A,
        "b": B,
        "old/b": A,
        "ms": Histogram.from_values([3.0], unit="ms"),
        "synthetic": B.corrected(0.01),
        "empty": Histogram(),
        "slow": Histogram.from_values([0.010] * 9_900 + [1.0] * 100),
    }
    for name, histogram in histograms.items():
        (tmp_path / f"{name}.hist").write_bytes(histogram.to_bytes())
    (tmp_path / "bad.hist").write_bytes(A.to_bytes()[:-1])
    (tmp_path / "numbers.txt").write_text("\n".join(["0.010"] * 99 + ["1.0"]))
    (tmp_path / "table.csv").write_text("latency\n10\n20\n")
    (tmp_path / "words.txt").write_text("ten\n")
    return tmp_path


# ---- compare ----


def test_two_histograms():
    status, out, err = historian("compare", "a.hist", "b.hist")
    assert (status, err) == (0, "")
    assert out == str(package.compare(A, B, names=("a.hist", "b.hist"))) + "\n"
    assert out.splitlines()[-1].startswith("p99 of b.hist over a.hist: 4:5, 95 % interval 0.")


def test_chosen_percentiles_and_confidence():
    status, out, _ = historian("compare", "-p", "50,99", "--confidence", "90", "a.hist", "b.hist")
    lines = out.splitlines()
    assert status == 0 and "90 % interval" in lines[0]
    assert [line.split()[0] for line in lines[1:4]] == ["count", "median", "p99"] and lines[4] == ""


def test_looks():
    status, out, _ = historian("compare", "--looks", "50", "a.hist", "b.hist")
    assert status == 0 and out == str(package.compare(A, B, names=("a.hist", "b.hist"), looks=50)) + "\n"
    assert "95 % confidence at all 50 looks together" in out
    data = json.loads(historian("compare", "--format", "json", "--looks", "50", "a.hist", "b.hist")[1])
    assert data["looks"] == 50 and "at all 50 looks together" in data["superiority"]["why"]
    for looks in ("0", "1000001", "1.5", "x"):
        status, out, err = historian("compare", "--looks", looks, "a.hist", "b.hist")
        assert (status, out) == (2, "") and "must be a whole number in 1..1,000,000" in err


def test_files_with_the_same_name_are_distinguished():
    assert "p99 of b.hist over old/b.hist" in historian("compare", "old/b.hist", "b.hist")[1]


def test_other_formats():
    status, out, err = historian("compare", "numbers.txt", "slow.hist")
    assert (status, err) == (0, "") and "median of slow.hist over numbers.txt: no clear difference" in out
    status, out, _ = historian("compare", "--column", "latency", "--unit", "ms", "table.csv", "table.csv")
    assert status == 0 and "count" in out and "(ms)" in out


def test_standard_input():
    command = [sys.executable, "-m", "historian", "compare", "-", "slow.hist"]
    done = subprocess.run(command, input=b"0.02\n" * 100, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stderr == b""
    assert b"median of slow.hist over <stdin>: 1:2, 95 % interval" in done.stdout


def test_synthetic_counts_are_reported():
    out = historian("compare", "a.hist", "synthetic.hist")[1]
    assert "partly synthetic: synthetic.hist" in out
    assert "synthetic.hist: partly synthetic" in historian("summarize", "synthetic.hist")[1]
    assert '"synthetic": true' in historian("summarize", "--format", "json", "synthetic.hist")[1]
    assert "synthetic" not in historian("summarize", "--format", "json", "a.hist")[1]


def test_json():
    status, out, err = historian("compare", "--format", "json", "-p", "50,99.999", "a.hist", "b.hist")
    assert (status, err) == (0, "")
    data = json.loads(out)
    assert (data["unit"], data["confidence"]) == ("s", 0.95)
    assert data["a"] == {"name": "a.hist", "count": 20_000, "synthetic": False}
    first, last = data["ratios"]
    expected = package.compare(A, B).ratio(0.5)
    assert first["quantile"] == 0.5 and first["a"] == A.quantile(0.5)
    assert first["ratio"] == {
        "value": float(expected), "lower": expected.lower, "upper": expected.upper, "why": expected.why,
        "confidence": 0.95, "method": "order statistics",
    }  # fmt: skip
    assert first["sentence"].startswith("median of b.hist over a.hist: 4:5")
    assert last["quantile"] == 0.99999 and last["ratio"]["upper"] is None and "too few samples" in last["sentence"]
    assert 0.5 < data["superiority"]["lower"] < data["superiority"]["value"] < 1
    assert set(data) >= {"kolmogorov_smirnov", "wasserstein"}


def test_json_of_a_divisor_of_zero(files):
    (files / "zero.hist").write_bytes(Histogram.from_values([0.0] * 100).to_bytes())
    data = json.loads(historian("compare", "--format", "json", "-p", "50", "zero.hist", "a.hist")[1])
    assert data["ratios"][0]["ratio"] is None
    assert data["ratios"][0]["sentence"] == "median of a.hist over zero.hist: zero.hist is about 0"


def test_a_divisor_in_the_zero_bucket(files):
    (files / "tiny.hist").write_bytes(Histogram.from_values([1e-12] * 1000).to_bytes())  # below 2**-32, but not 0
    status, out, err = historian("compare", "tiny.hist", "a.hist")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "median of a.hist over tiny.hist: tiny.hist is about 0"


@pytest.mark.parametrize("command", ["compare a.hist {}", "compare {} a.hist", "fanout {}"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.hist", "absent.hist: No such file or directory"),
        ("bad.hist", "bad.hist: not the bytes of a histogram: its checksum is wrong"),
        ("empty.hist", "empty.hist: it contains no numbers"),
        ("words.txt", "words.txt:1: 'ten' is not a number"),
    ],
)
def test_files_that_cannot_be_read(command, name, message):
    command = command.format(name).split()
    status, out, err = historian(*command)
    assert (status, out) == (1, "")
    assert err.startswith(f"historian {command[0]}: {message}")


def test_units_that_differ():
    status, out, err = historian("compare", "a.hist", "ms.hist")
    assert (status, out) == (1, "")
    assert "ms.hist: its values are in 'ms', not in 's' as those of a.hist: to convert, pass --show s" in err


@pytest.mark.parametrize(
    "command",
    [
        "compare a.hist",
        "compare - -",
        "compare --scale 2 a.hist b.hist",
        "compare --column x a.hist b.hist",
        "compare -p 101 a.hist b.hist",
        "compare --confidence 100 a.hist b.hist",
        "compare --confidence nan a.hist b.hist",
        "fanout",
        "fanout -n 0 a.hist",
        "fanout -n 1,x a.hist",
        "fanout -n 1.5 a.hist",
        f"fanout -n 1{100 * '0'} a.hist",
        "fanout -t nan a.hist",
        "fanout -t -1 a.hist",
        "fanout --scale 2 a.hist",
    ],
)
def test_misuse(command):
    status, out, err = historian(*command.split())
    assert (status, out) == (2, "") and err
    assert "Traceback" not in err


# ---- fanout ----


def test_what_users_see():
    status, out, err = historian("fanout", "slow.hist", "-n", "1,10,100", "-t", "0.5")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split("  ")[0] == "calls" and "wait over 500 ms" in lines[0]
    assert [line.split()[0] for line in lines[1:4]] == ["1", "10", "100"]
    assert "63.4 % (55.9 to 70.5)" in lines[3]  # 1 - 0.99**100; Clopper-Pearson of 100 in 10,000, mapped
    assert "9.56 % (" in lines[2] and "1.00 % (0.814 to 1.21)" in lines[1]
    assert "10,000 values; 95 % intervals; calls assumed to be independent" in lines[5]


def test_a_row_of_csv_names_the_unit_of_its_time():
    status, out, _ = historian("fanout", "slow.hist", "-n", "10", "-t", "0.5", "--format", "csv")
    assert status == 0
    assert out.splitlines()[1].startswith("slow.hist,10,wait over 0.5 s,,0.09561")


def test_the_time_is_the_99th_percentile_unless_it_is_given():
    p99 = A.quantile(0.99)
    rows = json.loads(historian("fanout", "a.hist", "--format", "json")[1])["rows"]
    assert [row["n"] for row in rows] == [1, 10, 100]
    assert [row["p_wait"][0]["t"] for row in rows] == [p99] * 3
    for row in rows:
        fan = A.fanout(row["n"])
        assert row["p_wait"][0]["value"] == fan.p_wait(p99)
        assert row["median"]["value"] == fan.quantile(0.5) and row["median"]["lower"] == fan.quantile(0.5).lower


def test_several_times():
    rows = json.loads(historian("fanout", "slow.hist", "-n", "2", "-t", "0.5,2", "--format", "json")[1])["rows"]
    assert [(one["t"], round(one["value"], 4)) for one in rows[0]["p_wait"]] == [(0.5, 0.0199), (2.0, 0.0)]


def test_beyond_the_data():
    status, out, err = historian("fanout", "numbers.txt", "-n", "1000")
    assert (status, err) == (0, "")
    assert "(from " in out and "too few samples: no upper bound" in out
    assert "beyond the data: users wait for more calls than were recorded" in out
    rows = json.loads(historian("fanout", "numbers.txt", "-n", "1000", "--format", "json")[1])["rows"]
    assert rows[0]["p99"]["upper"] is None


def test_help_is_complete(capsys):
    for command in ("compare", "fanout"):
        assert historian(command, "--help")[0] == 0
    assert "compare" in historian("--help")[1] and "fanout" in historian("--help")[1]
