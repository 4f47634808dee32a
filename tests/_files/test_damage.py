"""Damaged files, by accident or on purpose: they are reported, and no other file is affected."""

import errno
import gc
import os
import pickle
import shutil
import struct
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout import BLOCK, ENOUGH, SHARED, SUM, patched, slot_at

import historian
from historian import CorruptFileError, CorruptFileWarning, Histogram, Key, Registry
from historian._core import CounterFile
from historian._files.header import Header, decode, encode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def damages():
    """Yield (name, function that damages a file, pattern of the reported reason)."""

    def write(at, data):
        return lambda path: patched(path, at, data)

    def cut(size):
        return lambda path: os.truncate(path, size)

    def instead(make):
        def replace(path):
            os.unlink(path)
            make(path)

        return replace

    def link(path):
        with open(path + ".target", "wb") as file:
            file.write(encode(Header(Key("bad"), "s")) + bytes(BLOCK))
        os.symlink(path + ".target", path)

    def version(path):
        with open(path, "rb") as file:
            page = bytearray(file.read(4096))
        page[8] = 2
        page[3068:3072] = struct.pack("<I", zlib.crc32(page[:3068]))
        patched(path, 0, page)

    def layout(path):
        with open(path, "rb") as file:
            page = bytearray(file.read(4096))
        page[16:20] = struct.pack("<I", 100)
        page[3068:3072] = struct.pack("<I", zlib.crc32(page[:3068]))
        patched(path, 0, page)

    yield "empty", cut(0), "it is empty"
    yield "cut in the header", cut(100), "it is cut short: 100 bytes"
    yield "cut after a byte", cut(1), "it is cut short: 1 byte"
    yield "cut after the header", cut(4096), "it is cut short: 4096 bytes"
    yield "cut in the counters", cut(SHARED + BLOCK - 1), "it is cut short: 57343 bytes"
    yield "foreign", write(0, b"PK\3\4" * 1000), "it is not the file of a recorder"
    yield "version", version, "its format has version 2: this historian reads version 1"
    yield "layout", layout, "its layout is"
    yield "checksum", write(60, b"\xff"), "the checksum of its header is wrong"
    yield "a block it lacks", write(3072 + 64 + 8, struct.pack("<Q", 2)), "are too few for the blocks that it lists"
    yield "no block", write(3072 + 64, bytes(8)), "are too few for the blocks that it lists"
    yield "an unknown block", write(3072 + 64, struct.pack("<Q", 9)), "are too few for the blocks that it lists"
    yield "a gap in the list", write(3136 + 8 * 2, struct.pack("<Q", 2)), "are too few for the blocks that it lists"
    yield "a far block", write(3136 + 8 * 66, struct.pack("<Q", 3)), "are too few for the blocks that it lists"
    yield "two shared blocks", write(3136 + 8 * 1, struct.pack("<Q", 1)), "are too few for the blocks that it lists"
    yield "drained too often", write(3072, struct.pack("<Q", 2**64 - 1)), r"number of drains is 2\*\*63 - 1 or more"
    yield "the last drain", write(3072, struct.pack("<Q", 2**63 - 1)), r"number of drains is 2\*\*63 - 1 or more"
    top = SHARED + SUM + 16 * 96 + 8 * 67
    yield "more than a sum holds", write(top, struct.pack("<Q", 1 << 35)), "or its sum is too large"
    yield "drained nowhere", write(3072, struct.pack("<Q", 1)), "the block with its drained counts is missing"
    yield "too much", write(slot_at(0, 1.0), struct.pack("<Q", 1 << 63)), r"a count is 2\*\*63 or more"
    wrapping = struct.pack("<2Q", (1 << 64) - 1, 3)
    yield "wrapping", write(slot_at(0, 1.0), wrapping), r"a count is 2\*\*63 or more"
    many = struct.pack("<3Q", *[(1 << 63) - 1] * 3)
    yield "too many", write(slot_at(0, 1.0), many), r"2\*\*63 records or more"
    last_digit = SHARED + SUM + 16 * 96 + 8 * 67
    yield "a huge sum", write(last_digit, struct.pack("<Q", (1 << 32) - 1)), "its sum is too large for 1 values"
    less_huge = struct.pack("<Q", 1 << 24)  # digit 65 counts 2^2080, and the sum must be below 2^2104 for one value
    yield "a less huge sum", write(last_digit - 16, less_huge), "its sum is too large for 1 values"
    yield (
        "a copy",
        lambda path: shutil.copy(path.replace("bad", "good"), path),
        "it is a copy: the file of 'good' must be called good.counters",
    )
    yield "a directory", instead(os.mkdir), "it cannot be opened: Is a directory|not a regular file"
    yield "a pipe", instead(os.mkfifo), "not a regular file"
    yield "a link", instead(link), "it is a symbolic link, and links are not followed"
    yield "a dangling link", instead(lambda path: os.symlink("nowhere", path)), "it is a symbolic link"
    if os.geteuid() != 0:  # root may read everything
        yield "unreadable", lambda path: os.chmod(path, 0), "it cannot be opened: Permission denied"


DAMAGES = list(damages()) if sys.platform != "win32" else []


@pytest.mark.parametrize(("damage", "reason"), [row[1:] for row in DAMAGES], ids=[row[0] for row in DAMAGES])
def test_damaged_files(directory, damage, reason):
    registry = Registry(directory)
    registry.recorder("good").record(1.0)
    bad = registry.recorder("bad")
    bad.record(1.0)
    path = bad.path
    del bad, registry
    gc.collect()
    damage(path)
    before = os.lstat(path)

    registry = Registry(directory)
    with pytest.warns(CorruptFileWarning, match=reason) as warned:
        assert registry.snapshot() == {Key("good"): Histogram.from_values([1.0])}
    assert len(warned) == 1 and warned[0].filename == __file__ and "bad.counters" in str(warned[0].message)
    assert list(registry.problems()) == [path]
    problem = registry.problems()[path]
    assert isinstance(problem, ValueError) and problem.path == path and str(problem) == f"{path}: {problem.reason}"
    assert str(pickle.loads(pickle.dumps(problem))) == str(problem)
    with pytest.raises(CorruptFileError, match=reason):
        registry.recorder("bad").snapshot()
    with pytest.warns(CorruptFileWarning, match=reason):
        registry.clear()
    assert os.lstat(path).st_ino == before.st_ino and os.lstat(path).st_mode == before.st_mode  # nothing is overwritten
    assert registry.recorder("good").snapshot().count == 0


@pytest.mark.parametrize("call", ["open", "pread"])
def test_a_disk_that_fails(directory, monkeypatch, call):
    registry = Registry(directory)
    registry.recorder("good").record(1.0)
    bad = registry.recorder("bad").path
    inode, works = os.stat(bad).st_ino, getattr(os, call)

    def fails(target, *args, **kwargs):
        if os.stat(target, dir_fd=kwargs.get("dir_fd")).st_ino == inode:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return works(target, *args, **kwargs)

    monkeypatch.setattr(os, call, fails)
    with pytest.warns(CorruptFileWarning, match=r"bad\.counters: it cannot be .*: Input/output error"):
        assert list(registry.snapshot()) == [Key("good")]


def test_a_file_that_cannot_be_mapped_is_named(directory):
    path = Registry(directory).recorder("q").path
    with open(path, "rb") as file, pytest.raises(PermissionError) as failed:
        CounterFile(file.fileno(), path)  # for writing
    assert failed.value.filename == path


def test_no_descriptors_left(directory, monkeypatch):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)

    def refuse(*args, **kwargs):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="Too many open files"):  # the file is not corrupt
        registry.snapshot()


@given(st.binary(max_size=200), st.integers(0, 4200), st.booleans())
def test_hostile_headers(data, at, mend):
    page = bytearray(encode(Header(Key("q", a="b"), "s", 1)))
    page[at : at + len(data)] = data
    page = page[:4096]
    if mend:
        page[3068:3072] = struct.pack("<I", zlib.crc32(page[:3068]))
    try:
        header = decode(bytes(page))
    except ValueError:
        return
    assert isinstance(header.key, Key) and header.unit


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp("hostile") / "d")
    rec = registry.recorder("q")
    rec.record_many([1.0] * ENOUGH)
    rec.drain()
    rec.record_many([1.0, 2.0, 3.0] * ENOUGH)
    with open(rec.path, "rb") as file:
        return rec.path, file.read()


@given(st.lists(st.tuples(st.integers(3072, 4096 + 5 * BLOCK), st.integers(0, 2**64 - 1)), max_size=5), st.data())
def test_hostile_counters(intact, patches, data):
    path, content = intact
    content = bytearray(content)
    for at, word in patches:
        content[at // 8 * 8 : at // 8 * 8 + 8] = struct.pack("<Q", word)
    size = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    with open(path, "wb") as file:
        file.write(content[:size])
    try:
        reading = historian._files.file.read(path)
    except CorruptFileError:
        return
    h = Histogram._from_reading(reading.counted, reading.header.unit)
    assert 0 <= h.count < 2**63 and (h.count == 0 or 0 <= h.min <= h.max)


def test_other_files_are_left_alone(directory):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    for name in ("README", ".hidden.counters", ".0123456789abcdef.new"):
        with open(os.path.join(directory, name), "w") as file:
            file.write("x")
    assert list(registry.snapshot()) == [Key("q")] and registry.problems() == {}


def test_a_block_that_was_added_is_no_damage(directory):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    path = os.path.join(directory, "q.counters")
    with open(path, "r+b") as stream:
        file = CounterFile(stream.fileno(), path)
    registry.drain()  # through another mapping: it adds two blocks
    file.check()
    os.truncate(path, os.path.getsize(path) - 1)
    assert file.is_at(os.stat(path))
    with pytest.raises(ValueError, match="too few for the blocks that it lists"):
        file.check()
