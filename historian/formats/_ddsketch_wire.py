"""The messages of DDSketch.

::

    DDSketch      {IndexMapping mapping = 1; Store positiveValues = 2; Store negativeValues = 3; double zeroCount = 4}
    IndexMapping  {double gamma = 1; double indexOffset = 2; Interpolation interpolation = 3}
    Store         {map<sint32, double> binCounts = 1; repeated double contiguousBinCounts = 2 [packed];
                   sint32 contiguousBinIndexOffset = 3}
"""

from __future__ import annotations

import math

from ._protobuf import BYTES, FIXED64, VARINT, double, fields, zigzag

__all__ = ["Message", "parsed"]

MAX_INDEX = (1 << 31) - 1

#: log, linear, quadratic, cubic
INTERPOLATIONS = 4


class Message:
    """What a message says."""

    gamma: float  # above 1, finite
    index_offset: float  # finite
    interpolation: int  # in 0..3
    counts: dict[int, int]  # by index of the sketch; at least 1 each
    zero_count: int  # at least 0

    def __init__(self) -> None:
        self.gamma, self.index_offset, self.interpolation = 0.0, 0.0, 0
        self.counts, self.zero_count = {}, 0


class _Store:
    """The bins of a store, as they are read."""

    def __init__(self) -> None:
        self.sparse: dict[int, tuple[float, int]] = {}  # count and its offset, by index
        self.dense: list[tuple[float, int]] = []
        self.first = 0  # index of the first dense one

    def counts(self) -> dict[int, int]:
        """Return whole counts by index.  Raises ValueError, with the offset, for a count that is not one."""
        found: dict[int, int] = {}
        bins = [*self.sparse.items(), *enumerate(self.dense, self.first)]
        for index, (count, at) in bins:
            if count:
                if not -MAX_INDEX - 1 <= index <= MAX_INDEX:
                    raise ValueError(f"offset {at}: index {index} is beyond 32 bits")
                found[index] = found.get(index, 0) + _whole(count, at)
        return found


def parsed(data: bytes) -> Message:
    """Return what a message says.  Raises ValueError, with the offset and the reason."""
    message, positive, negative = Message(), _Store(), _Store()
    for number, wire, _, begin, end in fields(data, 0, len(data)):
        if number == 1:
            _expect(wire, BYTES, begin, "mapping")
            _read_mapping(data, begin, end, message)
        elif number in (2, 3):
            _expect(wire, BYTES, begin, "a store")
            _read_store(data, begin, end, positive if number == 2 else negative)
        elif number == 4:
            _expect(wire, FIXED64, begin, "zeroCount")
            message.zero_count = _whole(double(data, begin), begin)
    if not 1 < message.gamma < math.inf:
        raise ValueError(f"offset 0: gamma must be above 1 and finite, not {message.gamma!r}: not a DDSketch?")
    if not math.isfinite(message.index_offset):
        raise ValueError(f"offset 0: the index offset must be finite, not {message.index_offset!r}")
    if abs(message.index_offset) > MAX_INDEX:
        raise ValueError(f"offset 0: the index offset must be below 2**31, not {message.index_offset!r}")
    below = [at for count, at in [*negative.sparse.values(), *negative.dense] if count]
    if below:
        raise ValueError(f"offset {below[0]}: it counts negative values, which historian does not hold")
    message.counts = positive.counts()
    return message


def _expect(wire: int, expected: int, at: int, what: str) -> None:
    if wire != expected:
        raise ValueError(f"offset {at}: {what} has the wire type {wire}, not {expected}: not a DDSketch?")


def _whole(count: float, at: int) -> int:
    """Return a count.  Raises ValueError unless it is a whole number."""
    if not 0 <= count < 2.0**63:
        raise ValueError(f"offset {at}: a count must be in 0..2**63, not {count!r}")
    if count != int(count):
        raise ValueError(f"offset {at}: a count must be a whole number, not {count!r}: weighted sketches are not read")
    return int(count)


def _read_mapping(data: bytes, at: int, end: int, message: Message) -> None:
    for number, wire, value, begin, _ in fields(data, at, end):
        if number in (1, 2):
            _expect(wire, FIXED64, begin, "gamma" if number == 1 else "indexOffset")
            setattr(message, "gamma" if number == 1 else "index_offset", double(data, begin))
        elif number == 3:
            _expect(wire, VARINT, begin, "interpolation")
            if value >= INTERPOLATIONS:
                raise ValueError(f"offset {begin}: there is no interpolation {value}")
            message.interpolation = value


def _read_store(data: bytes, at: int, end: int, store: _Store) -> None:
    for number, wire, value, begin, after in fields(data, at, end):
        if number == 1:
            _expect(wire, BYTES, begin, "binCounts")
            _read_bin(data, begin, after, store)
        elif number == 2:
            if wire != FIXED64:
                _expect(wire, BYTES, begin, "contiguousBinCounts")
            if (after - begin) % 8:
                raise ValueError(f"offset {after}: a bin of contiguousBinCounts is cut short")
            store.dense += ((double(data, one), one) for one in range(begin, after, 8))
        elif number == 3:
            _expect(wire, VARINT, begin, "contiguousBinIndexOffset")
            store.first = zigzag(value)


def _read_bin(data: bytes, at: int, end: int, store: _Store) -> None:
    """Read an entry of the map of counts by index; of several with one index, the last one counts."""
    index, count, place = 0, 0.0, at
    for number, wire, value, begin, _ in fields(data, at, end):
        if number == 1:
            _expect(wire, VARINT, begin, "an index")
            index = zigzag(value)
        elif number == 2:
            _expect(wire, FIXED64, begin, "a count")
            count, place = double(data, begin), begin
        else:  # of such an entry, some versions of protobuf take no notice
            raise ValueError(f"offset {begin}: an entry of binCounts has no field {number}")
    store.sparse[index] = count, place
