"""Recorders in a file: its bytes, its chunks, drains, and files that are replaced."""

import copy
import gc
import itertools
import math
import os
import pickle
import struct
import sys
import zlib
from fractions import Fraction

import pytest
from layout import CHUNK, CHUNKS_AT, ENOUGH, chunks_used, patched, rows_of, slot_at

from historian import Histogram, Key, Recorder, Registry, buckets
from historian._core import Counters, DirectoryFile
from historian.cli._top.watch import Watch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def test_a_recorder_in_a_directory(directory):
    registry = Registry(directory)
    rec = registry.recorder("db.query", unit="ms", table="users")
    assert rec.path == os.path.join(directory, "recorders")
    assert (rec.name, rec.unit) == ("db.query{table=users}", "ms")
    rec.record(4.0)
    rec.record_many([1.0, 2.0, 3.0])
    expected = Histogram.from_values([1.0, 2.0, 3.0, 4.0], unit="ms")
    key = Key("db.query", table="users")
    assert rec.snapshot() == expected
    assert registry.snapshot() == Registry(directory).snapshot() == {key: expected}
    assert os.listdir(directory) == ["recorders"]
    assert os.path.getsize(rec.path) == CHUNKS_AT + 122 * CHUNK
    assert registry.directory == directory and Registry().directory is None and Recorder().path is None


def test_the_bytes_of_a_file(directory):
    rec = Registry(directory).recorder("q", unit="ms", b="é", a="1")
    rec.record(0.75)
    rec.record(0.75)
    with open(rec.path, "rb") as file:
        data = file.read()
    magic, version, *layout, created = struct.unpack_from("<8sI IiIIIII Q", data)
    assert (magic, version) == (b"\x89HSTRN\r\n", 2)
    assert layout == [CHUNK, -2048, 96, 64, 2**18, 4096, CHUNKS_AT]
    assert 1.7e18 < created < 4e18  # ns: between 2023 and 2096
    assert any(data[48:64]) and data[64:124] == bytes(60)
    assert struct.unpack_from("<I", data, 124) == (zlib.crc32(data[:124]),)
    assert struct.unpack_from("<5Q", data, 128) == (38, 122, 0, 1, 0)  # an entry, 4 kept, and 32 of lane 1
    assert struct.unpack_from("<Q", data, 168) == (4 << 32 | 5,)
    assert [struct.unpack_from("<2Q", data, CHUNKS_AT + k * CHUNK) for k in (5, 4, 3, 2)] == [
        (0, 4),
        (0, 3),
        (0, 2),
        (0, 0),
    ]
    assert data[176:1024] == bytes(1024 - 176)
    assert struct.unpack_from("<12Q", data, 1024) == (0, 0, 0, 0, 8, 38, 0, 0, 0, 0, 0, 0)  # 6 is a row, 7 its counters
    entry = CHUNKS_AT + CHUNK
    assert struct.unpack_from("<2Q", data, 4096) == (0xA4000001, 0)
    assert struct.unpack_from("<2Q", data, entry) == (1 << 56, 0xA3000006)
    seats = 2 if sys.platform.startswith("linux") else 1 << 63  # the first one
    assert struct.unpack_from("<2Q", data, entry + 16) == (0, seats)
    assert data[entry + 32 : entry + 384] == bytes(384 - 32)
    checksum, nbytes, created, key_nbytes, place = struct.unpack_from("<IIQII", data, entry + 384)
    assert (nbytes, key_nbytes, place) == (18, 16, 0) and 1.7e18 < created < 4e18
    assert data[entry + 408 : entry + 426] == b"\x01\x00q\x01\x00a\x01\x001\x01\x00b\x02\x00\xc3\xa9ms"
    assert checksum == zlib.crc32(data[entry + 388 : entry + 408 + nbytes])
    row = CHUNKS_AT + 6 * CHUNK
    assert struct.unpack_from("<3Q", data, row) == (2 << 56 | 1 << 40, 0, 0)
    assert struct.unpack_from("<d", data, row + 24) == (0.75,)
    assert struct.unpack_from("<96I", data, row + 144) == (*[0] * 31, 0xA2000007, *[0] * 64)  # octave 31
    chunk = row + CHUNK
    assert struct.unpack_from("<Q", data, chunk) == (3 << 56 | 31 << 48 | 1 << 40,)
    assert struct.unpack_from("<2Q", data, chunk + 8) == (2 * 3 << 51, 0)  # 0.75 is 3 * 2**51 units of 2**-53
    assert struct.unpack_from("<Q", data, slot_at(rec.path, 0.75)) == (2,)
    assert data[chunk + CHUNK :] == bytes(len(data) - chunk - CHUNK)


def test_a_lane_takes_chunks_as_octaves_come(directory):
    if not sys.platform.startswith("linux"):
        pytest.skip("there are leases on Linux only")
    rec = Registry(directory).recorder("q")
    rec.record_many([1.0] * ENOUGH)
    used = chunks_used(rec.path)
    rec.record_many([1.0] * ENOUGH)
    rec.record(0.9)
    assert chunks_used(rec.path) == used
    for k in range(60):
        rec.record(2.0**k)
    assert used < chunks_used(rec.path) <= used + 60 + 32
    used = chunks_used(rec.path)
    for _ in range(5):  # the lane is released and leased again
        del rec
        gc.collect()
        rec = Registry(directory).recorder("q")
        rec.record_many([2.0] * ENOUGH)
        assert rows_of(rec) == 1
    assert chunks_used(rec.path) == used and rec.snapshot().count == 61 + 7 * ENOUGH
    fd = os.open(rec.path, os.O_RDWR)
    other = Recorder._of("q", "s", DirectoryFile(fd, rec.path))  # as another process does
    os.close(fd)
    other.record_many([2.0] * ENOUGH)
    assert rows_of(rec) == 2
    assert rec.snapshot() == other.snapshot() and rec.snapshot().count == 61 + 8 * ENOUGH


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize(
    "look",
    [
        lambda directory: Registry(directory).snapshot()[Key("q")].count,
        lambda directory: Watch(Registry(directory)).look().changes[0].total.count,
    ],
)
def test_a_file_that_grows_while_it_is_opened(directory, monkeypatch, look, call):
    registry = Registry(directory)
    rec = registry.recorder("q")
    measure, calls = os.fstat, itertools.count(1)

    def fstat(fd):
        status = measure(fd)
        if next(calls) == call:
            for i in range(300):
                registry.recorder("other", i=i).record(1.0)
            rec.record_many([1.0] * ENOUGH)
            rec.drain()
            rec.record(2.0)
        return status

    monkeypatch.setattr(os, "fstat", fstat)
    assert look(directory) == 1
    assert os.path.getsize(rec.path) >= CHUNKS_AT + 900 * CHUNK


def test_a_file_that_has_grown_beyond_its_mapping(directory):
    rec = Registry(directory).recorder("q")
    rec.record(1.0)
    with open(rec.path, "rb") as file:
        reader = DirectoryFile(file.fileno())
    assert reader.read(0)[0].total == 1
    other = Registry(directory).recorder("other")
    for k in range(90):
        other.record(2.0 ** (k - 30))
        rec.record(2.0 ** (k - 30))
    with pytest.raises(ValueError, match="a chunk of its counters is damaged"):
        reader.read(0)  # it must not return an incomplete result


def test_drains_take_each_record_once(directory):
    rec = Registry(directory).recorder("q")
    assert rec.drain() == Histogram()
    for values in ([1.0, 0.1, 0.1], [1e12, 0.0], [0.1] * ENOUGH, [3.0], [2.0**64, 2.0**-40]):
        for value in values:
            rec.record(value)
        assert rec.snapshot() == Histogram.from_values(values)
        assert rec.drain() == Histogram.from_values(values)
        assert rec.drain() == rec.snapshot() == Histogram()
    assert chunks_used(rec.path) <= 60


def test_sums_after_a_huge_value(directory):
    rec = Registry(directory).recorder("q")
    rec.record(5e300)
    assert rec.drain().sum == 5e300
    for _ in range(3):
        for _ in range(100):
            rec.record(0.1)  # a float64 would absorb this
        rec.record_many([0.1] * ENOUGH)
        assert rec.drain().sum == float(Fraction(0.1) * (100 + ENOUGH))


def test_sums_beyond_float64(directory):
    rec = Registry(directory).recorder("q")
    rec.record_many([1.7e308, 1.7e308])
    assert rec.drain().sum == math.inf
    rec.record(1.0)
    assert rec.drain().sum == 1.0
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
    with pytest.raises(ValueError, match="exists with unit 'ms', not 's': use one unit"):
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
    with pytest.raises(ValueError, match="recorder q exists with unit 'ms', not 's': use one unit"):
        Registry(directory).recorder("q")
    registry = Registry(directory)
    with pytest.raises(ValueError, match="recorder q exists with unit 'ms', not 'us': use one unit"):
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
    rec = Registry(directory).recorder("q")
    rec.record(1.0)
    os.unlink(rec.path)
    before = rec._file
    assert Registry(directory).recorder("q") is rec
    assert rec._file is not before
    rec.record_many([2.0, 3.0])
    old = Counters(1e9, before)
    old.record_many([1.0] * ENOUGH)  # into the old file: this leases no lane of the new one
    assert (before.read(0)[0].total, rec._file.read(0)[0].total) == (1 + ENOUGH, 2)
    assert rec.snapshot().count == 3 + ENOUGH
    os.unlink(rec.path)
    assert rec.drain().count == 3 + ENOUGH
    os.unlink(rec.path)
    assert pickle.loads(pickle.dumps(rec)) is rec
    assert rec.snapshot().count == 0


def test_counters_in_a_cycle(directory):
    rec = Registry(directory).recorder("q")

    class Cyclic(Counters):
        pass

    counters = Cyclic(1e9, rec._file)
    counters.itself = counters
    counters.record_many([1.0] * ENOUGH)
    del counters
    gc.collect()
    assert rec.snapshot().count == ENOUGH


def test_extremes_of_a_record_in_flight(directory):
    # A writer has counted 4.0 but has not raised the maximum yet: the edge of the bucket is used instead.
    rec = Registry(directory).recorder("q")
    rec.record(1.0)
    rec.record(2.1)
    rec.record(0.26)
    rec.drain()
    rec.record(1.0)
    patched(rec.path, slot_at(rec.path, 4.0), struct.pack("<Q", 1))
    assert (rec.snapshot().count, rec.snapshot().min, rec.snapshot().max) == (2, 1.0, 4.0)
    patched(rec.path, slot_at(rec.path, 0.3), struct.pack("<Q", 1))
    assert (rec.snapshot().count, rec.snapshot().min) == (3, buckets.lower(buckets.index(0.3)))
