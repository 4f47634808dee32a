"""`Recorder`: valid values, invalid values that leave no trace, snapshots and drains."""

import array
import copy
import ctypes
import datetime
import decimal
import fractions
import math
import os
import pickle
import subprocess
import sys
import tracemalloc
import weakref

import instructions
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Recorder, buckets


class Number:
    """A number that has only __float__."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return self.value


class Index:
    """A number that has only __index__."""

    def __index__(self):
        return 3


# ---- one value ----


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, 1.5),
        (3, 3.0),
        (0, 0.0),
        (-0.0, 0.0),
        (True, 1.0),
        (2**29, 2.0**29),  # one, two and three digits of CPython's ints
        (2**30, 2.0**30),
        (2**59 + 1, float(2**59 + 1)),
        (2**60, 2.0**60),
        (2**63, 2.0**63),
        (10**30, 1e30),
        (5e-324, 5e-324),
        (1.7976931348623157e308, 1.7976931348623157e308),
        (np.float64(2.5), 2.5),
        (np.float32(2.5), 2.5),
        (np.float16(2.5), 2.5),
        (np.int8(3), 3.0),
        (np.uint64(2**63), 2.0**63),
        (decimal.Decimal("1.25"), 1.25),
        (fractions.Fraction(1, 4), 0.25),
        (Number(2.5), 2.5),
        (Index(), 3.0),
        (np.array(2.5), 2.5),
    ],
)
def test_any_real_number(value, expected):
    rec = Recorder()
    assert rec.record(value) is None
    h = rec.snapshot()
    assert (h.count, h.sum, h.min, h.max) == (1, expected, expected, expected)
    assert h.indices.tolist() == [buckets.index(expected)]
    assert math.copysign(1, h.min) == 1


BAD = [
    (math.nan, ValueError),
    (math.inf, ValueError),
    (-math.inf, ValueError),
    (-1.0, ValueError),
    (-1, ValueError),
    (-5e-324, ValueError),
    (-(2**70), ValueError),
    (10**400, ValueError),
    pytest.param(-(10**5000), ValueError, id="huge"),
    (np.float64("nan"), ValueError),
    (np.int64(-1), ValueError),
    (decimal.Decimal("NaN"), ValueError),
    (Number(math.nan), ValueError),
    (Number(-1.0), ValueError),
    (None, TypeError),
    ("1", TypeError),
    (b"1", TypeError),
    (1j, TypeError),
    ([1], TypeError),
    (object(), TypeError),
    (Number("x"), TypeError),
    (datetime.timedelta(seconds=1), TypeError),
]


@pytest.mark.parametrize(("value", "error"), BAD)
def test_bad_values_leave_no_trace(value, error):
    rec = Recorder()
    rec.record(1.0)
    before = rec.snapshot()
    with pytest.raises(error):
        rec.record(value)
    for values in ([value], [1.0, value], (2.0, 3.0, value), [value] * 3000):
        with pytest.raises(error):
            rec.record_many(values)
    with pytest.raises((ValueError, TypeError, OverflowError)):
        rec.record_corrected(value, 1.0)
    assert rec.snapshot() == before


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.5, r"cannot record -1\.5: a value must be finite and not negative"),
        (math.nan, "cannot record nan"),
        (10**400, "an int of 1329 bits: it is too large for a float64"),
        (None, "NoneType is not a real number"),
        (datetime.timedelta(1), r"pass its \.total_seconds\(\)"),
    ],
)
def test_messages_say_what_and_why(value, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Recorder().record(value)


def test_an_error_of_the_number_itself_passes():
    class Broken:
        def __float__(self):
            raise KeyError("mine")

    rec = Recorder()
    with pytest.raises(KeyError, match="mine"):
        rec.record(Broken())
    with pytest.raises(KeyError, match="mine"):
        rec.record_many([1.0, Broken()])
    assert rec.snapshot().count == 0


@given(st.lists(st.one_of(st.floats(0, 1e300), st.integers(0, 2**80)), max_size=50))
def test_one_by_one_or_all_at_once(values):
    one, many = Recorder(), Recorder()
    for value in values:
        one.record(value)
    many.record_many(values)
    a, b = one.snapshot(), many.snapshot()
    assert a.sum == b.sum
    assert (a - b if b.count else a).count == 0
    assert a.indices.tolist() == b.indices.tolist() and a.counts.tolist() == b.counts.tolist()
    assert not values or (a.min, a.max) == (b.min, b.max) == (min(map(float, values)), max(map(float, values)))


# ---- many values ----

SIZES = [0, 1, 2, 7, 8, 9, 511, 512, 513, 1023, 1024, 2000, 100_003]
DTYPES = ["f8", "f4", "f2", "g", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", ">f8", ">i4", ">u2"]


def expected_of(array_) -> Histogram:
    rec = Recorder()
    for value in np.asarray(array_, dtype="f8").tolist():
        rec.record(value)
    return rec.snapshot()


def same(a: Histogram, b: Histogram) -> bool:
    return (
        a.counts.tolist() == b.counts.tolist()
        and a.indices.tolist() == b.indices.tolist()
        and a.sum == b.sum
        and (a.count == 0 or (a.min, a.max) == (b.min, b.max))
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_and_strides(dtype):
    rng = np.random.default_rng(7)
    data = rng.integers(0, 100, 3001).astype(dtype)
    for view in (data, data[::2], data[::-1], data[5:-5:7], np.stack([data, data], axis=1)[:, 1]):
        rec = Recorder()
        rec.record_many(view)
        assert same(rec.snapshot(), expected_of(view))


@pytest.mark.parametrize("size", SIZES)
def test_sizes(size):
    data = np.random.default_rng(size).lognormal(0, 3, size)
    rec = Recorder()
    rec.record_many(data)
    assert rec.snapshot().count == size
    assert same(rec.snapshot(), expected_of(data))


EVERY_EDGE = """
import math
import numpy as np
from historian import Recorder, _core, buckets

edges = [math.ldexp(buckets.EDGES[k & 63], k >> 6) for k in range(-2048, 4097)]
values = [v for e in edges for v in (math.nextafter(e, 0), e, math.nextafter(e, math.inf))]
values += [0.0, -0.0, 5e-324, 1e300, 1.7976931348623157e308]
expected = {}
for value in values:
    expected[buckets.index(value)] = expected.get(buckets.index(value), 0) + 1
rec = Recorder()
rec.record_many(np.array(values))
for start in range(0, len(values), 1000):
    rec.record_many(np.array(values[start : start + 1000]))
    rec.record_many(np.array(values[start : start + 1000])[::-1])
h = rec.snapshot()
assert dict(zip(h.indices.tolist(), h.counts.tolist())) == {i: 3 * n for i, n in expected.items()}
for bad in (math.nan, math.inf, -math.inf, -5e-324):
    for size, position in ((9, 8), (9, 0), (5000, 4095)):
        data = np.ones(size)
        data[position] = bad
        try:
            rec.record_many(data)
        except ValueError as error:
            assert str(error).startswith(f"values[{position}] is "), error
        else:
            raise AssertionError((bad, size, position))
assert rec.snapshot() == h
print(_core.SIMD)
"""


@pytest.mark.parametrize("limit", ["", "avx2", "baseline"])
def test_arrays_agree_at_every_edge_with_any_instructions(limit):
    # If the processor lacks these instructions, narrower ones run: the answer says which.
    env = {**os.environ, "HISTORIAN_SIMD": limit}
    done = subprocess.run([sys.executable, "-c", EVERY_EDGE], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in instructions.at_most(limit)


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 2.0],
        (1.0, 2.0),
        array.array("d", [1, 2]),
        array.array("f", [1, 2]),
        array.array("H", [1, 2]),
        memoryview(np.array([1.0, 2.0])),
        np.array([1, 2], dtype=object),
        np.array([decimal.Decimal(1), 2.0], dtype=object),
        range(1, 3),
        {1.0, 2.0},
        (v for v in (1, 2)),
        np.ma.array([1.0, 2.0]),
    ],
)
def test_array_likes(values):
    rec = Recorder()
    rec.record_many(values)
    assert rec.snapshot() == Histogram.from_values([1.0, 2.0])


def test_unaligned_and_read_only_buffers():
    packed = np.zeros(1500, dtype=[("tag", "u1"), ("value", "f8")])
    packed["value"] = np.arange(1500)
    packed.flags.writeable = False
    rec = Recorder()
    rec.record_many(packed["value"])
    raw = bytearray(1 + 8 * 1500)
    shifted = np.frombuffer(raw, dtype="f8", offset=1)
    rec.record_many(shifted)
    assert rec.snapshot().count == 3000 and rec.snapshot().zero_count == 1501


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0, -5e-324])
@pytest.mark.parametrize("position", [0, 1, 7, 8, 511, 512, 1023, 1024, 4999])
def test_one_bad_value_and_none_is_recorded(bad, position):
    data = np.random.default_rng(1).exponential(1, 5000)
    data[position] = bad
    rec = Recorder()
    for values in (data, data[: position + 1], data.astype(">f8"), data.tolist(), np.repeat(data, 2)[::2]):
        with pytest.raises(ValueError, match=rf"values\[{position}\] is .*, so no value was counted"):
            rec.record_many(values)
    assert rec.snapshot() == Histogram()
    rec.record_many([0.0, 1e300] * 1000)  # from the first counter to the last one
    assert rec.snapshot().count == 2000


def test_the_first_of_several_bad_values_is_named():
    with pytest.raises(ValueError, match=r"values\[2\] is .*-3"):
        Recorder().record_many(np.array([1, 2, -3, -4], dtype="i4"))


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.zeros((2, 2)), ValueError, "one dimension, not 2"),
        (np.float64(1.0), ValueError, "use record"),
        (np.array(1.0), ValueError, "use record"),
        ([[1.0], [2.0]], TypeError, r"values\[0\]"),
        ("123", TypeError, "not str"),
        (b"123", TypeError, "not bytes"),
        (bytearray(b"123"), TypeError, "not bytearray"),
        (1.0, TypeError, "array-like of numbers, not float"),
        (None, TypeError, "array-like of numbers, not NoneType"),
        (np.array([1j]), TypeError, "complex"),
        (np.array(["a"]), TypeError, "<U1"),
        (np.array([1], dtype="M8[s]"), TypeError, "datetime64"),
        (np.array([(1.0, 2)], dtype=[("a", "f8"), ("b", "i4")]), TypeError, "dtype"),
        (np.array([1.0, None], dtype=object), TypeError, r"values\[1\] is None"),
    ],
)
def test_what_is_no_array_of_numbers(values, error, message):
    rec = Recorder()
    with pytest.raises(error, match=message):
        rec.record_many(values)
    assert rec.snapshot().count == 0


def test_objects_that_turn_into_arrays():
    class Series:  # as the Series of pandas and polars do
        def __array__(self, dtype=None, copy=None):
            return np.array([1, 2], dtype="i8")

    rec = Recorder()
    rec.record_many(Series())
    assert rec.snapshot() == Histogram.from_values([1, 2])


def test_sums_are_exact():
    data = np.random.default_rng(3).lognormal(0, 5, 1_000_000)
    rec = Recorder()
    rec.record_many(data)
    assert rec.snapshot().sum == math.fsum(data)


# ---- coordinated omission ----


@given(st.floats(1e-6, 1e3), st.floats(1e-4, 1e3))
def test_corrected_adds_what_the_definition_adds(value, interval):
    phantoms, k = [], 1
    while k * interval <= value - interval and k < 20_000:
        phantoms.append(value - k * interval)
        k += 1
    if k == 20_000:
        return
    rec = Recorder()
    rec.record_corrected(value, interval)
    h, exact = rec.snapshot(), Histogram.from_values([value, *phantoms])
    assert abs(h.count - exact.count) <= 1  # rounding may move value/interval across a whole number
    assert h.max == value
    assert h.sum == pytest.approx(exact.sum, rel=1e-9, abs=2 * interval)
    if h.count == exact.count:
        assert h.quantile(0.5) == pytest.approx(exact.quantile(0.5), rel=0.0111)
        assert h.min == pytest.approx(exact.min, rel=1e-6)


def test_corrected_as_hdrhistogram_does():
    rec = Recorder()
    rec.record_corrected(1.0, 0.25)  # 1.0, then 0.75, 0.5, 0.25
    assert rec.snapshot() == Histogram.from_values([1.0, 0.75, 0.5, 0.25])
    rec = Recorder()
    rec.record_corrected(0.4, 0.25)  # 0.15 is below the interval
    assert rec.snapshot() == Histogram.from_values([0.4])


def test_corrected_needs_no_loop():
    rec = Recorder()
    rec.record_corrected(1e9, 1e-3)
    h = rec.snapshot()
    assert h.count == 10**12
    assert h.quantile(0.5) == pytest.approx(5e8, rel=0.0055)
    assert h.sum == pytest.approx(5e20, rel=1e-6)


@pytest.mark.parametrize("interval", [0, -1.0, math.nan, math.inf])
def test_corrected_refuses_other_intervals(interval):
    rec = Recorder()
    with pytest.raises(ValueError, match="expected_interval"):
        rec.record_corrected(1.0, interval)
    with pytest.raises(ValueError, match="too small"):
        rec.record_corrected(1e15, 1e-9)
    assert rec.snapshot().count == 0


# ---- snapshots and drains ----


def test_snapshots_are_values():
    rec = Recorder("x", unit="ms")
    rec.record(1.0)
    first = rec.snapshot()
    rec.record_many([2.0, 3.0])
    assert first.count == 1 and rec.snapshot().count == 3
    assert first.unit == "ms"
    assert rec.snapshot() - first == rec.snapshot() - first
    assert (rec.snapshot() - first).count == 2


def test_drain_takes_everything_out():
    rec = Recorder()
    rec.record(1.0)
    rec.record_many(np.ones(5000))
    assert rec.drain() == Histogram.from_values(np.ones(5001))
    assert rec.drain() == rec.snapshot() == Histogram()
    rec.record(2.0)
    assert rec.drain() == Histogram.from_values([2.0])


@given(st.lists(st.tuples(st.sampled_from("rmds"), st.floats(0, 1e6)), max_size=40))
def test_drains_and_the_rest_are_everything(steps):
    rec, everything, drained = Recorder(), [], Histogram()
    for step, value in steps:
        if step == "r":
            rec.record(value)
            everything.append(value)
        elif step == "m":
            rec.record_many([value, value])
            everything += [value, value]
        elif step == "d":
            drained += rec.drain()
        else:
            assert (drained + rec.snapshot()).count == len(everything)
    assert same(drained + rec.snapshot(), Histogram.from_values(everything))


# ---- identity ----


def test_identity():
    a, b = Recorder("x"), Recorder("x")
    assert a != b and a == a and len({a, b}) == 2
    assert weakref.ref(a)() is a
    assert (a.name, a.unit, a.path) == ("x", "s", None)
    assert repr(Recorder("q", unit="ms")) == "Recorder('q', unit='ms')"
    for name in ("name", "unit", "path", "color"):
        with pytest.raises(AttributeError):
            setattr(a, name, "y")


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_recorder_in_private_memory_does_not_travel(take):
    with pytest.raises(TypeError, match=r"return recorder\.snapshot\(\)"):
        take(Recorder("x"))


@pytest.mark.parametrize(
    ("args", "kwargs", "error"),
    [
        ((3,), {}, TypeError),
        ((None,), {}, TypeError),
        ((), {"unit": 3}, TypeError),
        ((), {"unit": ""}, ValueError),
        (("x", "ms"), {}, TypeError),
        ((), {"units": "ms"}, TypeError),
    ],
)
def test_bad_arguments(args, kwargs, error):
    with pytest.raises(error):
        Recorder(*args, **kwargs)


def test_subclasses():
    class Mine(Recorder):
        pass

    rec = Mine("x", unit="ms")
    rec.record(1.0)
    assert rec.unit == "ms" and rec.snapshot().count == 1


# ---- sums ----


@pytest.mark.parametrize(
    "values",
    [
        [1e16] + [1.0] * 1000,
        [1.0] * 1000 + [1e16],
        [0.1] * 10_000,
        np.random.default_rng(3).lognormal(0, 5, 100_003).tolist(),
        [2.0**-32, 2.0**63, 1.0] * 700,
        [1.7e308, 1.0],
    ],
)
def test_sums_are_exact_however_the_values_come(values):
    exact = math.fsum(values)
    one, many, parts = Recorder(), Recorder(), Recorder()
    for value in values:
        one.record(value)
    many.record_many(np.array(values))
    parts.record_many(values[:700])
    for value in values[700:1000]:
        parts.record(value)
    parts.record_many(np.array(values[1000:]))
    assert one.snapshot().sum == many.snapshot().sum == parts.snapshot().sum == exact
    assert one.snapshot() == many.snapshot() == parts.snapshot() == Histogram.from_values(values)
    assert one.drain().sum == exact and one.snapshot().sum == 0.0


def test_a_sum_beyond_float64_is_infinite():
    for record in (lambda rec: rec.record_many([1.7e308] * 20), lambda rec: [rec.record(1.7e308) for _ in range(20)]):
        rec = Recorder()
        record(rec)
        rec.record(1.0)
        assert rec.snapshot().sum == math.inf
        assert rec.drain().sum == math.inf
        rec.record(1.0)
        assert rec.snapshot().sum == 1.0


@pytest.mark.parametrize(
    "values", [(ctypes.c_double * 3)(1, 2, 3), (ctypes.c_int * 3)(1, 2, 3), (ctypes.c_float * 3)(1, 2, 3)]
)
def test_ctypes_arrays(values):  # they have no strides, even if requested
    rec = Recorder()
    rec.record_many(values)
    rec.record_many(memoryview(values))
    rec.record_many((ctypes.c_int * 0)())
    assert rec.snapshot() == Histogram.from_values([1, 2, 3, 1, 2, 3])


def test_what_is_masked_is_not_there():
    rec = Recorder()
    rec.record_many(np.ma.array([1.0, math.nan, 3.0], mask=[False, True, False]))
    assert rec.snapshot() == Histogram.from_values([1.0, 3.0])


@pytest.mark.parametrize("value", [np.timedelta64(5, "ns"), np.complex128(1), np.complex64(1)])
def test_numpy_scalars_that_are_no_plain_numbers(value):
    with pytest.raises(TypeError, match="is not a real number"):
        Recorder().record(value)


@pytest.mark.parametrize(
    "value", [np.array([1.5]), np.array([[1.5]]), np.array([1.0, 2.0]), np.array([]), [1.5], (1, 2)]
)
def test_arrays_are_not_single_values(value):
    # some versions of numpy convert an array of one element to a float, others refuse it
    rec = Recorder()
    with pytest.raises(TypeError, match=r"is not a real number; pass it to record_many\(\)$"):
        rec.record(value)
    with pytest.raises(TypeError, match=r"values\[0\] is .* is not a real number; values must have one dimension$"):
        rec.record_many([value, 1.0])
    assert rec.snapshot().count == 0


def test_arrays_of_other_libraries_are_not_single_values():
    class Tensor:
        def __float__(self):
            return 1.5

        def __len__(self):
            return 1

    class Scalar(Tensor):
        def __len__(self):
            raise TypeError("a scalar has no length")

    rec = Recorder()
    with pytest.raises(TypeError, match=r"Tensor is not a real number; pass it to record_many\(\)"):
        rec.record(Tensor())
    rec.record(Scalar())
    rec.record(np.array(1.5))
    assert rec.snapshot() == Histogram.from_values([1.5, 1.5])


@pytest.mark.parametrize("values", [3, None, "123", b"123", object()])
def test_messages_about_values_hold_for_histograms_too(values):
    message = f"values must be a one-dimensional array-like of numbers, not {type(values).__name__}"
    for use in (Recorder().record_many, Histogram.from_values):
        with pytest.raises(TypeError) as raised:
            use(values)
        assert str(raised.value) == message


def test_messages_are_one_short_line():
    class Wordy:
        def __repr__(self):
            return "a\nb" * 10_000

    class Mute:
        def __repr__(self):
            raise RuntimeError("no")

    for value in (Wordy(), Mute(), "x" * 10_000, -fractions.Fraction(10**300, 10**10 + 1)):
        with pytest.raises((TypeError, ValueError)) as caught:
            Recorder().record(value)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_an_overflow_of_the_number_itself_passes():
    class Broken:
        def __float__(self):
            raise OverflowError("mine")

    with pytest.raises(OverflowError, match="mine"):
        Recorder().record(Broken())


def test_a_recorder_of_errors_may_be_false():
    class Empty(Recorder):
        def __len__(self):
            return 0

    rec, errors = Recorder(), Empty()

    @rec.timed(errors=errors)
    def fail():
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (rec.snapshot().count, errors.snapshot().count) == (0, 1)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("ticks", ["h", "m", "s", "ms", "us", "ns", "25ns", "D", "W"])
def test_durations_of_numpy_come_in_the_unit(unit, ticks):
    numbers = np.append(
        np.random.default_rng(3).integers(0, 10**4, 3000), [0, 1, 7]
    )  # 10,000 weeks in ns fit into 64 bits
    whole = numbers.astype(f"m8[{ticks}]")
    expected = (whole / np.timedelta64(1, unit)).tolist()  # 7 ms / 1 s = 0.007, rounded once
    for durations in (whole, np.repeat(whole, 3)[::3], whole[::-1], whole.astype(f">m8[{ticks}]")):
        rec = Recorder(unit=unit)
        rec.record_many(durations)
        rec.record_many(durations[:5], counts=[0] * 5)
        assert (
            rec.snapshot() == Histogram.from_values(durations, unit=unit) == Histogram.from_values(expected, unit=unit)
        )


@pytest.mark.parametrize("ticks", ["ms", "us", "ns", "7ns", "25ns"])
def test_quotients_of_durations_are_rounded_as_divisions(ticks):
    """Vectors of AVX2 multiply by the reciprocal, and correct the quotient: any wrong bit would change the sum."""
    rng = np.random.default_rng(5)
    numbers = rng.integers(0, 2**62, 20_000) >> rng.integers(0, 60, 20_000)
    divisor = {"ms": 10**3, "us": 10**6, "ns": 10**9}[ticks[-2:]] / int(ticks[:-2] or 1)
    for part in (numbers, numbers[:7]):
        expected = Histogram.from_values(part.astype(float) / divisor)
        assert Histogram.from_values(part.view(f"m8[{ticks}]")) == expected


@pytest.mark.parametrize("size", [2, 2000])
def test_durations_that_are_refused(size):
    rec, ones = Recorder(), np.ones(size, np.int64)
    for bad, shown in (("NaT", "NaT"), (-1, "-1.0")):
        durations = ones.view("m8[s]").copy()
        durations[1] = np.timedelta64(bad, "s")
        with pytest.raises(ValueError, match=rf"values\[1\] is .*{shown}.*, so no value was counted"):
            rec.record_many(durations)
        with pytest.raises(ValueError, match=rf"values\[1\] is .*{shown}"):
            rec.record_many(durations, counts=np.ones(size, int))
    with pytest.raises(TypeError, match="fixed length"):
        rec.record_many(ones.view("m8[M]"))
    with pytest.raises(TypeError, match="fixed length"):
        rec.record_many(ones.view("m8"))
    with pytest.raises(TypeError, match=r"pass numpy\.diff\(values\)"):
        rec.record_many(ones.view("M8[s]"))
    with pytest.raises(ValueError, match="one dimension"):
        rec.record_many(np.ones((size, 2), np.int64).view("m8[s]"))
    with pytest.raises(ValueError, match="pass a unit of time"):
        Recorder(unit="bytes").record_many(ones.view("m8[s]"))
    assert rec.snapshot() == Histogram()


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u8", "i4", "u4", "i2", "?", "m8[us]"])
def test_arrays_and_strided_views_are_not_copied(dtype):
    """What a million numbers take is 1 MB at least.  The tables of a first call stay for the next ones."""
    whole = np.ones(3_000_000, dtype)
    for record in (Recorder().record_many, Histogram.from_values):
        for values in (whole[:1_000_000], whole[::3], whole[::-3], whole[::-1]):
            record(values)
            tracemalloc.start()
            try:
                record(values)
                assert tracemalloc.get_traced_memory()[1] < 100_000
            finally:
                tracemalloc.stop()
