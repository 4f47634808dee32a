"""Histograms in the encodings of HdrHistogram: those of Java are golden files, those of Python come from the port."""

import base64
import copy
import itertools
import math
import pickle
import random
import re
import struct
import zlib
from array import array
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Recorder, buckets
from historian._core import looked_up, unpacked_runs
from historian.formats import hdr
from historian.formats.hdr import _convert
from historian.formats.hdr._layout import Layout
from historian.formats.hdr._words import read_numbers

DATA = Path(__file__).parents[1] / "data" / "hdrhistogram"

#: What Java 2.2.2 wrote: see Golden.java, beside it.
ENCODED = dict(line.split() for line in (DATA / "encoded.txt").read_text(encoding="utf-8").splitlines())
PLAIN = [name for name in ENCODED if not name.endswith(".z")]


def lognormal(count: int, seed: int, center: float = 14.0, sigma: float = 1.0) -> list[int]:
    rng = random.Random(seed)
    return [int(math.exp(rng.gauss(center, sigma))) for _ in range(count)]


def header(cookie: int = 0x1C849313, nbytes: int = 1, digits: int = 3, lowest: int = 1, highest: int = 10**9) -> bytes:
    return struct.pack(">iiiiqqd", cookie, nbytes, 0, digits, lowest, highest, 1.0)


# ---- Java ----


@pytest.mark.parametrize("name", PLAIN)
def test_what_java_wrote_is_encoded_again_to_the_same_bytes(name):
    plain = bytes.fromhex(ENCODED[name])
    read = hdr.decode(plain)
    assert read.encode(compressed=False) == plain
    if f"{name}.z" in ENCODED:
        assert hdr.decode(ENCODED[f"{name}.z"]) == read  # base64 of compressed bytes
    assert hdr.decode(read.encode()) == hdr.decode(read.to_base64()) == read


def test_numbers_of_java():
    """Java printed these: max, min and total of its histograms."""
    double = hdr.decode(bytes.fromhex(ENCODED["double"]))
    assert (double.count, double.min, double.max) == (300, 0.00214385986328125, 0.9008789062499999)
    assert double.percentile(50) == 0.05254936218261719
    tiny = hdr.decode(bytes.fromhex(ENCODED["double2"]))
    assert (tiny.count, tiny.min, tiny.max) == (3, 0, 3.5156249999999996)
    shifted = hdr.decode(bytes.fromhex(ENCODED["shifted"]))  # 100 and 200, shifted by 2 bits: 400..403 and 800..803
    assert (shifted.min, shifted.max) == (400, 803)
    counts = hdr.decode(bytes.fromhex(ENCODED["counts"]))
    assert dict(zip(counts.indices, counts.counts)) == {1: 2**56, 2: 64, 3: 63, 5: 1, 8: 2**61}


def test_a_ninth_byte_has_eight_bits():
    # 2**62 - 1 is 2**63 - 2 in ZigZag: 7 bits of 1111110, seven times 7 bits, and 0111 1111 in the ninth byte
    data = header(nbytes=9) + bytes([0b11111110, *[0b11111111] * 7, 0b01111111])
    assert hdr.decode(data).counts == ((1 << 62) - 1,)
    assert hdr.decode(data).encode(compressed=False) == data


def test_runs_of_zeros():
    read = hdr.HdrHistogram(3, 1, 10**9, [0, 2, 5], [1, 1, 1])
    # a count of 1 is 2; a single zero is 0; a run of two zeros is -2, and 3 in ZigZag
    assert read.encode(compressed=False) == header(nbytes=5) + bytes([2, 0, 2, 3, 2])


# ---- other versions of the encoding ----


@pytest.mark.parametrize(("size", "kind"), [(2, "h"), (4, "i"), (8, "q")])
@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("compressed", [False, True])
def test_words_of_v0_and_v1(size, kind, version, compressed):
    words = struct.pack(f">2048{kind}", *[0, 3, *[0] * 2045, 7])
    if version == 1:
        plain = header(0x1C849301 | size << 4, len(words), highest=3_600_000_000) + words
    else:
        plain = struct.pack(">iiqqq", 0x1C849308 | size << 4, 3, 1, 3_600_000_000, 10) + words
    outer = struct.pack(">i", (0x1C849302 if version == 1 else 0x1C849309) | size << 4)
    packed = zlib.compress(plain)
    read = hdr.decode(outer + struct.pack(">i", len(packed)) + packed if compressed else plain)
    assert (read.digits, read.lowest, read.highest) == (3, 1, 3_600_000_000)
    assert dict(zip(read.indices, read.counts)) == {1: 3, 2047: 7}
    assert (read.min, read.max, read.count) == (1, 2047, 10)


# ---- the layout ----


@pytest.mark.parametrize("name", ["log3", "unit1000", "log0", "log5"])
def test_ranges_of_indices_lie_side_by_side(name):
    layout = hdr.decode(bytes.fromhex(ENCODED[name]))._parts.layout
    after = 0
    for index in itertools.chain(range(min(layout.length, 5000)), range(layout.length - 3, layout.length)):
        low, high = layout.range(index)
        assert low == after or index == layout.length - 3
        assert layout.index(low) == layout.index(high) == index
        after = high + 1
    assert layout.range(layout.length - 1)[1] >= layout.highest
    assert layout.index(layout.highest) < layout.length


def test_literal_ranges():
    layout = hdr.HdrHistogram(3, 1, 3_600_000_000_000, [], [])._parts.layout
    assert layout.range(2047) == (2047, 2047)
    assert layout.range(2048) == (2048, 2049)  # from 2 * 1024 on, two values each
    assert layout.range(3071) == (4094, 4095)
    assert layout.range(3072) == (4096, 4099)  # then four


def test_indices_of_values():
    one = hdr.HdrHistogram(3, 1, 4000, [], [])
    assert (one.index(0), one.index(2047), one.index(2049), one.index(4095)) == (0, 2047, 2048, 3071)
    for value in (-1, 4096, 2**63):
        with pytest.raises(ValueError, match=r"value must be in 0\.\.4095"):
            one.index(value)


# ---- from and to historian's histograms ----


def test_counts_survive_there_and_back():
    """With 3 digits, from 83 units on, and the extremes are within 0.15 %."""
    for seed in range(5):
        ours = Histogram.from_values([v * 1e-9 for v in lognormal(2000, seed, 14, 1.5) if v > 83])
        theirs = hdr.HdrHistogram.of(ours, values="ns")
        back = hdr.decode(theirs.encode()).histogram(values="ns")
        assert (back.indices.tolist(), back.counts.tolist()) == (ours.indices.tolist(), ours.counts.tolist())
        assert back.unit == "s"
        assert back.min == pytest.approx(ours.min, rel=0.0015)
        assert back.max == pytest.approx(ours.max, rel=0.0015)
        assert back.sum == pytest.approx(ours.sum, rel=0.0055)


@given(st.lists(st.integers(83, 2**40), min_size=1, max_size=30))
def test_counts_of_any_values_survive(values):
    ours = Histogram.from_values(values, unit="ns")
    back = hdr.HdrHistogram.of(ours, values="ns").histogram(values="ns", unit="ns")
    assert (back.indices.tolist(), back.counts.tolist()) == (ours.indices.tolist(), ours.counts.tolist())


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=30), st.integers(0, 5), st.integers(1, 10**6))
def test_the_error_is_a_bound(values, digits, lowest):
    layout = hdr._layout.Layout.of(digits, lowest, 2**62)
    counts: dict[int, int] = {}
    for value in values:
        counts[layout.index(value)] = counts.get(layout.index(value), 0) + 1
    theirs = hdr.HdrHistogram(digits, lowest, 2**62, sorted(counts), [counts[k] for k in sorted(counts)])
    ours = theirs.histogram(values="ns", unit="ns")
    assert ours.count == theirs.count == len(values)
    assert len(values) == 1 or ours.min <= min(values) <= max(values) <= ours.max
    for rank, value in enumerate(sorted(values), 1):
        if layout.range(layout.index(value))[0]:  # else it is below the lowest discernible value
            assert abs(ours.quantile(rank / len(values)) - value) <= theirs.relative_error * value * (1 + 1e-12)


@pytest.mark.parametrize(("digits", "share", "error"), [(3, 0.03, 0.0064), (2, 0.15, 0.0133)])
def test_the_measured_loss(digits, share, error):
    """The share of the counts that are one bucket off, of 100,000 lognormal latencies: 1.5 and 11.9 %."""
    values = lognormal(100_000, 1)
    layout = hdr._layout.Layout.of(digits, 1, 3_600_000_000_000)
    moved = [buckets.index(layout.middle(layout.index(v))) - buckets.index(v) for v in values]
    assert set(moved) <= {-1, 0, 1}
    assert 0.3 * share < sum(map(abs, moved)) / len(moved) < share
    theirs = hdr.HdrHistogram.of(Histogram.from_values(values, unit="ns"), values="ns", digits=digits)
    assert buckets.RELATIVE_ERROR < theirs.relative_error <= error


def test_units():
    ours = Histogram.from_values([0.25, 0.5])
    theirs = hdr.HdrHistogram.of(ours, values="us")
    assert theirs.min == pytest.approx(250_000, rel=0.001)
    assert theirs.histogram(values="us").unit == "s"
    assert theirs.histogram(values="us", unit="ms").max == pytest.approx(500, rel=0.001)
    assert theirs.histogram(values="rows").unit == "rows"  # whatever the caller says
    assert theirs.highest == 3_600_000_000  # an hour
    with pytest.raises(ValueError, match="values in 'rows' cannot be converted to 's'"):
        theirs.histogram(values="rows", unit="s")
    with pytest.raises(ValueError, match="cannot be converted"):
        hdr.HdrHistogram.of(ours, values="bytes")


def test_extremes_are_marked_unless_they_are_exact():
    small = hdr.HdrHistogram(3, 1, 10**9, [5, 2000], [1, 1]).histogram(values="ns", unit="ns")
    assert (small.min, small.max, small.quantile(0), small.quantile(1)) == (5, 2000, 5, 2000)
    assert "bounds" not in small.to_dict()
    # 5000 = 4 * 1024 + 904: (1024 + 904) << 3 = 15424 is the lowest of 8 values, and 15428 their middle
    large = hdr.HdrHistogram(3, 1, 10**9, [5, 5000], [1, 1]).histogram(values="ns", unit="ns")
    assert (large.min, large.max, large.sum) == (5, 15431, 15433)
    assert large.to_dict()["bounds"] == ["max"]


def test_values_that_do_not_fit():
    with pytest.raises(ValueError, match=r"above 2\*\*63 - 1 ns: name a larger unit"):
        hdr.HdrHistogram.of(Histogram.from_values([1e12]), values="ns")
    with pytest.raises(ValueError, match="above the highest trackable value 1000"):
        hdr.HdrHistogram.of(Histogram.from_values([1e-3]), values="ns", highest=1000)
    long = hdr.HdrHistogram.of(Histogram.from_values([7200.0]), values="ns")
    assert long.highest >= 7_200_000_000_000 > 3_600_000_000_000
    with pytest.raises(TypeError, match=r"pass its \.snapshot"):
        hdr.HdrHistogram.of(Recorder(), values="ns")  # type: ignore[arg-type]
    huge = hdr.HdrHistogram(3, 1, 2**63 - 1, [hdr._layout.Layout.of(3, 1, 2**63 - 1).length - 1], [1])
    assert huge.histogram(values="h", unit="ns").overflow_count == 1


def test_an_empty_histogram():
    empty = hdr.HdrHistogram.of(Histogram(), values="ns")
    assert (empty.count, empty.min, empty.max, empty.mean, empty.stddev, empty.relative_error) == (0,) * 6
    assert empty.histogram(values="ns") == Histogram()
    assert empty.percentile(50) == 0
    assert repr(empty) == "<HdrHistogram of 0 values: digits 3>"


def test_sums():
    one = hdr.HdrHistogram(3, 1, 10**9, [5, 7], [1, 2])
    other = hdr.HdrHistogram(3, 1, 10**12, [7, 9], [3, 4])
    total = one + other
    assert (total.indices, total.counts, total.highest) == ((5, 7, 9), (1, 5, 4), 10**12)
    assert total == other + one
    with pytest.raises(ValueError, match="of 3 digits from 1 and of 2 digits from 1: their indices do not mean"):
        one + hdr.HdrHistogram(2, 1, 10**9, [5], [1])
    with pytest.raises(ValueError, match=r"2\*\*63 or more"):
        hdr.HdrHistogram(3, 1, 10**9, [5], [2**62]) + hdr.HdrHistogram(3, 1, 10**9, [5], [2**62])
    with pytest.raises(ValueError, match="different factors"):
        hdr.decode(bytes.fromhex(ENCODED["double"])) + hdr.decode(
            (DATA / "java.hlog").read_text().splitlines()[-1].rsplit(",", 1)[1]
        )
    with pytest.raises(TypeError):
        one + 1  # type: ignore[operator]


def test_as_a_value():
    one, other = (hdr.decode(ENCODED["log3.z"]) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != hdr.decode(ENCODED["log0.z"])
    assert one != 1
    assert pickle.loads(pickle.dumps(one)) == copy.copy(one) == one


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((6, 1, 100, [], []), "digits must be in 0..5, not 6"),
        ((3, 0, 100, [], []), "lowest must be in 1.."),
        ((3, 100, 100, [], []), r"highest must be in 2 \* lowest.."),
        ((5, 2**50, 2**62, [], []), "do not fit in 63 bits"),
        ((3, 1, 100, [1, 1], [1, 1]), "must ascend"),
        ((3, 1, 100, [1, 2], [1]), "as many counts"),
        ((3, 1, 100, [2048], [1]), r"indices must be in 0\.\.2047"),
        ((3, 1, 100, [1], [0]), "counts must be at least 1"),
        ((3, 1, 100, [1, 2], [2**62, 2**62]), r"less than 2\*\*63"),
    ],
)
def test_invalid_parts(arguments, match):
    with pytest.raises(ValueError, match=match):
        hdr.HdrHistogram(*arguments)


# ---- what is not valid ----

GOOD = header(nbytes=1) + b"\x02"
PACKED = zlib.compress(GOOD)
AFTER = f"offset {8 + len(PACKED)}: more bytes after"
MOST = b"\xfe" + b"\xff" * 7 + b"\x7f"  # 2**62 - 1


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "offset 0: a cookie is cut short"),
        (b"\x00\x00\x00\x00", "offset 0: not an HdrHistogram: it begins with 0x00000000"),
        (header()[:39], "offset 39: a header is cut short"),
        (header(), "offset 40: the counts are cut short: 1 bytes were announced"),
        (header(nbytes=2) + b"\x02\x80", "offset 42: a count is cut short"),
        (GOOD + b"\x00", "offset 41: more bytes after the counts"),
        (header(nbytes=-1), "offset 4: -1 bytes of counts"),
        (header(nbytes=2**31 - 1), "offset 4: 2147483647 bytes of counts"),
        (header(digits=9) + b"\x00", "offset 12: digits must be in 0..5, not 9"),
        (header(lowest=0) + b"\x00", "offset 12: lowest must be"),
        (header(highest=1) + b"\x00", "offset 12: highest must be"),
        (header(nbytes=5) + b"\xff\xff\xff\xff\x0f", "offset 44: counts of values above the highest"),
        (header(nbytes=27) + 3 * MOST, r"offset 66: the counts add up to 2\*\*63 or more"),
        (header(0x1C849361, 2) + b"\x00\x01", "offset 0: words of 6 bytes"),
        (header(0x1C849321, 3) + b"\x00\x01\x00", "offset 43: a word of 2 bytes is cut short"),
        (header(0x1C849321, 4) + b"\x00\x01\xff\xff", "offset 42: a count is negative: -1"),
        (struct.pack(">ii", 0x1C849314, 5), "offset 8: cut short: 5 compressed bytes were announced at 4"),
        (struct.pack(">ii", 0x1C849314, -5), "offset 8: cut short"),
        (struct.pack(">ii", 0x1C849314, 3) + b"abc", "after offset 8: cannot be decompressed"),
        (struct.pack(">ii", 0x1C849314, 9) + PACKED[:9], "offset"),
        (struct.pack(">ii", 0x1C849314, len(PACKED)) + PACKED + b"x", AFTER),
        (struct.pack(">ii", 0x1C849314, len(PACKED) + 1) + PACKED + b"x", AFTER),
        (struct.pack(">ii", 0x1C849312, len(PACKED)) + PACKED, "offset 0: not the cookie of what"),
        (struct.pack(">iiq", 0x0C72124E, 2, 1000) + GOOD, "offset 4: 2 digits of doubles, but 3"),
        (struct.pack(">iiq", 0x0C72124E, 3, 1) + GOOD, "offset 8: the ratio of the highest"),
        (struct.pack(">iiq", 0x0C72124F, 3, 1000) + GOOD, "offset 16: not the integers"),
        (GOOD[:32] + struct.pack(">d", math.nan) + b"\x02", "offset 32: the factor to doubles"),
        ("HISTF", "offset 5: base64 is cut short"),
        ("HIST\u00e9", "not ASCII"),
        ("HISTF*AA", "offset 5: not base64"),
        ("HISTFAAA", "offset 6: a header is cut short"),
        ("HIST=AAA", "offset 4: not base64"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_refused_with_its_offset(data, match):
    with pytest.raises(ValueError, match=match):
        hdr.decode(data)


def test_a_bomb_takes_no_memory(monkeypatch):
    import tracemalloc

    bomb = zlib.compress(header(nbytes=1) + bytes(100_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="decompressed offset 41: more bytes after the counts"):
            hdr.decode(struct.pack(">ii", 0x1C849314, len(bomb)) + bomb)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000  # bytes: the bomb itself takes 100 kB
    finally:
        tracemalloc.stop()


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match="takes bytes or base64 text, not int"):
        hdr.decode(5)
    assert hdr.decode(bytearray(GOOD)) == hdr.decode(memoryview(GOOD)) == hdr.decode(base64.b64encode(GOOD))


# ---- the Python port ----


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 5])
def test_the_python_port(digits):
    peer = pytest.importorskip("hdrh.histogram")
    theirs = peer.HdrHistogram(1, 3_600_000_000_000, digits)
    assert hdr.decode(theirs.encode()).count == 0
    for value in lognormal(2000, digits, 12, 2):
        theirs.record_value(value)
    plain = zlib.decompress(base64.b64decode(theirs.encode())[8:])
    read = hdr.decode(theirs.encode())
    assert read.encode(compressed=False) == plain  # in which a single zero is a run, which Java does not write
    assert (read.count, read.max) == (2000, theirs.get_max_value())
    assert read.mean == pytest.approx(theirs.get_mean_value())
    assert read.stddev == pytest.approx(theirs.get_stddev())
    for p in (0, 1, 50, 90, 99, 99.9, 100):
        assert read.percentile(p) == theirs.get_value_at_percentile(p)
    again = peer.HdrHistogram.decode(read.to_base64().encode())
    assert (again.get_max_value(), again.get_total_count()) == (read.max, 2000)


# ---- the core's reader of V2 ----


def numbers_by_the_rules(data: bytes, length: int) -> tuple[list[int], list[int], int, bool] | str:
    """Return what `read_numbers` should return, or the reason why it should not: number by number, in whole numbers."""
    indices, counts, index, ones, at = [], [], 0, False, 0
    while at < len(data):
        number = 0
        for k in range(9):
            if at == len(data):
                return f"offset {at}: a count is cut short"
            byte = data[at]
            at += 1
            number |= (byte & (127 if k < 8 else 255)) << 7 * k
            if byte < 128:
                break
        ones = ones or number == 1
        if number and not number % 2:
            indices.append(index)
            counts.append(number // 2)
        index += number // 2 + 1 if number % 2 else 1
        if index > length:
            return f"offset {at - 1}: counts of values above the highest trackable value"
        if sum(counts) >= 2**63:
            return f"offset {at - 1}: the counts add up to 2**63 or more"
    return indices, counts, index, ones


@given(
    st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([b"\0", b"\1", b"\2", b"\xff" * 9, MOST, b"\x80" * 9]))),
    st.sampled_from([0, 1, 5, 100, 2**31 - 1]),
)
def test_numbers_are_read_by_the_rules(parts, length):
    data = b"".join(parts)
    expected = numbers_by_the_rules(data, length)
    if isinstance(expected, str):
        offset, _, reason = expected.removeprefix("offset ").partition(": ")
        with pytest.raises(ValueError, match=re.escape(f"offset {int(offset) + 2}: {reason}")):
            read_numbers(b"xy" + data, 2, length)
    else:
        indices, counts, used, ones = read_numbers(b"xy" + data, 2, length)
        assert (list(indices), list(counts), used, ones) == expected


@pytest.mark.parametrize("arguments", [(b"ab", 3, 10), (b"ab", -1, 10), (b"ab", 0, 2**31), (b"ab", 0, -1)])
def test_the_core_refuses_offsets_beyond_the_bytes(arguments):
    with pytest.raises(ValueError, match=f"there is no offset {arguments[1]}, or {arguments[2]} indices are too many"):
        unpacked_runs(*arguments)


def test_the_core_looks_up_within_its_tables():
    table, errors = array("d", [1.5, math.nan, 2.5]), array("d", [0.25, 0.0, 0.5])
    found, worst = looked_up(array("i", [2, 0]).tobytes(), table, errors)
    assert (array("d", found).tolist(), worst) == ([2.5, 1.5], 0.5)
    assert looked_up(array("i", [0, 1]).tobytes(), table, errors) is None
    assert looked_up(b"", table, errors) == (b"", 0.0)
    for index in (3, -1):
        with pytest.raises(IndexError, match=f"no index {index} in the tables"):
            looked_up(array("i", [index]).tobytes(), table, errors)
    with pytest.raises(IndexError):
        looked_up(array("i", [2]).tobytes(), table, array("d", [0.0]))


@pytest.mark.parametrize("digits", [3, 5])
def test_layouts_with_and_without_a_table_of_middles(digits):
    """A layout of 5 digits has too many indices for a table."""
    layout = Layout.of(digits, 1, 3_600_000_000_000)
    known = _convert._Indices(layout, Fraction(1, 1000), 0)
    assert len(known._middles) == (layout.length if digits == 3 else 0)
    indices = range(3, 9000, 7)
    middles = [layout.middle(index) / 1000 for index in indices]
    error = max((layout.middle(k) - layout.range(k)[0]) / layout.range(k)[0] for k in indices)
    for _ in range(2):  # the second time, all are known
        for asked in (indices, memoryview(array("i", indices).tobytes()).cast("i")):
            found, worst = known.of(asked)
            assert (list(found), worst) == (middles, error)
