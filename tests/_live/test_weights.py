"""Values with counts: as if each had been recorded that often, or nothing is recorded."""

import array
import collections
import contextlib
import functools
import inspect
import math
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from multiprocessing.managers import DictProxy, Token

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Recorder, Registry
from historian._core import Counters

VALUES = st.floats(0, 1.7976931348623157e308) | st.sampled_from([0.0, -0.0, 5e-324, 2.0**-32, 2.0**64, 1.0])
PAIRS = st.lists(st.tuples(VALUES, st.integers(0, 50)), max_size=30)


def everything(h: Histogram):
    return (*h._counts.pairs(), h._sum, repr(h.min), repr(h.max), h.to_bytes())


@given(PAIRS)
def test_counts_are_repetitions(pairs):
    values, counts = np.array([v for v, _ in pairs], "f8"), np.array([n for _, n in pairs], "i8")
    counted = Histogram.from_values(values, counts=counts)
    assert everything(counted) == everything(Histogram.from_values(np.repeat(values, counts)))
    one, many = Recorder(), Recorder()
    for value, n in pairs:
        for _ in range(n):
            one.record(value)
    many.record_many(values.tolist(), counts=counts.tolist())
    assert everything(one.snapshot()) == everything(many.snapshot()) == everything(counted)


@given(VALUES, st.integers(1, 2**63 - 1))
def test_large_counts(value, n):
    """The sum is a product of whole numbers."""
    from historian._values.exact import exact

    h = Histogram.from_values([value, 1e300], counts=[n, 0])
    assert (h.count, h._sum, h.min, h.max) == (n, n * exact(abs(value)), abs(value), abs(value))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", ">i4", ">u8", "O"])
def test_types_of_counts(dtype):
    rng = np.random.default_rng(1)
    values, counts = rng.lognormal(0, 2, 3001), rng.integers(0, 100, 3001).astype(dtype)
    for v, c in ((values, counts), (values[::2], counts[::2]), (values[::-1], counts[::-1]), (values[:9], counts[:9])):
        expected = Histogram.from_values(np.repeat(v, c.astype("i8")))
        assert Histogram.from_values(v, counts=c) == expected
        assert Histogram.from_values(v.tolist(), counts=c.tolist()) == expected


@pytest.mark.parametrize("in_directory", [False, True])
def test_recorders(in_directory, tmp_path):
    rec = Registry(tmp_path / "d" if in_directory else None).recorder("q", route="/")
    rec.record(4.0)
    rec.record_many([1.0, 2.0, 8.0], counts=[3, 2, 0])
    rec.record_many(np.arange(3000.0), counts=np.ones(3000, "u2"))
    expected = Histogram.from_values([4.0, 1.0, 1.0, 1.0, 2.0, 2.0, *map(float, range(3000))])
    assert rec.snapshot() == expected == rec.drain()
    rec.record_many([], counts=[])
    rec.record_many([1.0], counts=[0])
    assert rec.snapshot() == Histogram()


class Pairs:
    """A mapping for `dict`, though not for isinstance; as a proxy of `multiprocessing.Manager().dict()`."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __iter__(self):
        return iter(self.pairs)

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, key):
        return self.pairs[key]

    def keys(self):
        return self.pairs.keys()

    def values(self):
        return self.pairs.values()


class Older(Pairs):
    """One that is found to be iterable only because it has ``__getitem__``."""

    __iter__ = None


def test_a_row_of_a_database_is_no_mapping():
    """It has keys, but iterating over it gives its values."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = sqlite3.Row
        row = database.execute("SELECT 1.5 AS a, 2.5 AS b").fetchone()
    assert Histogram.from_values(row) == Histogram.from_values([1.5, 2.5])


def test_a_proxy_of_a_dictionary_is_refused():
    proxy = DictProxy(Token("dict", ("nowhere", 0), "0"), "pickle", authkey=b"", incref=False)
    with pytest.raises(TypeError, match=r"values must not be a mapping, here a DictProxy"):
        Recorder().record_many(proxy)
    with pytest.raises(TypeError, match=r"whole numbers, not DictProxy"):
        Histogram.from_values([1.0], counts=proxy)


@pytest.mark.parametrize("kind", [dict, collections.Counter, Pairs, Older])
def test_mappings_are_refused_with_a_hint(kind):
    """As locust's `response_times`: without counts, the keys would be counted, once each."""
    times = kind({10: 400, 20: 17})
    for use in (Recorder().record_many, Histogram.from_values):
        with pytest.raises(TypeError, match=r"pass m\.keys\(\), counts=m\.values\(\)"):
            use(times)
    h = Histogram.from_values(times.keys(), counts=times.values(), unit="ms")
    assert (h.count, h.sum, h.max) == (417, 4340.0, 20.0)


BAD = [
    ([1.0, 2.0], [1], ValueError, "same length, not 2 and 1"),
    ([1.0, 2.0], 3, TypeError, "whole numbers, not int"),
    ([1.0], [-1], ValueError, r"counts\[0\] must be 0 or more, not -1"),
    ([1.0], np.array([-1]), ValueError, r"counts\[0\] is -1, so no value was counted"),
    ([1.0], [1.0], TypeError, r"counts\[0\] must be a whole number, not 1\.0: pass int"),
    ([1.0], np.array([1.0]), TypeError, r"dtype float64; pass counts\.astype\(int\)"),
    ([1.0], [2**63], OverflowError, r"counts\[0\] must be below"),
    ([1.0], np.array([2**64 - 1], "u8"), ValueError, r"counts\[0\] is 18446744073709551615"),
    ([1.0, 2.0], [2**62, 2**62], OverflowError, r"add up to 2\*\*63 or more"),
    ([1.0, math.nan], [1, 0], ValueError, r"values\[1\] is nan"),
    (np.array([1.0, -1.0]), [1, 0], ValueError, r"values\[1\] is -1\.0"),
    (np.arange(5000.0) - 4999, np.ones(5000, int), ValueError, r"values\[0\] is -4999\.0"),
    (np.append(np.ones(4999), -1), np.ones(5000, int), ValueError, r"values\[4999\] is -1\.0"),
    ([1.0], "1", TypeError, "not str"),
    ([1.0], {1: 1}, TypeError, "not dict"),
    ([1.0], Pairs({1: 1}), TypeError, "not Pairs"),
    ([1.0], np.ones((1, 1), int), ValueError, "counts must be an array of one dimension"),
    ([1.0], np.ma.array([1], mask=[True]), ValueError, "masked"),
]


@pytest.mark.parametrize(("values", "counts", "error", "message"), BAD)
def test_what_cannot_be_counted_changes_nothing(values, counts, error, message):
    rec = Recorder()
    rec.record(3.0)
    before = rec.snapshot()
    with pytest.raises(error, match=message):
        rec.record_many(values, counts=counts)
    assert rec.snapshot() == before
    rec.record_many(np.full(2000, 3.0))  # nothing is left in the tables
    assert rec.snapshot() == Histogram.from_values([3.0], counts=[2001])


def test_a_recorder_has_room_for_less_than_a_histogram():
    rec = Recorder("q")
    rec.record_many([1.0], counts=[2**62])
    with pytest.raises(OverflowError, match="would hold"):
        rec.record_many([1.0], counts=[2**62])
    rec.record(1.0)
    assert rec.snapshot().count == 2**62 + 1
    assert Histogram.from_values([1.0], counts=[2**63 - 1]).count == 2**63 - 1


def test_masked_values_are_left_out_with_their_counts():
    values = np.ma.array([1.0, math.nan, 3.0], mask=[False, True, False])
    assert Histogram.from_values(values, counts=array.array("H", [2, 5, 1])) == Histogram.from_values([1.0, 1.0, 3.0])
    with pytest.raises(ValueError, match="same shape"):
        Histogram.from_values(values, counts=[1, 2])


COUNTED = st.lists(st.tuples(VALUES, st.integers(0, 20) | st.none()), max_size=30)


@given(COUNTED, st.booleans())
def test_record_with_a_count_is_that_many_records(pairs, bound):
    counted, one = Recorder(), Recorder()
    record = counted.record
    for value, n in pairs:
        if n is None:
            record(value) if bound else counted.record(value)
        elif bound:
            record(value, count=n)
        else:
            counted.record(value, count=n)
        for _ in range(1 if n is None else n):
            one.record(value)
    assert everything(counted.snapshot()) == everything(one.snapshot())


@given(VALUES, st.integers(1, 2**62))
def test_large_counts_of_one_value(value, n):
    rec = Recorder()
    rec.record(value, count=n)
    assert everything(rec.snapshot()) == everything(Histogram.from_values([value], counts=[n]))


@pytest.mark.parametrize("in_directory", [False, True])
def test_record_with_a_count_before_and_after_other_records(in_directory, tmp_path):
    """The first records in a file count atomically, the later ones, and those of a lane, do not."""
    rec = Registry(tmp_path / "d" if in_directory else None).recorder("q", route="/")
    expected = Histogram()
    for value in (4.0, 0.0, 1e300, 1.0):
        rec.record(value, count=3)
        for _ in range(3000):
            rec.record(value)
        rec.record(value, count=2000)
        expected += Histogram.from_values([value], counts=[5003])
    assert everything(rec.snapshot()) == everything(expected) == everything(rec.drain())
    rec.record(9.0, count=2)
    assert everything(rec.snapshot()) == everything(Histogram.from_values([9.0, 9.0]))


def test_threads_record_with_counts():
    rec = Recorder()
    with ThreadPoolExecutor(4) as pool:
        for value in (1.0, 2.0, 0.0, 1e30):
            pool.submit(lambda value=value: [rec.record(value, count=n) for n in range(500)])
    each = 500 * 499 // 2
    assert everything(rec.snapshot()) == everything(Histogram.from_values([1.0, 2.0, 0.0, 1e30], counts=[each] * 4))


@pytest.mark.parametrize("count", [3, np.int64(3), np.uint8(3), np.array([3])[0], IntEnum("E", {"C": 3}).C])
def test_kinds_of_counts(count):
    rec = Recorder()
    rec.record(2.0, count=count)
    rec.record(2.0, count=True)  # as in record_many
    rec.record(2.0, count=False)
    assert rec.snapshot() == Histogram.from_values([2.0], counts=[4])


def test_a_count_of_0_records_nothing():
    rec = Recorder()
    rec.record(2.0)
    rec.record(1.0, count=0)
    rec.record(3.0, count=0)
    h = rec.snapshot()
    assert (h.count, h.sum, h.min, h.max) == (1, 2.0, 2.0, 2.0)


BAD_RECORDS = [
    ((1.0,), {"count": -1}, ValueError, "count must be 0 or more, not -1"),
    ((1.0,), {"count": 2.0}, TypeError, r"count must be a whole number, not 2\.0: pass int\(count\)"),
    ((1.0,), {"count": "2"}, TypeError, "count must be a whole number, not '2'$"),
    ((1.0,), {"count": None}, TypeError, "count must be a whole number"),
    ((1.0,), {"count": np.array([2])}, TypeError, "count must be a whole number"),
    ((1.0,), {"count": 2**63}, OverflowError, r"count must be below 2\*\*63"),
    ((1.0,), {"count": 2**63 - 1}, OverflowError, "'q' would hold 9,223,372,036,854,775,808 values: it may hold 9,"),
    ((math.nan,), {"count": 0}, ValueError, "cannot record nan"),
    ((-1.0,), {"count": -1}, ValueError, r"cannot record -1\.0"),
    (("1",), {"count": 2}, TypeError, "str is not a real number"),
    (([1.0],), {"count": 2}, TypeError, r"pass it to record_many\(\)"),
    ((1.0,), {"counts": 2}, TypeError, "counts"),
    ((1.0, 2), {}, TypeError, r"record\(\)"),
    ((), {"count": 2}, TypeError, r"record\(\)"),
    ((), {}, TypeError, r"record\(\)"),
    ((), {"value": 1.0}, TypeError, r"record\(\)"),
]


@pytest.mark.parametrize(("args", "keywords", "error", "message"), BAD_RECORDS)
def test_what_cannot_be_recorded_changes_nothing(args, keywords, error, message):
    rec = Recorder("q")
    rec.record(3.0)
    for record in (rec.record, lambda *args, **keywords: Recorder.record(rec, *args, **keywords)):
        with pytest.raises(error, match=message):
            record(*args, **keywords)
    with pytest.raises(error, match=message):
        rec.record(*args, **keywords)
    assert rec.snapshot() == Histogram.from_values([3.0])


class Own(Recorder):
    def record(self, value, /, *, count=1):
        super().record(value * 2, count=count)


def test_every_way_to_call_record():
    rec, own = Recorder(), Own()
    for record in (rec.record, functools.partial(Recorder.record, rec), functools.partial(Counters.record, rec)):
        record(1.0)
        record(1.0, count=2)
        record(*[1.0], **{"count": 3})
        list(map(record, [1.0, 1.0]))
    rec.record(1.0)
    rec.record(1.0, count=2)
    assert rec.snapshot() == Histogram.from_values([1.0], counts=[27])
    own.record(1.0)
    own.record(1.0, count=4)
    assert own.snapshot() == Histogram.from_values([2.0], counts=[5])
    assert str(inspect.signature(Recorder.record)) == "(self, value, /, *, count=1, exemplar=None)"
    assert str(inspect.signature(rec.record)) == "(value, /, *, count=1, exemplar=None)"


@pytest.mark.parametrize("other", [object(), 1.0, None, Recorder, Histogram()])
def test_the_method_takes_only_recorders(other):
    for use in (lambda: Counters.record(other, 1.0), lambda: Counters.record(other, 1.0, count=2)):
        with pytest.raises(TypeError, match=r"'record'.*'historian\._core\.Counters'"):
            use()


def test_references_to_values_are_released():
    rec, value = Recorder(), float("1.25")
    before = sys.getrefcount(value), sys.getrefcount(rec)
    for _ in range(100):
        rec.record(value)
        rec.record(value, count=2)
        with pytest.raises(TypeError):
            rec.record(value, count=value)
    assert (sys.getrefcount(value), sys.getrefcount(rec)) == before
