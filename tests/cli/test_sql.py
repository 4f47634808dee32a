"""``historian sql`` prints queries, and every command reads their results as csv."""

import csv
import io
import json
from fractions import Fraction

import pytest

import historian
from historian import Histogram, buckets
from historian.cli import main
from historian.engines import sql

NAMES = ["histogram_bucket", "histogram_count", "histogram_min", "histogram_max", "histogram_sum", "histogram_unit"]
VALUES = {("/a", "200"): [0.0, 0.012, 0.0121, 0.0125], ("/b", "200"): [0.1, 0.7, 5e-5], ("/a", "500"): [3.0]}


def result(values=VALUES, by=("route", "code"), unit="s", delimiter=","):
    """Return what a query counts, as csv, computed by fractions."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow([*by, *NAMES])
    for label, numbers in values.items():
        for bucket in sorted(set(map(buckets.index, numbers))):
            own = [number for number in numbers if buckets.index(number) == bucket]
            total = sum(map(Fraction, own)) / Fraction(2) ** (bucket // 64 - 52)
            assert total.denominator == 1
            writer.writerow([*label, bucket, len(own), min(own), max(own), total.numerator, unit])
    return text.getvalue()


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "result.csv"
    found.write_text(result())
    return found


def run(capsys, *words):
    status = main(list(map(str, words)))
    return status, *capsys.readouterr()


@pytest.mark.parametrize("dialect", sql.DIALECTS)
def test_the_query_is_that_of_the_module(capsys, dialect):
    words = ["--column", "a b", "--by", "c", "--by", 'd"', "--table", "x.y", "--unit", "ms", "--invalid", "raise"]
    expected = sql.query(dialect, column="a b", by=["c", 'd"'], table="x.y", unit="ms", invalid="raise")
    assert run(capsys, "sql", "--dialect", dialect, *words) == (0, expected, "")
    assert run(capsys, "sql", "--dialect", dialect, "--column", "a") == (0, sql.query(dialect, column="a"), "")


def test_mistakes_are_one_line(capsys):
    status, out, err = run(capsys, "sql", "--dialect", "duckdb", "--column", "a", "--by", "b", "--by", "B")
    assert (status, out) == (2, "")
    assert err == "historian sql: error: by must not name a column twice: 'b', 'B'\n"
    status, out, err = run(capsys, "sql", "--dialect", "duckdb", "--column", "")
    assert (status, out, err) == (2, "", "historian sql: error: not the name of a column: ''\n")
    with pytest.raises(SystemExit):
        main(["sql", "--dialect", "postgre", "--column", "a"])
    assert "did you mean 'postgres'?" in capsys.readouterr().err


def test_a_result_is_summarized(capsys, path):
    status, out, _ = run(capsys, "summarize", "--format", "json", path)
    (row,) = json.loads(out)["rows"]
    expected = Histogram.from_values([number for numbers in VALUES.values() for number in numbers])
    assert (status, row["name"]) == (0, str(path))
    assert (row["count"], row["sum"], row["min"], row["max"]) == (8, expected.sum, 0.0, 3.0)


def test_groups_are_those_of_the_core(capsys, path, tmp_path):
    """Check histograms to the last bit, by way of a snapshot."""
    assert run(capsys, "convert", "--by", "route", "--by", "code", path, tmp_path / "r.jsonl")[0] == 0
    found = historian.snapshot.load(tmp_path / "r.jsonl")
    assert {(dict(key.labels)["route"], dict(key.labels)["code"]): one.to_bytes() for key, one in found.items()} == {
        label: Histogram.from_values(numbers).to_bytes() for label, numbers in VALUES.items()
    }


def test_selection(capsys, path):
    def rows(*words):
        status, out, err = run(capsys, "summarize", "--format", "json", *words)
        assert status == 0, err
        return {row["name"]: row["count"] for row in json.loads(out)["rows"]}

    assert rows("--by", "route", path) == {"/a": 5, "/b": 3}
    assert rows("--by", "route", "--where", "code=200", path) == {"/a": 4, "/b": 3}
    assert rows("--where", "code=500", path) == {str(path): 1}
    status, out, err = run(capsys, "summarize", "--by", "rout", path)
    assert (status, out) == (1, "")
    assert "no column, field or label 'rout' for --by; did you mean 'route'?" in err


def test_other_spellings(capsys, tmp_path):
    """Check tabs, a byte order mark, names in capitals, CRLF and standard input."""
    found = tmp_path / "result.tsv"
    found.write_text("\ufeff" + result(delimiter="\t").replace("histogram_", "HISTOGRAM_"), newline="\r\n")
    status, out, err = run(capsys, "summarize", "--by", "code", "--format", "csv", found)
    assert status == 0, err
    assert [row["count"] for row in csv.DictReader(io.StringIO(out))] == ["7", "1"]


def test_standard_input(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(result(unit="ms").encode())))
    monkeypatch.setattr("historian.cli._input.sources._Reader.check_stdin", lambda self: None)  # it has no descriptor
    status, out, err = run(capsys, "summarize", "--format", "json", "-")
    assert status == 0, err
    assert [(row["count"], row["unit"]) for row in json.loads(out)["rows"]] == [(8, "ms")]


def test_values_without_a_bucket_are_bad_input(capsys, path):
    for missing in ("", "\\N", "NULL"):
        path.write_text(result() + f"/a,200,{missing},3,nan,,0,s\n")
        status, out, err = run(capsys, "summarize", path)
        assert (status, out) == (1, "")
        assert err == f"historian summarize: {path}: 3 of 11 values are missing, NaN, infinite or negative\n"
    status, out, err = run(capsys, "summarize", "--skip-bad", "--format", "json", path)
    assert status == 0
    assert json.loads(out)["rows"][0]["count"] == 8
    assert "3 of 11 values are missing" in err


def test_damaged_rows_are_bad_input(capsys, path):
    lines = result().splitlines(keepends=True)
    lines[2] = lines[2].replace("0.012,", "0.5,")
    path.write_text("".join(lines))
    status, out, err = run(capsys, "summarize", path)
    assert (status, out) == (1, "")
    assert err.startswith(
        f"historian summarize: {path}:3: histogram_min 0.5 and histogram_max 0.5 do not lie in bucket"
    )
    path.write_text("".join([*lines[:2], "/a,200,1\n"]))
    status, out, err = run(capsys, "summarize", path)
    assert (status, err) == (1, f"historian summarize: {path}:3: it has 3 of 8 columns\n")
    path.write_text(result().replace("histogram_sum", "total"))
    status, out, err = run(capsys, "summarize", path)
    assert status == 1
    assert f"{path}: the result has no column 'histogram_sum': its columns are 'route', 'code'" in err


def test_options_that_do_not_apply(capsys, path):
    for option in (["--field", "a"], ["--pattern", "(?P<value>.)"]):
        status, out, _ = run(capsys, "summarize", *option, path)
        assert (status, out) == (1, "")
    status, _, err = run(capsys, "summarize", "--scale", "2", path)
    assert status == 1
    assert "--scale cannot change the values of a histogram" in err


def test_an_empty_result(capsys, path):
    path.write_text(result({}))
    status, _, err = run(capsys, "summarize", path)
    assert (status, err) == (1, f"historian summarize: {path}: it contains no numbers\n")  # as any csv without rows
