"""The sum is exact: the float nearest to the true sum, however the values come and wherever they are counted."""

import gc
import json
import math
import pickle
import random
import struct
import sys
from fractions import Fraction
from pathlib import Path

import file_reader
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout import CHUNK, CHUNKS_AT, ENOUGH, chunk_at, patched, row_at, word

from historian import Histogram, Recorder, Registry, merge
from historian._values.exact import rounded

values = st.one_of(
    st.floats(0, 1.7e308),
    st.floats(0, 1e4),
    st.builds(math.ldexp, st.integers(0, 2**53 - 1), st.integers(-1074, 900)),
    st.sampled_from(
        [0.0, 2.0**-1074, 2.0**-33, 2.0**-32, 0.1, 1.0, 2.0**53, 2.0**64, math.nextafter(2.0**64, 0), 1e300]
    ),
)
lists = st.lists(values, max_size=40)


def true_sum(data) -> Fraction:
    return sum(map(Fraction, data), Fraction(0))


def nearest(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf


def holds(h: Histogram, exact: Fraction) -> bool:
    """Return whether the sum is the nearest float, and nothing else has been lost."""
    return h.sum == nearest(exact) and Fraction(h._sum, 2**1074) == exact


def one_by_one(data):
    rec = Recorder()
    for value in data:
        rec.record(value)
    return rec


def at_once(data):
    rec = Recorder()
    rec.record_many(data)
    return rec


def in_parts(data):
    rec = Recorder()
    for k in range(0, len(data), 3):
        rec.record_many(np.array(data[k : k + 2], dtype="f8"))
        for value in data[k + 2 : k + 3]:
            rec.record(value)
    return rec


RECORD = [one_by_one, at_once, in_parts]
TOO_SHORT_FOR_A_FLOAT = [
    ([2.0**53, 1.0, 2.0**-53], 9007199254740994.0),  # the sum is just above the middle of two floats
    ([2.0**53, 1.0], 9007199254740992.0),  # it is the middle: the even one is nearest
    ([1e300, 1e16, 1.0, 1.0], 1e300),
    ([0.1] * 10_000, 1000.0),
    ([2.0**900, *[2.0**k for k in range(847, -1000, -53)], 2.0**847 - 2.0**794], 2.0**900 + 2.0**848),
]


@pytest.mark.parametrize("count", [1, 2, 3, 10**9 + 7, 2**62 - 1, 2**63 - 1])
def test_the_edge_of_float64(count):
    """Halfway between the largest float and 2**1024, a quotient is rounded up, to infinity."""
    edge = (2**54 - 1) * 2 ** (970 + 1074) * count
    for off in range(-2, 3):
        assert rounded(edge + off, count) == (math.inf if off >= 0 else sys.float_info.max)


@pytest.mark.parametrize("record", RECORD)
@pytest.mark.parametrize(("data", "expected"), TOO_SHORT_FOR_A_FLOAT)
def test_sums_that_one_float_or_two_would_lose(record, data, expected):
    assert record(data).snapshot().sum == record(data[::-1]).drain().sum == math.fsum(data) == expected


@given(lists, st.sampled_from(RECORD))
def test_a_recorder_has_the_exact_sum(data, record):
    rec = record(data)
    assert holds(rec.snapshot(), true_sum(data)) and holds(rec.drain(), true_sum(data))
    assert holds(rec.snapshot(), Fraction(0)) and holds(Histogram.from_values(data), true_sum(data))


@given(lists, lists, lists)
def test_merging_and_subtracting_are_exact(a, b, c):
    x, y, z = map(Histogram.from_values, (a, b, c))
    assert holds(x + y, true_sum(a + b)) and holds(merge([x.to_bytes(), y, z]), true_sum(a + b + c))
    assert (x + y)._sum == (y + x)._sum and ((x + y) + z)._sum == (x + (y + z))._sum
    difference = (x + y) - y
    assert holds(difference, true_sum(a)) and difference.sum == x.sum


def test_a_difference_after_a_huge_value():
    rec = Recorder()
    rec.record(1e300)
    before = rec.snapshot()
    for value in (1e16, 1.0, 1.0):
        rec.record(value)
    assert (rec.snapshot() - before).sum == 10000000000000002.0


@given(lists)
def test_bytes_plain_data_and_pickles_keep_the_exact_sum(data):
    h = Histogram.from_values(data)
    for copy in (
        Histogram.from_bytes(h.to_bytes()),
        Histogram.from_dict(h.to_dict()),
        Histogram.from_dict(json.loads(json.dumps(h.to_dict()))),
        pickle.loads(pickle.dumps(h)),
    ):
        assert holds(copy, true_sum(data)) and copy.to_bytes() == h.to_bytes()


def test_plain_data_names_the_exact_sum_only_if_the_nearest_float_is_another():
    assert "exact_sum" not in Histogram.from_values([0.5, 0.25]).to_dict()
    h = Histogram.from_values([0.1, 0.2])  # 0.1 is 0x1.999999999999ap-4, 0.2 is 0x1.999999999999ap-3
    assert h.to_dict()["exact_sum"] == f"{0x1999999999999A * 3 // 2:#x}p-55" and h.sum == 0.30000000000000004
    assert float.fromhex(h.to_dict()["exact_sum"]) == h.sum
    huge = Histogram.from_values([1.7e308] * 3).to_dict()
    assert huge["sum"] is None and Fraction(Histogram.from_dict(huge)._sum, 2**1074) == 3 * Fraction(1.7e308)
    assert Histogram.from_dict(h.to_dict() | {"sum": 0.25}).sum == 0.25  # as a program may have changed it


@pytest.mark.parametrize(
    "text",
    ["", "p0", "1p0", "0xp0", "0x1", "0x1p", "0x2p0", "0X1p0", "0x1p+1", "0x1p-1075", "-0x1p0", "0x1p1100", "0x1p٣", 5]
    + ["0x1p" + "9" * 5000, "0x" + "1" * 5000 + "p0", "0x1p1087", "0x1_1p0", "0x 1p0"],
)
def test_other_texts_are_no_exact_sum(text):
    data = Histogram.from_values([0.1, 0.2]).to_dict()
    with pytest.raises(
        ValueError, match=r"is not a sum that to_dict|not the data of a histogram|impossible for a count"
    ):
        Histogram.from_dict(data | {"exact_sum": text, "sum": None})


# ---- arrays: chunks are added up in float64, which is exact within 28 octaves, and otherwise not used ----


@pytest.mark.parametrize("octaves", [0, 1, 20, 27, 28, 29, 30, 31, 35, 40, 60, 300])
@pytest.mark.parametrize("n", [1, 7, 16, 511, 512, 513, 1024, 5000])
def test_arrays_of_any_range(octaves, n):
    draw = random.Random(octaves * 10_000 + n)
    for top in (0, 900, 1020, -700):
        data = [math.ldexp(draw.getrandbits(53) | 1 | 1 << 52, top - 53 - draw.randint(0, octaves)) for _ in range(n)]
        data[draw.randrange(n)] = math.ldexp(2**53 - 1, top - 53)
        data[draw.randrange(n)] = math.ldexp(2**52 + 1, top - 53 - octaves)
        if top == 0:
            data[draw.randrange(n)] = 0.0
        assert holds(Histogram.from_values(np.array(data)), true_sum(data)), top
        assert holds(Histogram.from_values(np.array(data)[::-1]), true_sum(data)), top


def test_a_long_array_of_a_wide_range():
    data = np.ldexp(1.0, np.arange(200_000) % 2000 - 1000) * 1.1
    assert holds(Histogram.from_values(data), true_sum(data.tolist()))


def test_arrays_of_zeros():
    assert holds(Histogram.from_values([0.0] * 3000), Fraction(0)) and holds(Histogram.from_values([-0.0]), Fraction(0))
    assert holds(Histogram.from_values([0.0, 0.1] * 3000), 3000 * Fraction(0.1))


# ---- files ----

in_files = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


@in_files
@given(st.lists(st.one_of(st.just("drain"), st.just("a lane of its own"), lists), max_size=6))
def test_files_have_the_exact_sum(tmp_path_factory, steps):
    rec, exact = Registry(tmp_path_factory.mktemp("sums") / "d").recorder("q"), Fraction(0)
    for step in steps:
        if step == "drain":
            assert holds(rec.drain(), exact)
            exact = Fraction(0)
            continue
        data = [0.1] * ENOUGH if step == "a lane of its own" else step
        for value in data:
            rec.record(value)
        rec.record_many(data)
        exact += 2 * true_sum(data)
        assert holds(rec.snapshot(), exact) or not rec.snapshot().count
    assert file_reader.read(Path(rec.path).read_bytes())[0].sum == exact


@in_files
def test_merging_into_a_directory_is_exact(tmp_path):
    data, registry = [1e300, 1e16, 1.0, 2.0**-1074], Registry(tmp_path / "d")
    source = Registry()
    source.recorder("q").record_many(data)
    registry.merge(source)
    registry.merge(source.snapshot())
    assert holds(registry.recorder("q").snapshot(), 2 * true_sum(data))


@in_files
@pytest.mark.parametrize("changes", [0, 1, 2, 3, 2**40, 2**53 - 5])
def test_an_octave_of_many_values(tmp_path, changes):
    """The second number of its pair says how often the highest bit of the first one has changed, or one less."""
    rec, value = Registry(tmp_path / "d").recorder("q"), 0.75 + 2.0**-53  # in the octave of 31, in units of 2**-53
    rec.record(value)
    before, unit = (changes << 63) + (1 << 63) - 3, Fraction(1, 2**53)
    patched(rec.path, chunk_at(rec.path, value) + 8, struct.pack("<2Q", before % 2**64, changes))
    for k in range(1, 4000):  # 1,024 of them, or a little more, change the highest bit
        rec.record(value)
        if k % 97 == 1:
            assert holds(rec.snapshot(), before * unit + k * Fraction(value))
            assert file_reader.read(Path(rec.path).read_bytes())[0].sum == before * unit + k * Fraction(value)
    assert holds(rec.drain(), before * unit + 3999 * Fraction(value))
    rec.record(value)
    assert holds(rec.snapshot(), Fraction(value)) and holds(rec.drain(), Fraction(value))


@in_files
def test_a_process_that_was_killed_between_both_numbers_of_an_octave(tmp_path):
    rec, value = Registry(tmp_path / "d").recorder("q"), 1.0 + 2.0**-52
    for _ in range(ENOUGH):
        rec.record(value)
    path, at = rec.path, chunk_at(rec.path, value) + 8
    del rec
    gc.collect()  # ends the lease
    (a, b) = struct.unpack("<2Q", Path(path).read_bytes()[at : at + 16])
    before = Fraction(Registry(tmp_path / "d").recorder("q").snapshot()._sum, 2**1074)
    # the highest bit has changed, and the second number does not say so yet
    patched(path, at, struct.pack("<2Q", a % 2**63 | (~b & 1) << 63, b))
    missing = Fraction(2**63, 2**52) * (1 - (a >> 63 ^ b & 1))
    rec = Registry(tmp_path / "d").recorder("q")
    assert holds(rec.snapshot(), before + missing)
    for k in range(1, 3 * ENOUGH):  # the process that counts here next corrects it
        rec.record(value)
        assert k % 501 or holds(rec.snapshot(), before + missing + k * Fraction(value))


@in_files
def test_a_digit_carries_after_2_to_the_31_records(tmp_path):
    rec, value = Registry(tmp_path / "d").recorder("q"), 1.1 * 2.0**900
    rec.record(value)
    far = CHUNKS_AT + CHUNK * (word(rec.path, row_at(rec.path) + 16) & 0xFFFFFF)
    at = far + 8 + 8 * (60 - 8)  # digit 60: the far ones are 0 to 29, and from 38 on
    patched(rec.path, at, struct.pack("<Q", 2**63 - 1))
    before = Fraction(rec.snapshot()._sum, 2**1074)
    for k in range(1, 10):
        rec.record(value)
        assert holds(rec.snapshot(), before + k * Fraction(value))
    assert struct.unpack("<Q", Path(rec.path).read_bytes()[at : at + 8])[0] < 2**36


# ---- coordinated omission: the waits value - k * interval, as real numbers ----


@given(st.floats(1e-3, 1e6), st.floats(1e-4, 1e3))
def test_the_sum_of_waits_is_exact(value, interval):
    rec, expected = Recorder(), Fraction(value)
    rec.record_corrected(value, interval)
    waits = max(1, math.floor(value / interval))  # the quotient is rounded, so that 100 / 0.01 is 10,000
    expected = waits * Fraction(value) - waits * (waits - 1) // 2 * Fraction(interval)
    assert holds(rec.snapshot(), expected)
    assert holds(Histogram.from_values([value]).corrected(interval), expected)
