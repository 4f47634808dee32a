"""``historian merge``, and ``historian summarize`` for the files that it writes."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import tracemalloc

import pytest
from outside import historian

from historian import Histogram, merge
from historian.cli._input.hist import names_in
from historian.cli._input.tally import InputError

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions, links and bytes as file names")

A = Histogram.from_values([1.0, 2.0, 4.0])
B = Histogram.from_values([0.5, 8.0])
MILLIS = Histogram.from_values([3.0], unit="ms")


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Work in a folder with a.hist, b.hist, ms.hist, bad.hist."""
    monkeypatch.chdir(tmp_path)
    for name, histogram in {"a": A, "b": B, "ms": MILLIS}.items():
        (tmp_path / f"{name}.hist").write_bytes(histogram.to_bytes())
    (tmp_path / "bad.hist").write_bytes(A.to_bytes()[:-1])
    return tmp_path


def run(*args, stdin=b""):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "historian", *map(str, args)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def merged(*args, stdin=None):
    """Merge into out.hist, which must succeed without messages; return the histogram in it."""
    command = ("merge", *args, "-o", "out.hist")
    assert (historian(*command) if stdin is None else run(*command, stdin=stdin)) == (0, "", "")
    with open("out.hist", "rb") as stream:
        return Histogram.from_bytes(stream.read())


def complaint(*args, status=1):
    """Run a command that must fail; return its message, which is one line."""
    got, out, err = historian(*args)
    assert (got, out) == (status, "")
    assert err.count("\n") == 1 or status == 2
    return err


def test_files_are_merged():
    assert merged("a.hist", "b.hist") == A + B
    assert merged("a.hist", "a.hist") == A + A
    assert merged("ms.hist") == MILLIS
    assert os.listdir().count("out.hist") == 1 and len(os.listdir()) == 5  # and no other file was left there


def test_the_output_may_be_an_input():
    for expected in (A + B, A + B + B):
        assert historian("merge", "a.hist", "b.hist", "-o", "a.hist") == (0, "", "")
        with open("a.hist", "rb") as stream:
            assert Histogram.from_bytes(stream.read()) == expected


def test_directories_stand_for_their_files(files):
    deep = files / "day" / "hour"
    deep.mkdir(parents=True)
    (deep / "a.hist").write_bytes(A.to_bytes())
    (files / "day" / "b.hist").write_bytes(B.to_bytes())
    (files / "day" / "notes.txt").write_text("no histogram")
    assert merged("day") == A + B
    assert merged("day", "a.hist") == A + B + A
    (files / "day" / "all.hist").write_bytes(A.to_bytes())
    for _ in range(2):  # the output is not an input, unless it is named
        assert historian("merge", "day", "-o", "day/all.hist") == (0, "", "")
        assert Histogram.from_bytes((files / "day" / "all.hist").read_bytes()) == A + B
    assert historian("merge", "day", "day/all.hist", "-o", "day/all.hist") == (0, "", "")
    assert Histogram.from_bytes((files / "day" / "all.hist").read_bytes()) == A + B + A + B


@posix
def test_links_to_directories_are_not_followed(files):
    (files / "day").mkdir()
    (files / "day" / "a.hist").write_bytes(A.to_bytes())
    (files / "day" / "again").symlink_to(files / "day", target_is_directory=True)
    (files / "day" / "b.hist").symlink_to(files / "b.hist")
    assert merged("day") == A + B


def test_lists_of_files(files):
    (files / "list").write_text("a.hist\n\nb.hist")
    assert merged("--files-from", "list") == A + B
    assert merged("--files-from", "list", "a.hist") == A + A + B
    (files / "list").write_bytes(b"a.hist\0b.hist\0")
    assert merged("--files-from", "list", "-0") == A + B
    assert merged("--files-from", "-", stdin=b"a.hist\nb.hist\n") == A + B
    assert merged("--null", "--files-from", "-", stdin=b"b.hist\0") == B


def test_lists_are_read_in_chunks():
    class Endless(io.RawIOBase):
        def __init__(self, pieces, piece):
            self.pieces, self.piece = pieces, piece

        def read(self, size=-1):
            self.pieces -= 1
            return self.piece if self.pieces >= 0 else b""

    tracemalloc.start()
    assert sum(1 for _ in names_in(Endless(300, b"name\n" * 8000), separator=b"\n")) == 300 * 8000
    assert tracemalloc.get_traced_memory()[1] < 4_000_000  # 12 MB were read
    tracemalloc.stop()
    assert list(names_in(io.BytesIO(b"\n" * 10), separator=b"\n")) == []
    with pytest.raises(InputError, match="is -0 right for this list"):
        list(names_in(Endless(10**9, b"x" * 60_000), separator=b"\0"))


def test_many_files_need_no_more_memory_than_one(files):
    names = "a.hist\nb.hist\n"
    (files / "list").write_text(names * 2000)
    (files / "short").write_text(names)
    assert merged("--files-from", "short") == A + B
    peaks = []
    for name in ("short", "list"):
        tracemalloc.start()
        historian("merge", "--files-from", name, "-o", "out.hist")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000  # for the chunks of the list; less than one byte for each file
    assert Histogram.from_bytes((files / "out.hist").read_bytes()) == merge([A, B] * 2000)


# ---- errors ----


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a.hist", "bad.hist"], "bad.hist: not the bytes of a histogram: its checksum is wrong"),
        (["a.hist", "none.hist"], "none.hist: No such file or directory"),
        (["a.hist", "ms.hist"], "ms.hist: its values are in 'ms', not in 's' as those of a.hist"),
        (["empty"], "empty: it contains no numbers"),
        (["--files-from", "none"], "none: No such file or directory"),
        (
            ["--skip-bad", "bad.hist"],
            "skipped 1 bad entry; the first: bad.hist: not the bytes of a histogram: its checksum",
        ),
    ],
)
def test_a_file_that_cannot_be_merged_is_named(files, args, message):
    (files / "empty").mkdir()
    (files / "out.hist").write_bytes(b"as it was")
    status, out, err = historian("merge", *args, "-o", "out.hist")
    assert (status, out) == (1, "")
    assert message in err and "Traceback" not in err
    assert (files / "out.hist").read_bytes() == b"as it was"
    assert sorted(os.listdir()) == ["a.hist", "b.hist", "bad.hist", "empty", "ms.hist", "out.hist"]


@pytest.mark.parametrize("args", [[], ["a.hist"], ["-0", "a.hist", "-o", "x"], ["-o", "x"]])
def test_a_wrong_command_line(args):
    assert "error" in complaint("merge", *args, status=2)
    assert not os.path.exists("x")


def test_bad_files_can_be_skipped(files):
    status, out, err = historian("merge", "a.hist", "bad.hist", "none.hist", "b.hist", "-o", "out.hist", "--skip-bad")
    assert (status, out) == (0, "")
    assert err == (
        "historian merge: skipped 2 bad entries; the first: bad.hist: not the bytes of a histogram: its checksum is "
        f"wrong: it was cut short, or some of its {len(A.to_bytes()) - 1} bytes were altered\n"
    )
    assert Histogram.from_bytes((files / "out.hist").read_bytes()) == A + B


def test_a_file_of_any_size_is_read_in_little_memory(files):
    with open("huge.hist", "wb") as stream:
        stream.write(A.to_bytes()[:8])
        stream.truncate(1 << 32)  # a hole
    tracemalloc.start()
    assert "huge.hist: not the bytes of a histogram: it has" in complaint("merge", "huge.hist", "-o", "out.hist")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@posix
def test_names_are_shown_safely(files):
    (files / "\x1b[31m\n.hist").write_bytes(b"")
    assert r"\x1b[31m\n.hist: not the bytes of a histogram: it is empty" in complaint(
        "merge", "\x1b[31m\n.hist", "-o", "out.hist"
    )


# ---- writing ----


@posix
def test_a_new_file_has_the_permissions_of_new_files(files):
    before = os.umask(0o027)
    try:
        merged("a.hist")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("out.hist").st_mode) == 0o640
    os.chmod("out.hist", 0o604)
    merged("b.hist")
    assert stat.S_IMODE(os.stat("out.hist").st_mode) == 0o604


@posix
def test_a_link_is_followed(files):
    (files / "out.hist").symlink_to("a.hist")
    merged("a.hist", "b.hist")
    assert (files / "out.hist").is_symlink()
    assert Histogram.from_bytes((files / "a.hist").read_bytes()) == A + B


def test_a_failed_write_leaves_the_old_file(files, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "cannot write a.hist: No space left on device" in complaint("merge", "a.hist", "b.hist", "-o", "a.hist")
    assert (files / "a.hist").read_bytes() == A.to_bytes()
    assert len(os.listdir()) == 4
    assert "No space left" in complaint("merge", "a.hist", "-o", "new.hist")
    assert len(os.listdir()) == 4


@posix
def test_a_name_may_have_the_maximum_length(files):
    longest = "a" * 250 + ".hist"  # 255 bytes
    assert historian("merge", "a.hist", "-o", longest) == (0, "", "")
    assert (files / longest).read_bytes() == A.to_bytes()
    assert not [name for name in os.listdir() if name.endswith(".new")]


@posix
@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs /dev/stdout")
def test_a_pipe_is_written_to():
    done = subprocess.run(
        [sys.executable, "-m", "historian", "merge", "a.hist", "-o", "/dev/stdout"], capture_output=True, check=True
    )
    assert done.stdout == A.to_bytes()


def test_a_path_that_is_not_a_regular_file_is_not_replaced(files):
    (files / "folder").mkdir()
    assert "cannot write folder: " in complaint("merge", "a.hist", "-o", "folder")
    assert "cannot write none" in complaint("merge", "a.hist", "-o", os.path.join("none", "out.hist"))


# ---- summarize ----


def summary(*args):
    status, out, err = historian("summarize", "--format", "json", *args)
    assert (status, err) == (0, "")
    return json.loads(out)


def test_summarize_reads_histograms():
    document = summary("a.hist", "b.hist")
    assert [(row["count"], row["min"], row["max"], row["sum"]) for row in document["rows"]] == [
        (3, 1.0, 4.0, 7.0), (2, 0.5, 8.0, 8.5),
    ]  # fmt: skip
    assert document["total"]["count"] == 5


def test_summarize_takes_the_unit_from_the_file(files):
    assert summary("ms.hist")["unit"] == "ms"
    assert summary("ms.hist", "--unit", "ms")["unit"] == "ms"
    (files / "numbers.txt").write_text("1.5\n")
    document = summary("numbers.txt", "ms.hist")
    assert (document["unit"], document["total"]["count"], document["total"]["max"]) == ("ms", 2, 3.0)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["a.hist", "ms.hist"],
            "ms.hist: its values are in 'ms', not in 's' as those of a.hist: to convert, pass --show s",
        ),
        (
            ["ms.hist", "--unit", "us"],
            "ms.hist: its values are in 'ms', not in 'us' as --unit says: to convert, pass --show us",
        ),
        (["bad.hist"], "bad.hist: not the bytes of a histogram: its checksum is wrong"),
        (["none.hist"], "none.hist: No such file"),
    ],
)
def test_summarize_names_a_file_that_it_cannot_read(args, message):
    assert message in complaint("summarize", *args)


@pytest.mark.parametrize("option", [["--scale", "2"], ["--column", "x"], ["--field", "x"]])
def test_summarize_refuses_options_that_do_not_apply(option):
    assert "a histogram such as 'a.hist'" in complaint("summarize", "a.hist", *option, status=2)


def test_summarize_skips_bad_files():
    status, out, err = historian("summarize", "--skip-bad", "bad.hist", "a.hist", "--format", "json")
    assert (status, json.loads(out)["total"]["count"]) == (0, 3)
    assert "skipped 1 bad entry; the first: bad.hist" in err
