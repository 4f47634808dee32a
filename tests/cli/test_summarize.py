"""``historian summarize``, mostly run as a command, in a process of its own."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import shlex
import subprocess
import sys
import tracemalloc

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import historian
from historian import Histogram, merge
from historian.cli._input import lines as lines_module
from historian.cli._input.choice import Choice
from historian.cli._input.layout import Layout
from historian.cli._input.lines import Lines, chunks
from historian.cli._input.numbers import read
from historian.cli._input.tally import ALL, MAX_GROUPS, InputError, Tally

COMMAND = [sys.executable, "-m", "historian", "summarize"]
TEXT = Layout()

posix = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell, pipes and terminals")


def summarize(*args, stdin=b"", **options):
    """Run the command; return (exit status, standard output, standard error)."""
    stdin = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*COMMAND, *map(str, args)], input=stdin, capture_output=True, timeout=60, check=False, **options
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def summary(*args, stdin=b""):
    """Run the command with ``--format json``, which must succeed without messages; return the document."""
    status, out, err = summarize("--format", "json", *args, stdin=stdin)
    assert (status, err) == (0, "")
    return json.loads(out, parse_constant=pytest.fail)


def complaint(*args, stdin=b""):
    """Run the command, which must fail and print no result; return its message."""
    status, out, err = summarize(*args, stdin=stdin)
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    assert err.startswith("historian summarize: ")
    assert err.count("\n") == 1
    return err.removeprefix("historian summarize: ").rstrip("\n")


def count(data, layout=TEXT, name="<stdin>", **options):
    """Read bytes in this process; return the tally."""
    tally = Tally("s", **options)
    read(io.BytesIO(data), name, layout, tally)
    return tally


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# ---- plain text ----


def test_numbers_of_standard_input_in_a_table():
    status, out, err = summarize("-p", "50,90", stdin="0.010\n" * 90 + "0.250\n" * 10)
    assert (status, err) == (0, "")
    # p50 and p90 are the 50th and 90th of 100 values: 10 ms. The mean is (90*10 + 10*250)/100 = 34 ms.
    assert out.splitlines() == [
        "name (ms)  count   min   p50   p90  max  mean",
        "<stdin>      100  10.0  10.0  10.0  250  34.0",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1 2\n3\n",
        "1\t2   3",
        "\n\n1\n  \n2\n3\n\n",
        "# head\n1 # one\n#2\n2#\n3 # 4 5\n# tail",
        "1\r\n2\r\n3\r\n",
        "\ufeff1\n2\n3\n",
        "\ufeff# r\u00e9sum\u00e9\n1\n2\n3\n",
        "1.0 +2 3e0",
        "1\xa02\u20033",
    ],
)
def test_layouts_of_plain_text(text):
    assert count(text.encode()).histograms() == {ALL: Histogram.from_values([1, 2, 3])}


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("abc", "'abc' is not a number"),
        ("1_000", "'1_000' is not a number"),
        ("\u0663", "'\u0663' is not a number"),  # an Arabic digit
        ("0x10", "'0x10' is not a number"),
        ("ms", "'ms' is not a number"),
        ("-1", "'-1' is negative"),
        ("-inf", "'-inf' is negative"),
        ("nan", "'nan' is not finite"),
        ("inf", "'inf' is not finite"),
        ("Infinity", "'Infinity' is not finite"),
        ("1e400", "'1e400' is not finite"),
    ],
)
def test_a_line_that_is_not_a_number_is_reported_with_file_line_and_text(write, word, why):
    path = write("times.txt", f"1\n\n# {word} here is fine\n2\n{word}\n3\n")
    assert complaint(path) == f"{path}:5: {why}"
    with pytest.raises(InputError) as caught:
        count(f"1\n2 {word} 3\n".encode())
    assert str(caught.value) == f"<stdin>:2: {why}, in '2 {word} 3'"


def test_a_bad_line_far_into_the_input_has_its_own_number():
    text = "0.001\n" * 100_000 + "oops\n" + "0.001\n" * 100_000
    assert complaint(stdin=text) == "<stdin>:100001: 'oops' is not a number"


def test_negative_zero_is_zero():
    assert repr(count(b"-0.0\n").histograms()[ALL].min) == "0.0"


def test_likely_remedies_are_reported():
    assert "--column" in complaint(stdin="a,b\n1,2\n")
    assert "--field" in complaint(stdin='{"a": 1}\n')


@pytest.mark.parametrize("data", [b"\xff1\n", bytes(range(128, 256))])
def test_bytes_that_are_not_text_are_reported(data):
    message = complaint(stdin=data)
    assert message.startswith("<stdin>:1: ")
    assert message.endswith(" is not UTF-8 text")


def test_utf_16_is_read():
    text = "1\n2\n"
    assert summarize(stdin=text.encode("utf-16")) == summarize(stdin=text.encode())


def test_bytes_that_are_not_text_are_allowed_in_a_comment():
    assert count(b"1 # caf\xe9\n2\n").histograms()[ALL].count == 2


def test_messages_cannot_move_the_cursor():
    assert complaint(stdin=b"\x1b[2J\n") == r"<stdin>:1: '\x1b[2J' is not a number"


def test_skip_bad_counts_and_reports():
    status, out, err = summarize("--skip-bad", "--format", "json", stdin="1\nx\n2 y 3\n-4\n5\n")
    assert (status, err) == (
        0,
        "historian summarize: skipped 3 bad entries; the first: <stdin>:2: 'x' is not a number\n",
    )
    document = json.loads(out)
    assert document["skipped"] == 3
    assert (document["total"]["count"], document["total"]["sum"]) == (2, 6.0)  # 1 and 5, and no number of "2 y 3"


def test_skip_bad_is_silent_without_bad_input():
    assert summarize("--skip-bad", stdin="1")[2] == ""


# ---- bounded chunks ----


@pytest.mark.parametrize("sep", [" ", "\t", "\r\n", "\n"])
def test_lines_longer_than_a_chunk(sep):
    histogram = count(sep.join(["0.25"] * 200_000).encode()).histograms()[ALL]  # 1 MB
    assert (histogram.count, histogram.min, histogram.max) == (200_000, 0.25, 0.25)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_chunks_lose_nothing_wherever_they_are_cut(monkeypatch, chunk):
    monkeypatch.setattr(lines_module, "CHUNK_NBYTES", chunk)
    text = b"1 22 333\n4444#5 6 7 8 9\n\n55555 666666 #\n7777777 # 8\n9 10\n11"
    assert count(text).histograms()[ALL].sum == 1 + 22 + 333 + 4444 + 55555 + 666666 + 7777777 + 9 + 10 + 11
    with pytest.raises(InputError, match=r"^<stdin>:8: 'x'"):
        count(text + b"\nx 3")


@pytest.mark.parametrize("layout", [TEXT, Layout(column="a"), Layout(field="a")])
def test_an_endless_word_is_bad(layout):
    class Zeros(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            buffer[:] = b"0" * len(buffer)
            return len(buffer)

    with pytest.raises(InputError, match=r"^zeros:1: "):
        read(io.BufferedReader(Zeros()), "zeros", layout, Tally("s"))


def test_a_word_too_long_is_one_bad_entry():
    tally = count(b"1\n" + b"9" * 1_000_000 + b" 5 # 6\n2\n", skip_bad=True)
    assert (tally.skipped, tally.histograms()[ALL].sum) == (1, 3.0)
    assert len(tally.first) < 200
    assert max(map(len, chunks(io.BytesIO(b"9" * 1_000_000)))) < 300_000


def test_a_comment_may_be_longer_than_a_chunk():
    assert count(b"1 # " + b"2 " * 500_000 + b"\n3\n").histograms()[ALL].sum == 4.0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 1e12), max_size=200),
    st.lists(st.sampled_from([" ", "\n", "\t", "\r\n", "\n\n", "  ", " # a comment, 12\n", "\n#\n"]), min_size=1),
    st.sampled_from([5, 60, 1 << 17]),
    st.booleans(),
)
def test_any_layout_gives_the_histogram_of_the_values(values, separators, chunk, bom):
    text = "".join(f"{value!r}{separators[k % len(separators)]}" for k, value in enumerate(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "CHUNK_NBYTES", chunk)
        found = count((b"\xef\xbb\xbf" if bom else b"") + text.encode()).histograms().get(ALL, Histogram())
    expected = Histogram.from_values(values)
    assert found.indices.tolist() == expected.indices.tolist()
    assert found.counts.tolist() == expected.counts.tolist()
    assert repr((found.min, found.max)) == repr((expected.min, expected.max))
    assert found.sum == expected.sum


@pytest.mark.parametrize(
    ("head", "line", "layout"),
    [
        (b"", b"0.001234\n", TEXT),
        (b"", b"0.001234 ", TEXT),  # all in one line
        (b"t,g\n", b"0.001234,a\n", Layout(column="t", choice=Choice(by=("g",)))),
        (b"", b'{"t": 0.001234}\n', Layout(field="t")),
    ],
)
def test_memory_stays_flat(head, line, layout):
    def peak(n):
        stream = io.BytesIO(head + line * n)
        tracemalloc.start()
        try:
            read(stream, "<stdin>", layout, Tally("s"))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(150_000) < 1.1 * peak(40_000)  # 10 chunks, and 3


# ---- csv ----


def test_column_by_name():
    assert count(b"a,b\r\n1,2\r\n\r\n3,4\r\n", Layout(column="b")).histograms()[ALL].sum == 6.0
    assert count(b'\xef\xbb\xbf" b ",a\n 2 ,1\n', Layout(column="b")).histograms()[ALL].sum == 2.0
    assert summary("--column", "b", stdin="a,b\n1,2\n")["total"]["sum"] == 2.0


def test_csv_by_suffix_needs_a_column_and_lists_them(write):
    path = write("t.CSV", "time,path\n1,/\n")
    assert complaint(path) == f"{path}: which column? Name it with --column: 'time', 'path'"
    message = complaint(path, "--column", "Time")
    assert message == f"{path}: no column 'Time' for --column; the columns are 'time', 'path'; did you mean 'time'?"
    message = complaint(path, "--column", "time", "--by", "x")
    assert message == f"{path}: no column 'x' for --by; the columns are 'time', 'path'"


def test_csv_headers_without_the_column():
    assert "2 columns 'a'" in complaint("--column", "a", stdin="a,a\n1,2\n")
    assert complaint("--column", "a", stdin="") == "<stdin>: no header line: the first line must name the columns"


def test_tsv_is_separated_by_tabs(write):
    assert summary(write("t.tsv", "a,b\tc\n1\t2\n"), "--column", "c")["total"]["sum"] == 2.0


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("x,", "'' is not a number: the cell in column 'b' is empty"),
        ("x, ", "'' is not a number: the cell in column 'b' is empty"),
        ("x", "'x' has 1 of 2 columns"),
        ("x,nan", "'nan' is not finite"),
        ("x,-1", "'-1' is negative"),
        ("x,one", "'one' is not a number"),
        ('"x"y,1', "not csv: ',' expected after '\"'"),
        ("\udcff,1", "not UTF-8 text: '\\xff,1'"),
    ],
)
def test_bad_rows_are_reported_with_file_line_and_text(row, why):
    data = f'a,b\n"two\nlines",1\n\n"four\r\nmore\r\n\r\nlines",2\n{row}\nx,4\n'.encode(errors="surrogateescape")
    with pytest.raises(InputError) as caught:
        count(data, Layout(column="b"))
    # The header is line 1, the rows are lines 2 to 3 and 5 to 8, and the bad row is line 9.
    assert str(caught.value) == f"<stdin>:9: {why}"
    tally = count(data, Layout(column="b"), skip_bad=True)
    assert (tally.skipped, tally.histograms()[ALL].sum) == (1, 7.0)


def test_a_quote_without_an_end_does_not_swallow_the_rest_of_the_file():
    with pytest.raises(InputError, match="not csv: field larger than field limit"):
        count(b'a\n"1\n' + b"2\n" * 1_000_000, Layout(column="a"))
    with pytest.raises(InputError, match="<stdin>:2: not csv: unexpected end of data"):
        count(b'a\n"1', Layout(column="a"))


def test_by_gives_one_row_for_each_group_of_all_files(write):
    files = write("one.csv", "path,time\nb,1\na,10\n"), write("two.csv", "time,path\n100,a\n1000,c\n")
    rows = summary(*files, "--column", "time", "--by", "path")["rows"]
    assert [(row["name"], row["count"], row["sum"]) for row in rows] == [
        ("b", 1, 1.0),
        ("a", 2, 110.0),
        ("c", 1, 1000.0),
    ]
    status, out, _ = summarize(*files, "--column", "time", "--by", "path")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["b", "a", "c"]
    assert "total" not in out


def test_by_cannot_fill_the_memory():
    data = "id,t\n" + "".join(f"{k},1\n" for k in range(MAX_GROUPS + 1))
    message = f"more than {MAX_GROUPS:,} groups; '{MAX_GROUPS}' would be one more: is --by a column of identifiers"
    with pytest.raises(InputError, match=message):
        count(data.encode(), Layout(column="t", choice=Choice(by=("id",))))


def test_groups_cannot_break_the_table():
    status, out, _ = summarize("--column", "t", "--by", "g", stdin='g,t\n"a\x1b[2J\nb",1\n')
    assert status == 0
    assert out.splitlines()[1].startswith(r'"a\x1b[2J\nb" ')  # quoted, so that it differs from a\\x1b


def test_groups_that_used_to_print_alike_have_a_row_each():
    text = 'a,b,t\n"1,b=2",3,1\n1,"2,b=3",2\n(no a),x,3\n,x,4\n'
    rows = summarize("--column", "t", "--by", "a", "--by", "b", stdin=text)[1].splitlines()[1:5]
    assert [row.split("  ")[0] for row in rows] == ['a="1,b=2",b=3', 'a=1,b="2,b=3"', "a=(no a),b=x", "a=,b=x"]
    rows = summarize("--column", "t", "--by", "a", stdin=text)[1].splitlines()[1:5]
    assert [row.split("  ")[0] for row in rows] == ["1,b=2", "1", '"(no a)"', "(no a)"]


# ---- JSON lines ----


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('{"a": {"b": 2.5, "c": 1}}', "a.b"),
        ('{"t": 25e-1}', "t"),
        ('{"http.time": 2.5}', "http.time"),
        ('{"attributes": {"http.time": 2.5}}', "attributes.http.time"),
    ],
)
def test_field_of_json_lines(line, field):
    assert count(f"\ufeff{line}\r\n\n{line}".encode(), Layout(field=field)).histograms()[ALL].sum == 5.0
    assert summary("--field", field, stdin=line)["total"]["sum"] == 2.5


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"a": 1}', "no field 'a.b' in '{\"a\": 1}'"),
        ('{"b": 1}', "no field 'a.b' in '{\"b\": 1}'"),
        ("[1]", "no field 'a.b' in '[1]'"),
        ("1", "no field 'a.b' in '1'"),
        ('{"a":{"b":true}}', "'true' in field 'a.b' is not a number, in '{\"a\":{\"b\":true}}'"),
        ('{"a":{"b":"1"}}', '\'"1"\' in field \'a.b\' is not a number, in \'{"a":{"b":"1"}}\''),
        ('{"a":{"b":null}}', "'null' in field 'a.b' is not a number, in '{\"a\":{\"b\":null}}'"),
        ('{"a":{"b":-1}}', "'-1' is negative, in '{\"a\":{\"b\":-1}}'"),
        ('{"a":{"b":NaN}}', "'NaN' is not finite, in '{\"a\":{\"b\":NaN}}'"),
        ('{"a":{"b":-Infinity}}', "'-Infinity' is negative, in '{\"a\":{\"b\":-Infinity}}'"),
        ('{"a":', "'{\"a\":' is not JSON: Expecting value: line 1 column 6 (char 5)"),
        ("\udcff", "not UTF-8 text: '\\xff'"),
    ],
)
def test_bad_json_lines_are_reported_with_file_line_and_text(line, why):
    data = f'{{"a":{{"b":1}}}}\n\n{line}\n{{"a":{{"b":2}}}}\n'.encode(errors="surrogateescape")
    with pytest.raises(InputError) as caught:
        count(data, Layout(field="a.b"))
    assert str(caught.value) == f"<stdin>:3: {why}"
    tally = count(data, Layout(field="a.b"), skip_bad=True)
    assert (tally.skipped, tally.histograms()[ALL].sum) == (1, 3.0)


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a": 1' + "0" * 400 + "}", '{"a": ' + "1" * 10_000 + "}"])
def test_json_that_breaks_parsers_is_a_bad_line(line):
    with pytest.raises(InputError, match=r"^<stdin>:1: ") as caught:
        count(line.encode(), Layout(field="a"))
    assert len(str(caught.value)) < 400


def test_a_json_line_too_long_is_a_bad_line():
    data = b'{"a":1}\n{"b":"' + b"x" * 2_000_000 + b'","a":5}\n{"a":2}\n'
    tally = count(data, Layout(field="a"), skip_bad=True)
    assert (tally.skipped, tally.first, tally.histograms()[ALL].sum) == (
        1,
        "<stdin>:2: longer than 1,048,576 bytes",
        3.0,
    )


def test_lines_count_themselves():
    lines = Lines(io.BytesIO(b"\xef\xbb\xbfone\r\ntwo"))
    assert [(line, lines.number) for line in lines] == [("one\r\n", 1), ("two", 2)]


# ---- .npy ----


@pytest.mark.parametrize("dtype", ["f8", ">f8", "f4", "f2", "i4", "u1", ">i8", "g"])
@pytest.mark.parametrize("shape", [(12,), (3, 4), (2, 3, 2), (1,) * 5 + (12,)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(dtype, shape, order):
    saved = io.BytesIO()
    numpy.save(saved, numpy.asarray(numpy.arange(12).reshape(shape), dtype=dtype, order=order))
    assert count(saved.getvalue(), name="a.npy").histograms() == {ALL: Histogram.from_values(range(12))}


def test_npy_from_the_command_line(tmp_path):
    values = numpy.random.default_rng(7).lognormal(-5, 1, 200_000)  # several chunks
    numpy.save(tmp_path / "a.npy", values)
    numpy.save(tmp_path / "empty.npy", numpy.zeros((3, 0)))
    numpy.save(tmp_path / "scalar.npy", numpy.float64(2.0))
    first, empty, scalar = summary(*(tmp_path / f"{name}.npy" for name in ("a", "empty", "scalar")))["rows"]
    expected = Histogram.from_values(values)
    assert (first["count"], first["min"], first["max"]) == (200_000, expected.min, expected.max)
    assert first["percentiles"]["99.9"] == expected.percentile(99.9)
    assert (empty["count"], scalar["count"]) == (0, 1)


@pytest.mark.parametrize(
    ("order", "written"), [("C", "[7, 499]: 'nan' is not finite"), ("F", "[299, 3]: '-1.0' is negative")]
)
def test_a_bad_value_of_npy_is_reported_with_its_index(tmp_path, order, written):
    array = numpy.ones((300, 500), order=order)  # three chunks of 65,536
    array[299, 3], array[7, 499] = -1.0, numpy.nan
    path = tmp_path / "a.npy"
    numpy.save(path, array)
    assert complaint(path) == f"{path}: value {written}"
    status, out, err = summarize(path, "--skip-bad", "--format", "json")
    assert (status, json.loads(out)["skipped"], json.loads(out)["total"]["count"]) == (0, 2, 149_998)
    assert err == f"historian summarize: skipped 2 bad entries; the first: {path}: value {written}\n"


@pytest.mark.parametrize("array", [["a"], [True], [1j], [None], numpy.zeros(2, "m8[s]"), numpy.zeros(2, "f8,f8")])
def test_npy_of_something_else(tmp_path, array):
    path = tmp_path / "a.npy"
    numpy.save(path, numpy.array(array), allow_pickle=True)
    assert complaint(path).startswith(f"{path}: cannot count values of dtype ")


def test_npy_that_is_invalid_or_ends_early():
    saved = io.BytesIO()
    numpy.save(saved, numpy.ones(100_000))
    data = saved.getvalue()
    with pytest.raises(InputError, match=r"^a\.npy: ends after 99,999 of 100,000 values"):
        count(data[:-4], name="a.npy")
    for broken in (b"", b"1\n2\n", data[:5], data[:40], data[:12] + b"(" * 40 + data[52:], b"\x93NUMPY\x09" + data[7:]):
        with pytest.raises(InputError, match=r"^a\.npy: (not a \.npy file|cannot read version 9\.0)"):
            count(broken, name="a.npy")


# ---- files ----


def test_a_row_for_each_file_and_a_total(write):
    one, two = write("one.txt", "1\n" * 3), write("two.txt", "3\n")
    document = summary(one, two)
    assert [(row["name"], row["count"]) for row in document["rows"]] == [(str(one), 3), (str(two), 1)]
    assert (document["total"]["count"], document["total"]["mean"]) == (4, 1.5)
    out = summarize(one, two, "-p50")[1]
    assert [line.split()[:2] for line in out.splitlines()[1:4]] == [[str(one), "3"], [str(two), "1"], ["total", "4"]]
    rows = list(csv.DictReader(io.StringIO(summarize("--format", "csv", one, two)[1])))
    assert [row["name"] for row in rows] == [str(one), str(two), "total"]
    assert "total" not in summarize(one)[1]


def test_the_total_is_the_merger_of_the_files(write):
    texts = [" ".join(str(k * n) for k in range(100)) for n in (1, 3, 7)]
    document = summary(*(write(f"{k}.txt", text) for k, text in enumerate(texts)))
    total = merge(Histogram.from_values(list(map(float, text.split()))) for text in texts)
    assert document["total"]["percentiles"]["90"] == total.percentile(90)
    assert document["total"]["zero_count"] == 3


def test_standard_input_may_be_named_once(write):
    rows = summary(write("one.txt", "1"), "-", stdin="2")["rows"]
    assert [row["sum"] for row in rows] == [1.0, 2.0]
    assert rows[1]["name"] == "<stdin>"
    assert summarize("-", "-")[0] == 2


def test_a_file_that_cannot_be_read(write, tmp_path):
    good = write("good.txt", "1")
    assert complaint(good, tmp_path / "none.txt") == f"{tmp_path / 'none.txt'}: No such file or directory"
    assert complaint(good, tmp_path).startswith(f"{tmp_path}: ")


@pytest.mark.parametrize("options", [(), ("--format", "json"), ("--format", "csv"), ("--skip-bad",)])
@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n"])
def test_no_numbers(write, content, options):
    """Nothing was read, so there is no result."""
    message = "historian summarize: {}: it contains no numbers\n"
    path = write("a.txt", content)
    assert summarize(path, *options) == (1, "", message.format(path))
    assert summarize(*options, stdin=content) == (1, "", message.format("<stdin>"))
    assert summarize(path, path) == (1, "", "historian summarize: no numbers in 2 files\n")
    assert summarize(path, write("b.txt", "1"))[0] == 0


def test_a_histogram_without_values_is_a_result(tmp_path):
    (tmp_path / "a.hist").write_bytes(Histogram().to_bytes())
    status, out, err = summarize(tmp_path / "a.hist", "-p", "50,99")
    assert (status, err) == (0, "historian summarize: there were no numbers to summarize\n")
    assert out.splitlines()[1].split()[1:] == ["0", *"-----"]
    document = json.loads(summarize(tmp_path / "a.hist", "--format", "json", "-p", "50")[1], parse_constant=pytest.fail)
    assert document["total"]["count"] == document["total"]["sum"] == 0
    assert [document["total"][key] for key in ("min", "max", "mean", "percentiles")] == [None, None, None, {"50": None}]
    [row] = csv.DictReader(io.StringIO(summarize(tmp_path / "a.hist", "--format", "csv")[1]))
    assert (row["count"], row["min"], row["p50"]) == ("0", "", "")


# ---- scale, unit, percentiles, formats ----


def test_scale_is_applied_to_the_input(tmp_path):
    document = summary("--scale", "1e-9", "--unit", "s", stdin="2000000000\n")
    assert (document["unit"], document["total"]["max"]) == ("s", 2.0)
    assert summary("--scale", "2", "--field", "a", stdin='{"a": 3}')["total"]["sum"] == 6.0
    assert summary("--scale", "2", "--column", "a", stdin="a\n3")["total"]["sum"] == 6.0
    numpy.save(tmp_path / "a.npy", numpy.array([1, 2]))
    assert summary("--scale", "0.5", tmp_path / "a.npy")["total"]["sum"] == 1.5
    assert complaint("--scale", "1e10", stdin="1\n1e300\n") == "<stdin>:2: '1e300' times 10000000000.0 is not finite"


def test_unit_is_a_label_and_the_table_chooses_a_suitable_unit():
    assert summarize("--unit", "us", stdin="1500 " * 10)[1].startswith("name (ms)")
    assert summarize("--unit", "rows", stdin="1500 " * 10)[1].startswith("name (rows)")
    assert summary("--unit", "rows", stdin="1")["unit"] == "rows"


@pytest.mark.parametrize(
    "args",
    [
        ["--scale", "0"],
        ["--scale", "-1"],
        ["--scale", "nan"],
        ["--scale", "inf"],
        ["--scale", "x"],
        ["-p", "101"],
        ["-p", "-1"],
        ["-p", "nan"],
        ["-p", ""],
        ["-p", "50,,99"],
        ["--unit", ""],
        ["--unit", "\n"],
        ["--column", ""],
        ["--column", "a", "--field", "b"],
        ["--column", "a", "b.npy"],
        ["--field", "a", "b.npy"],
        ["--format", "xml"],
    ],
)
def test_wrong_command_lines(args):
    status, out, err = summarize(*args, stdin="1")
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    assert "historian summarize: error: " in err


def test_numbers_without_names_have_no_groups():
    message = "<stdin>: --by does not apply to plain numbers: omit it, or read that file by itself"
    assert complaint("--by", "a", stdin="1") == message


def test_percentiles_are_those_of_the_histogram():
    values = range(1, 1001)
    percentiles = summary("-p", "0,99.9,50,100,50", stdin=" ".join(map(str, values)))["total"]["percentiles"]
    h = Histogram.from_values(values)
    assert list(percentiles) == ["0", "99.9", "50", "100"]
    assert list(percentiles.values()) == [h.quantile(q) for q in (0, 0.999, 0.5, 1)]


def test_the_table_shows_no_percentile_of_too_few_values():
    out = summarize("-p", "50,99,99.9,100", stdin="1 " * 100)[1]
    assert out.splitlines()[1].split() == ["<stdin>", "100", "1.00", "1.00", "1.00", "-", "1.00", "1.00", "1.00"]
    assert "p99.9 needs 1,000" in out
    assert "p99 takes" not in out


def test_zero_and_overflow_are_columns_when_there_are_any():
    header, row = summarize("-p", "50", stdin="0\n1e-20\n5\n1e30\n")[1].splitlines()[:2]
    assert header.split()[-2:] == ["zero", "overflow"]
    assert row.split()[-2:] == ["2", "1"]
    assert "zero" not in summarize(stdin="5")[1]


def test_doubtful_units_are_questioned():
    assert "time stamps instead of durations?" in summarize(stdin="1700000000 " * 10)[1]


def test_csv_has_full_precision():
    [row] = csv.DictReader(io.StringIO(summarize("--format", "csv", "-p", "99.9", "--unit", "ms", stdin="0.1 0.2")[1]))
    assert row == {
        "name": "<stdin>", "unit": "ms", "count": "2", "zero_count": "0", "overflow_count": "0", "min": "0.1",
        "p99.9": "0.2", "max": "0.2", "mean": repr((0.1 + 0.2) / 2), "sum": repr(0.1 + 0.2),
    }  # fmt: skip


def test_a_sum_beyond_float_gives_valid_json():
    assert summary("--unit", "rows", stdin="1.7e308 1.7e308")["total"]["sum"] is None


@pytest.mark.parametrize("form", ["table", "csv"])
def test_names_that_the_terminal_cannot_show(form):
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    status, out, _ = summarize("--column", "t", "--by", "g", "--format", form, stdin="g,t\n\u00e9,1\n", env=env)
    assert status == 0
    assert r"\xe9" in out


# ---- the process ----


def test_help_shows_examples():
    status, out, _ = summarize("--help")
    assert status == 0
    assert "examples:\n  historian summarize latencies.txt\n" in out
    for option in ("--column", "--by", "--field", "--unit", "--scale", "--format", "--percentiles", "--skip-bad"):
        assert option in out


@posix
def test_a_closed_pipe_ends_quietly(write):
    path = write("a.csv", "g,t\n" + "".join(f"group {k:0300},{k}\n" for k in range(1000)))  # the table has 300 kB
    command = f"{shlex.join(COMMAND)} --column t --by g {path} 2>{path}.err | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("name (")
    assert (done.returncode, done.stderr) == (0, "")
    assert (path.parent / "a.csv.err").read_text() == ""


@posix
def test_a_pipe_closed_before_the_start_ends_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(COMMAND, input=b"1\n", stdout=closed, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@posix
def test_a_terminal_gets_a_hint():
    import pty

    master, terminal = pty.openpty()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with os.fdopen(terminal, "rb") as stdin:
        process = subprocess.Popen(COMMAND, stdin=stdin, **pipes)
    os.write(master, b"1 2\n\x04")  # ^D ends the input
    try:
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    os.close(master)
    assert process.returncode == 0
    assert b"reading numbers from the terminal" in err
    assert out.splitlines()[1].split()[:2] == [b"<stdin>", b"2"]


@posix
def test_no_standard_input_at_all():
    done = subprocess.run(
        ["bash", "-c", f"{shlex.join(COMMAND)} <&-"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "historian summarize: there is no standard input: name a file\n"


@posix
def test_a_non_blocking_pipe_is_refused():
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.write(writer, b"1 2 3\n")
    try:
        done = subprocess.run(COMMAND, stdin=reader, capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(reader)
        os.close(writer)
    assert (done.returncode, done.stdout) == (1, "")
    assert "non-blocking pipe" in done.stderr


def test_numpy_is_not_imported_for_text():
    code = "import sys; from historian.cli import main; sys.exit(main(['summarize']) or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], input=b"1 2 3", stdout=subprocess.DEVNULL, check=True)


def test_recording_disabled_does_not_disable_summaries():
    env = {**os.environ, "HISTORIAN_DISABLE": "1"}
    assert json.loads(summarize("--format", "json", stdin="1", env=env)[1])["total"]["count"] == 1


def test_the_parser_returns_run():
    from historian.cli import summarize as module

    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers())
    assert parser.parse_args(["summarize"]).run is module.run


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full, as Linux has")
def test_a_full_disk_is_reported():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*COMMAND, "-"], input=b"1 2 3\n", stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"historian: cannot write the output: No space left on device\n"


@posix
@pytest.mark.parametrize("command", ["summarize -", "demo --seconds 0.5"])
def test_a_closed_standard_output_is_reported(command):
    line = f"{shlex.quote(sys.executable)} -m historian {command} >&- </dev/null"
    done = subprocess.run(line, shell=True, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"historian: there is no standard output to write to\n")


def test_version():
    done = subprocess.run([*COMMAND[:-1], "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"historian {historian.__version__}\n"
