"""`record` counts any real number as `float` would make it, also where it takes a short cut: floats and small ints."""

import enum
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Recorder


class Whole(int):
    """A subclass that changes nothing."""


class Half(int):
    """A subclass with another value as a float."""

    def __float__(self):
        return int(self) / 2


class Level(enum.IntEnum):
    LOW, HIGH = 1, 7


def recorded(value):
    """Return the only value of a new recorder, the first time, and when its octave is there."""
    rec = Recorder()
    rec.record(value)
    h = rec.snapshot()
    assert (h.count, h.min, h.sum) == (1, h.max, h.max)
    rec.record(value)
    again = rec.snapshot()
    assert (again.count, again.min, again.max) == (2, h.min, h.max)
    assert again.sum == 2 * h.max or math.isinf(again.sum)
    return h.max


# CPython stores 30 bits to a digit: each number of digits has its own way to a float.
EDGES = [
    base + off
    for base in (0, 1 << 15, 1 << 30, 1 << 31, 1 << 32, 1 << 45, 1 << 53, 1 << 54, 1 << 60, 1 << 63, 1 << 64, 1 << 90)
    for off in (-2, -1, 0, 1, 2)
    if base + off >= 0
]


@pytest.mark.parametrize("value", EDGES)
def test_ints_round_as_float_does(value):
    for made in (value, Whole(value)):
        assert struct.pack("d", recorded(made)) == struct.pack("d", float(value))


@given(
    st.integers(min_value=0, max_value=1 << 70)
    | st.integers(min_value=(1 << 1023), max_value=(1 << 1024) - (1 << 970) - 1)
)
def test_any_int_rounds_as_float_does(value):
    assert recorded(value) == float(value)


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_any_float_is_itself(value):
    assert recorded(value) == value


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        (True, 1.0),
        (False, 0.0),
        (0, 0.0),
        (-0.0, 0.0),
        (Level.HIGH, 7.0),
        (Half(7), 3.5),
        *((kind(7), 7.0) for kind in (np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float32, np.float64)),
        (np.bool_(True), 1.0),
        (np.uint64(2**64 - 1), 2.0**64),
    ],
)
def test_numbers_of_other_classes(value, counted):
    assert recorded(value) == counted


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "-1"),
        (-(1 << 30), "-1073741824"),
        (-(1 << 45), "-35184372088832"),
        (-(1 << 100), "-1267650600228229401496703205376"),
        (Whole(-3), "-3"),
        (-1.5, "-1.5"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (10**400, "too large"),
        (-(10**400), "too large"),
    ],
)
def test_what_is_no_value_is_refused(value, message, warm):
    rec = Recorder()
    for number in (1.0, 5, 1 << 40) if warm else ():
        rec.record(number)
    before = rec.snapshot()
    for record in (rec.record, lambda value: rec.record(value)):
        with pytest.raises(ValueError, match=message):
            record(value)
    assert rec.snapshot() == before


@pytest.mark.parametrize("value", ["1", None, 1j, [1.0], b"1"])
def test_what_is_no_number_is_refused(value):
    rec = Recorder()
    rec.record(1)
    with pytest.raises(TypeError, match="real number"):
        rec.record(value)
    assert rec.snapshot().count == 1
