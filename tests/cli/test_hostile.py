"""Hostile input: every reader gives one clear line and status 1, in little memory."""

import json
import lzma
import os
import subprocess
import sys

import numpy
import pytest
from limited import limited
from outside import historian

from historian import Histogram, Key, snapshot

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as on Linux")

HIST = Histogram.from_values([1.0, 2.0]).to_bytes()
LINE = snapshot.dump({Key("query"): Histogram.from_values([1.0])}).encode()


def npy(header, body=b"", version=1):
    size = len(header).to_bytes(2 * version, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + header.encode() + body


def header(shape="(1,)", descr="'<f8'"):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


@pytest.fixture
def refuse(tmp_path, monkeypatch):
    """Return a function that writes a file and returns the one line that refuses it."""
    monkeypatch.chdir(tmp_path)

    def refuse(name, data, *options, command="summarize"):
        (tmp_path / name).write_bytes(data)
        status, out, err = historian(command, name, *options)
        start = f"historian {command}: "
        assert (status, out, err.count("\n")) == (1, "", 1), err
        assert err.startswith(start + name) and err[:-1].isprintable() and len(err) < 400
        return err[len(start) : -1]

    return refuse


# ---- .npy ----


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (npy("{'descr': '<f8', 'shape': (3"), "its header is \"{'descr': '<f8', 'shape': (3\""),
        (npy("(" * 9000), "its header is '((("),
        (npy("-" * 9000 + "1"), "its header is '---"),
        (npy(header("(" + "1" + "0" * 30 + ",)")), "no array has the shape '1000"),
        (npy(header("(" + "9" * 9000 + ",)")), "no array has the shape '999"),
        (npy(header("(4294967296, 4294967296)")), "no array has the shape"),
        (npy(header(str((1,) * 100)), bytes(8)), "no array has the shape '1, 1, "),
        (npy(header("(-1, -2)"), bytes(16)), "its header is "),
        (npy(header("(1.5,)")), "its header is "),
        (npy(header(descr="'zz'")), "its dtype is 'zz'"),
        (npy(header(descr="'<f0'")), "its dtype is '<f0'"),
        (npy("\0" * 50), "its header is '\\x00"),
        (npy(header() + header()), "its header is "),
        (npy(" " + header()[1:], bytes(8)), "its header is "),
        (npy("{'descr': '<f8', 'fortran_order': False}"), "its header is "),
        (b"\x93NUMPY\x02\0\xff\xff\xff\xff", "its header has 4,294,967,295 bytes, and 10,000 are the most"),
        (npy(header())[:-3], "it ends within its header"),
        (b"\x93NUM", "its first bytes are wrong"),
        (b"", "its first bytes are wrong"),
        (npy(header(descr="[('a', '<f8')]")), "cannot count values of dtype with several fields, "),
        (npy(header(descr="'|O'")), "cannot count values of dtype object"),
        (npy(header("(3,)"), bytes(16)), "ends after 2 of 3 values"),
    ],
)
def test_headers_of_npy(refuse, data, why):
    assert why in refuse("a.npy", data)
    assert historian("summarize", "a.npy", "--skip-bad")[0] == (0 if why.startswith("ends") else 1)


@pytest.mark.parametrize(
    "text",
    [
        header("(2,)"),
        header("( 2 , )"),
        header("(1, 2)"),
        header("(2L,)"),
        '{"shape":(2,),"fortran_order":True,"descr":"<f8"}',
        header("(2,)").ljust(9_000),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_headers_that_other_programs_write(tmp_path, text, version):
    (tmp_path / "a.npy").write_bytes(npy(text, numpy.array([1.0, 2.0]).tobytes(), version))
    status, out, _ = historian("summarize", "--format", "json", tmp_path / "a.npy")
    assert (status, json.loads(out)["total"]["sum"]) == (0, 3.0)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4), (1,) * 32])
@pytest.mark.parametrize("dtype", ["f2", "<f4", ">f8", "g", "u1", "<i8", ">u2"])
def test_headers_that_numpy_writes(tmp_path, shape, dtype):
    numpy.save(tmp_path / "a.npy", numpy.ones(shape, dtype))
    status, out, _ = historian("summarize", "--format", "json", tmp_path / "a.npy")
    if 0 in shape:
        assert (status, out) == (1, "")
    else:
        assert (status, json.loads(out)["total"]["sum"]) == (0, float(numpy.prod(shape)))


# ---- csv and text ----


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("path,time,code\n/a?ids=3,7,,0.35,200\n", "--column time", "a.csv:2: '/a?ids=3,7,,0.35,200' has 5 columns, "
         "but the first line has 3: is a value with the separator not in quotes?"),
        ("path,time\n/a,1,\n", "--column time", "has 3 columns, but the first line has 2"),
        ("time\n1,234.5\n", "--column time", "a.csv:2: '1,234.5' has 2 columns, but the first line has 1: write "
         "numbers without commas between their digits"),
        ("950.5\n1,234.5\n", "--no-header", "write numbers without commas between their digits"),
        ("1,234.5\n950.5\n", "--no-header --column 1", "a.csv:2: '950.5' has 1 of 2 columns"),
        ('time\n"1,234.5"\n', "--column time", "'1,234.5' is not a number: write it without commas between its digits"),
        ("time\r1\r2\r", "--column time", "a.csv:1: its lines end with CR only: convert them"),
        ("time\n1\0\n", "--column time", "a.csv:2: "),
        ("path,time\n" + "a" * 200_000 + ",1\n", "--column time", "a.csv:2: not csv: a value of more than 131,072"),
        ("time\n", "--column time", "a.csv: it contains no numbers"),
        ("path,time\n/a,1\n", "--column 3", "no column '3' for --column; the columns are 'path', 'time'; their "
         "numbers are from 1 to 2"),
    ],
)  # fmt: skip
def test_csv(refuse, text, options, why):
    assert why in refuse("a.csv", text.encode(), *options.split())


def test_numbers_with_commas_in_text(refuse):
    assert (
        refuse("a.txt", b"1,234.5\n")
        == "a.txt:1: '1,234.5' is not a number: write it without commas between its digits"
    )


def test_a_short_row_with_its_number_counts(tmp_path):
    (tmp_path / "a.csv").write_text("time,comment\n1,x\n2\n")
    status, out, _ = historian("summarize", "--column", "time", "--format", "json", tmp_path / "a.csv")
    assert (status, json.loads(out)["total"]["sum"]) == (0, 3.0)


# ---- JSON ----

DIGITS = "1" + "0" * 5000  # more than Python's int() takes


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("[" * 100_000, "--field t", "a.json:1: '[[[["),
        ("[\n" * 100_000, "--field t", "is nested too deeply"),
        ("[" * 100_000, "", "is nested too deeply"),
        ('{"t":' + DIGITS + "}", "--field t", "a.json:1: 'Infinity' is not finite, in '{\"t\":1000"),
        (f"[{DIGITS}]", "", "a.json: element 0: 'Infinity' is not finite"),
        ('{"t":NaN}', "--field t", "a.json:1: 'NaN' is not finite"),
        ('{"t":1,"t":2}', "--field t", "a.json:1: '{\"t\":1,\"t\":2}' has the key 't' twice"),
        ('{\n"t":1,\n"t":2}', "--field t", "has the key 't' twice"),
        ('{"a":{"t":1,"t":2}}', "--field a.t", "has the key 't' twice"),
        ('{"t":1,"p":"x","p":"y"}', "--field t --by p", "has the key 'p' twice"),
        ('{"a":{"t":1},"a":{"t":2}}', "--field a.t", "has the key 'a' twice"),
        ('{"a":{"t":1},"a":{}}', "--field a.t", "has the key 'a' twice"),
        ('{"t":"\\ud800"}', "--field t", "is not a number"),
        ('{"t":1}\r{"t":2}\r', "--field t", "a.json:1: its lines end with CR only"),
        ("[]", "", "a.json: it contains no numbers"),
    ],
)  # fmt: skip
def test_json(refuse, text, options, why):
    assert why in refuse("a.json", text.encode(), *options.split())


def test_a_document_that_is_not_utf_8(refuse):
    data = b'{\n"t":1,"p":"\xff"}\n'
    assert refuse("a.json", data, "--field", "t") == ('a.json: not UTF-8 text: \'{\\n"t":1,"p":"\\xff"}\\n\' in line 2')


@pytest.mark.parametrize("text", [
    '{"t":3,"x":' + DIGITS + "}", '{"t":3,"deep":{"t":1}}', '{"t":3,"x":1,"x":{"t":2}}', '{"t":[1,2]}',
    '{"t":[' + "0," * 600_000 + "3]}",
])  # fmt: skip
def test_json_that_is_fine(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    status, out, _ = historian("summarize", "--field", "t", "--format", "json", tmp_path / "a.json")
    assert status == 0 and json.loads(out)["total"]["sum"] == 3.0


def test_a_misspelt_field_of_by_is_suggested(refuse):
    why = refuse_by(refuse, "pth")
    assert why == "no column, field or label 'pth' for --by; did you mean 'path'?"


def refuse_by(refuse, key):
    with pytest.raises(AssertionError):  # the message does not begin with the file's name
        refuse("a.json", b'{"path":"/a","time":1}\n', "--field", "time", "--by", key)
    return historian("summarize", "a.json", "--field", "time", "--by", key)[2][len("historian summarize: ") : -1]


# ---- .hist and snapshots ----


def test_histograms_that_are_cut_or_doubled(refuse):
    assert "it was cut short, or some of its " in refuse("a.hist", HIST[:-3])
    assert refuse("a.hist", HIST + HIST) == (
        "a.hist: several histograms one after the other: keep them in files of their own, and merge those"
    )
    assert refuse("a.hist", b"") == "a.hist: not the bytes of a histogram: it is empty"


def test_a_line_of_a_snapshot_has_a_limit(refuse, tmp_path):
    long = LINE.rstrip()[:-1] + b" " * snapshot.MAX_LINE_NBYTES + b"}\n"
    for command in ("summarize", "profile"):
        assert refuse("a.jsonl", LINE + long + LINE, command=command) == (
            "a.jsonl:2: not a line of a snapshot: longer than 1,048,576 bytes"
        )
    with pytest.raises(ValueError, match=r"a\.jsonl, line 2: not a line of a snapshot: longer than 1,048,576 bytes$"):
        snapshot.load(tmp_path / "a.jsonl")
    status, out, err = historian("summarize", "--skip-bad", "--format", "json", "a.jsonl")
    assert (status, json.loads(out)["total"]["count"]) == (0, 2) and "skipped 1 bad entry" in err
    (tmp_path / "a.jsonl").write_bytes(b"\n" + LINE.rstrip() + b"\n\n")
    assert list(snapshot.load(tmp_path / "a.jsonl")) == [Key("query")]


# ---- memory ----


@pytest.mark.parametrize("command", ["summarize", "profile", "merge -o o.hist"])
@pytest.mark.parametrize("options", ["", "--column time", "--field time"])
@pytest.mark.parametrize("source", ["/dev/zero", "spaces", "snapshot"])
def test_an_endless_line_needs_little_memory(tmp_path, command, options, source):
    """Read an endless source in an address space of 300 MiB."""
    if source == "/dev/zero":
        status, _, err = limited(*command.split(), source, *options.split(), nbytes=300 << 20, cwd=tmp_path)
    else:
        begin = b'{"format": "historian/1", "x": "' if source == "snapshot" else b'{"time": "'
        endless = f"import sys\nw = sys.stdout.buffer.write\nw({begin!r})\nwhile True: w(b'a' * (1 << 20))"
        with subprocess.Popen(
            [sys.executable, "-c", endless], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as pipe:
            status, _, err = limited(
                *command.split(), "-", *options.split(), nbytes=300 << 20, stdin=pipe.stdout, cwd=tmp_path
            )
            pipe.stdout.close()
            pipe.kill()
    assert status == 1 and err.count("\n") == 1 and len(err) < 400
    assert not (tmp_path / "o.hist").exists()


def test_load_reads_a_line_of_gigabytes_in_little_memory(tmp_path):
    with open(tmp_path / "a.jsonl", "wb") as stream:
        stream.write(LINE)
        stream.truncate(3 << 30)  # a hole: null bytes without a line end
    script = "import sys, resource\nfrom historian import snapshot\n"
    script += "limit = (300 << 20) + int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
    script += "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
    script += "try: snapshot.load(sys.argv[1])\nexcept ValueError as e: print(e)"
    done = subprocess.run(
        [sys.executable, "-c", script, "a.jsonl"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    message = "a.jsonl, line 2: not a line of a snapshot: longer than 1,048,576 bytes\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, message, "")


def test_a_document_has_a_limit(tmp_path):
    (tmp_path / "a.json.xz").write_bytes(lzma.compress(b"[\n" + b"{},\n" * (20 << 20), preset=0))
    status, out, err = limited("summarize", "a.json.xz", "--field", "t", cwd=tmp_path)
    assert (status, out) == (1, "") and "a.json.xz: longer than 67,108,864 bytes: write one JSON object per line" in err


# ---- files that are not files ----


def test_a_pipe_with_a_name(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen([sys.executable, "-c", f"open({str(tmp_path / 'pipe')!r}, 'w').write('1 2 3')"]):
        status, out, _ = historian("summarize", "--format", "json", tmp_path / "pipe")
    assert (status, json.loads(out)["total"]["sum"]) == (0, 6.0)


def test_links_that_lead_nowhere_do_not_hide_the_other_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "week" / "deep").mkdir(parents=True)
    (tmp_path / "week" / "a.hist").write_bytes(HIST)
    (tmp_path / "week" / "deep" / "b.hist").write_bytes(HIST)
    (tmp_path / "week" / "loop.hist").symlink_to("loop.hist")
    (tmp_path / "week" / "deep" / "loop").symlink_to("loop")
    (tmp_path / "week" / "again").symlink_to(tmp_path / "week")
    status, out, err = historian("summarize", "week", "--skip-bad", "--format", "json")
    assert (status, json.loads(out)["total"]["count"]) == (0, 4)
    assert "week/loop.hist: Too many levels of symbolic links" in err
    assert historian("summarize", "week") == (1, "", f"historian summarize: {err.split('first: ')[1]}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_does_not_hide_the_others(tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.hist").write_bytes(HIST)
    (tmp_path / "b").chmod(0)
    status, out, err = historian("summarize", tmp_path, "--skip-bad", "--format", "json")
    (tmp_path / "b").chmod(0o700)
    assert (status, json.loads(out)["total"]["count"]) == (0, 4) and "Permission denied" in err


def test_names_with_a_null_byte_in_a_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list").write_bytes(b"a\0b\n")
    status, out, err = historian("merge", "--files-from", "list", "-o", "o.hist")
    assert (status, out) == (1, "") and err == (
        "historian merge: a\\x00b: a name cannot hold a null byte: if names in the list end with one, pass -0\n"
    )
