"""DDSketch's messages on the command line: read by every command, written by `convert`; the name tells the library."""

import json

import pytest

from historian import Histogram
from historian.cli import main
from historian.formats import ddsketch
from historian.formats._protobuf import write_field

VALUES = [0.0, 0.012, 0.015, 0.25, 4.0]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ours = Histogram.from_values(VALUES)
    for dialect in ddsketch.DIALECTS:
        (tmp_path / f"a.{dialect}.ddsketch").write_bytes(ddsketch.encode(ours, dialect=dialect))
    (tmp_path / "a.bin").write_bytes(ddsketch.encode(ours, dialect="go"))
    ours_as_hist = tmp_path / "ours.hist"
    ours_as_hist.write_bytes(ours.to_bytes())
    return ours


def rows(capsys, *words):
    status = main(["summarize", "--format", "json", "--unit", "s", *words])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    return [(row["name"], row["count"], row["percentiles"]["50"]) for row in json.loads(shown.out)["rows"]]


@pytest.mark.parametrize("dialect", ddsketch.DIALECTS)
def test_the_name_tells_the_library(folder, capsys, dialect):
    name = f"a.{dialect}.ddsketch"
    assert rows(capsys, name, "-p", "50") == [(name, 5, folder.quantile(0.5))]
    assert rows(capsys, name, "-p", "50", "--dialect", "py") == [(name, 5, folder.quantile(0.5))]  # the name is nearer


def test_first_bytes_tell_a_sketch_and_an_option_its_library(folder, capsys):
    assert rows(capsys, "a.bin", "--dialect", "java", "-p", "50") == [("a.bin", 5, folder.quantile(0.5))]
    assert main(["summarize", "a.bin"]) == 1
    assert "a.bin: the libraries of DDSketch number buckets differently: pass --dialect py" in capsys.readouterr().err


def test_the_unit_is_said_to_be_assumed(folder, capsys):
    assert main(["summarize", "a.py.ddsketch"]) == 0
    assert "its values are taken for s, as is usual; if not, pass --unit" in capsys.readouterr().err


def test_sketches_merge_with_each_other_and_with_histograms(folder):
    assert main(["merge", "--unit", "s", "-o", "all.hist", "a.py.ddsketch", "a.java.ddsketch", "ours.hist"]) == 0
    with open("all.hist", "rb") as file:
        assert Histogram.from_bytes(file.read()).counts.tolist() == (folder + folder + folder).counts.tolist()


@pytest.mark.parametrize("dialect", ddsketch.DIALECTS)
def test_convert_writes_what_the_library_reads(folder, dialect, capsys):
    assert main(["convert", "ours.hist", f"b.{dialect}.ddsketch"]) == 0
    assert main(["convert", "ours.hist", "c.ddsketch", "--dialect", dialect]) == 0
    assert capsys.readouterr().err == ""
    for name in (f"b.{dialect}.ddsketch", "c.ddsketch"):
        with open(name, "rb") as file:
            assert file.read() == ddsketch.encode(folder, dialect=dialect)
    for other in ddsketch.DIALECTS:
        assert main(["convert", "--unit", "s", f"b.{dialect}.ddsketch", f"d.{other}.ddsketch.gz"]) == 0
        assert rows(capsys, f"d.{other}.ddsketch.gz", "-p", "50")[0][1:] == (5, folder.quantile(0.5))


def test_other_units_are_said(folder, capsys):
    assert main(["convert", "ours.hist", "--show", "ms", "b.go.ddsketch"]) == 0
    assert "b.go.ddsketch: its values are in 'ms', which it does not say" in capsys.readouterr().err


def test_a_sketch_of_other_buckets_says_its_error(folder, capsys):
    mapping = write_field(1, write_field(1, 1.02 / 0.98))
    bins = write_field(2, write_field(2, b"".join(bytes(6) + b"\xf0\x3f" for _ in range(3))))
    with open("other.py.ddsketch", "wb") as file:
        file.write(mapping + bins)
    assert main(["summarize", "--unit", "s", "other.py.ddsketch", "-p", "50"]) == 0
    assert "a DDSketch with other buckets: percentiles are within 4.6 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["summarize", "a.py.ddsketch", "--column", "x"], 1, "--column does not apply to a DDSketch"),
        (["summarize", "a.py.ddsketch", "--by", "x"], 1, "--by does not apply to a DDSketch"),
        (["convert", "ours.hist", "b.ddsketch"], 2, "b.ddsketch: for which library of DDSketch? Pass --dialect"),
        (["convert", "ours.hist", "b.py.ddsketch", "--by", "x"], 2, "--by gives several histograms, and .ddsketch"),
        (["convert", "ours.hist", "b.py.ddsketch", "--values", "ms"], 2, "--values belongs to .hlog, .hgrm, .hdr"),
        (["summarize", "cut.py.ddsketch"], 1, "cut.py.ddsketch: offset 20: a field is cut short"),
        (["summarize", "empty.py.ddsketch"], 1, "offset 0: gamma must be above 1 and finite, not 0.0"),
    ],
)  # fmt: skip
def test_what_is_refused(folder, capsys, words, status, message):
    with open("a.py.ddsketch", "rb") as file, open("cut.py.ddsketch", "wb") as out, open("empty.py.ddsketch", "wb"):
        out.write(file.read(20))
    assert main(words) == status
    assert message in capsys.readouterr().err
