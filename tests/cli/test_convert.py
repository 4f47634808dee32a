"""``historian convert``, and every command on the files of HdrHistogram."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from outside import historian

from historian import Histogram, Registry, snapshot
from historian.formats import hdr

DATA = Path(__file__).parents[1] / "data" / "hdrhistogram"
ENCODED = dict(line.split() for line in (DATA / "encoded.txt").read_text(encoding="utf-8").splitlines())

NOTE = "its values are taken for ns, as is usual; if not, pass --unit\n"
INTEGERS = ("--where", "tag=,A")  # the intervals of java.hlog that are not of doubles


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Work in a folder with a log, tables, encoded histograms, and historian's own."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(DATA / "java.hlog", "run.hlog")
    shutil.copy(DATA / "log3.hgrm", "run.hgrm")
    shutil.copy(DATA / "log5.csv", "table.csv")
    lines = Path("run.hlog").read_text().splitlines(keepends=True)
    Path("plain.hlog").write_text("".join(line for line in lines if not line.startswith("Tag=D")))
    Path("head.hlog").write_text("".join(lines[:5]))
    Path("log3.b64").write_text(ENCODED["log3.z"] + "\n" + ENCODED["log3.z"] + "\n")
    Path("log3.bin").write_bytes(bytes.fromhex(ENCODED["log3"]))
    Path("ours.hist").write_bytes(Histogram.from_values([0.001, 0.002, 0.250]).to_bytes())
    return tmp_path


def rows(*arguments):
    """Return what ``summarize --format json`` prints of each row: its name, and count, and unit."""
    status, out, err = historian("summarize", "--format", "json", *arguments)
    assert status == 0, err
    return [(row["name"], row["count"], row["unit"]) for row in json.loads(out)["rows"]], err


# ---- reading ----


@pytest.mark.parametrize(
    ("file", "count"),
    [("run.hlog", 251), ("run.hgrm", 10_000), ("table.csv", 300), ("log3.b64", 20_000), ("log3.bin", 10_000)],
)
def test_every_kind_is_told_by_its_contents(file, count):
    assert rows("--unit", "us", file) == ([(file, count, "us")], "")
    Path("x").write_bytes(Path(file).read_bytes())  # without a name that tells
    assert rows("--unit", "us", "x") == ([("x", count, "us")], "")
    Path("x.gz").write_bytes(gzip.compress(Path(file).read_bytes()))
    assert rows("--unit", "us", "x.gz") == ([("x.gz", count, "us")], "")


def test_the_usual_unit_is_said():
    assert rows("run.hlog") == ([("run.hlog", 251, "s")], f"historian summarize: run.hlog: {NOTE}")
    assert "run.hgrm: its values are taken for ms" in rows("run.hgrm")[1]
    assert rows("--unit", "ns", "--show", "ms", "run.hlog") == ([("run.hlog", 251, "ms")], "")
    # with histograms that know their unit, without a conversion of buckets
    assert rows("ours.hist", "run.hlog")[0] == [("ours.hist", 3, "s"), ("run.hlog", 251, "s")]


def test_tags_are_groups():
    found, _ = rows("--by", "tag", "--unit", "ns", "run.hlog")
    assert found == [("(no tag)", 200, "ns"), ("A", 50, "ns"), ("D", 1, "ns")]
    assert rows("--where", "tag=A", "--unit", "ns", "run.hlog")[0] == [("run.hlog", 50, "ns")]
    status, _, err = historian("summarize", "--where", "tag=Q", "run.hlog")
    assert (status, err) == (1, "historian summarize: nothing has tag=Q; there are 'A', 'D'\n")
    status, _, err = historian("summarize", "--by", "route", "run.hlog")
    assert (status, "no column, field or label 'route' for --by" in err) == (1, True)


def test_a_log_that_holds_only_its_header():
    found, err = rows("head.hlog", "run.hlog", "--unit", "ns")
    assert found == [("head.hlog", 0, "ns"), ("run.hlog", 251, "ns")]
    assert err == "historian summarize: head.hlog: it holds no intervals, only a header\n"
    assert historian("merge", "head.hlog", "-o", "x.hist")[0] == 0
    assert Histogram.from_bytes(Path("x.hist").read_bytes()) == Histogram()


@pytest.mark.parametrize("command", ["compare", "plot", "report", "fanout", "profile", "merge", "snapshot"])
def test_every_command_reads_a_log(command):
    arguments = {
        "compare": ["ours.hist"], "plot": ["-o", "x.svg"], "report": ["-o", "x.html"], "fanout": ["-n", "10"],
        "merge": ["-o", "x.hist"],
    }.get(command, [])  # fmt: skip
    if command in ("plot", "report"):
        pytest.importorskip("matplotlib")
    status, _, err = historian(command, "plain.hlog", *arguments)
    assert status == 0, err


def test_bad_lines():
    text = Path("run.hlog").read_text().replace("HISTF", "HIST*", 1)
    Path("bad.hlog").write_text(text)
    status, _, err = historian("summarize", "--unit", "ns", "bad.hlog")
    assert status == 1
    assert err.startswith("historian summarize: bad.hlog:6: column 20, offset 4: not base64")
    found, err = rows("--skip-bad", "--unit", "ns", "bad.hlog")
    assert found == [("bad.hlog", 201, "ns")]
    assert "skipped 1 bad entry" in err
    Path("bad.hgrm").write_text("1\n2\n")
    assert "bad.hgrm: not a percentile table" in historian("summarize", "bad.hgrm")[2]
    Path("bad.b64").write_text(ENCODED["log3.z"] + "\nHISTFAAA\n")
    assert "bad.b64:2: offset 6: a header is cut short" in historian("summarize", "--unit", "ns", "bad.b64")[2]


def test_options_that_do_not_apply():
    assert "--field does not apply to a log" in historian("summarize", "--field", "x", "run.hlog")[2]
    assert "--scale cannot change" in historian("summarize", "--scale", "2", "--unit", "ns", "run.hlog")[2]
    lines = Path("table.csv").read_text().splitlines()
    assert rows("--column", "TotalCount", "table.csv")[0] == [("table.csv", len(lines) - 1, "s")]  # as numbers


def test_numbers_are_still_numbers():
    Path("x.txt").write_text("# HIST\n1 2 3\n")
    assert rows("x.txt")[0] == [("x.txt", 3, "s")]
    Path("x.csv").write_text("HISTORY,Percentile\n1,2\n")
    assert rows("--column", "HISTORY", "x.csv")[0] == [("x.csv", 1, "s")]


# ---- converting ----


def convert(*arguments):
    status, out, err = historian("convert", *arguments)
    assert (status, out) == (0, ""), err
    return err


def test_a_log_stays_what_it_is():
    assert convert("run.hlog", "x.hlog") == ""
    assert Path("x.hlog").read_bytes() == Path("run.hlog").read_bytes()  # also the times, tags, comments
    convert("run.hlog", "--where", "tag=A", "x.hlog.gz")
    lines = gzip.decompress(Path("x.hlog.gz").read_bytes()).decode().splitlines()
    assert [line for line in lines if line[0] not in '#"'] == [
        line for line in Path("run.hlog").read_text().splitlines() if line.startswith("Tag=A")
    ]


def test_tables_are_exact():
    """What Java printed for the same counts."""
    convert("log3.bin", "--unit", "ns", "x.hgrm")
    assert Path("x.hgrm").read_bytes() == (DATA / "log3.hgrm").read_bytes()
    assert convert("plain.hlog", "y.hgrm") == f"historian convert: plain.hlog: {NOTE}"
    log = hdr.read_log("plain.hlog", values="ns")
    total = log[0].hdr
    for interval in log[1:]:
        total += interval.hdr
    assert Path("y.hgrm").read_text() == total.percentiles(ratio=1e6)
    convert("plain.hlog", "--unit", "ns", "--values", "us", "z.hgrm")
    assert Path("z.hgrm").read_text() == total.percentiles(ratio=1e3)
    convert("plain.hlog", "x.hdr")
    assert hdr.decode(Path("x.hdr").read_text()) == total


def test_a_log_of_integers_and_doubles_goes_through_buckets():
    convert("run.hlog", "--unit", "ns", "x.hgrm")
    table = hdr.read_percentiles("x.hgrm")
    assert (table.total, table.max) == (251, pytest.approx(22.61, rel=0.0064))


def test_to_historian():
    convert("run.hlog", "--unit", "ns", "--show", "s", "x.hist")
    h = Histogram.from_bytes(Path("x.hist").read_bytes())
    assert (h.count, h.unit, h.max) == (251, "s", pytest.approx(0.02261, rel=1e-3))
    convert("run.hlog", "--unit", "ns", "--by", "tag", "x.jsonl")
    found = snapshot.load("x.jsonl")
    assert {dict(key.labels)["tag"]: one.count for key, one in found.items()} == {"": 200, "A": 50, "D": 1}


@pytest.mark.parametrize("output", ["x.hlog", "x.hgrm", "x.hdr"])
def test_from_historian(output):
    convert("ours.hist", output)
    found, _ = rows(output)
    assert found == [(output, 3, "s")]
    status, out, _ = historian("compare", "ours.hist", output, "-p", "100", "--format", "json")
    assert status == 0, out
    convert("ours.hist", output, "--values", "us")
    assert rows("--unit", "us", "--show", "s", output)[0] == [(output, 3, "s")]


def test_recorders_become_intervals(tmp_path):
    registry = Registry()
    registry.recorder("query", table="users").record(0.010)
    registry.recorder("render").record(0.020)
    snapshot.save(registry.snapshot(), "x.jsonl")
    convert("x.jsonl", "x.hlog")
    log = hdr.read_log("x.hlog", values="ns")
    assert log.tags == ("query{table=users}", "render")
    assert all(interval.start > 1.7e9 for interval in log)  # the time of the snapshot
    Registry(tmp_path / "dir").recorder("a").record(1.0)
    convert("dir", "y.hlog")
    assert len(hdr.read_log("y.hlog", values="ns")) == 1


def test_digits():
    for digits in (1, 5):
        convert("ours.hist", "x.hdr", "--digits", str(digits))
        assert hdr.decode(Path("x.hdr").read_text()).digits == digits


def test_a_header_stays_a_header():
    assert convert("head.hlog", "x.hlog") == "historian convert: head.hlog: it holds no intervals, only a header\n"
    assert Path("x.hlog").read_text() == Path("head.hlog").read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["ours.hist", "x.foo"],
            2,
            "OUT must end with .hist, .jsonl, .ndjson, .hlog, .hgrm, .hdr or .ddsketch, not 'x.foo'",
        ),
        (["ours.hist", "x.hist", "--values", "us"], 2, "--values belongs to .hlog, .hgrm, .hdr, not to .hist"),
        (["run.hlog", "x.hist", "--by", "tag"], 2, "--by gives several histograms, and .hist holds one"),
        (["none.hlog", "x.hlog"], 1, "none.hlog: No such file or directory"),
        (["run.hlog", "x.hlog", "--where", "tag=Q"], 1, "nothing has tag=Q"),
        (["ours.hist", "x.hlog", "--values", "bytes"], 1, "values in 's' cannot be converted to 'bytes'"),
        (["ours.hist"], 2, "the following arguments are required: OUT"),
    ],
)
def test_what_is_refused(arguments, status, message):
    got, out, err = historian("convert", *arguments)
    assert (got, out) == (status, "")
    assert message in err
    assert not Path("x.hlog").exists()
