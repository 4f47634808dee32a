"""DDSketch: read and write its protobuf messages, of sketches-py, sketches-go and sketches-java.

A sketch counts values in buckets whose edges grow by a factor gamma.  The message does not say which edge belongs to a
bucket, and the libraries differ: so `dialect` tells which of them wrote it, or is to read it::

    dialect            index k holds                                    historian's index, for gamma = 2**(1/64)
    "py"               (gamma**(k - 1), gamma**k], upper edge included  k - 1
    "go", "java"       [gamma**k, gamma**(k + 1)), lower edge included  k

historian writes gamma = 2**(1/64), whose buckets are its own: counts survive there and back.  Sketches of any other
gamma are read with a loss that has a bound, `Sketch.relative_error`.

>>> from historian import Histogram
>>> h = Histogram.from_values([0.012, 0.015, 0.250])
>>> decode(encode(h, dialect="py"), dialect="py").histogram.counts.tolist() == h.counts.tolist()
True
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from .. import buckets
from .._core import Counters, Counts
from .._values.base import MAX_FLOAT, make
from .._values.exact import exact
from .._values.slots import MAX_BOUND, MIN_BOUND, TO_INDEX, edges_of
from .._values.units import check_unit
from ..histogram import Histogram
from ._ddsketch_wire import Message, parsed
from ._protobuf import signed, write_field

__all__ = ["DIALECTS", "Sketch", "decode", "encode"]

#: The libraries, which do not agree on which edge of a bucket belongs to it, and so on its index.
DIALECTS = ("py", "go", "java")

NONE, LINEAR, QUADRATIC, CUBIC = range(4)

#: How far 64 * log2(gamma) may be from 1: libraries compute gamma from a relative accuracy, and round.
SAME_GAMMA = 1e-9

#: The coefficients of the cubic interpolation.
_A, _B, _C = 6 / 35, -3 / 5, 10 / 7


class Sketch(NamedTuple):
    """A sketch that was read."""

    histogram: Histogram
    relative_error: float
    """The largest relative error of a quantile of `histogram`, as a share of the value that was recorded.

    It allows for the width of the sketch's buckets and of historian's: 0.0054 if they are the same, and 0.0258 for a
    relative accuracy of 1 %.  It holds from 2**-32 to 2**64.
    """
    is_exact: bool
    """Whether the buckets of the sketch are historian's, so that all counts are exact."""


def decode(data: bytes | bytearray | memoryview, *, dialect: str, unit: str = "s") -> Sketch:
    """Return the histogram in the bytes of a DDSketch message, with the bound of its error.

    `unit` is the unit of the sketch's values.  `dialect` is the library that wrote it: "py", "go" or "java".

    If gamma is 2**(1/64), counts are exact, as `encode` has written them.  Otherwise a count has the middle of its
    bucket as its value before it is counted again.  At a relative accuracy of 1 %, 46 % of the counts of lognormal
    latencies are then one bucket off, and none is more.  The message has no minimum, maximum and sum: `min` and `max`
    are bounds, the edges of the lowest and highest bucket, and `sum` is that of the middles.

    O(bins), in memory that is proportional to the bytes.  Raises ValueError, with the offset and the reason, for bytes
    that are not such a message, and for sketches that historian cannot hold: negative values, and counts that are not
    whole numbers.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"decode() takes bytes, not {type(data).__name__}")
    message = parsed(bytes(data))
    edges = _Edges(message, _checked(dialect))
    check_unit(unit)
    total = message.zero_count + sum(message.counts.values())
    if total >= 1 << 63:
        raise ValueError(f"offset 0: the counts add up to {total}, which is 2**63 or more")
    if edges.is_ours:
        return Sketch(_relabelled(message, edges, unit), buckets.RELATIVE_ERROR if total else 0.0, True)
    return Sketch(*_counted_again(message, edges, unit), False)


def encode(histogram: Histogram, *, dialect: str) -> bytes:
    """Return a histogram as a DDSketch message, for the library `dialect`: "py", "go" or "java".

    Counts are exact, in buckets of gamma = 2**(1/64), a relative accuracy of 0.5415 %.  Minimum, maximum and sum are
    not part of the message.  Values at most 2**-32 are written as zeros, values above 2**64 in the bucket after 2**64.
    Counts are floats in the message, so those from 2**53 on are rounded.  O(buckets), at most 49 kB.
    """
    shift = 1 if _checked(dialect) == "py" else 0
    if not isinstance(histogram, Histogram):
        hint = ": pass its .snapshot()" if hasattr(histogram, "snapshot") else ""
        raise TypeError(f"encode() takes a Histogram, not {type(histogram).__name__}{hint}")
    slots, counts = histogram._counts.pairs()
    found = {slot + TO_INDEX: count for slot, count in zip(slots, counts)}
    zeros = found.pop(buckets.ZERO_INDEX, 0)
    store = b""
    if found:
        first, last = min(found), max(found)
        bins = [float(found.get(index, 0)) for index in range(first, last + 1)]
        store = write_field(2, struct.pack(f"<{len(bins)}d", *bins)) + write_field(3, signed(first + shift))
    message = write_field(1, write_field(1, buckets.GROWTH)) + write_field(2, store) + write_field(3, b"")
    return message + (write_field(4, float(zeros)) if zeros else b"")


def _checked(dialect: str) -> str:
    if dialect not in DIALECTS:
        raise ValueError(f"dialect must be 'py', 'go' or 'java', the library that writes or reads it, not {dialect!r}")
    return dialect


class _Edges:
    """The edges of the buckets of a sketch."""

    def __init__(self, message: Message, dialect: str) -> None:
        kind, gamma = message.interpolation, message.gamma
        self._kind = kind
        self._before = -1 if dialect == "py" else 0  # from an index to the one whose lower edge is gamma to it
        self._offset = message.index_offset
        self._step = math.log2(gamma)  # of the approximate logarithm to base 2
        if dialect == "py":
            if kind == QUADRATIC:
                raise ValueError("offset 0: sketches-py has no quadratic interpolation: is dialect='py' right?")
            if self._offset != math.floor(self._offset):
                raise ValueError(f"offset 0: sketches-py has whole index offsets only, not {self._offset!r}")
            if kind in (LINEAR, CUBIC):  # its gamma is the one that the accuracy needs without an interpolation
                self._step = math.log(gamma) * (_C if kind == CUBIC else 1)
        is_whole = self._offset == math.floor(self._offset)
        self.is_ours = kind == NONE and is_whole and abs(64 * self._step - 1) < SAME_GAMMA

    def index(self, key: int) -> int:
        """Return historian's index for that of the sketch, if the buckets are the same."""
        index = key + self._before - int(self._offset)
        return min(max(index, buckets.ZERO_INDEX), buckets.OVERFLOW_INDEX)

    def of(self, key: int) -> tuple[float, float]:
        """Return the (lower, upper) edges of a bucket; 0 or infinity beyond float64."""
        at = key + self._before - self._offset
        return self._power(at * self._step), self._power((at + 1) * self._step)

    def _power(self, x: float) -> float:
        """Return the value whose approximate logarithm to base 2 is x."""
        if not -1100 < x < 1100:
            return 0.0 if x < 0 else math.inf
        exponent = math.floor(x)
        rest = x - exponent
        if self._kind == LINEAR:
            significand = rest + 1
        elif self._kind == QUADRATIC:  # its logarithm is (s - 1)(5 - s)/3 of a significand s
            significand = 3 - math.sqrt(4 - 3 * rest)
        elif self._kind == CUBIC:
            significand = _cubic(rest)
        else:
            significand = 2.0**rest
        try:
            return math.ldexp(significand, exponent)
        except OverflowError:
            return math.inf


def _cubic(rest: float) -> float:
    """Return 1 + s for the s in [0, 1] at which A*s**3 + B*s**2 + C*s is `rest`, by Newton's method.

    The polynomial grows by 0.74 to 1.43 for each unit of s, so the steps converge.
    """
    s = rest
    for _ in range(50):
        step = (((_A * s + _B) * s + _C) * s - rest) / ((3 * _A * s + 2 * _B) * s + _C)
        s -= step
        if abs(step) < 1e-16:
            break
    return 1 + s


def _relabelled(message: Message, edges: _Edges, unit: str) -> Histogram:
    """Return the histogram of a sketch that has historian's buckets."""
    found: dict[int, int] = {buckets.ZERO_INDEX - TO_INDEX: message.zero_count} if message.zero_count else {}
    for key, count in message.counts.items():
        slot = edges.index(key) - TO_INDEX
        found[slot] = found.get(slot, 0) + count
    if not found:
        return Histogram.from_values([], unit=unit)
    slots = sorted(found)
    counts = Counts.of(slots, [found[slot] for slot in slots])
    low, high = edges_of(counts.first)[0], edges_of(counts.last)[1]
    if counts.first == buckets.ZERO_INDEX - TO_INDEX == counts.last:
        low = high = 0.0
    total, high = 0, min(high, MAX_FLOAT)
    for slot in slots:
        total += exact(min(buckets.representative(slot + TO_INDEX), high)) * found[slot]
    return make(Histogram, counts, unit, total, low, high, False, _marks(low, high))


def _marks(low: float, high: float) -> int:
    """Return the marks of extremes that are bounds.  Zero is a value, not a bound."""
    return (MIN_BOUND if low else 0) | (MAX_BOUND if high else 0)


def _counted_again(message: Message, edges: _Edges, unit: str) -> tuple[Histogram, float]:
    """Return the histogram of a sketch with other buckets, and the relative error."""
    counters, error, total = Counters(), 0.0, 0
    keys = sorted(message.counts)
    values, counts, ends = [], [], []
    for key in keys:
        low, high = (min(edge, MAX_FLOAT) for edge in edges.of(key))
        middle = low / (low + high) * high * 2 if high < MAX_FLOAT / 2 and high else low
        values.append(middle)
        counts.append(message.counts[key])
        ends.append((low, high))
        if low:
            error = max(error, (middle - low) / low, (high - middle) / high)
    for value, count in zip(values, counts):
        total += exact(value) * count
    if keys:
        (low, _), (_, high) = ends[0], ends[-1]
        error = max([error, *((b - a) / a for a, b in (ends[0], ends[-1]) if a)])
        if sum(counts) > 1:  # the extremes lie in the lowest and highest populated bucket
            counts[0] -= 1
            counts[-1] -= 1
            values, counts = [low, *values, high], [1, *counts, 1]
    if message.zero_count:
        values.append(0.0)
        counts.append(message.zero_count)
    counters.record_many(values, counts=counts)
    reading = counters._read()
    if not reading[0].total:
        return Histogram.from_values([], unit=unit), 0.0
    found, _, low, high = reading
    histogram = make(Histogram, found, unit, total, low, high, False, _marks(low, high))
    return histogram, (1 + buckets.RELATIVE_ERROR) * (1 + error) - 1
