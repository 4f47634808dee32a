"""Damaged files, by accident or on purpose: they are reported, and no other file is affected."""

import contextlib
import errno
import gc
import os
import pickle
import struct
import subprocess
import sys
import warnings
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout import (
    CHUNK,
    CHUNKS_AT,
    ENOUGH,
    HEAD_SUM,
    chunk_at,
    chunks_used,
    entry_at,
    file_of,
    patched,
    row_at,
    slot_at,
    word,
)

import historian
from historian import CorruptFileError, CorruptFileWarning, Histogram, Key, Registry, buckets
from historian._core import DirectoryFile
from historian._files import file as files
from historian._files.header import decode, encode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def header(at, data):
    """Return a function that changes the header of a file, and corrects its checksum."""

    def change(path):
        with open(path, "rb") as file:
            page = bytearray(file.read(4096))
        page[at : at + len(data)] = data
        page[124:128] = struct.pack("<I", zlib.crc32(page[:124]))
        patched(path, 0, page)

    return change


def damages_of_files():
    """Yield (name, function that damages a file, pattern of the reported reason)."""

    def write(at, data):
        return lambda path: patched(path, at, data)

    def flip(at):
        def change(path):
            with open(path, "rb") as file:
                byte = file.read(at + 1)[at]
            patched(path, at, bytes([byte ^ 0xFF]))

        return change

    def cut(size):
        return lambda path: os.truncate(path, size)

    def instead(make):
        def replace(path):
            os.unlink(path)
            make(path)

        return replace

    def link(path):
        os.rename(path, path + ".target")
        os.symlink(path + ".target", path)

    yield "empty", cut(0), "it is empty"
    yield "cut in the header", cut(100), "it is cut short: 100 bytes"
    yield "cut in the first page", cut(150), "it is cut short: 150 bytes"
    yield "cut after a byte", cut(1), "it is cut short: 1 byte"
    yield "cut after the header", cut(4096), "it is cut short: 4096 bytes"
    yield "cut in the chunks", cut(CHUNKS_AT + 20 * CHUNK), "it is cut short or damaged: 2111968 bytes are too few"
    yield "foreign", write(0, b"PK\3\4" * 1000), "it is not a file of recorders"
    yield "version", header(8, struct.pack("<I", 1)), "its format has version 1: this historian reads version 2"
    yield "layout", header(24, struct.pack("<I", 100)), "its layout is"
    yield "checksum", flip(60), "the checksum of its header is wrong"
    yield "more used than reserved", write(128, struct.pack("<Q", 5000)), "it is cut short or damaged"
    yield "a directory", instead(os.mkdir), "it cannot be opened: Is a directory|not a regular file"
    yield "a pipe", instead(os.mkfifo), "not a regular file"
    yield "a link", link, "it is a symbolic link, and links are not followed"
    yield "a dangling link", instead(lambda path: os.symlink("nowhere", path)), "it is a symbolic link"


def damages_of_recorders():
    """Yield (name, function that damages recorder 1, pattern of the reported reason)."""

    def at(where, data):
        return lambda path: patched(path, where(path), data)

    def entry(offset, data):
        return at(lambda path: entry_at(path, 1) + offset, data)

    def row(offset, data):
        return at(lambda path: row_at(path, 1) + offset, data)

    def count(*counts):
        return at(lambda path: slot_at(path, 1.0, 1) - 8 * (len(counts) - 1), struct.pack(f"<{len(counts)}Q", *counts))

    place = 4096 + 8
    number = "its place in the index is damaged"
    yield "no entry", at(lambda path: place, bytes(8)), number
    yield "an entry beyond the file", at(lambda path: place, struct.pack("<Q", 1 << 20)), number
    yield "a wild entry", at(lambda path: place, struct.pack("<Q", 1 << 63)), number
    yield "the entry of another", at(lambda path: place, struct.pack("<Q", 1)), number
    yield "an entry that is none", entry(0, b"\7"), number
    yield "a long text", entry(388, struct.pack("<I", 1 << 31)), "the length of its name is damaged"
    yield "a longer text", entry(388, struct.pack("<I", 60_000)), "the length of its name is damaged"
    yield "a name", entry(411, b"B"), "the checksum of its name is wrong"
    yield "a checksum", entry(384, b"\xff\xff\xff\xff"), "the checksum of its name is wrong"
    yield "a long key", entry(400, struct.pack("<I", 1000)), "the checksum of its name is wrong"
    yield "a row beyond the file", entry(8, struct.pack("<Q", 1 << 40)), "a row of its counters is damaged"
    yield "the row of another", at(lambda path: entry_at(path, 1) + 8, struct.pack("<Q", 2)), "a row of its counters"
    yield (
        "a row that follows itself",
        lambda path: patched(path, row_at(path, 1) + 8, struct.pack("<Q", word(path, entry_at(path, 1) + 8))),
        "a row of its counters is damaged",
    )
    yield "drained nowhere", entry(16, struct.pack("<Q", 3 << 32 | 1)), "a row of its counters is damaged"
    yield "a chunk beyond the file", row(144 + 4 * 31, struct.pack("<I", 1 << 30)), "a chunk of its counters is damaged"
    yield "the chunk of another octave", row(144 + 4 * 30, struct.pack("<I", 3)), "a chunk of its counters is damaged"
    yield "no far digits", row(16, struct.pack("<Q", 1 << 50)), "a chunk of its counters is damaged"
    yield "too much", count(1 << 63), r"a count is 2\*\*63 or more"
    yield "wrapping", count((1 << 64) - 1, 3), r"a count is 2\*\*63 or more"
    yield "too many", count(*[(1 << 63) - 9] * 3), r"2\*\*63 records or more"


FILES = list(damages_of_files()) if sys.platform != "win32" else []
RECORDERS = list(damages_of_recorders()) if sys.platform != "win32" else []


@pytest.mark.parametrize(("damage", "reason"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_damaged_files(directory, damage, reason):
    registry = Registry(directory)
    registry.recorder("bad").record(1.0)
    path = file_of(directory)
    del registry
    gc.collect()
    damage(path)
    before = os.lstat(path)

    registry = Registry(directory)
    with pytest.warns(CorruptFileWarning, match=reason) as warned:
        assert registry.snapshot() == {}
    assert len(warned) == 1 and warned[0].filename == __file__ and path in str(warned[0].message)
    assert list(registry.problems()) == [path]
    problem = registry.problems()[path]
    assert isinstance(problem, ValueError) and problem.path == path and str(problem) == f"{path}: {problem.reason}"
    assert str(pickle.loads(pickle.dumps(problem))) == str(problem)
    with pytest.raises(CorruptFileError, match=reason):
        registry.recorder("bad").snapshot()
    with pytest.warns(CorruptFileWarning, match=reason):
        registry.clear()
    assert os.lstat(path).st_ino == before.st_ino and os.lstat(path).st_mode == before.st_mode  # nothing is overwritten


def former(directory, name="q.counters"):
    """Write a file as versions before 0.1 had one for each recorder; return its path."""
    os.makedirs(directory, 0o700, exist_ok=True)
    path = os.path.join(directory, name)
    with open(path, "wb") as file:
        file.write(b"\x89HSTRN\r\n\1\0\0\0" + bytes(4084))
    return path


REMEDY = "before version 0.1.*read it with that version, then remove it, or use another directory"


def test_files_of_the_former_layout_are_refused(directory):
    path = former(directory)
    former(directory, "r.counters")
    registry = Registry(directory)
    for ask in (lambda: registry.recorder("q"), lambda: registry.family("q", labels=("a",))):
        with pytest.raises(CorruptFileError, match=REMEDY) as raised:
            ask()
        assert raised.value.path == path
    for ask in (registry.snapshot, registry.drain, registry.clear, registry.profile):
        with pytest.warns(CorruptFileWarning, match=REMEDY) as warned:
            assert str(ask()) in ("{}", "None", "nothing recorded yet")
        assert len(warned) == 1 and warned[0].filename == __file__
    assert list(registry.problems()) == [path]
    assert sorted(os.listdir(directory)) == ["q.counters", "r.counters"]  # nothing is created, or removed


def test_files_of_the_former_layout_come_into_a_directory(directory):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    path = former(directory)
    registry.recorder("r").record(1.0)  # those who count there go on
    with pytest.warns(CorruptFileWarning, match=REMEDY):
        assert registry.snapshot().total().count == 2
    with pytest.warns(CorruptFileWarning, match=REMEDY):
        assert registry.drain().total().count == 2
    os.unlink(path)
    assert registry.snapshot().total().count == 0


@pytest.mark.parametrize(("damage", "reason"), [row[1:] for row in RECORDERS], ids=[row[0] for row in RECORDERS])
def test_damaged_recorders(directory, damage, reason):
    registry = Registry(directory)
    for name in ("good", "bad", "better"):
        registry.recorder(name).record(1.0)
    path = file_of(directory)
    del registry
    gc.collect()
    damage(path)

    registry, bad = Registry(directory), f"{path}[1]"
    with pytest.warns(CorruptFileWarning, match=reason) as warned:
        assert registry.snapshot() == {Key(name): Histogram.from_values([1.0]) for name in ("good", "better")}
    assert len(warned) == 1 and warned[0].filename == __file__ and bad in str(warned[0].message)
    assert list(registry.problems()) == [bad] and registry.problems()[bad].path == bad
    registry.recorder("bad").record(1.0)  # a damaged reference is not followed
    registry.recorder("good").record(2.0)
    with pytest.warns(CorruptFileWarning):
        assert registry.snapshot()[Key("good")].count == 2
    with pytest.warns(CorruptFileWarning, match=reason):
        registry.clear()
    assert registry.recorder("good").snapshot().count == registry.recorder("better").snapshot().count == 0


@pytest.mark.parametrize("call", ["open", "pread"])
def test_a_disk_that_fails(directory, monkeypatch, call):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    attempt, opened = files.attempt, files.open_file_at
    error = OSError(errno.EIO, os.strerror(errno.EIO))

    def attempt_to(function, *args, **kwargs):
        return error if function is os.pread else attempt(function, *args, **kwargs)

    def open_file_at(path, *args, **kwargs):
        return error if path == "recorders" else opened(path, *args, **kwargs)

    monkeypatch.setattr(files, *(("open_file_at", open_file_at) if call == "open" else ("attempt", attempt_to)))
    with pytest.warns(CorruptFileWarning, match=r"recorders: it cannot be .*: Input/output error"):
        assert registry.snapshot() == {}


def test_a_file_that_cannot_be_mapped_is_named(directory):
    path = Registry(directory).recorder("q").path
    with open(path, "rb") as file, pytest.raises(PermissionError) as failed:
        DirectoryFile(file.fileno(), path)  # for writing
    assert failed.value.filename == path


def test_no_descriptors_left(directory, monkeypatch):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)

    def refuse(*args, **kwargs):
        return OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(files, "open_file_at", refuse)
    with pytest.raises(OSError, match="Too many open files"):  # the file is not corrupt
        registry.snapshot()


@given(st.binary(max_size=200))
def test_hostile_texts(data):
    header = decode(data, b"s", 1)
    if isinstance(header, str):
        return
    assert isinstance(header.key, Key) and header.unit and encode(header.key) is not None


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp("hostile") / "d")
    for name in ("a", "b"):
        rec = registry.recorder(name)
        rec.record_many([1.0] * ENOUGH)
        rec.record(1e300)
        rec.drain()
        rec.record_many([1.0, 2.0, 3.0, 2.0**-40] * ENOUGH)
    with open(rec.path, "rb") as file:
        return os.path.dirname(rec.path), file.read()


words = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 200), st.integers(0, 63).map(lambda k: 1 << k))
places = st.one_of(st.integers(128, 3104), st.integers(4096, 4200), st.integers(CHUNKS_AT, CHUNKS_AT + 40 * CHUNK))


@given(st.lists(st.tuples(places, words), max_size=5), st.floats(0, 1) | st.just(1.0))
def test_hostile_counters(intact, patches, part):
    directory, content = intact
    content = bytearray(content)
    for at, number in patches:
        content[at // 8 * 8 : at // 8 * 8 + 8] = struct.pack("<Q", number)
    path = file_of(directory)
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(content[: round(part * len(content))])
    readings, _ = historian._files.reading.read_all(directory, True)
    for reading in readings:
        h = reading.histogram
        assert 0 <= h.count < 2**63 and (h.count == 0 or 0 <= h.min <= h.max)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptFileWarning)
        registry = Registry(directory)
        with contextlib.suppress(OSError, CorruptFileError):
            registry.recorder("a").record_many([1.0, 1e300, 2.0**-40])  # writers check what they read, too
            registry.recorder("c").record(1.0)
            registry.clear()


def test_other_files_are_left_alone(directory):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    for name in ("README", "q.counters", ".0123456789abcdef.new", "recorders.bak"):
        with open(os.path.join(directory, name), "w") as file:
            file.write("x")
    os.mkdir(os.path.join(directory, "r.counters"))
    os.symlink("/dev/zero", os.path.join(directory, "s.counters"))
    os.mkfifo(os.path.join(directory, "t.counters"))
    assert list(registry.snapshot()) == [Key("q")] and registry.problems() == {}


COUNT = "import sys, historian; historian.Registry(sys.argv[1]).recorder('q').record_many([1.0, 2.0**200] * 5000)"


@pytest.mark.parametrize("part", ["pairs", "highest digits", "digits"])
def test_sums_that_cannot_be(directory, part):
    """Numbers that wrap, or less than has been drained of them: these are never read as another sum."""
    rec = Registry(directory).recorder("q")
    rec.record_many([1.0, 2.0**200] * ENOUGH)
    subprocess.run([sys.executable, "-c", COUNT, directory], check=True)  # it has a lane of its own
    path, rows = rec.path, [row_at(rec.path, row=k) for k in range(2)]
    rec.record(1.0)  # into a pair; the sum of an array is in the digits
    if part == "pairs":  # how often the highest bit has changed, in two rows: together 0
        for k in range(2):
            patched(path, chunk_at(path, 1.0, row=k) + 16, struct.pack("<Q", 1 << 63))
    elif part == "highest digits":  # number 66 carries into number 67
        far_digits = CHUNKS_AT + CHUNK * (word(path, rows[0] + 16) & 0xFFFFFF)
        patched(path, far_digits + 8 + 8 * 58, struct.pack("<2Q", 1 << 32, (1 << 32) - 1))
    else:
        rec.drain()
        for row in rows:
            patched(path, row + HEAD_SUM, bytes(64))
        rec.record(1.0)
    reason = "its sum is less than what was drained of it" if part == "digits" else "a part of its sum is damaged"
    with pytest.raises(CorruptFileError, match=reason):
        rec.snapshot()
    with pytest.raises(CorruptFileError, match=reason):
        rec.drain()


def test_extremes_that_cannot_be(directory):
    """The least value is above the largest one: one of them is damaged, so both are only known by their bucket."""
    rec = Registry(directory).recorder("q")
    rec.record_many([3.0, 3.001])
    patched(rec.path, row_at(rec.path) + 24, struct.pack("<d", 2.999))
    found = rec.snapshot()
    assert (found.min, found.max) == (buckets.lower(buckets.index(3.0)), buckets.upper(buckets.index(3.0)))
    assert found.to_dict()["bounds"] == ["min", "max"]
    assert Histogram.from_bytes(found.to_bytes()) == found


@pytest.mark.parametrize("used", [0, 1, 3])
def test_chunks_in_use_are_found_out(directory, used):
    """If the file says that there are fewer than there are, chunks are still taken only if nobody uses them."""
    rec = Registry(directory).recorder("q")
    rec.record_many([1.0] * ENOUGH)
    patched(rec.path, 128, struct.pack("<Q", used))
    assert rec.drain().count == ENOUGH
    other = Registry(directory).recorder("other")
    for recorder in (rec, other):
        recorder.record_many([1.0] * ENOUGH)
        assert recorder.snapshot() == Histogram.from_values([1.0] * ENOUGH)


def test_more_chunks_in_use_than_a_record_skips(directory):
    """A record gives up after 64 of them: the count is right, and the sum says that it lacks something."""
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    for k in range(20):
        registry.recorder("other", k=k).record_many([2.0**octave for octave in range(10)])
    in_use = [word(rec.path, CHUNKS_AT + CHUNK * number) != 0 for number in range(chunks_used(rec.path))]
    first = next(number for number in range(len(in_use) - 64) if all(in_use[number : number + 64]))
    patched(rec.path, 1024, bytes(65 * 32))  # no lane has chunks left, and none is free again
    patched(rec.path, 128, struct.pack("<Q", first))
    rec.record_many([1e300, 1e300])
    assert rec.snapshot().count == 3 and rec.snapshot().synthetic and rec.snapshot().sum == 1.0
    for _ in range(10):  # each goes on where the last one has given up
        rec.record_many([1e300])
    assert rec.drain().count == 13
    rec.record_many([1e300, 1e300])
    assert rec.snapshot() == Histogram.from_values([1e300, 1e300])
    assert sum(histogram.count for histogram in registry.snapshot().values()) == 2 + 200


@pytest.mark.parametrize(("at", "number"), [(128, 100_000), (136, 100_000), (136, 2), (136, 2**63)])
def test_a_number_of_chunks_that_is_damaged_while_the_file_is_open(directory, at, number):
    """A drain says that the file is damaged, not that the disk is full, and loses nothing."""
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record_many([1.0] * ENOUGH)
    before = word(rec.path, at)
    patched(rec.path, 168, bytes(8))  # no chunk is kept for drains
    patched(rec.path, at, struct.pack("<Q", number))
    reason = "it is cut short or damaged"
    with pytest.warns(CorruptFileWarning, match=reason):
        assert registry.drain() == {}
    with pytest.raises(CorruptFileError, match=reason):
        rec.drain()
    patched(rec.path, at, struct.pack("<Q", before))
    assert registry.drain() == {Key("q"): Histogram.from_values([1.0] * ENOUGH)}


def test_a_place_that_is_damaged_while_the_file_is_open(directory):
    registry = Registry(directory)
    other, rec = registry.recorder("other"), registry.recorder("q")
    rec.record_corrected(3.0, 1.0)
    path = file_of(directory)
    patched(path, 4096 + 8, struct.pack("<Q", word(path, 4096 + 8) ^ 1))
    assert registry.recorder("q") is Registry(directory).recorder("q") is rec
    rec.record(1.0)  # where it has counted so far
    rec.record_corrected(3.0, 1.0)
    with pytest.raises(CorruptFileError, match="its place in the index is damaged"):
        rec.snapshot()
    del registry, rec
    gc.collect()
    rec = Registry(directory).recorder("q")  # a new one, as if the damage had been there before the file was opened
    rec.record(2.0)
    assert rec.snapshot() == Histogram.from_values([2.0])
    assert list(Registry(directory).problems()) == [f"{path}[1]"]
    assert other.snapshot() == Histogram()
