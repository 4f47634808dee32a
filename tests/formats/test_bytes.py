"""`to_bytes` and `from_bytes`: laws, files of older versions, a second reader, and hostile bytes."""

import math
import os
import pickle
import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from blob_reader import read_blob
from hypothesis import example, given, settings
from hypothesis import strategies as st

from historian import Histogram, buckets, merge

DATA = Path(__file__).parents[1] / "data"
RNG = np.random.default_rng(20261124)

values = st.floats(min_value=0, max_value=1.7e308)
units = st.text("smun/µ日😀%", min_size=1, max_size=60)
counted = st.dictionaries(  # counts of any size, in any bucket
    st.integers(buckets.ZERO_INDEX, buckets.OVERFLOW_INDEX), st.integers(1, 2**57), min_size=1, max_size=40
)
near = st.dictionaries(st.integers(-40, 60), st.integers(1, 300), min_size=1, max_size=100)


def of_counts(counts, unit="s", total=1.0):
    """Return the histogram of counts by index, with bucket edges as bounds of the extremes."""
    low, high = min(counts), max(counts)
    return Histogram.from_dict(
        {
            "format": "historian/1",
            "unit": unit,
            "count": sum(counts.values()),
            "sum": total,
            "min": buckets.lower(low),
            "max": min(buckets.upper(high), 1.7e308),
            "indices": sorted(counts),
            "counts": [counts[index] for index in sorted(counts)],
            "bounds": ["min", "max"],
        }
    )


histograms = st.one_of(
    st.builds(Histogram.from_values, st.lists(values, max_size=60), unit=units),
    st.builds(of_counts, counted | near, units, values),
    st.builds(
        lambda a, b: (Histogram.from_values(a + b)) - Histogram.from_values(b), *[st.lists(values, max_size=9)] * 2
    ),
)


def sealed(body):
    """Return bytes followed by their CRC-32."""
    return body + zlib.crc32(body).to_bytes(4, "little")


def same(a, b):
    """Return whether two histograms agree in all that a blob holds; the sum to its last bit."""
    return a == b and a._sum == b._sum


# ---- laws ----


@given(histograms)
@example(Histogram())
def test_what_is_written_is_read(h):
    data = h.to_bytes()
    assert same(Histogram.from_bytes(data), h)
    assert Histogram.from_bytes(data).to_bytes() == data
    assert same(pickle.loads(pickle.dumps(h)), h)


@given(histograms)
def test_another_reader_reads_the_same(h):
    blob = read_blob(h.to_bytes())
    assert blob.unit == h.unit
    assert [blob.first + j for j, count in enumerate(blob.counts) if count] == h.indices.tolist()
    assert [count for count in blob.counts if count] == h.counts.tolist()
    assert blob.sum == Fraction(h._sum, 2**1074)
    assert (blob.min, blob.max) == ((h.min, h.max) if h.count else (None, None))
    assert (blob.min_is_bound, blob.max_is_bound) == (not h._knows_min(), not h._knows_max())


@given(histograms, histograms)
def test_different_histograms_have_different_bytes(a, b):
    assert (a.to_bytes() == b.to_bytes()) == same(a, b)


@given(st.lists(st.lists(values, max_size=20), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_merging_does_not_matter(parts, random):
    shuffled = parts[:]
    random.shuffle(shuffled)
    merged = [sum(map(Histogram.from_values, order), Histogram()) for order in (parts, shuffled)]
    assert merged[0].to_bytes() == merged[1].to_bytes()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: memoryview(bytearray(data)).cast("b")])
def test_kinds_of_bytes(kind):
    h = Histogram.from_values([1.0, 2.0])
    assert Histogram.from_bytes(kind(h.to_bytes())) == h


def test_negative_zero_is_zero():
    data = Histogram.from_values([0.0]).to_dict()
    data["min"] = data["max"] = -0.0
    h = Histogram.from_dict(data)
    assert h == Histogram.from_values([0.0])
    assert h.to_bytes() == Histogram.from_values([0.0]).to_bytes()


def test_a_million_latencies_are_small():
    for seed in range(3):
        h = Histogram.from_values(np.random.default_rng(seed).lognormal(0, 1, 1_000_000))
        assert len(h.to_bytes()) < 800  # about 750: this fails if the coding becomes worse
        assert same(Histogram.from_bytes(h.to_bytes()), h)


def test_few_of_many_buckets_are_small():
    # 6144 empty buckets between them are 768 groups of one bit each; the sum, 1e300, takes two bytes more than 6
    assert len(of_counts({buckets.ZERO_INDEX: 1, buckets.OVERFLOW_INDEX: 1}, total=1e300).to_bytes()) < 160
    whole = np.maximum(1, RNG.lognormal(3, 1, 100_000).round())
    assert len(Histogram.from_values(whole).to_bytes()) < 400  # 250 buckets with gaps between them


@pytest.mark.parametrize(
    "counts",
    [
        {0: 2**63 - 1},
        {buckets.ZERO_INDEX: 2**62, buckets.OVERFLOW_INDEX: 2**62 - 1},
        {0: 1, 1: 2**63 - 3, 2: 1},  # the largest differences up and down
        dict.fromkeys(range(buckets.ZERO_INDEX, buckets.OVERFLOW_INDEX + 1), 1),
        dict.fromkeys(range(buckets.ZERO_INDEX, buckets.OVERFLOW_INDEX + 1), (2**63 - 1) // 6146),
        {index: index % 2 * 2**48 + 1 for index in range(100)},
        {index: 2**62 >> index for index in range(60)},
        dict.fromkeys(range(0, 4000, 63), 1),
        *({index: 1 + index**3 % 7 for index in range(n)} for n in range(1, 18)),  # groups of any size
    ],
    ids=lambda counts: f"{len(counts)} buckets",
)
def test_extreme_counts(counts):
    h = of_counts(counts)
    data = h.to_bytes()
    assert same(Histogram.from_bytes(data), h)
    blob = read_blob(data)
    assert {blob.first + j: count for j, count in enumerate(blob.counts) if count} == counts


# ---- blobs of older versions stay readable ----

GOLDEN = {
    "empty": lambda: Histogram(),
    "one-value": lambda: Histogram.from_values([0.25]),
    "zero-and-overflow": lambda: Histogram.from_values([0.0, 2.0**-32, 1.0, 1e300], unit="µs"),
    "huge-counts": lambda: of_counts_between(
        {-2049: 2**62, 63: 1, 64: 2**62 - 3, 4096: 1}, 0.0, 1e300, total=1.7e308, unit="bytes"
    ),
    "sum-beyond-float64": lambda: Histogram.from_values([1.7e308, 1.7e308]),
}


def of_counts_between(counts, low, high, **rest):
    data = of_counts(counts, **rest).to_dict()
    return Histogram.from_dict({**data, "min": low, "max": high, "bounds": []})


@pytest.mark.parametrize("name", GOLDEN)
def test_files_of_older_versions(name):
    data = (DATA / f"{name}.hist").read_bytes()
    assert same(Histogram.from_bytes(data), GOLDEN[name]())
    assert GOLDEN[name]().to_bytes() == data


@pytest.mark.parametrize(
    ("name", "facts"),  # count, unit, p50, p99, buckets
    [("lognormal", (100_000, "s", 0.00247, 0.0253, 675)), ("whole-milliseconds", (100_000, "ms", 20.0, 205.0, 288))],
)
def test_files_of_latencies_of_older_versions(name, facts):
    data = (DATA / f"{name}.hist").read_bytes()
    h, blob = Histogram.from_bytes(data), read_blob(data)
    assert (h.count, h.unit, h.quantile(0.5), h.quantile(0.99), len(h.indices)) == (
        facts[0], facts[1], pytest.approx(facts[2], rel=0.006), pytest.approx(facts[3], rel=0.006), facts[4],
    )  # fmt: skip
    assert [blob.first + j for j, count in enumerate(blob.counts) if count] == h.indices.tolist()
    assert [count for count in blob.counts if count] == h.counts.tolist()
    assert h.sum == float(blob.sum)
    assert h.to_bytes() == data


def test_pickles_from_before_blobs():
    data = (DATA / "histogram-0.1.0-dict.pickle").read_bytes()
    assert pickle.loads(data) == Histogram.from_values([0.0, 0.0125, 0.0125, 1.5, 2.0**65], unit="ms")


# ---- invalid blobs ----

GOOD = Histogram.from_values([1.0078125] * 5 + [1.015625] * 5 + [1.0390625]).to_bytes()  # the example of docs/format.md


def changed(at, new):
    """Return GOOD with other bytes at an offset, and with a matching CRC-32."""
    return sealed(GOOD[:at] + new + GOOD[at + len(new) : -4])


def with_flags(flags, at, new):
    """Return the same with other flags."""
    return sealed(GOOD[:6] + bytes([flags]) + changed(at, new)[7:-4])


def d(x):
    return struct.pack("<d", x)


def test_the_example():
    assert changed(0, b"") == GOOD
    assert GOOD[13:21] == d(1.0078125)
    assert len(GOOD) == 42


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut short: it has only 0 bytes"),
        (GOOD[:14], "cut short: it has only 14 bytes"),
        (GOOD[:3], "cut short: it has only 3 bytes"),
        (GOOD[:1], "cut short: it has only 1 byte$"),
        (b"\x88", "does not begin with the bytes 89 48 53 42"),
        (b"damaged", "does not begin with the bytes 89 48 53 42"),
        (b"\x89HSTRN\r\n" + bytes(100), "does not begin with the bytes 89 48 53 42"),
        (b"12.5 13 14 15 16 17", "does not begin with the bytes 89 48 53 42"),
        (GOOD[:-1], "checksum is wrong"),
        (GOOD + b"\0", "checksum is wrong"),
        (GOOD[:20] + b"\xff" + GOOD[21:], "checksum is wrong"),
        (GOOD + bytes(1_000_000), "it has 1000042 bytes, more than"),
        (changed(4, b"\x02"), "version 2, but this historian reads only version 1"),
        (changed(5, b"\x05"), "scale 5, but must have scale 6"),
        (changed(6, b"\x08"), "flags are 8, but only 0 and, if it is not empty, 1 to 7 are allowed"),
        (changed(6, b"\x80"), "flags are 128"),
        (sealed(b"\x89HSB\x01\x06\x01\x01s\0\0"), "flags are 1"),  # nothing was recorded, so nothing can be an estimate
        (sealed(b"\x89HSB\x01\x06\x02\x01s\0\0"), "flags are 2"),
        (sealed(b"\x89HSB\x01\x06\x04\x01s\0\0"), "flags are 4"),
        (changed(7, b"\x00"), "unit"),
        (changed(7, b"\xff"), "cut short"),
        (changed(8, b"\xff"), "not printable UTF-8"),
        (changed(8, b"\x00"), "not printable UTF-8"),
        (changed(8, b"\n"), "not printable UTF-8"),
        (changed(9, b"\x00\x00"), "more than its header allows"),
        (changed(9, b"\x03\x00"), "max 1.0390625 do not lie"),
        (changed(9, b"\x05\x00"), "max 1.0390625 do not lie"),
        (changed(9, b"\xff\xff"), "not all from -2049 to 4096"),
        (changed(9, struct.pack("<Hh", 4, 4094)), "not all from -2049 to 4096"),
        (changed(9, struct.pack("<Hh", 4, -2050)), "not all from -2049 to 4096"),
        (changed(11, struct.pack("<h", 1)), "do not lie"),
        (changed(13, d(1.0)), "do not lie"),  # the lower edge is valid as a bound only
        (with_flags(2, 13, d(math.nextafter(1.0, 0))), "do not lie"),
        (with_flags(4, 13, d(1.0)), "do not lie"),  # the maximum is a bound, not the minimum
        (with_flags(4, 21, d(buckets.upper(2))), "do not lie"),  # the lower edge of the last bucket
        (with_flags(4, 21, d(math.nextafter(buckets.upper(3), 2))), "do not lie"),
        (with_flags(6, 13, d(-0.0)), "do not lie"),
        (changed(13, d(1.011)), "do not lie"),
        (changed(13, d(math.nan)), "do not lie"),
        (changed(13, d(-math.nan)), "do not lie"),
        (changed(13, d(-1.0078125)), "do not lie"),
        (changed(21, d(math.inf)), "do not lie"),
        (changed(21, d(1.0443)), "do not lie"),
        (changed(21, d(-0.0)), "do not lie"),
        (sealed(b"\x89HSB\x01\x06\0\x01s\x01\0\0\0" + d(1.002) + d(1.001) + b"\0\0\0\0\3"), "do not lie"),  # swapped
        (changed(29, struct.pack("<HH", 270, 2)), "sum is too large"),
        (changed(29, struct.pack("<HH", 65535, 65535)), "sum is too large"),
        (changed(29, struct.pack("<HH", 0, 200)), "cut short"),
        (
            changed(29, struct.pack("<HH2s", 262, 2, b"\x01\x0b")),
            "sum is too large",
        ),  # 11 values have less than 11 * 256^263
        (changed(33, b"\x00"), "sum"),  # this byte could be left out
        (changed(34, b"\x00"), "sum"),
        (changed(31, b"\x00"), "sum"),  # the sum 0 has no shift
        (changed(35, b"\xf6\x01\x71"), "counts"),
        (changed(37, b"\xf1"), "counts"),  # a bit after the end
        (sealed(GOOD[:-4] + b"\0"), "counts"),
        (sealed(GOOD[:-5]), "counts"),
        (sealed(GOOD[:35]), "counts"),
    ],
)
def test_invalid_blobs(data, message):
    for kind in (bytes, bytearray, memoryview):
        with pytest.raises(ValueError, match=message) as caught:
            Histogram.from_bytes(kind(data))
        assert "\n" not in str(caught.value)


def test_the_largest_sum_is_good():
    h = Histogram.from_bytes(changed(29, struct.pack("<HH2s", 262, 2, b"\x01\x0a")))
    assert h._sum == 0x0A01 << 8 * 262
    many = merge([h.to_bytes()] * 300)
    assert Histogram.from_bytes(many.to_bytes())._sum == 300 * h._sum


@pytest.mark.parametrize("low", [1.0, 1.005, 1.0078125])
@pytest.mark.parametrize("high", [1.034, 1.0390625, buckets.upper(3)])
def test_bounds_within_their_buckets_are_good(low, high):
    data = GOOD[:6] + b"\x06" + GOOD[7:13] + d(low) + d(high) + GOOD[29:-4]
    h = Histogram.from_bytes(sealed(data))
    assert (h.min, h.max, h._knows_min(), h._knows_max()) == (low, high, False, False)
    assert h.to_bytes() == sealed(data)


def bits(text):
    """Return the bytes of a stream of bits."""
    text = text.replace(" ", "")
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8][::-1], 2) for i in range(0, len(text), 8))


def with_bits(text):
    """Return GOOD with these bits as counts."""
    return sealed(GOOD[:35] + bits(text))


def test_bits_as_in_the_example():
    assert with_bits("1 1101 11 1100000 001 000 111") == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "0",  # an empty group at the end
        "1 1101 11 0010000 0010 0000 1110",  # four bits where three are enough
        "1 1101 11 1000000 1 0 1",  # a width that is one more, written in seven bits
        "1 0101 11 1100000 001 000",  # the first bucket is empty
        "1 1110 11 1100000 001 000 111",  # the last bucket is empty
        "1 1101 11 1000001" + "1" * 65 * 3,  # a width of 65
        "1 1101 11 1111111" + "1" * 127 * 3,
        "1 1101 01 000",  # a width of less than 0
        "1 1101 11 1100000 00",  # cut short: there is no third byte
        "1 1101 11 1100000 001 000 111 0 00000001",
        "1 1001 11 1111110" + "1" * 63 + "1" * 63,  # counts of 2^63 and more
        "1 1001 11 0000001" + "1" * 64 + "1" * 64,
    ],
)
def test_invalid_counts(text):
    with pytest.raises(ValueError, match="counts"):
        Histogram.from_bytes(with_bits(text))


def of_slots(slots, text):
    """Return a blob of so many buckets from bucket 0 on, with these bits as counts."""
    low, high = buckets.upper(0), buckets.upper(slots - 1)
    return sealed(GOOD[:9] + struct.pack("<HhddHH", slots, 0, low, high, 0, 0) + bits(text))


def test_an_empty_group_is_one_bit():
    first, last = "1 10000000 00", "1 1 00"
    assert Histogram.from_bytes(of_slots(17, f"{first} 0 {last}")).count == 2
    with pytest.raises(ValueError, match="counts"):
        Histogram.from_bytes(of_slots(17, f"{first} 1 00000000 00 {last}"))


def number(x, width):
    return f"{x:0{width}b}"[::-1]


def test_a_count_that_makes_the_total_overflow_64_bits():
    """The total 2^62 + 2^64 - 2^61 is 2^61 modulo 2^64."""
    two = f"11 {number(63, 7)} {number(2**62 - 1, 63)} {number(2**63 - 3, 63)}"  # 2^62, and 1
    full, sparse = f"1 11111111 {two} {'0' * 63 * 6}", f"1 11000000 {two} 0"  # six counts of 1 more; an empty group
    assert Histogram.from_bytes(of_slots(9, f"{full} 11 {number(0, 7)}")).count == 2**62 + 8
    assert Histogram.from_bytes(of_slots(17, f"{sparse} 1 1 11 {number(0, 7)}")).count == 2**62 + 2
    for slots, text in (
        (9, f"{full} 10 {number(2**64 - 2**61, 64)}"), (17, f"{sparse} 1 1 10 {number(2**64 - 2**61 - 1, 64)}"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="counts"):
            Histogram.from_bytes(of_slots(slots, text))


@pytest.mark.parametrize("data", [None, 1, "text", [1, 2], np.zeros(10), Histogram()])
def test_objects_that_are_not_bytes(data):
    with pytest.raises(TypeError, match="bytes"):
        Histogram.from_bytes(data)


def test_a_memoryview_with_steps():
    with pytest.raises(ValueError, match=r"bytes\(view\)"):
        Histogram.from_bytes(memoryview(GOOD + GOOD)[::2])


def test_units_have_a_length():
    assert Histogram.from_bytes(Histogram.from_values([1.0], unit="µ" * 127).to_bytes()).unit == "µ" * 127
    with pytest.raises(ValueError, match="at most 255 bytes, not 256"):
        Histogram.from_values([1.0], unit="µ" * 128)


def outcome(data):
    """Return the result of reading as text: the histogram or the error."""
    try:
        return str(Histogram.from_bytes(data).counts.tolist())
    except ValueError as error:
        return str(error)


def test_all_instruction_sets_read_the_same():
    good = [path.read_bytes() for path in sorted(DATA.glob("*.hist"))]
    for scale in (10, 1_000, 100_000, 2**24, 2**27, 2**28, 2**29, 2**40):  # some are too large for vector instructions
        bell = {j: 1 + int(scale * math.exp(-(((j - 200) / 60) ** 2)) * RNG.uniform(0.9, 1.1)) for j in range(400)}
        good.append(of_counts(bell).to_bytes())
    bad = [
        sealed(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 : -4])
        for data in good[-8:]
        for at in range(60, len(data) - 4, 13)
    ]
    for data in good:
        assert outcome(data) == str([count for count in read_blob(data).counts if count])
    program = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}; from test_bytes import outcome\n"
    )
    program += "for line in sys.stdin: print(outcome(bytes.fromhex(line)))"
    done = subprocess.run(
        [sys.executable, "-c", program], input="\n".join(data.hex() for data in good + bad),
        env={**os.environ, "HISTORIAN_SIMD": "baseline"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [outcome(data) for data in good + bad]


# ---- fuzz: any bytes give either a ValueError or a histogram with exactly these bytes ----


def decode(data):
    """Read bytes; assert that their histogram is written as the same bytes."""
    try:
        h = Histogram.from_bytes(data)
    except ValueError:
        return None
    assert h.to_bytes() == data
    return h


@given(st.binary(max_size=300))
def test_random_bytes(data):
    assert decode(data) is None  # random bytes do not have a valid checksum


@settings(max_examples=400)
@given(histograms, st.data())
def test_altered_bytes(h, data):
    body = bytearray(h.to_bytes()[:-4])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        what = data.draw(st.sampled_from(["flip", "set", "cut", "insert", "repeat"]))
        if what == "flip" and at < len(body):
            body[at] ^= 1 << data.draw(st.integers(0, 7))
        elif what == "set" and at < len(body):
            body[at] = data.draw(st.sampled_from([0, 1, 127, 128, 255]))
        elif what == "cut":
            del body[at : at + data.draw(st.integers(1, 8))]
        elif what == "insert":
            body[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            body[at:at] = body[at : at + 8]
    decode(sealed(bytes(body)))


@settings(max_examples=400)
@given(st.integers(1, 6146), st.binary(max_size=200))
def test_any_counts(slots, packed):
    low, high = buckets.lower(-2049), min(buckets.upper(slots - 2050), 1.7e308)
    head = GOOD[:9] + struct.pack("<HhddHH", slots, -2049, low, high, 0, 0)
    decode(sealed(head + packed))


def test_thousands_of_altered_bytes():
    mutated = np.random.default_rng(7)
    samples = [path.read_bytes()[:-4] for path in sorted(DATA.glob("*.hist"))] + [GOOD[:-4]]
    read = 0
    for turn in range(6_000):
        body = bytearray(samples[turn % len(samples)])
        for at in mutated.integers(0, len(body), mutated.integers(1, 4)):
            body[at] = mutated.integers(0, 256)
        read += decode(sealed(bytes(body))) is not None
    assert read > 0  # else the checks after the checksum were not reached


def test_every_cut_is_found():
    data = (DATA / "lognormal.hist").read_bytes()
    for size in range(len(data) - 4):
        assert decode(sealed(data[:size])) is None
        assert decode(data[:size]) is None
