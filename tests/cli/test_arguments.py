"""The command line itself: options between files, hints for what is wrong, an output that cannot be written."""

import json
import os
import subprocess
import sys

import pytest
from outside import historian, run

from historian import Histogram, Registry

posix = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
VALUES = [0.010] * 90 + [0.250] * 10


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HISTORIAN_DIR", raising=False)
    (tmp_path / "a.txt").write_text("1 2")
    (tmp_path / "b.txt").write_text("3 4")
    (tmp_path / "-n.txt").write_text("5")
    for name, unit, factor in (("s", "s", 1), ("ms", "ms", 1000)):
        values = [factor * value for value in VALUES]
        (tmp_path / f"{name}.hist").write_bytes(Histogram.from_values(values, unit=unit).to_bytes())
    return tmp_path


@pytest.fixture
def shop(folder):
    registry = Registry(folder / "shop")
    registry.recorder("query", table="users").record_many([0.1, 0.2])
    registry.recorder("query", table="carts").record_many([0.3])
    registry.recorder("size", unit="bytes").record_many([1024.0, 2048.0])
    return registry


# ---- options between files ----


@pytest.mark.parametrize(
    "args",
    [
        "--unit ms --format json a.txt b.txt",
        "a.txt --unit ms b.txt --format json",
        "a.txt b.txt --unit ms --format json",
        "a.txt --format=json --unit=ms -- b.txt",
        "--format json a.txt --uni ms b.txt",
    ],
)
def test_options_between_files(args):
    status, out, err = historian("summarize", *args.split())
    document = json.loads(out)
    assert (status, err, document["unit"], document["total"]["sum"]) == (0, "", "ms", 10.0)


def test_options_between_files_of_other_commands():
    assert historian("merge", "a.txt", "-o", "o.hist", "b.txt") == (0, "", "")
    assert historian("compare", "a.txt", "-p", "50", "b.txt")[0] == 0
    assert historian("snapshot", "a.txt", "--unit", "ms", "b.txt")[1].count("\n") == 2
    assert "required: FILE" in historian("fanout", "--format", "json")[2]
    assert "unrecognized arguments: b.txt" in historian("fanout", "a.txt", "-p", "50", "b.txt")[2]
    assert "required: -o/--output" in historian("merge", "a.txt")[2]
    assert "there is no 'xml'" in historian("summarize", "a.txt", "--format", "xml", "b.txt")[2]


@pytest.mark.parametrize("command", ["summarize", "profile", "fanout", "merge -o o.hist"])
def test_a_file_whose_name_looks_like_an_option(command):
    status, out, err = historian(*command.split(), "-n.txt")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "; for the file of this name, write ./-n.txt, or -- before it (see historian " in err
    assert historian(*command.split(), "--", "-n.txt")[0] == historian(*command.split(), "./-n.txt")[0] == 0


# ---- what is wrong, and what to do ----


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("summarize a.txt --unit sec", "argument --unit: there is no 'sec'; did you mean 's'?"),
        ("summarize a.txt --unit MS", "there is no 'MS'; did you mean 'ms'?"),
        ("summarize a.txt --unit \u03bcs", "did you mean 'us'?"),
        ("summarize a.txt --show milliseconds", "argument --show: there is no 'milliseconds'; did you mean 'ms'?"),
        ("summarize a.txt --show kib", "did you mean 'KiB'?"),
        ("merge a.txt -o ''", "the name of a file must not be empty"),
        ("summarize a.txt -o ''", "the name of a file must not be empty"),
        ("fanout a.txt -n 1e101", "must be whole numbers in 1..1e100, such as 100 or 1e6, not '1e101'"),
        ("fanout a.txt -n 1.5", "must be whole numbers in 1..1e100, such as 100 or 1e6, not '1.5'"),
        ("fanout a.txt -n 0e5", "must be whole numbers"),
    ],
)
def test_wrong_arguments(args, message):
    status, out, err = historian(*(arg.strip("'") for arg in args.split(" ")))
    assert (status, out, err.count("\n")) == (2, "", 1) and message in err


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "min", "h", "bytes", "B", "KiB", "rows", "requests"])
def test_units_that_are_fine(unit):
    assert json.loads(historian("summarize", "a.txt", "--unit", unit, "--format", "json")[1])["unit"] == unit


def test_numbers_of_calls_with_an_exponent():
    out = historian("fanout", "s.hist", "-n", "1e18,1e2,5E+1", "--format", "json")[1]
    assert [row["n"] for row in json.loads(out)["rows"]] == [10**18, 100, 50]


def test_equal_names_of_columns():
    header = historian("compare", "s.hist", "s.hist", "-p", "50")[1].splitlines()[0]
    assert header.split("  ")[0] == "" and "s.hist (A) (ms)  s.hist (B) (ms)" in header


def test_a_group_in_two_units_is_converted_by_show(folder):
    for name, unit in (("a", "s"), ("b", "ms")):
        Registry(folder / "both").recorder(name, unit=unit, table="users").record(1.0)
    status, _, err = historian("profile", "both", "--by", "table")
    assert status == 1 and "others of its group in 's': to convert, pass --show s" in err
    assert historian("profile", "both", "--by", "table", "--show", "s")[0] == 0


# ---- times and sizes together ----


@posix
@pytest.mark.parametrize("command", ["summarize", "profile"])
@pytest.mark.parametrize(("show", "units"), [("ms", {"ms", "bytes"}), ("KiB", {"s", "KiB"})])
def test_show_where_there_are_times_and_sizes(shop, command, show, units):
    status, out, err = historian(command, "shop", "--show", show, "--format", "json")
    assert (status, err, {row["unit"] for row in json.loads(out)["rows"]}) == (0, "", units)
    table = historian(command, "shop", "--show", show)[1]
    assert f"({show})" in table and ("(KiB)" in table if show == "KiB" else "(B)" in table or "(KiB)" in table)
    assert historian("snapshot", "shop", "--show", show)[0] == 0
    assert historian("fanout", "shop", "--show", show, "--by", "name", "--by", "table")[0] == 0


@posix
def test_show_must_convert_something(shop):
    for command in ("summarize", "profile", "snapshot"):
        status, out, err = historian(command, "shop", "--show", "rows")
        assert (status, out) == (1, "") and "cannot be converted to 'rows'" in err
    assert historian("merge", "shop", "--show", "ms", "-o", "o.hist")[0] == 1


# ---- the names of files ----


@pytest.mark.parametrize("file", ["s.hist", "a.txt", "./a.txt", "a.csv", "a.json", "a.npy"])
def test_files_are_chosen_by_their_names(folder, file):
    import numpy

    (folder / "a.csv").write_text("time\n1\n2\n")
    (folder / "a.json").write_text('{"time":1}\n{"time":2}\n')
    numpy.save(folder / "a.npy", [1.0, 2.0])
    options = {"a.csv": ["--column", "time"], "a.json": ["--field", "time"]}.get(file, [])
    name = os.path.basename(file)
    for asked in {file, name}:
        out = historian("summarize", file, "--where", f"name={asked}", "--format", "json", *options)[1]
        [row] = json.loads(out)["rows"]
        assert row["name"] == file and row["count"] in (2, 100)
    [row] = json.loads(historian("summarize", file, "--by", "name", "--format", "json", *options)[1])["rows"]
    assert row["name"] == file
    status, out, err = historian("summarize", file, "--where", f"name=x{name}", *options)
    assert (status, out) == (1, "") and f"did you mean {file!r}?" in err


def test_some_of_several_files():
    rows = json.loads(historian("summarize", "a.txt", "b.txt", "--where", "name=b.txt", "--format", "json")[1])["rows"]
    assert [(row["name"], row["sum"]) for row in rows] == [("b.txt", 7.0)]
    rows = json.loads(historian("profile", "a.txt", "b.txt", "--by", "name", "--format", "json")[1])["rows"]
    assert {row["name"]: row["sum"] for row in rows} == {"a.txt": 3.0, "b.txt": 7.0}


# ---- clear and top ----


@posix
def test_clear_some_recorders(shop):
    assert historian("clear", "shop", "--where", "tabel=users")[0] == 1
    status, out, err = historian("clear", "shop", "--where", "name=qurey")
    assert (status, out) == (1, "") and "nothing has name=qurey; did you mean 'query'?" in err
    assert sum(h.count for h in shop.snapshot().values()) == 5
    assert historian("clear", "shop", "--where", "name=query,table=users") == (
        0, "cleared 1 recorder, which held 2 values\n", ""
    )  # fmt: skip
    assert {str(key): h.count for key, h in shop.snapshot().items()} == {
        "query{table=users}": 0, "query{table=carts}": 1, "size": 2
    }  # fmt: skip
    assert historian("clear", "shop")[1] == "cleared 3 recorders, which held 3 values\n"


@posix
@pytest.mark.parametrize("command", ["clear", "top --count 1 --interval 0.1"])
def test_a_folder_without_recorders(folder, command):
    (folder / "other").mkdir()
    (folder / "other" / "x.txt").write_text("1")
    name, *options = command.split()
    assert historian(name, "other", *options) == (1, "", f"historian {name}: other: it holds no recorders\n")
    (folder / "new").mkdir()
    assert historian(name, "new", *options)[0] == 0


# ---- the output, and the end ----


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize("command", ["--help", "--version", "summarize --help", "summarize a.txt"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_is_full(command, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "historian", *command.split()], stdout=full, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered}, timeout=60, check=False,
        )  # fmt: skip
    message = "historian: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, message)


def test_help_goes_to_the_output():
    status, out, err = run("summarize", "--help")
    assert (status, err) == (0, "") and out.startswith("usage: historian summarize")


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
def test_an_interrupt_while_the_commands_are_imported(tmp_path):
    script = """
import sys, os, signal
import historian.cli
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "historian.cli.demo":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.exit(historian.cli.main(["summarize", "a.txt"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_lack_of_memory_is_one_line(monkeypatch, capsys):
    from historian.cli import main, summarize

    def run(args):
        raise MemoryError

    monkeypatch.setattr(summarize, "run", run)
    assert main(["summarize", "a.txt"]) == 1
    assert capsys.readouterr().err == "historian: there is not enough memory\n"
