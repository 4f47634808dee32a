"""DDSketch messages, beside the real library."""

import math
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Recorder, buckets
from historian.formats import ddsketch
from historian.formats._protobuf import signed, varint, write_field, write_varint, zigzag

GAMMA = 2 ** (1 / 64)


def lognormal(count: int, seed: int) -> list[float]:
    rng = random.Random(seed)
    return [math.exp(rng.gauss(-4, 1)) for _ in range(count)]


def message(bins=(1.0,), first=0, *, gamma=GAMMA, offset=0.0, kind=0, zero=0.0, sparse=(), negative=()):
    store = write_field(2, struct.pack(f"<{len(bins)}d", *bins)) + write_field(3, signed(first))
    for index, count in sparse:
        store += write_field(1, write_field(1, signed(index)) + write_field(2, count))
    mapping = write_field(1, gamma) + write_field(2, offset) + write_field(3, kind)
    below = write_field(2, struct.pack(f"<{len(negative)}d", *negative))
    return write_field(1, mapping) + write_field(2, store) + write_field(3, below) + write_field(4, zero)


def pairs(h: Histogram) -> dict[int, int]:
    return dict(zip(h.indices.tolist(), h.counts.tolist()))


# ---- buckets that are historian's ----


@pytest.mark.parametrize("dialect", ddsketch.DIALECTS)
@given(st.lists(st.floats(0, 1e30), max_size=30))
def test_counts_survive_there_and_back(dialect, values):
    h = Histogram.from_values(values)
    found = ddsketch.decode(ddsketch.encode(h, dialect=dialect), dialect=dialect)
    assert pairs(found.histogram) == pairs(h)
    assert found.is_exact
    assert found.relative_error == (buckets.RELATIVE_ERROR if values else 0)
    if values:
        assert found.histogram.min <= min(values)
        assert found.histogram.max >= max(values) or max(values) <= 2**-32  # which is written as zero


def test_dialects_differ_by_one_bucket():
    assert pairs(ddsketch.decode(message((5.0,), 10), dialect="py").histogram) == {9: 5}
    assert pairs(ddsketch.decode(message((5.0,), 10), dialect="go").histogram) == {10: 5}
    assert pairs(ddsketch.decode(message((5.0,), 10), dialect="java").histogram) == {10: 5}
    assert pairs(ddsketch.decode(message((5.0,), 10, offset=4.0), dialect="go").histogram) == {6: 5}
    one = Histogram.from_values([1.5])
    assert ddsketch.encode(one, dialect="go") == ddsketch.encode(one, dialect="java")
    assert ddsketch.encode(one, dialect="go") != ddsketch.encode(one, dialect="py")


def test_sparse_and_contiguous_bins_add_up():
    data = message((1.0, 0.0, 2.0), 5, sparse=[(7, 3.0), (20, 4.0), (20, 5.0)], zero=6.0)
    h = ddsketch.decode(data, dialect="go").histogram
    assert pairs(h) == {buckets.ZERO_INDEX: 6, 5: 1, 7: 5, 20: 5}  # of two entries of a map, the last one counts
    assert h.min == 0
    assert h.to_dict()["bounds"] == ["max"]


def test_extremes_are_bounds_and_the_sum_an_estimate():
    h = Histogram.from_values(lognormal(1000, 1))
    found = ddsketch.decode(ddsketch.encode(h, dialect="py"), dialect="py").histogram
    assert (found.min, found.max) == (h.lower[0], h.upper[-1])
    assert found.to_dict()["bounds"] == ["min", "max"]
    assert found.sum == pytest.approx(h.sum, rel=0.0055)


def test_indices_beyond_the_buckets():
    h = ddsketch.decode(message((1.0,), 2**31 - 1, sparse=[(-(2**31), 2.0)]), dialect="go").histogram
    assert (h.zero_count, h.overflow_count) == (2, 1)


# ---- other buckets ----


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_edges_of_sketches_go_and_java(kind):
    """Their index is the floor of an approximate logarithm to base 2, over that of gamma, plus the offset."""
    gamma, offset = 1.03, 7.25
    rng = random.Random(kind)
    for _ in range(200):
        value = math.exp(rng.uniform(-20, 20))
        mantissa, exponent = math.frexp(value)
        s, e = 2 * mantissa - 1, exponent - 1
        log = {
            0: math.log2(value), 1: e + s, 2: e - (s + 1 - 5) * s / 3,
            3: e + ((6 / 35 * s - 3 / 5) * s + 10 / 7) * s,
        }[kind]  # fmt: skip
        key = math.floor(log / math.log2(gamma) + offset)
        found = ddsketch.decode(message((2.0,), key, gamma=gamma, offset=offset, kind=kind), dialect="go")
        h = found.histogram
        assert h.min * (1 - 1e-12) <= value <= h.max * (1 + 1e-12)
        assert abs(h.quantile(0.5) - value) <= found.relative_error * value


@pytest.mark.parametrize("accuracy", [0.002, 0.01, 0.05])
@pytest.mark.parametrize("name", ["LogarithmicMapping", "LinearlyInterpolatedMapping", "CubicallyInterpolatedMapping"])
def test_sketches_of_the_python_library(name, accuracy):
    pytest.importorskip("google.protobuf")
    mappings = pytest.importorskip("ddsketch.mapping")
    from ddsketch.ddsketch import BaseDDSketch
    from ddsketch.pb.proto import DDSketchProto
    from ddsketch.store import DenseStore

    sketch = BaseDDSketch(getattr(mappings, name)(accuracy, offset=3.0), DenseStore(), DenseStore(), 0)
    values = sorted([0.0, *lognormal(3000, 7)])
    for value in values:
        sketch.add(value)
    found = ddsketch.decode(DDSketchProto.to_proto(sketch).SerializeToString(), dialect="py")
    assert not found.is_exact
    assert found.histogram.count == 3001
    assert found.histogram.min == 0
    assert found.histogram.max >= values[-1]
    for rank, value in enumerate(values, 1):
        assert abs(found.histogram.quantile(rank / 3001) - value) <= found.relative_error * value
    assert found.relative_error <= (1 + buckets.RELATIVE_ERROR) * (1 + accuracy) / (1 - accuracy) - 1 + 1e-9


def test_the_python_library_reads_what_is_written():
    pytest.importorskip("google.protobuf")
    proto = pytest.importorskip("ddsketch.pb.ddsketch_pb2")
    from ddsketch.pb.proto import DDSketchProto

    h = Histogram.from_values([0.0, *lognormal(3000, 3)])
    parsed = proto.DDSketch()
    parsed.ParseFromString(ddsketch.encode(h, dialect="py"))
    theirs = DDSketchProto.from_proto(parsed)
    assert theirs.count == 3001
    for q in (0.25, 0.5, 0.9, 0.99, 0.999):  # the ranks are not in doubt: each bucket's share is below 1 %
        assert theirs.get_quantile_value(q) == pytest.approx(h.quantile(q), rel=0.012)
    again = ddsketch.decode(DDSketchProto.to_proto(theirs).SerializeToString(), dialect="py")
    assert pairs(again.histogram) == pairs(h)


def test_the_measured_loss():
    """The share of the counts that are one bucket off, of 20,000 lognormal latencies at 1 %: 46 %."""
    gamma = 1.01 / 0.99
    moved = []
    for value in lognormal(20_000, 5):
        key = math.floor(math.log(value) / math.log(gamma))
        low, high = gamma**key, gamma ** (key + 1)
        moved.append(buckets.index(2 * low * high / (low + high)) - buckets.index(value))
    assert set(moved) <= {-1, 0, 1}
    assert 0.40 < sum(map(abs, moved)) / len(moved) < 0.52
    assert ddsketch.decode(message((5.0,), 10, gamma=gamma), dialect="go").relative_error == pytest.approx(
        (1 + buckets.RELATIVE_ERROR) * gamma - 1
    )


# ---- what is not valid ----


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "offset 0: gamma must be above 1 and finite, not 0.0"),
        (message(gamma=1.0), "gamma must be above 1"),
        (message(gamma=math.nan), "gamma must be above 1"),
        (message(offset=math.inf), "index offset must be finite"),
        (message(offset=1e12), "index offset must be below"),
        (message(kind=4), "offset 21: there is no interpolation 4"),
        (message((0.5,)), "a count must be a whole number, not 0.5: weighted"),
        (message((-1.0,)), "a count must be in 0..2"),
        (message((math.nan,)), "a count must be in 0..2"),
        (message((2.0**62, 2.0**62)), "the counts add up to 9223372036854775808"),
        (message(zero=-1.0), "offset 41: a count must be in"),
        (message(negative=(0.0, 3.0)), "it counts negative values, which historian does not hold"),
        (message((1.0, 1.0), 2**31 - 1), "index 2147483648 is beyond 32 bits"),
        (message()[:-1], "offset 48: a field is cut short"),
        (b"\x0a\x03\x09\x00\x00", "offset 5: a field is cut short"),
        (b"\x08\x01", "offset 1: mapping has the wire type 0, not 2"),
        (b"\x0f", "offset 0: there is no wire type 7"),
        (b"\x02\x00", "offset 0: there is no field 0"),
        (b"\xff" * 11, "offset 0: a number of more than 10 bytes"),
        (b"\xff", "offset 1: a number is cut short"),
        (b"\x12\x04\x0a\x02\x18\x00", "offset 5: an entry of binCounts has no field 3"),
        (b"\x12\x03\x12\x01\x00", "offset 5: a bin of contiguousBinCounts is cut short"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_refused_with_its_offset(data, match):
    with pytest.raises(ValueError, match=match) as caught:
        ddsketch.decode(data, dialect="go")
    assert "offset" in str(caught.value)


def test_arguments():
    with pytest.raises(ValueError, match="dialect must be 'py', 'go' or 'java'"):
        ddsketch.decode(message(), dialect="rust")
    with pytest.raises(ValueError, match="dialect must be"):
        ddsketch.encode(Histogram(), dialect="rust")
    with pytest.raises(TypeError, match=r"takes a Histogram, not Recorder: pass its \.snapshot"):
        ddsketch.encode(Recorder(), dialect="go")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes bytes, not str"):
        ddsketch.decode("x", dialect="go")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no quadratic interpolation"):
        ddsketch.decode(message(kind=2), dialect="py")
    with pytest.raises(ValueError, match="whole index offsets only"):
        ddsketch.decode(message(offset=0.5), dialect="py")
    assert ddsketch.decode(bytearray(message((0.0,))), dialect="go", unit="rows").histogram.unit == "rows"


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**64 - 1))
def test_numbers(small, large):
    assert zigzag(signed(small)) == small
    data = write_varint(large)
    assert varint(data, 0, len(data)) == (large, len(data))
