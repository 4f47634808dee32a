"""Recorders in files: layout, names, creation, damage, who may look."""

import copy
import errno
import gc
import math
import os
import pickle
import shutil
import stat
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import file_reader
import pytest
from hypothesis import given
from hypothesis import strategies as st

import historian
from historian import CorruptFileError, CorruptFileWarning, Histogram, Key, Recorder, Registry, buckets
from historian._core import CounterFile, Counters
from historian._files.header import Header, decode, encode, file_name
from historian.cli._top.watch import Watch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")

BLOCK = 53248  # 13 pages: 8 + 6146 numbers of 8 bytes, rounded up
SHARED = 4096  # where block 0 begins, after one page of header
ENOUGH = 5000  # records after which a process has a block of its own: 4096 are


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "latencies")


def slot_at(block, value):
    """Return where in the file the count of a value's bucket lies: after 8 numbers; slot 1 has index -2048."""
    return SHARED + block * BLOCK + 8 * (8 + buckets.index(value) + 2049)


def patched(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


# ---- one file to a recorder ----


def test_a_recorder_in_a_directory(directory):
    registry = Registry(directory)
    rec = registry.recorder("db.query", unit="ms", table="users")
    assert rec.path == os.path.join(directory, "db.query,table=users.counters")
    assert (rec.name, rec.unit) == ("db.query{table=users}", "ms")
    rec.record(4.0)
    rec.record_many([1.0, 2.0, 3.0])
    expected = Histogram.from_values([1.0, 2.0, 3.0, 4.0], unit="ms")
    key = Key("db.query", (("table", "users"),))
    assert rec.snapshot() == expected
    assert registry.snapshot() == Registry(directory).snapshot() == {key: expected}
    assert os.listdir(directory) == ["db.query,table=users.counters"]
    assert os.path.getsize(rec.path) == SHARED + BLOCK
    assert registry.directory == directory and Registry().directory is None and Recorder().path is None


def test_the_bytes_of_a_file(directory):
    rec = Registry(directory).recorder("q", unit="ms", b="é", a="1")
    rec.record(0.75)
    rec.record(0.75)
    with open(rec.path, "rb") as file:
        data = file.read()
    magic, version, *layout, created, unit, name, labels = struct.unpack_from("<8sI iIIII Q III", data)
    assert (magic, version, layout) == (b"\x89HSTRN\r\n", 1, [-2048, 6144, 64, BLOCK, SHARED])
    assert 1.7e18 < created < 4e18  # ns: between 2023 and 2096
    assert (unit, name, labels) == (2, 1, 2)
    assert data[52 : 52 + 22] == b"msq" + struct.pack("<II", 1, 1) + b"a1" + struct.pack("<II", 1, 2)[:8] + b"b"
    assert data[74:76] == "é".encode() and data[76:3068] == bytes(3068 - 76)
    assert struct.unpack_from("<I", data, 3068) == (zlib.crc32(data[:3068]),)
    assert struct.unpack_from("<Q", data, 3072) == (0,)  # drains
    assert struct.unpack_from("<3Q", data, 3072 + 64) == (1, 0, 0)  # roles: shared, unused, unused
    assert struct.unpack_from("<d", data, SHARED) == (1.5,)
    assert struct.unpack_from("<d", data, SHARED + 16) == (0.75,)
    assert struct.unpack_from("<Q", data, slot_at(0, 0.75)) == (2,)


def test_a_block_is_leased_once_it_pays(directory):
    rec = Registry(directory).recorder("q")
    for _ in range(4096):
        rec.record(1.0)
    if not sys.platform.startswith("linux"):
        pytest.skip("there are leases on Linux only")
    rec.record(1.0)
    size = os.path.getsize(rec.path)
    assert size == SHARED + (2 if size > SHARED + BLOCK else 1) * BLOCK  # one block on free-threaded builds
    rec.record_many([2.0] * ENOUGH)
    rec.record(0.5)
    assert rec.snapshot() == Histogram.from_values([1.0] * 4097 + [2.0] * ENOUGH + [0.5])
    path = rec.path
    for _ in range(5):  # the block is given back, and taken again
        del rec
        gc.collect()
        rec = Registry(directory).recorder("q")
        rec.record_many([2.0] * ENOUGH)
    assert os.path.getsize(path) == size
    assert rec.snapshot().count == 4098 + 6 * ENOUGH
    other = Recorder._of("q", "s", CounterFile(os.open(path, os.O_RDWR), path))
    other.record_many([2.0] * ENOUGH)
    assert os.path.getsize(path) == (size + BLOCK if size > SHARED + BLOCK else size)
    assert rec.snapshot() == other.snapshot() and rec.snapshot().count == 4098 + 7 * ENOUGH


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize(
    "look",
    [
        lambda directory: Registry(directory).snapshot()[Key("q")].count,
        lambda directory: historian._files.file.open_file(os.path.join(directory, "q.counters"))[0].read()[0].total,
        lambda directory: Watch(Registry(directory)).look().changes[0].total.count,
    ],
)
def test_a_file_that_grows_while_it_is_opened(directory, monkeypatch, look, call):
    rec = Registry(directory).recorder("q")
    measure, calls = os.fstat, iter(range(1, 100))

    def fstat(fd):
        status = measure(fd)
        if next(calls) == call:
            rec.record_many([1.0] * ENOUGH)
            rec.drain()
            rec.record(2.0)
        return status

    monkeypatch.setattr(os, "fstat", fstat)
    assert look(directory) == 1
    assert os.path.getsize(rec.path) >= SHARED + 3 * BLOCK


def test_a_file_that_has_grown_beyond_its_mapping(directory):
    rec = Registry(directory).recorder("q")
    rec.record(1.0)
    with open(rec.path, "rb") as file:
        reader = CounterFile(file.fileno())
    assert reader.read()[0].total == 1
    rec.drain()
    with pytest.raises(ValueError, match="blocks that it does not have"):
        reader.read()  # rather than that there is nothing


def test_drains_take_each_record_once(directory):
    rec = Registry(directory).recorder("q")
    assert rec.drain() == Histogram()
    for values in ([1.0, 0.1, 0.1], [1e12, 0.0], [0.1] * ENOUGH, [3.0], [2.0**64, 2.0**-40]):
        for value in values:
            rec.record(value)
        assert rec.snapshot() == Histogram.from_values(values)
        assert rec.drain() == Histogram.from_values(values)
        assert rec.drain() == rec.snapshot() == Histogram()
    assert os.path.getsize(rec.path) <= SHARED + 4 * BLOCK


def test_sums_after_a_huge_value(directory):
    rec = Registry(directory).recorder("q")
    rec.record(5e300)
    assert rec.drain().sum == 5e300
    for _ in range(3):
        for _ in range(100):
            rec.record(0.1)  # what the sum in the file, which never shrinks, cannot hold, is kept beside it
        rec.record_many([0.1] * ENOUGH)
        assert math.isclose(rec.drain().sum, 0.1 * (100 + ENOUGH), rel_tol=1e-12)


def test_sums_beyond_float64(directory):
    rec = Registry(directory).recorder("q")
    rec.record_many([1.7e308, 1.7e308])
    assert rec.drain().sum == math.inf
    rec.record(1.0)
    assert rec.drain().sum == math.inf  # what was added to infinity, nobody knows
    assert rec.snapshot().sum == 0


def test_timers_in_a_file(directory):
    rec = Registry(directory).recorder("q")
    with rec.time():
        pass
    rec.stop(rec.start())
    rec.timed(len)("x")
    rec.record_corrected(1.0, 0.25)
    assert rec.snapshot().count == 3 + 4


def test_merging_into_a_directory(directory):
    registry, source = Registry(directory), Registry()
    source.recorder("a").record(1.0)
    source.recorder("b", unit="ms").record(2.0)
    registry.merge(source)
    registry.merge(source.snapshot())
    assert {str(key): h.count for key, h in registry.snapshot().items()} == {"a": 2, "b": 2}
    wrong = Registry()
    wrong.recorder("new").record(1.0)
    wrong.recorder("b", unit="s").record(1.0)
    with pytest.raises(ValueError, match="exists with unit 'ms', not 's'"):
        Registry(directory).merge(wrong)
    assert {str(key): h.count for key, h in registry.snapshot().items()} == {"a": 2, "b": 2}


def test_clear(directory):
    registry = Registry(directory)
    a, b = registry.recorder("a"), registry.recorder("b")
    a.record(1.0)
    b.record_many([1.0] * ENOUGH)
    Registry(directory).clear()
    assert a.snapshot().count == b.snapshot().count == 0
    a.record(2.0)
    assert registry.snapshot() == {Key("a"): Histogram.from_values([2.0]), Key("b"): Histogram()}
    assert "a " in str(registry.profile()) and "b " not in str(registry.profile())


def test_another_unit(directory):
    Registry(directory).recorder("q", unit="ms")
    with pytest.raises(ValueError, match="'q' exists with unit 'ms', not 's'"):
        Registry(directory).recorder("q")
    registry = Registry(directory)
    with pytest.raises(ValueError, match="'q' exists with unit 'ms', not 'us'"):
        registry.recorder("q", unit="us")
    assert registry.recorder("q", unit="ms").unit == "ms"


def test_same_recorder(directory):
    registry = Registry(directory)
    rec = registry.recorder("q")
    assert registry.recorder("q") is rec
    assert Registry(directory).recorder("q") is rec
    assert copy.copy(rec) is rec and copy.deepcopy([rec])[0] is rec
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(rec, protocol)) is rec
    again = pickle.loads(pickle.dumps(registry))
    assert again.directory == directory and again.recorder("q") is rec
    with pytest.raises(TypeError, match=r"Registry\(directory\).*snapshot"):
        pickle.dumps(Recorder())
    with pytest.raises(TypeError, match=r"Registry\(directory\)"):
        pickle.dumps(Registry())


def test_a_file_that_is_replaced(directory):
    registry = Registry(directory)
    old = registry.recorder("q")
    old.record(1.0)
    os.unlink(old.path)
    new = Registry(directory).recorder("q")
    assert new is not old
    new.record_many([2.0, 3.0])
    old.record_many([1.0] * ENOUGH)  # into the old file: no block of the new one is taken
    assert (old.snapshot().count, new.snapshot().count) == (1 + ENOUGH, 2)
    with pytest.raises(FileNotFoundError, match="replaced"):
        old.drain()
    os.unlink(new.path)
    with pytest.raises(FileNotFoundError):
        new.drain()
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickle.dumps(new))
    assert (old.snapshot().count, new.snapshot().count) == (1 + ENOUGH, 2)


def test_counters_in_a_cycle(directory):
    rec = Registry(directory).recorder("q")

    class Cyclic(Counters):
        pass

    counters = Cyclic(1e9, CounterFile(os.open(rec.path, os.O_RDWR), rec.path))
    counters.itself = counters
    counters.record_many([1.0] * ENOUGH)
    del counters
    gc.collect()
    assert rec.snapshot().count == ENOUGH


def test_extremes_of_a_record_in_flight(directory):
    # A writer has counted 4.0 but not yet raised the maximum: the bucket's edge stands in for it.
    rec = Registry(directory).recorder("q")
    rec.record(1.0)
    patched(rec.path, slot_at(0, 4.0), struct.pack("<Q", 1))
    assert (rec.snapshot().count, rec.snapshot().min, rec.snapshot().max) == (2, 1.0, 4.0)
    patched(rec.path, slot_at(0, 0.3), struct.pack("<Q", 1))
    assert (rec.snapshot().count, rec.snapshot().min) == (3, buckets.lower(buckets.index(0.3)))


# ---- names ----


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("db.query", {}, "db.query.counters"),
        ("q", {"table": "users", "a": 1}, "q,a=1,table=users.counters"),
        ("../../etc/passwd", {}, "%2E.%2F..%2Fetc%2Fpasswd.counters"),
        (".hidden", {}, "%2Ehidden.counters"),
        ("..", {}, "%2E..counters"),
        ("/", {"x": "/../"}, "%2F,x=%2E.%2F..counters"),
        ("a,b=c", {}, "a%2Cb%3Dc.counters"),
        ("a", {"b": "c"}, "a,b=c.counters"),
        ("100%", {}, "100%25.counters"),
        ("é\0\n", {}, "%C3%A9%00%0A.counters"),
    ],
)
def test_names_of_files(directory, name, labels, expected):
    key = Key(name, tuple(sorted((label, str(value)) for label, value in labels.items())))
    if expected == "%2F,x=%2E.%2F..counters":
        expected = "%2F,x=%2F..%2F.counters"  # only a leading dot hides a file
    assert file_name(key) == expected
    rec = Registry(directory).recorder(name, **labels)
    rec.record(1.0)
    assert os.listdir(directory) == [expected] and os.path.dirname(rec.path) == directory
    assert list(Registry(directory).snapshot()) == [key]


def test_long_names(directory):
    registry = Registry(directory)
    a, b = registry.recorder("x" * 1000 + "a"), registry.recorder("x" * 1000 + "b")
    assert a.path != b.path and all(len(os.path.basename(rec.path)) <= 190 for rec in (a, b))
    a.record(1.0)
    assert {key.name[-1]: h.count for key, h in registry.snapshot().items()} == {"a": 1, "b": 0}
    with pytest.raises(ValueError, match="take 3034 bytes of a file's header, which has room for 3016"):
        registry.recorder("y" * 3000, label="z" * 20)  # 3000 + 1 for the unit, and 4 + 5 + 4 + 20
    with pytest.raises(ValueError, match="Unicode"):
        registry.recorder("\ud800")
    assert len(os.listdir(directory)) == 2


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(texts.filter(bool), st.dictionaries(texts, texts, max_size=4), texts.filter(lambda s: s and s.isprintable()))
def test_headers_round_trip(name, labels, unit):
    header = Header(Key(name, tuple(sorted(labels.items()))), unit, 1234567890123456789)
    page = encode(header)
    assert len(page) == 4096
    again = decode(page)
    assert (again.key, again.unit, again.created) == (header.key, header.unit, header.created)
    name = file_name(header.key)
    assert "/" not in name and not name.startswith(".") and name.isascii() and name.isprintable() and len(name) < 255


@given(st.tuples(texts.filter(bool), texts, texts), st.tuples(texts.filter(bool), texts, texts))
def test_no_two_keys_have_one_file(a, b):
    one, two = Key(a[0], ((a[1], a[2]),)), Key(b[0], ((b[1], b[2]),))
    assert (file_name(one) == file_name(two)) == (one == two)


# ---- damage ----


def damages():
    """Yield (what, damage, reason): what is done to a file, and how that is reported."""

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
    yield "cut after the header", cut(4096), "it is cut short: 4096 bytes"
    yield "cut in the counters", cut(SHARED + BLOCK - 1), "it is cut short: 57343 bytes"
    yield "foreign", write(0, b"PK\3\4" * 1000), "it is not the file of a recorder"
    yield "version", version, "its format has version 2: this historian reads version 1"
    yield "layout", layout, "its buckets are laid out as"
    yield "checksum", write(60, b"\xff"), "the checksum of its header is wrong"
    yield "a block it lacks", write(3072 + 64 + 8, struct.pack("<Q", 2)), "do not hold the blocks it lists"
    yield "no block", write(3072 + 64, bytes(8)), "do not hold the blocks it lists"
    yield "an unknown block", write(3072 + 64, struct.pack("<Q", 9)), "do not hold the blocks it lists"
    yield "drained nowhere", write(3072, struct.pack("<Q", 1)), "it lacks the block of what has been taken out"
    yield "too much", write(slot_at(0, 1.0), struct.pack("<Q", 1 << 63)), r"a count is 2\*\*63 or more"
    wrapping = struct.pack("<2Q", (1 << 64) - 1, 3)
    yield "wrapping", write(slot_at(0, 1.0), wrapping), r"a count is 2\*\*63 or more"
    many = struct.pack("<3Q", *[(1 << 63) - 1] * 3)
    yield "too many", write(slot_at(0, 1.0), many), r"2\*\*63 records or more"
    yield "a sum that is none", write(SHARED, struct.pack("<d", math.nan)), "a sum of nan"
    yield "a negative sum", write(SHARED, struct.pack("<d", -1.0)), "a sum of -1.0"
    yield "a loss that is none", write(SHARED + 8, struct.pack("<d", math.inf)), "a sum of"
    yield "a copy", lambda path: shutil.copy(path.replace("bad", "good"), path), "it is a copy: the file of 'good' is"
    yield "a directory", instead(os.mkdir), "it cannot be opened: Is a directory|not a regular file"
    yield "a pipe", instead(os.mkfifo), "not a regular file"
    yield "a link", instead(link), "it is a symbolic link, which is not followed"
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
        if os.stat(target).st_ino == inode:
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
    with pytest.raises(OSError, match="Too many open files"):  # no fault of the file
        registry.snapshot()


@given(st.binary(max_size=200), st.integers(0, 4200), st.booleans())
def test_hostile_headers(data, at, mend):
    page = bytearray(encode(Header(Key("q", (("a", "b"),)), "s", 1)))
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


# ---- who may look ----


def test_modes(tmp_path):
    before = os.umask(0)
    try:
        rec = Registry(tmp_path / "a" / "b").recorder("q")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "a" / "b").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(rec.path).st_mode) == 0o600


@pytest.mark.parametrize("umask", [0o177, 0o777])
def test_modes_with_a_umask_that_takes_rights_from_the_user(directory, umask):
    before = os.umask(umask)
    try:
        rec = Registry(directory).recorder("q")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(rec.path).st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_directory_that_others_may_write_to(tmp_path, mode):
    os.chmod(tmp_path, mode)
    with pytest.raises(PermissionError, match=rf"others may write to it, its mode is {mode:04o}.*trust=True"):
        Registry(tmp_path)
    rec = Registry(tmp_path, trust=True).recorder("q")
    rec.record(1.0)
    assert pickle.loads(pickle.dumps(Registry(tmp_path, trust=True))).snapshot()[Key("q")].count == 1
    os.chmod(tmp_path, 0o755)
    assert Registry(tmp_path).snapshot()[Key("q")].count == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else(tmp_path):
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(PermissionError, match="another user, uid 12345"):
        Registry(tmp_path)
    assert Registry(tmp_path, trust=True).snapshot() == {}


def test_what_is_no_directory(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError):
        Registry(tmp_path / "file")
    with pytest.raises(ValueError, match="empty"):
        Registry("")
    with pytest.raises(TypeError):
        Registry(3)


def test_relative_directories_stay_where_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry = Registry("d")
    monkeypatch.chdir("/")
    assert registry.recorder("q").path == str(tmp_path / "d" / "q.counters")


# ---- what the system may refuse ----

FULL = """
import os, resource, signal, sys
import historian
registry = historian.Registry(sys.argv[1])
rec = registry.recorder("first")
limit = 4096 + 53248
resource.setrlimit(resource.RLIMIT_FSIZE, (limit - 1, limit - 1))  # as on a disk that is full
try:
    registry.recorder("second")
except OSError as error:
    assert "no room for a recorder" in str(error) and not isinstance(error, historian.CorruptFileError), error
else:
    raise AssertionError("there is room")
for i in range(1000):
    rec.record(1.0)  # there is no room for a block of its own: it goes on in the one there is
rec.record_many([2.0] * 9000)
assert rec.snapshot().count == 10_000
try:
    rec.drain()
except OSError:
    pass
else:
    raise AssertionError("there is room")
assert rec.snapshot().count == 10_000
print(sorted(os.listdir(sys.argv[1])), os.path.getsize(rec.path))
"""


def test_a_full_disk(directory):
    done = subprocess.run([sys.executable, "-c", FULL, directory], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"['first.counters'] {SHARED + BLOCK}\n"


def test_space_is_reserved_before_it_is_written_to(directory):
    def is_reserved():
        status = os.stat(rec.path)
        return status.st_blocks * 512 >= status.st_size  # or there are holes, and writing there kills on a full disk

    rec = Registry(directory).recorder("q")
    assert is_reserved()
    rec.record_many([1.0] * ENOUGH)  # in a block of its own
    assert is_reserved()
    rec.drain()
    assert is_reserved() and os.path.getsize(rec.path) >= SHARED + 3 * BLOCK


INTERRUPTED = """
#include <errno.h>
#include <unistd.h>
static int interrupted(int fd, off_t offset, off_t size) {
    static int calls;
    if (calls++ % 2 == 0) return EINTR;
    return ftruncate(fd, offset + size) ? errno : 0;
}
int posix_fallocate(int fd, off_t offset, off_t size) { return interrupted(fd, offset, size); }
int posix_fallocate64(int fd, off_t offset, off_t size) { return interrupted(fd, offset, size); }
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a system call is replaced as glibc allows")
@pytest.mark.skipif("LD_PRELOAD" in os.environ or not shutil.which("cc"), reason="needs cc, and the loader to itself")
def test_space_is_reserved_though_signals_interrupt(directory, tmp_path):
    library = str(tmp_path / "interrupted.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", library], input=INTERRUPTED, text=True, check=True)
    work = f"""import historian
rec = historian.Registry({directory!r}).recorder("q")
rec.record(1.0)
assert rec.drain().count == 1"""
    done = subprocess.run(
        [sys.executable, "-c", work], env={**os.environ, "LD_PRELOAD": library}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_file_systems_without_unnamed_files(directory, monkeypatch):
    monkeypatch.setattr(os, "O_TMPFILE", 0, raising=False)  # then "." cannot be opened for writing
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    assert os.listdir(directory) == ["q.counters"] and registry.snapshot()[Key("q")].count == 1


def test_no_proc_to_reach_an_unnamed_file_by(directory, monkeypatch):
    link, exists = os.link, os.path.exists

    def hidden(path):
        return str(path).startswith("/proc/")

    def link_unless_hidden(source, target, **kwargs):
        if hidden(source):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source)
        link(source, target, **kwargs)

    monkeypatch.setattr(os.path, "exists", lambda path: exists(path) and not hidden(path))
    monkeypatch.setattr(os, "link", link_unless_hidden)
    Registry(directory).recorder("q").record(1.0)
    assert os.listdir(directory) == ["q.counters"]


def test_a_file_that_cannot_be_made_is_named(directory, monkeypatch):
    registry = Registry(directory)
    opened = os.open

    def refuse(path, flags, *args, **kwargs):
        if flags & os.O_RDWR and kwargs.get("dir_fd") is not None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match=r"Read-only file system: .*q\.counters"):
        registry.recorder("q")
    assert os.listdir(directory) == []


# ---- the default registry ----

DEFAULT = """
import os, sys
import historian
assert historian.default_registry.directory == os.path.join(os.getcwd(), sys.argv[1]), historian.default_registry
assert not os.path.exists(sys.argv[1])  # importing makes nothing
historian.recorder("q", unit="ms").record(1.0)
print(os.listdir(sys.argv[1]), historian.default_registry.snapshot())
"""


def test_the_directory_of_the_environment(tmp_path):
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    for count in (1, 2):
        env = {**os.environ, "HISTORIAN_DIR": "d"}
        done = subprocess.run([sys.executable, "-c", DEFAULT, "d"], env=env, **run)
        if count == 1:
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith("['q.counters'] {Key('q', ()): <Histogram of 1 value")
        else:
            assert "AssertionError" in done.stderr  # the directory is there before
    program = "import historian; r = historian.recorder('q'); print(historian.default_registry.directory, r.path)"
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "HISTORIAN_DIR": ""}, **run)
    assert done.stdout == "None None\n"


DISABLED = """
import os, pickle, sys
import historian
registry = historian.Registry(sys.argv[1])
rec = registry.recorder("q", unit="ms")
rec.record(1.0)
again = pickle.loads(pickle.dumps(rec))
assert (again.name, again.unit, again.path, again.snapshot().count) == ("q", "ms", None, 0)
print(os.path.exists(sys.argv[1]))
"""


def test_disabled(directory):
    env = {**os.environ, "HISTORIAN_DISABLE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", DISABLED, directory], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


# ---- the format, for others ----

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("golden", "key", "expected"),
    [
        (  # made by one process that recorded this: nothing but the shared block
            "shared.counters",
            Key("db.query", (("table", "users"), ("zone", "é"))),
            Histogram.from_values([0.0, 2.0**-40, 0.1, 0.2, 0.2, 1.0, 2.0**70], unit="ms"),
        ),
        (  # two processes with blocks of their own, three drains, and then this
            "drained.counters",
            Key("render"),
            Histogram.from_values([0.25, *[0.3] * 70, 5.0, 5.5, 60.0], unit="s"),
        ),
    ],
    ids=["shared", "drained"],
)
def test_golden_files(directory, golden, key, expected):
    registry = Registry(directory)
    shutil.copy(DATA / golden, os.path.join(directory, file_name(key)))
    assert registry.snapshot() == {key: expected}
    rec = registry.recorder(key.name, unit=expected.unit, **dict(key.labels))
    rec.record(3.0)
    assert rec.drain() == expected + Histogram.from_values([3.0], unit=expected.unit)
    assert same(file_reader.read((DATA / golden).read_bytes()), key, expected)


def same(found, key, h):
    """Return whether the other reader has found what historian has."""
    counts = {i + 2049: n for i, n in zip(h.indices.tolist(), h.counts.tolist())}
    zero, overflow = {0: h.zero_count} if h.zero_count else {}, {6145: h.overflow_count} if h.overflow_count else {}
    assert (found.name, found.labels, found.unit) == (key.name, dict(key.labels), h.unit)
    assert found.counts == {**zero, **counts, **overflow}
    assert (float(found.sum), found.min, found.max) == (h.sum, h.min, h.max) or h.count == 0
    return True


@given(
    st.lists(
        st.one_of(
            st.just("drain"),
            st.floats(0, 1e300, allow_subnormal=False),
            st.tuples(st.floats(2.0**-33, 2.0**65)),  # so often that the process gets a block of its own
        ),
        max_size=12,
    )
)
def test_another_reader_finds_the_same(tmp_path_factory, steps):
    rec = Registry(tmp_path_factory.mktemp("other") / "d").recorder("q", unit="ms", a="1", b="")
    for step in steps:
        if step == "drain":
            rec.drain()
        else:
            rec.record_many([step] if isinstance(step, float) else step * ENOUGH)
    with open(rec.path, "rb") as file:
        assert same(file_reader.read(file.read()), Key("q", (("a", "1"), ("b", ""))), rec.snapshot())
