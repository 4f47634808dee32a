"""Every command takes every input: each pair once, in this process; pipes between commands; hostile input."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from outside import historian

from historian import Histogram, Key, Registry, cli, snapshot
from historian.cli import main
from historian.cli._output import write

VALUES = [0.010] * 90 + [0.250] * 10
EXPECTED = Histogram.from_values(VALUES)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def npy() -> bytes:
    stream = io.BytesIO()
    numpy.save(stream, numpy.array(VALUES))
    return stream.getvalue()


def csv(separator: str = ",", header: bool = True) -> bytes:
    lines = [f"path{separator}time"] * header + [f"/a{separator}{value}" for value in VALUES]
    return "\n".join(lines).encode()


SNAPSHOT = {Key("query", table="users"): EXPECTED}
OTHER = {Key("answer"): Histogram.from_values([1.0, 2.0])}

#: Inputs that hold the same values: file name, contents, options.
INPUTS = {
    "text": ("a.txt", "\n".join(map(str, VALUES)).encode(), ""),
    "microseconds": ("a.txt", b" ".join(b"%d" % round(1e6 * value) for value in VALUES), "--unit us --show s"),
    "csv": ("a.csv", csv(), "--column time"),
    "csv by number": ("a.csv", csv(), "--column 2"),
    "csv of another name": ("a.log", csv(), "--column time"),
    "csv without names": ("a.csv", csv(header=False), "--no-header --column 2"),
    "tsv": ("a.tsv", csv("\t"), "--column time"),
    "tsv of another name": ("a", csv("\t"), "--column time"),
    "one column": ("a.csv", b"\n".join(b"%r" % value for value in VALUES), "--no-header"),
    "JSON lines": ("a.jsonl", "\n".join(f'{{"t":{{"s":{value}}}}}' for value in VALUES).encode(), "--field t.s"),
    "JSON": ("a.json", json.dumps({"runs": [{"data": VALUES}]}, indent=1).encode(), "--field runs.data"),
    "JSON array": ("a.json", json.dumps(VALUES).encode(), ""),
    "JSON array in lines": ("a.json", json.dumps(VALUES, indent=2).encode(), ""),
    "semicolons": ("a.csv", csv(";"), "--column time"),
    "npy": ("a.npy", npy(), ""),
    "npy of another name": ("a.bin", npy(), ""),
    "hist": ("a.hist", EXPECTED.to_bytes(), ""),
    "hist of another name": ("a.bin", EXPECTED.to_bytes(), ""),
    "snapshot": ("a.jsonl", snapshot.dump(SNAPSHOT).encode(), ""),
    "snapshot of several": ("a.txt", snapshot.dump({**SNAPSHOT, **OTHER}).encode(), "--where name=query,table=users"),
    "recorders": ("shop", SNAPSHOT, ""),
    "several recorders": ("shop", {**SNAPSHOT, **OTHER}, "--where table=users"),
    "directory of hist": ("week", [Histogram.from_values(VALUES[:50]), Histogram.from_values(VALUES[50:])], ""),
}

PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def zstd_compress():
    """Return a function that compresses by zstd, or None if there is no library."""
    for name, function in (("compression.zstd", "compress"), ("backports.zstd", "compress")):
        try:
            return getattr(__import__(name, fromlist=[function]), function)
        except ImportError:
            continue
    try:
        return __import__("zstandard").ZstdCompressor().compress
    except ImportError:
        return None


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Return a function that makes an input in the working folder; it returns the arguments to read it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HISTORIAN_DIR", raising=False)

    def make(name):
        file, contents, options = INPUTS[name]
        if isinstance(contents, bytes):
            (tmp_path / file).write_bytes(contents)
        elif isinstance(contents, dict):
            Registry(tmp_path / file).merge(contents)
        else:
            (tmp_path / file / "deep").mkdir(parents=True)
            for k, histogram in enumerate(contents):
                (tmp_path / file / "deep" / f"{k}.hist").write_bytes(histogram.to_bytes())
        return [file, *options.split()]

    return make


def answer(*args):
    """Run a command that must succeed without messages; return its output."""
    status, out, err = historian(*args)
    assert (status, err) == (0, ""), (args, err)
    return out


def read(path):
    with open(path, "rb") as stream:
        return Histogram.from_bytes(stream.read())


def same(histogram):
    """Check the histogram against the values; sums differ by rounding if the numbers were converted."""
    assert (histogram.count, histogram.unit) == (100, "s")
    assert [histogram.min, histogram.max, histogram.sum] == pytest.approx([0.010, 0.250, EXPECTED.sum])
    assert histogram.quantile([0.5, 0.95]) == pytest.approx([0.010, 0.250], rel=0.0055)


# ---- commands and inputs ----


@pytest.mark.parametrize("name", INPUTS)
def test_summarize(make, name):
    document = json.loads(answer("summarize", "--format", "json", "-p", "50,90", *make(name)))
    [row] = document["rows"]
    assert (row["count"], row["max"], document["unit"]) == (100, pytest.approx(0.25), "s")
    assert document["total"]["percentiles"] == pytest.approx(
        {"50": EXPECTED.percentile(50), "90": EXPECTED.percentile(90)}, rel=0.011
    )
    answer("summarize", "-o", "sum.hist", *make_again(name))
    same(read("sum.hist"))


def make_again(name):
    file, _, options = INPUTS[name]
    return [file, *options.split()]


@pytest.mark.parametrize("name", INPUTS)
def test_compare(make, name):
    args = make(name)
    document = json.loads(answer("compare", "--format", "json", "-p", "50", args[0], *args))
    assert document["a"]["count"] == document["b"]["count"] == 100
    assert document["ratios"][0]["ratio"]["value"] == 1.0


@pytest.mark.parametrize("name", INPUTS)
def test_fanout(make, name):
    document = json.loads(answer("fanout", "--format", "json", "-n", "10", "-t", "0.1", *make(name)))
    assert document["rows"][0]["p_wait"][0]["value"] == pytest.approx(1 - 0.9**10)


@pytest.mark.parametrize("name", INPUTS)
def test_merge(make, name):
    answer("merge", "-o", "all.hist", *make(name))
    same(read("all.hist"))


@pytest.mark.parametrize("name", INPUTS)
def test_snapshot(make, name):
    args = make(name)
    answer("snapshot", "-o", "all.jsonl", *args)
    [(key, histogram)] = snapshot.load("all.jsonl").items()
    same(histogram)
    named = isinstance(INPUTS[name][1], dict) or "snapshot" in name
    assert str(key) == ("query{table=users}" if named else args[0])
    answer("snapshot", "-o", "all.hist", *args)
    same(read("all.hist"))


@pytest.mark.parametrize("name", INPUTS)
def test_profile(make, name):
    args = make(name)
    header, row = answer("profile", *args).splitlines()[:2]
    unit, value = ("s", "0.0100") if "--show" in args else ("ms", "10.0")
    assert header.split()[:5] == ["operation", f"({unit})", "min", "median", "90"]
    assert row.split()[1:4] == [value] * 3 and row.split()[-2] == "100"


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("name", [name for name, (_, contents, _) in INPUTS.items() if isinstance(contents, bytes)])
def test_compressed_files(make, tmp_path, name, ending):
    file, *options = make(name)
    (tmp_path / f"{file}{ending}").write_bytes(PACKED[ending]((tmp_path / file).read_bytes()))
    answer("merge", "-o", "all.hist", f"{file}{ending}", *options)
    same(read("all.hist"))
    (tmp_path / "odd").write_bytes(PACKED[ending]((tmp_path / file).read_bytes()))  # its first bytes are enough
    if file.endswith((".csv", ".tsv")) and "--column" not in options:
        return
    answer("merge", "-o", "all.hist", "odd", *options)
    same(read("all.hist"))


@pytest.mark.skipif(zstd_compress() is None, reason="no library for zstd is installed")
def test_outputs_are_compressed_by_zstd(make, tmp_path):
    make("text")
    for name in ("a.hist.zst", "b.jsonl.zst"):
        answer("merge", "a.txt", "-o", name)
        assert (tmp_path / name).read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
        answer("merge", name, "-o", "all.hist")
        same(read("all.hist"))


def test_outputs_need_a_library_for_zstd(make, tmp_path, monkeypatch):
    make("text")
    for module in ("compression.zstd", "backports.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)
    assert historian("merge", "a.txt", "-o", "a.hist.zst") == (1, "", (
        "historian merge: cannot write a.hist.zst: it is compressed by zstd, which needs Python 3.14 or a library: "
        "pip install 'latency-historian[zstd]'\n"
    ))  # fmt: skip
    assert not (tmp_path / "a.hist.zst").exists()


@pytest.mark.skipif(zstd_compress() is None, reason="no library for zstd is installed")
@pytest.mark.parametrize("missing", [[], ["compression.zstd", "backports.zstd"], ["compression.zstd", "zstandard"]])
def test_zstd(make, tmp_path, monkeypatch, missing):
    make("text")
    text, compress = (tmp_path / "a.txt").read_bytes(), zstd_compress()
    half = text.index(b"\n", 300)
    (tmp_path / "a.txt.zst").write_bytes(compress(text[:half]) + compress(text[half:]))  # two frames
    for module in missing:
        monkeypatch.setitem(sys.modules, module, None)
    status, _, err = historian("merge", "-o", "all.hist", "a.txt.zst")
    if "pip install" in err:
        pytest.skip("the other library for zstd is not installed")
    assert (status, err) == (0, "")
    same(read("all.hist"))
    (tmp_path / "cut.zst").write_bytes(compress(text)[:-5])
    status, _, err = historian("merge", "-o", "all.hist", "cut.zst")
    assert status == 1 and err.startswith("historian merge: cut.zst: cannot be decompressed: ")


def test_zstd_without_a_library(make, tmp_path, monkeypatch):
    for module in ("compression.zstd", "backports.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)
    make("text")
    (tmp_path / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd....")
    assert historian("summarize", "a.zst") == (1, "", (
        "historian summarize: a.zst: it is compressed by zstd, which needs Python 3.14 or a library: "
        "pip install 'latency-historian[zstd]'\n"
    ))  # fmt: skip


# ---- pipes ----


def pipe(*commands, stdin=b""):
    """Run commands in a pipe, each in a process of its own; return what the last one prints."""
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "historian", *command.split()], input=stdin, capture_output=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b""), done
        stdin = done.stdout
    return stdin


@pytest.mark.parametrize(
    "first", ["merge -o - a.txt", "summarize -o - a.txt", "snapshot a.txt", "snapshot -o - a.txt", "merge -o - shop"]
)
def test_what_one_command_writes_the_next_reads(make, tmp_path, monkeypatch, first):
    make("text")
    make("recorders")
    before = sorted(path.name for path in tmp_path.iterdir())
    written = pipe(first)
    assert json.loads(pipe("summarize --format json -", stdin=written))["total"]["count"] == 100
    (tmp_path / "written").write_bytes(written)
    for second in ("profile -", "fanout -", "compare - a.txt", "snapshot -"):
        with open("written", encoding="latin-1") as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            assert answer(*second.split())
    (tmp_path / "written").unlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == before  # and there is no file named "-"


def test_long_pipes_and_compressed_standard_input(make):
    make("text")
    data = gzip.compress(pipe("merge -o - a.txt"))
    same(Histogram.from_bytes(pipe("summarize -o - -", "snapshot -", "merge -o - -", stdin=data)))


def test_standard_input_that_comes_in_single_bytes(make):
    make("text")
    data = pipe("merge -o - a.txt")
    with subprocess.Popen(
        [sys.executable, "-m", "historian", "summarize", "-", "--format", "json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
    ) as process:  # fmt: skip
        for byte in data:
            process.stdin.write(bytes([byte]))
        process.stdin.close()
        assert json.loads(process.stdout.read())["total"]["count"] == 100


def test_a_histogram_is_not_written_to_a_terminal(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    assert write("merge", "-", EXPECTED.to_bytes()) == 2
    assert sys.stdout.getvalue() == ""
    assert "redirect standard output to a file or a command" in capsys.readouterr().err


# ---- the choice ----


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry = Registry(tmp_path / "shop")
    for name, table, value in [("query", "users", 1.0), ("query", "carts", 2.0), ("update", "users", 4.0)]:
        registry.recorder(name, table=table).record_many([value] * 10)
    (tmp_path / "shop.csv").write_text(
        "name,table,time\n" + "".join(f"{key.name},{key.labels[0][1]},{h.max}\n" * 10 for key, h in
                                      registry.snapshot().items())
    )  # fmt: skip
    (tmp_path / "shop.json").write_text(
        "".join(
            json.dumps({"name": key.name, "table": key.labels[0][1], "time": h.max}) + "\n"
            for key, h in registry.snapshot().items()
            for _ in range(10)
        )
    )
    return tmp_path


SHOPS = {"recorders": "shop", "csv": "shop.csv --column time", "json": "shop.json --field time"}


@pytest.mark.parametrize("source", SHOPS.values(), ids=SHOPS)
@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ("--by name", {"query": 30.0, "update": 40.0}),
        ("--by table", {"users": 50.0, "carts": 20.0}),
        ("--by table --where name=query", {"users": 10.0, "carts": 20.0}),
        ("--by name --where table=users,name=update", {"update": 40.0}),
        ("--by name --where table=users --where table=carts", {"query": 30.0, "update": 40.0}),
        (
            "--by name --by table",
            {"name=query,table=users": 10.0, "name=query,table=carts": 20.0, "name=update,table=users": 40.0},
        ),
    ],
)
def test_where_and_by_mean_the_same_everywhere(shop, source, options, groups):
    args = [*source.split(), *options.split()]
    document = json.loads(answer("summarize", "--format", "json", *args))
    assert {row["name"]: row["sum"] for row in document["rows"]} == groups
    rows = json.loads(answer("profile", "--format", "json", *args))["rows"]
    assert sorted(row["sum"] for row in rows) == sorted(groups.values())
    assert {one["name"] for one in json.loads(answer("fanout", "--format", "json", *args))["groups"]} == set(groups)
    document = json.loads(answer("compare", "--format", "json", args[0], *args))
    assert [one["name"] for one in document["groups"]] == list(groups)
    answer("merge", "-o", "groups.jsonl", *args)
    assert sorted(h.sum for h in snapshot.load("groups.jsonl").values()) == sorted(groups.values())
    assert sorted(h.sum for h in main_snapshot(args).values()) == sorted(groups.values())


def main_snapshot(args):
    answer("snapshot", "-o", "again.jsonl", *args)
    return snapshot.load("again.jsonl")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("shop --by tabel", "no column, field or label 'tabel' for --by; did you mean 'table'?"),
        ("shop --where tabel=x", "no column, field or label 'tabel' for --where; did you mean 'table'?"),
        ("shop --where name=qurey", "nothing has name=qurey; did you mean 'query'?"),
        ("shop --where table=x", "nothing has table=x; there are 'users', 'carts'"),
        ("shop --where name=update,table=carts", "nothing has all that --where asks for"),
        ("shop.csv --column tiem", "no column 'tiem' for --column; the columns are 'name', 'table', 'time'; did you"),
        ("shop.csv --column time --by tabel", "no column 'tabel' for --by; the columns are"),
        ("shop.json --field tiem", "no field 'tiem' in "),
        ("shop.json --field time --where nmae=query", "no column, field or label 'nmae' for --where; did you mean"),
        ("shop.json", "shop.json: it looks like JSON: name the field of the numbers with --field; there are 'time'"),
    ],
)
@pytest.mark.parametrize("command", ["summarize", "profile", "snapshot", "fanout"])
def test_misspelt_names_are_said_with_the_nearest(shop, command, args, message):
    status, out, err = historian(command, *args.split())
    assert (status, out) == (1, "") and message in err and err.count("\n") == 1
    if "did you" in message or "no field" in message:
        assert "; did you mean '" in err


def test_a_field_without_a_text_or_number_is_not_called_misspelt(tmp_path):
    """The message suggested the very name that was given."""
    file = tmp_path / "calls.jsonl"
    file.write_text('{"time": 1, "error": null, "tags": ["a"]}\n{"time": 2, "error": null, "tags": ["b"]}\n')
    for asked in ("--by error", "--by tags", "--where error=timeout"):
        status, out, err = historian("summarize", file, "--field", "time", *asked.split())
        option, key = asked.partition("=")[0].split()
        why = f"no value of '{key}' for {option} is a text, a number, true or false"
        assert (status, out, err) == (1, "", f"historian summarize: {why}\n")
    assert json.loads(answer("summarize", "--format", "json", file, "--field", "time", "--where", "error="))["rows"]


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        ("sumarize a", "; did you mean 'summarize'?"),
        ("summarize a --formt csv", "; did you mean '--format'?"),
        ("summarize a --format jsno", "there is no 'jsno'; did you mean 'json'?"),
        ("summarize a --format xml", "; choose from table, json, csv, markdown"),
        ("summarize --where a", "must be KEY=VALUE,..., such as name=query, not 'a'"),
        ("summarize --by ''", "the name must not be empty"),
    ],
)
def test_a_wrong_command_line_is_one_line(args, hint):
    status, out, err = historian(*(arg.strip("'") for arg in args.split()))
    assert (status, out) == (2, "") and hint in err and err.count("\n") == 1 and "--help)" in err


@pytest.mark.parametrize("command", ["fanout", "compare shop"])
def test_several_recorders_are_not_mixed_silently(shop, command):
    status, out, err = historian(*command.split(), "shop")
    assert (status, out) == (1, "")
    assert "it holds 3 recorders, 'query{table=users}', " in err and "choose one with --where name=..." in err


def test_a_group_has_one_unit(shop):
    Registry(shop / "shop").recorder("answer", unit="bytes", table="users").record(1024.0)
    status, out, err = historian("profile", "shop", "--by", "table")
    assert (status, out) == (1, "")
    assert "its values are in 'bytes', and others of its group in 's': choose some with --where" in err
    assert "operation (KiB)" in answer("profile", "shop", "--by", "table", "--by", "name")


def test_a_comma_in_a_value(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text('path,code,time\n"/a,b",200,1\n/a,200,2\n')
    document = json.loads(
        answer("summarize", "a.csv", "--column", "time", "--where", "path=/a,b,code=200", "--format", "json")
    )
    assert document["total"]["sum"] == 1.0


def test_groups_that_are_in_one_of_two_only(shop):
    Registry(shop / "other").recorder("query").record(1.0)
    status, out, err = historian("compare", "--by", "name", "shop", "other")
    assert status == 0 and "median of other over shop" in out
    assert err == "historian compare: left out, in one of the two only: 'update'\n"
    Registry(shop / "third").recorder("other").record(1.0)
    assert "no group is in both: 'query', 'update' in shop, 'other' in third" in historian(
        "compare", "--by", "name", "shop", "third"
    )[2]  # fmt: skip


# ---- units ----


def test_units_are_converted(make, tmp_path):
    args = make("hist")
    document = json.loads(answer("summarize", "--format", "json", "--show", "us", *args))
    assert (document["unit"], document["total"]["max"]) == ("us", 250_000.0)
    out = answer("summarize", "--show", "us", *args)
    assert out.startswith("name (us)")
    assert "converted to another unit: percentiles of histograms are within 1.09 %" in out
    (tmp_path / "ms.hist").write_bytes(EXPECTED.scaled(1000, "ms").to_bytes())
    document = json.loads(answer("summarize", "--format", "json", "--show", "ms", "a.hist", "ms.hist"))
    assert [row["max"] for row in document["rows"]] == [250.0, 250.0]
    assert json.loads(answer("compare", "a.hist", "ms.hist", "--show", "s", "--format", "json"))["unit"] == "s"
    assert answer("fanout", "ms.hist", "--show", "s").split()[:7] == [
        "calls",
        "wait",
        "over",
        "249",
        "ms",
        "median",
        "(s)",
    ]
    assert "ms.hist (s)" in answer("compare", "a.hist", "ms.hist", "--show", "s")
    assert answer("profile", "ms.hist", "--show", "s").startswith("operation (s)     min")
    assert historian("top", "a.hist", "--show", "s")[0] == 2  # it shows units that suit
    answer("merge", "-o", "both.hist", "--show", "ms", "a.hist", "ms.hist")
    assert (read("both.hist").unit, read("both.hist").count) == ("ms", 200)


def test_numbers_are_converted_without_loss(make, tmp_path):
    make("text")
    (tmp_path / "us.txt").write_text("\n".join(str(k) for k in range(1, 1001)))
    answer("merge", "-o", "ms.hist", "us.txt", "--unit", "us", "--show", "ms")
    assert read("ms.hist").counts.tolist() == Histogram.from_values([k * 1e-3 for k in range(1, 1001)]).counts.tolist()


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        ("a.txt --unit rows --show ms", 2, "--unit rows cannot be converted to --show ms"),
        ("bytes.hist --show ms", 1, "bytes.hist: values in 'bytes' cannot be converted to 'ms'"),
        ("a.txt --show rows", 1, "the numbers: values in 's' cannot be converted to 'rows'"),
        (
            "a.txt bytes.hist a.hist",
            1,
            "a.hist: its values are in 's', not in 'bytes' as those of bytes.hist: read them apart",
        ),
    ],
)
def test_units_that_cannot_be_converted(make, tmp_path, args, status, message):
    make("text")
    make("hist")
    (tmp_path / "bytes.hist").write_bytes(Histogram.from_values([1024.0], unit="bytes").to_bytes())
    got, out, err = historian("summarize", *args.split())
    assert (got, out) == (status, "") and message in err and err.count("\n") == 1


def test_scale_does_not_change_histograms(make):
    args = make("snapshot")
    assert historian("summarize", "--scale", "2", *args) == (1, "", (
        "historian summarize: a.jsonl:1: --scale cannot change the values of a histogram: pass --show to convert "
        "units\n"
    ))  # fmt: skip


@pytest.mark.parametrize(
    "command", ["summarize a.hist b.hist", "merge -o o.hist a.hist b.hist", "snapshot a.hist b.hist -o o.hist"]
)
def test_too_many_values(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    data = (Path(__file__).parents[1] / "data" / "huge-counts.hist").read_bytes()
    for name in ("a", "b"):
        (tmp_path / f"{name}.hist").write_bytes(data)
    status, out, err = historian(*command.split())
    assert (status, out) == (1, "") and "2**63" in err and err.count("\n") == 1


# ---- files of load generators ----

K6_CSV = """\
metric_name,timestamp,metric_value,method,url
http_reqs,1700000000,1.000000,GET,http://x/a
http_req_duration,1700000000,12.5,GET,http://x/a
http_req_duration,1700000001,13.5,GET,http://x/b
"""
K6_JSON = """\
{"metric":"http_req_duration","type":"Metric","data":{"name":"http_req_duration","type":"trend"}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2024","value":12.5,"tags":{"url":"/a"}}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2024","value":13.5,"tags":{"url":"/b"}}}
{"metric":"http_reqs","type":"Point","data":{"time":"2024","value":1,"tags":{"url":"/a"}}}
"""
VEGETA = "".join(f"170000000{k}000000000,200,{1_000_000 * (k + 1)},0,12,,,run,{k},GET,/,\n" for k in range(3))
BENCHMARK = {"machine_info": {}, "benchmarks": [{"name": "test_a", "stats": {"min": 0.1, "data": [0.1, 0.2]}},
                                                {"name": "test_b", "stats": {"min": 1.1, "data": [1.1]}}]}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "options", "rows"),
    [
        ("k6.csv", K6_CSV, "--column metric_value --where metric_name=http_req_duration --unit ms", {"k6.csv": 26.0}),
        ("k6.csv", K6_CSV, "--column metric_value --by metric_name", {"http_reqs": 1.0, "http_req_duration": 26.0}),
        ("k6.json", K6_JSON, "--field data.value --where type=Point,metric=http_req_duration --by data.tags.url",
         {"/a": 12.5, "/b": 13.5}),
        ("vegeta.csv", VEGETA, "--no-header --column 3 --unit ns --show ms", {"vegeta.csv": 6.0}),
        ("vegeta.csv", VEGETA, "--no-header --column 3 --where 2=200 --by 9 --unit ns", {"0": 1e6, "1": 2e6, "2": 3e6}),
        ("fio_clat.1.log", "0, 135000, 0, 4096, 0\n1, 145000, 1, 4096, 4096\n",
         "--no-header --column 2 --unit ns --show us --by 3", {"0": 135.0, "1": 145.0}),
        ("hey.csv", "response-time,DNS+dialup,status-code\n0.0123,0.0,200\n", "--column response-time",
         {"hey.csv": 0.0123}),
        ("ab.tsv", "starttime\tseconds\tttime\twait\nMon Nov\t17000\t6\t5\n", "--column ttime --unit ms",
         {"ab.tsv": 6.0}),
        ("run.jtl", "timeStamp,elapsed,label\n1700000000000,56,home\n1700000000001,66,cart\n",
         "--column elapsed --unit ms --by label", {"home": 56.0, "cart": 66.0}),
        ("bench.json", json.dumps(BENCHMARK, indent=4), "--field benchmarks.stats.data --by benchmarks.name",
         {"test_a": pytest.approx(0.3), "test_b": 1.1}),
        ("bench.json", json.dumps(BENCHMARK), "--field benchmarks.stats.data --where benchmarks.name=test_b",
         {"bench.json": 1.1}),
    ],
)  # fmt: skip
def test_files_of_load_generators(tmp_path, monkeypatch, name, text, options, rows):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    document = json.loads(answer("summarize", "--format", "json", name, *options.split()))
    assert {row["name"]: row["sum"] for row in document["rows"]} == rows


@pytest.mark.parametrize(
    ("name", "text", "options", "message"),
    [
        ("k6.csv", K6_CSV, "--column metric_value",
         "several metrics would be mixed, 'http_reqs' and 'http_req_duration': choose one with --where "
         "metric_name=http_reqs, or take each with --by metric_name"),
        ("k6.json", K6_JSON, "--field data.value --where type=Point", "several metrics would be mixed"),
        ("k6.json", K6_JSON, "--field data.value", "pass --where type=Point"),
        ("vegeta.csv", VEGETA, "--column 3", "'1000000' is a number: pass --no-header if it holds data"),
        ("vegeta.csv", VEGETA, "--column 1000000", "'1000000' is a number: pass --no-header if it holds data"),
        ("vegeta.csv", VEGETA, "", "'1700000000000000000' is a number: pass --no-header"),
        ("vegeta.csv", VEGETA, "--no-header", "which column? Name it with --column: '1', '2', '3', "),
        ("vegeta.csv", VEGETA, "--no-header --column 13", "no column '13' for --column; the columns are '1', "),
    ],
)  # fmt: skip
def test_suspicious_input_is_said(tmp_path, monkeypatch, name, text, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    for command in ("summarize", "profile", "fanout", "snapshot"):
        status, out, err = historian(command, name, *options.split())
        assert (status, out) == (1, "") and message in err and err.count("\n") == 1


@pytest.mark.parametrize("first", ["# written by x\n#\ntime,path\n", "path,time\n"])
def test_comments_above_a_table(tmp_path, monkeypatch, first):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(f"{first}1,2\n")
    document = json.loads(answer("summarize", "a.csv", "--column", "time", "--format", "json"))
    assert document["total"]["sum"] == (2 if first.startswith("path") else 1)
    document = json.loads(answer("summarize", "a.csv", "--column", "path", "--format", "json"))
    assert document["total"]["count"] == 1


def test_a_log_of_jhiccup():
    path = Path(__file__).parents[3] / "shared" / "data" / "jHiccup-2.0.7S.logV2.hlog"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    args = ["summarize", path, "--column", "Interval_Max", "--unit", "ms", "--format", "json"]
    document = json.loads(answer(*args))
    assert document["total"]["count"] == 62
    # The histogram of that interval has three digits: its maximum is 1,796.2 ms.
    assert document["total"]["max"] == 1803.551


def test_a_misspelt_file_is_suggested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latencies.txt").write_text("1")
    message = "historian summarize: latencis.txt: No such file or directory; did you mean 'latencies.txt'?\n"
    assert historian("summarize", "latencis.txt") == (1, "", message)


@pytest.mark.parametrize("form", ["json", "csv", "table", "markdown"])
def test_a_doubtful_unit_is_said_in_every_format(tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vegeta.csv").write_text(VEGETA)
    status, out, err = historian("summarize", "vegeta.csv", "--no-header", "--column", "3", "--format", form)
    said = err if form in ("json", "csv") else out
    assert status == 0 and "vegeta.csv: the median is 555 h: were nanoseconds recorded as seconds" in said
    assert err.count("\n") == (form in ("json", "csv"))


def test_names_that_are_numbers_are_possible(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("50,99\n1,2\n")
    assert (
        json.loads(answer("summarize", "a.csv", "--header", "--column", "99", "--format", "json"))["total"]["sum"] == 2
    )


# ---- hostile input ----

HOSTILE = {
    "cut.gz": gzip.compress(b"1\n" * 1000)[:-9],
    "cut.xz": lzma.compress(b"1\n" * 1000)[:-9],
    "cut.bz2": bz2.compress(b"1\n" * 1000)[:-9],
    "damaged.gz": gzip.compress(b"1\n" * 100_000)[:100] + b"\x00" * 100,
    "garbage.bin": bytes(range(256)) * 50,
    "garbage.hist": bytes(range(256)),
    "garbage.npy": bytes(range(256)),
    "cut.hist": EXPECTED.to_bytes()[:-3],
    "nan.txt": b"1\nnan\n",
    "negative.txt": b"1\n-5\n",
    "words.txt": b"once upon a time\n",
    "mixed.jsonl": snapshot.dump({Key("a"): EXPECTED, Key("b"): Histogram.from_values([1.0], unit="bytes")}).encode(),
    "words.json": b'[1, 2, "x"]',
    "cut.json": b"[1, 2, 3",
    "objects.json": b'[{"a": 1}]',
    "array.json": b"[-1]",
    "cut.jsonl": snapshot.dump(SNAPSHOT).encode()[:-20],
    "empty.csv": b"",
    "absent.txt": None,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("command", ["summarize {}", "compare {} {}", "fanout {}", "merge {} -o o.hist", "snapshot {}",
                                     "profile {}"])  # fmt: skip
def test_hostile_files_give_one_clear_line(tmp_path, monkeypatch, command, name):
    monkeypatch.chdir(tmp_path)
    if HOSTILE[name] is not None:
        (tmp_path / name).write_bytes(HOSTILE[name])
    if name == "mixed.jsonl" and command.split()[0] in ("snapshot", "profile", "summarize"):
        answer(*command.format(name).split())  # these three take histograms in several units
        return
    status, out, err = historian(*command.format(name, name).split())
    assert (status, out) == (1, "")
    assert err.startswith(f"historian {command.split()[0]}: {name}") and err.count("\n") == 1
    assert len(err) < 400 and err.rstrip("\n").isprintable()
    assert not (tmp_path / "o.hist").exists()


def test_bad_files_can_be_skipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.txt").write_text("1 2 3")
    names = ["cut.gz", "cut.hist", "nan.txt", "absent.txt"]
    for name in names[:-1]:
        (tmp_path / name).write_bytes(HOSTILE[name])
    status, out, err = historian("summarize", "--skip-bad", "--format", "json", "good.txt", *names)
    assert status == 0 and err.startswith("historian summarize: skipped 4 bad entries; the first: cut.gz: ")
    assert json.loads(out)["rows"][0]["sum"] == 6.0


def test_a_bad_file_in_a_directory_does_not_hide_the_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "week").mkdir()
    for k in range(6):
        packed = gzip.compress(EXPECTED.to_bytes())
        (tmp_path / "week" / f"{k}.hist.gz").write_bytes(packed[:-9] if k % 2 else packed)
    (tmp_path / "week" / "gone.hist").symlink_to("nowhere")
    assert historian("merge", "week", "-o", "all.hist")[0] == 1
    assert not (tmp_path / "all.hist").exists()
    status, out, err = historian("merge", "week", "-o", "all.hist", "--skip-bad")
    assert (status, out) == (0, "") and "skipped 3 bad entries" in err
    assert read("all.hist").count == 300


# ---- output ----


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
@pytest.mark.parametrize("command", ["summarize", "profile", "fanout -n 1,10", "compare a.hist"])
def test_formats(make, command, form):
    make("hist")
    out = answer(*command.split(), "a.hist", "--format", form)
    if form == "json":
        json.loads(out, parse_constant=pytest.fail)
    elif form == "csv":
        rows = [line.split(",") for line in out.splitlines()]
        assert len(rows) >= 2 and {len(row) for row in rows if '"' not in "".join(row)} == {len(rows[0])}
    elif form == "markdown":
        lines = out.splitlines()
        assert lines[0].startswith("| ") and lines[1].startswith("|:---|---:") and lines[2].startswith("| ")
        assert {line.count("|") for line in lines if line.startswith("|")} == {lines[0].count("|")}
    else:
        assert "|" not in out


def test_markdown_keeps_names_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("g,t\na|b<c>,1\n")
    assert "| a\\|b&lt;c> |" in answer("summarize", "a.csv", "--column", "t", "--by", "g", "--format", "markdown")


def test_percentiles_of_each_command(make):
    make("hist")
    assert "p75" in answer("summarize", "a.hist", "-p", "75")
    assert answer("profile", "a.hist", "-p", "75,100").splitlines()[0].split()[2:6] == ["min", "75", "100", "max"]
    assert "p75 (ms)" in answer("fanout", "a.hist", "-p", "75")
    assert "p75 " in answer("compare", "a.hist", "a.hist", "-p", "75")


def test_a_comparison_can_fail(make, tmp_path):
    make("hist")
    slow = Histogram.from_values([0.030 + 0.00001 * k for k in range(2000)])
    fast = Histogram.from_values([0.020 + 0.00001 * k for k in range(2000)])
    for name, histogram in {"slow": slow, "fast": fast}.items():
        (tmp_path / f"{name}.hist").write_bytes(histogram.to_bytes())
    limit = ["-p", "50", "--fail-above"]
    assert historian("compare", "fast.hist", "slow.hist", *limit, "1")[0] == 1
    assert historian("compare", "fast.hist", "slow.hist", *limit, "2")[0] == 0
    assert historian("compare", "slow.hist", "fast.hist", *limit, "1")[0] == 0
    assert historian("compare", "fast.hist", "slow.hist", "-p", "50")[0] == 0
    assert historian("compare", "slow.hist", "slow.hist", *limit, "0")[0] == 2


@pytest.mark.parametrize("ending", ["", *PACKED])
def test_outputs_are_compressed_as_their_names_say(make, tmp_path, ending):
    make("hist")
    for name in ("o.hist", "o.jsonl"):
        answer("merge", "a.hist", "-o", f"{name}{ending}")
        same(json_or_hist(tmp_path / f"{name}{ending}"))


def json_or_hist(path):
    answer("merge", str(path), "-o", "plain.hist")
    return read("plain.hist")


def test_output_of_summarize(make, tmp_path):
    make("csv")
    table = answer("summarize", "a.csv", "--column", "time", "--by", "path")
    assert answer("summarize", "a.csv", "--column", "time", "--by", "path", "-o", "o.jsonl") == table
    assert snapshot.load("o.jsonl")[Key("time", path="/a")].count == 100
    (tmp_path / "o.jsonl").unlink()
    status, out, err = historian("summarize", "a.csv", "--column", "time", "-o", "none/o.hist")
    assert (status, out) == (1, "") and "cannot write none/o.hist: No such file or directory" in err


def test_groups_need_a_file_of_lines(make):
    make("csv")
    status, _, err = historian("merge", "a.csv", "--column", "time", "--by", "path", "-o", "o.hist")
    assert status == 2 and "name a .jsonl file, or omit --by" in err


def test_one_row_for_each_recorder_and_no_total(shop):
    lines = answer("summarize", "shop", "-p", "50").splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        "query{table=users}",
        "query{table=carts}",
        "update{table=users}",
    ]


# ---- help ----


def commands() -> list[str]:
    """Return the names of the modules that are commands."""
    return [name for _, name, _ in pkgutil.iter_modules(cli.__path__) if not name.startswith("_")]


@pytest.mark.parametrize("command", ["", *commands()])
def test_help_fits_80_columns_and_has_an_example(monkeypatch, capsys, command):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        main([*command.split(), "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert not command or f"\n  historian {command}" in out


def test_options_mean_the_same_everywhere(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    texts = set()
    for command in ("summarize", "compare", "fanout", "merge", "snapshot", "profile"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        out = capsys.readouterr().out
        texts.add(out[out.index("what is read:") :].split("\n\n")[0])
    assert len(texts) == 1


# ---- units ----


@pytest.mark.parametrize("command", ["summarize", "profile", "fanout", "merge -o all.hist", "snapshot"])
@pytest.mark.parametrize("source", ["sizes.hist", "shop --where name=size"])
def test_show_converts_histograms_that_are_not_times(shop, command, source):
    sizes = Histogram.from_values([1024.0] * 100, unit="bytes")
    (shop / "sizes.hist").write_bytes(sizes.to_bytes())
    Registry(shop / "shop").merge({Key("size"): sizes})
    answer(*command.split(), *source.split(), "--show", "KiB")
    if command == "merge -o all.hist":
        assert (read("all.hist").unit, read("all.hist").max) == ("KiB", 1.0)


@pytest.mark.parametrize("command", ["summarize", "profile", "merge -o all.hist", "snapshot", "compare"])
@pytest.mark.parametrize("files", ["a.txt ms.hist", "ms.hist a.txt"])
def test_show_does_not_change_the_unit_of_numbers_without_a_word(shop, command, files):
    (shop / "a.txt").write_text("1 2 3")
    (shop / "ms.hist").write_bytes(Histogram.from_values([1.0, 2.0, 3.0], unit="ms").to_bytes())
    status, out, err = historian(*command.split(), *files.split(), "--show", "ms")
    assert (status, out) == (1, "") and not (shop / "all.hist").exists()
    assert err.endswith(
        "the unit of the numbers is not clear, since the values of ms.hist are in 'ms': pass --unit s or --unit ms\n"
    )
    if command == "summarize":
        rows = answer(*command.split(), *files.split(), "--show", "ms", "--unit", "ms", "-p", "100").splitlines()
        assert {row.split()[3] for row in rows[1:3]} == {"3.00"}


@pytest.fixture
def several_units(shop):
    Registry(shop / "shop").recorder("answer", unit="bytes", table="users").record_many([1024.0] * 10)
    return shop


@pytest.mark.parametrize("source", ["shop", "shop.jsonl"])
def test_each_group_has_its_own_unit(several_units, source):
    answer("snapshot", "shop", "-o", "shop.jsonl")
    found = json.loads(answer("fanout", "--format", "json", source, "--by", "name"))["groups"]
    assert {one["name"]: one["unit"] for one in found} == {"query": "s", "update": "s", "answer": "bytes"}
    found = json.loads(answer("compare", "--format", "json", "shop", source, "--by", "name"))["groups"]
    assert {one["name"]: one["unit"] for one in found} == {"query": "s", "update": "s", "answer": "bytes"}
    answer("merge", "-o", "groups.jsonl", source, "--by", "name")
    assert sorted(h.unit for h in snapshot.load("groups.jsonl").values()) == ["bytes", "s", "s"]


def test_compare_says_what_cannot_be_converted(several_units):
    (several_units / "sizes.hist").write_bytes(Histogram.from_values([1.0], unit="bytes").to_bytes())
    (several_units / "ms.hist").write_bytes(Histogram.from_values([1.0], unit="ms").to_bytes())
    assert historian("compare", "sizes.hist", "ms.hist") == (1, "", (
        "historian compare: ms.hist: its values are in 'ms', not in 'bytes' as those of sizes.hist: such values cannot "
        "be compared\n"
    ))  # fmt: skip


@pytest.mark.parametrize("files", ["a.txt ms.hist", "ms.hist a.txt"])
def test_numbers_have_the_same_unit_in_every_command(several_units, files):
    (several_units / "a.txt").write_text("1 2 3")
    (several_units / "ms.hist").write_bytes(Histogram.from_values([1.0, 2.0, 3.0], unit="ms").to_bytes())
    assert json.loads(answer("summarize", "--format", "json", *files.split()))["unit"] == "ms"
    rows = json.loads(answer("profile", "--format", "json", *files.split()))["rows"]
    assert [(row["unit"], row["max"]) for row in rows] == [("ms", 3.0)] * 2
    answer("snapshot", "-o", "all.jsonl", *files.split())
    assert {(h.unit, h.max) for h in snapshot.load("all.jsonl").values()} == {("ms", 3.0)}
    status, out, err = historian("profile", "shop", *files.split())
    assert (status, out) == (1, "") and "the unit of the numbers is not clear, " in err and err.count("\n") == 1
    assert "operation (KiB)" in answer("profile", "--unit", "ms", "shop", *files.split())


@pytest.mark.parametrize("source", ["shop", "shop.jsonl"])
def test_summarize_has_a_table_for_each_kind_of_unit(several_units, source):
    Registry(several_units / "shop").recorder("fast", unit="ms").record_many([5.0] * 10)
    answer("snapshot", "shop", "-o", "shop.jsonl")
    times, sizes = answer("summarize", "-p", "50", source).split("\n\n")
    assert times.split()[:3] == ["name", "(s)", "count"] and sizes.split()[:3] == ["name", "(KiB)", "count"]
    assert [line.split() for line in times.splitlines() if line.startswith("fast")] == [
        ["fast", "10", *["0.00500"] * 4]
    ]
    assert sizes.splitlines()[1].split() == ["answer{table=users}", "10", *["1.00"] * 4]
    document = json.loads(answer("summarize", "--format", "json", source))
    assert (document["unit"], document["total"]) == (None, None)
    assert {row["unit"] for row in document["rows"]} == {"s", "ms", "bytes"}
    rows = answer("summarize", "--format", "csv", "-p", "50", source).splitlines()
    assert "fast,ms,10,0,0,5.0,5.0,5.0,5.0,50.0" in rows
    assert historian("summarize", source, "-o", "all.hist")[0] == 1 and not (several_units / "all.hist").exists()


@pytest.mark.parametrize("command", ["fanout", "compare shop"])
def test_the_way_to_choose_among_recorders_works(shop, command):
    Registry(shop / "shop").recorder("query").record_many([8.0] * 10)
    err = historian(*command.split(), "shop", "--where", "name=query")[2]
    assert err.endswith("choose one with --where table=..., or take each with --by table\n")
    answer(*command.split(), "shop", "--where", "name=query", "--by", "table")
    answer(*command.split(), "shop", "--where", "name=query,table=users")
    rows = json.loads(answer("summarize", "--format", "json", "shop", "--where", "name=query,table="))["rows"]
    assert [(row["name"], row["max"]) for row in rows] == [("query", 8.0)]


def test_the_first_bytes_tell_a_histogram_under_the_name_of_an_array(make):
    make("text")
    answer("merge", "-o", "all.npy", "a.txt")
    answer("merge", "-o", "all.hist", "all.npy")
    same(read("all.hist"))


@pytest.mark.parametrize(("indent", "options"), [(None, ""), (2, ""), (None, "--column t"), (None, "--no-header")])
def test_json_is_told_from_csv_and_its_fields_are_listed(tmp_path, monkeypatch, indent, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text("\n" + json.dumps({"t": 1.5, "deep": {"u": 2}}, indent=indent))
    assert historian("summarize", "a.json", *options.split()) == (1, "", (
        "historian summarize: a.json: it looks like JSON: name the field of the numbers with --field; there are 't', "
        "'deep.u'\n"
    ))  # fmt: skip
