"""The bucket layout against integer arithmetic, at every edge and one step below and above it."""

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import _core, buckets


def is_above_edge(value: Fraction, k: int) -> bool:
    """Return whether value > 2**(k/64), in integers: value**64 > 2**k."""
    n, d = value.numerator**64, value.denominator**64
    return n > d << k if k >= 0 else n << -k > d


def exact_index(value: float) -> int:
    """Return the i with 2**(i/64) < value <= 2**((i+1)/64), by bisection in integers."""
    low, high = -2048, 4096  # edges: 2**(low/64) < value <= 2**(high/64)
    while high - low > 1:
        middle = (low + high) // 2
        if Fraction(2) ** middle < Fraction(value) ** 64:
            low = middle
        else:
            high = middle
    return low


def core_index(value: float) -> int:
    return _core.slot_of(value) + _core.FIRST_INDEX - 1


def test_edges_are_correctly_rounded():
    assert len(buckets.EDGES) == 64
    for k, edge in enumerate(buckets.EDGES):
        below, above = math.nextafter(edge, 0), math.nextafter(edge, 4)
        # Nearest float: the midpoints to both neighbours lie on either side of 2**(k/64).
        assert ((Fraction(below) + Fraction(edge)) / 2) ** 64 < 2**k < ((Fraction(edge) + Fraction(above)) / 2) ** 64


def test_every_edge_and_one_ulp_to_either_side():
    # The frozen edge is 2**(k/64) rounded, and a bucket includes its upper edge as frozen.  Both implementations must
    # agree with the position of the float among the frozen edges at all 6,145 edges.
    for k in range(-2048, 4097):
        edge = math.ldexp(buckets.EDGES[k & 63], k >> 6)
        for value, expected in (
            (math.nextafter(edge, 0), k - 1),
            (edge, k - 1),
            (math.nextafter(edge, math.inf), k),
        ):
            # 4096 is the overflow bucket, -2049 the zero bucket: the same arithmetic covers both.
            assert buckets.index(value) == expected, (k, value)
            assert core_index(value) == expected, (k, value)


def test_every_edge_against_integers():
    # In integers, at all 6,145 edges: the true edge 2**(k/64) lies within half a unit in the last place of the frozen
    # one.  So it is below the next float, which is in the bucket above, and above the previous one, in the one below.
    for k in range(-2048, 4097):
        edge = math.ldexp(buckets.EDGES[k & 63], k >> 6)
        below, above = math.nextafter(edge, 0), math.nextafter(edge, math.inf)
        assert not is_above_edge((Fraction(below) + Fraction(edge)) / 2, k)
        assert is_above_edge((Fraction(edge) + Fraction(above)) / 2, k)
        assert core_index(below) == buckets.index(below) == k - 1
        assert core_index(above) == buckets.index(above) == k
        if k % 64 == 0:  # a power of two is its own edge, which belongs to the bucket below
            assert not is_above_edge(Fraction(edge), k)
            assert core_index(edge) == k - 1


@pytest.mark.parametrize("k", [*range(-2048, -2040), *range(-70, 70), *range(4090, 4096)])
def test_index_of_values_inside_a_bucket_against_exact_search(k):
    inside = math.sqrt(buckets.lower(k) * buckets.upper(k))
    assert buckets.index(inside) == core_index(inside) == exact_index(inside) == k


def test_opentelemetry_scale_6():
    # OpenTelemetry's data model: bucket i of scale 6 is (base**i, base**(i+1)], base = 2**(2**-6).
    assert buckets.index(1.0) == -1
    assert buckets.index(2.0) == 63
    assert buckets.index(math.nextafter(1.0, 2.0)) == 0
    for octave in range(-32, 65):  # powers of two are edges, in the bucket below: 64*octave - 1
        assert core_index(2.0**octave) == 64 * octave - 1


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_core_agrees_with_search(value):
    assert core_index(value) == buckets.index(value)


@given(st.integers(0, 2**63 - 1))
def test_core_agrees_with_search_on_any_bits(bits):
    value = struct.unpack("<d", struct.pack("<Q", bits))[0]
    if math.isfinite(value):
        assert core_index(value) == buckets.index(value)
    else:
        assert _core.slot_of(value) == -1


@given(st.floats(min_value=2.0**-32, max_value=2.0**64, exclude_min=True))
def test_guarantee(value):
    i = buckets.index(value)
    assert buckets.lower(i) < value <= buckets.upper(i)
    assert abs(buckets.representative(i) - value) <= (buckets.RELATIVE_ERROR + 1e-15) * value


def test_guarantee_is_the_least_possible():
    # At both edges the error is (g - 1)/(g + 1) = 0.5415 %.
    for i in (-2048, -1, 0, 63, 4095):
        r = buckets.representative(i)
        assert r / buckets.lower(i) - 1 == pytest.approx(buckets.RELATIVE_ERROR, rel=1e-12)
        assert 1 - r / buckets.upper(i) == pytest.approx(buckets.RELATIVE_ERROR, rel=1e-12)
    assert pytest.approx(0.005415, abs=1e-6) == buckets.RELATIVE_ERROR


def test_buckets_tile_the_line():
    for i in range(buckets.ZERO_INDEX, buckets.OVERFLOW_INDEX):
        assert buckets.upper(i) == buckets.lower(i + 1)
    assert buckets.lower(buckets.ZERO_INDEX) == 0
    assert buckets.upper(buckets.ZERO_INDEX) == 2.0**-32
    assert buckets.lower(buckets.OVERFLOW_INDEX) == 2.0**64
    assert buckets.upper(buckets.OVERFLOW_INDEX) == math.inf


@pytest.mark.parametrize("value", [0, 0.0, -0.0, 5e-324, 2.0**-1022, 2.0**-33, 2.0**-32])
def test_zero_bucket(value):
    assert buckets.index(value) == core_index(value) == buckets.ZERO_INDEX


@pytest.mark.parametrize("value", [math.nextafter(2.0**64, math.inf), 1e300, 1.7976931348623157e308])
def test_overflow_bucket(value):
    assert buckets.index(value) == core_index(value) == buckets.OVERFLOW_INDEX


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, -5e-324])
def test_values_without_a_bucket(value):
    with pytest.raises(ValueError, match="value must be finite and not negative, not"):
        buckets.index(value)
    assert _core.slot_of(value) == -1


@pytest.mark.parametrize("edge", [buckets.lower, buckets.upper, buckets.representative])
@pytest.mark.parametrize("i", [buckets.ZERO_INDEX - 1, buckets.OVERFLOW_INDEX + 1])
def test_indices_out_of_range(edge, i):
    with pytest.raises(ValueError, match="outside"):
        edge(i)
