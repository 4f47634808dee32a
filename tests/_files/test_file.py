"""A recorder in a file: its bytes, its blocks, drains, and files that are replaced."""

import copy
import gc
import math
import os
import pickle
import struct
import sys
import zlib
from fractions import Fraction

import pytest
from layout import BLOCK, COUNTS, ENOUGH, SHARED, SUM, patched, slot_at

import historian
from historian import Histogram, Key, Recorder, Registry, buckets
from historian._core import CounterFile, Counters
from historian.cli._top.watch import Watch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def test_a_recorder_in_a_directory(directory):
    registry = Registry(directory)
    rec = registry.recorder("db.query", unit="ms", table="users")
    assert rec.path == os.path.join(directory, "db.query,table=users.counters")
    assert (rec.name, rec.unit) == ("db.query{table=users}", "ms")
    rec.record(4.0)
    rec.record_many([1.0, 2.0, 3.0])
    expected = Histogram.from_values([1.0, 2.0, 3.0, 4.0], unit="ms")
    key = Key("db.query", table="users")
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
    assert struct.unpack_from("<d", data, SHARED) == (0.75,)
    octave = SHARED + SUM + 16 * 31  # of the values above 0.5: 31 octaves above 2**-32
    assert struct.unpack_from("<2Q", data, octave) == (2 * 3 << 51, 0)  # 0.75 is 3 * 2**51 units of 2**-53
    assert data[SHARED + SUM : octave] + data[octave + 16 : SHARED + COUNTS] == bytes(COUNTS - SUM - 16)
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
    for _ in range(5):  # the block is released and leased again
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
    with pytest.raises(ValueError, match="blocks that it does not contain"):
        reader.read()  # it must not return an empty result


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
    old.record_many([1.0] * ENOUGH)  # into the old file: this leases no block of the new one
    assert (before.read()[0].total, rec._file.read()[0].total) == (1 + ENOUGH, 2)
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

    counters = Cyclic(1e9, CounterFile(os.open(rec.path, os.O_RDWR), rec.path))
    counters.itself = counters
    counters.record_many([1.0] * ENOUGH)
    del counters
    gc.collect()
    assert rec.snapshot().count == ENOUGH


def test_extremes_of_a_record_in_flight(directory):
    # A writer has counted 4.0 but has not raised the maximum yet: the edge of the bucket is used instead.
    rec = Registry(directory).recorder("q")
    rec.record(1.0)
    patched(rec.path, slot_at(0, 4.0), struct.pack("<Q", 1))
    assert (rec.snapshot().count, rec.snapshot().min, rec.snapshot().max) == (2, 1.0, 4.0)
    patched(rec.path, slot_at(0, 0.3), struct.pack("<Q", 1))
    assert (rec.snapshot().count, rec.snapshot().min) == (3, buckets.lower(buckets.index(0.3)))
