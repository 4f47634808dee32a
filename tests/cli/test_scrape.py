"""Text for Prometheus as an input of every command: a row for each series, and what is said of its error."""

import json

import pytest

from historian import snapshot
from historian.cli import main

PAGE = """\
# HELP http_seconds Requests.
# TYPE http_seconds histogram
http_seconds_bucket{code="200",le="0.1"} 50
http_seconds_bucket{code="200",le="0.2"} 98
http_seconds_bucket{code="200",le="+Inf"} 100
http_seconds_sum{code="200"} 11.5
http_seconds_count{code="200"} 100
http_seconds_bucket{code="500",le="0.1"} 0
http_seconds_bucket{code="500",le="0.2"} 10
http_seconds_bucket{code="500",le="+Inf"} 10
http_seconds_sum{code="500"} 1.5
http_seconds_count{code="500"} 10
# TYPE size histogram
size_bucket{le="1000"} 0
size_bucket{le="1100"} 5
size_bucket{le="+Inf"} 5
# TYPE up gauge
up 1
"""

NOTE = (
    "buckets of Prometheus, interpolated: a percentile may be 100 % off; 50 below the lowest bound may be any smaller; "
    "2 above the highest bound any larger"
)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "metrics.txt"
    path.write_text(PAGE)
    return path


def counts(capsys, *words):
    status = main(["summarize", "--format", "json", *map(str, words)])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    return {(row["name"], row["unit"]): row["count"] for row in json.loads(shown.out)["rows"]}


def test_a_row_for_each_series(page, capsys):
    assert counts(capsys, page) == {
        ("http_seconds{code=200}", "s"): 100, ("http_seconds{code=500}", "s"): 10, ("size", "1"): 5,
    }  # fmt: skip
    assert counts(capsys, page, "--where", "name=http_seconds", "--by", "code") == {("200", "s"): 100, ("500", "s"): 10}
    assert counts(capsys, page, "--where", "name=size", "--unit", "bytes") == {("size", "bytes"): 5}


def test_how_far_percentiles_are_off_is_said(page, capsys):
    assert main(["summarize", str(page)]) == 0
    assert NOTE in capsys.readouterr().out
    assert main(["summarize", str(page), "--where", "name=size"]) == 0
    assert "interpolated: a percentile may be 11 % off\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["profile", "report", "plot", "fanout", "compare", "merge", "snapshot"])
def test_every_command_reads_it(page, tmp_path, capsys, command):
    if command in ("plot", "report"):
        pytest.importorskip("matplotlib")
    words = [command, "--where", "name=http_seconds", str(page)]
    if command == "compare":
        words.insert(1, str(page))
    if command in ("compare", "fanout"):
        words += ["--by", "code"]
    if command in ("plot", "report", "merge", "snapshot"):
        words += [
            "-o",
            str(tmp_path / {"plot": "a.svg", "report": "a.html", "merge": "a.hist"}.get(command, "a.jsonl")),
        ]
    assert main(words) == 0, capsys.readouterr().err
    if command == "snapshot":
        assert [h.sum for h in snapshot.load(tmp_path / "a.jsonl").values()] == [11.5, 1.5]


def test_several_processes_add_up(page, tmp_path, capsys):
    (tmp_path / "other.txt").write_text(PAGE)
    found = counts(capsys, page, tmp_path / "other.txt", "--by", "name", "--where", "name=http_seconds")
    assert found == {("http_seconds", "s"): 220}


def test_a_part_of_a_page_is_enough(tmp_path, capsys):
    """As of ``curl | grep``, compressed, or with a byte order mark."""
    import gzip

    lines = [line for line in PAGE.splitlines(keepends=True) if line.startswith("http_seconds_bucket")]
    (tmp_path / "a.gz").write_bytes(gzip.compress("".join(lines).encode()))
    (tmp_path / "b").write_bytes(b"\xef\xbb\xbf" + "".join(lines).encode())
    for name in ("a.gz", "b"):
        assert sum(counts(capsys, tmp_path / name).values()) == 110


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PAGE.replace(" 98", " x"), "metrics.txt:4: a value must be a number, not 'x'"),
        (PAGE.replace(" 98", " 5"), "metrics.txt:5: http_seconds{code=200} counts fewer values at a higher bound"),
        (PAGE + PAGE, "metrics.txt:21: the metric 'http_seconds' comes twice: keep scrapes in files of their own"),
        ("# TYPE up gauge\nup 1\n", "metrics.txt: it has no classic histogram, whose samples end in _bucket"),
        (PAGE + "x" * (1 << 20) + "\n", "metrics.txt:19: longer than 1,048,576 bytes"),
    ],
)
def test_what_is_refused(page, capsys, text, message):
    page.write_text(text)
    assert main(["summarize", str(page)]) == 1
    shown = capsys.readouterr()
    assert (shown.out, message in shown.err) == ("", True), shown.err


def test_bad_lines_are_skipped_if_asked(page, capsys):
    page.write_text(PAGE.replace("up 1", "up up up up") + 'z_bucket{le="+Inf"} 3\n')
    assert main(["summarize", str(page), "--skip-bad", "--format", "csv"]) == 0
    shown = capsys.readouterr()
    assert "skipped 2 bad entries; the first: " in shown.err and ":18: not a sample" in shown.err
    assert shown.out.count("\n") == 4


@pytest.mark.parametrize("option", [["--column", "a"], ["--field", "a"], ["--no-header"]])
def test_options_that_do_not_apply(page, capsys, option):
    status = main(["summarize", str(page), *option])
    said = capsys.readouterr().err
    assert status == (0 if option == ["--no-header"] else 1)
    assert option == ["--no-header"] or f"{option[0]} does not apply to a scrape of Prometheus" in said


def test_a_pattern_reads_lines_all_the_same(page, capsys):
    assert sum(counts(capsys, page, "--pattern", r"_sum\S* (?P<value>.*)").values()) == 2
