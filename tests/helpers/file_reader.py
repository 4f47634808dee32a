"""A reader of recorders' files, written from docs/format.md alone: nothing of historian is in here."""

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from zlib import crc32

SLOTS = 6146


@dataclass
class Found:
    unit: str
    name: str
    labels: dict
    created: int  # ns since 1970
    counts: dict  # by slot
    sum: Fraction
    min: float
    max: float
    min_is_bound: bool
    max_is_bound: bool


def edge(slot):
    """Return the upper edge of a slot."""
    return math.inf if slot == 6145 else 2.0 ** ((slot - 2048) / 64)


def slot_of(value):
    if value <= 2.0**-32:
        return 0
    if value > 2.0**64:
        return 6145
    slot = max(1, min(6144, math.floor(math.log2(value) * 64) + 2049))
    while edge(slot) < value:
        slot += 1
    while slot > 1 and edge(slot - 1) >= value:
        slot -= 1
    return slot


def read(data):
    """Return what is in the bytes of a file that nobody changes meanwhile."""
    magic, version, *layout, created, in_unit, in_name, labels = struct.unpack_from("<8sIiIIIIQIII", data)
    assert (magic, version, layout) == (b"\x89HSTRN\r\n", 1, [-2048, 6144, 64, 53248, 4096])
    assert struct.unpack_from("<I", data, 3068) == (crc32(data[:3068]),)
    at = 52

    def text(length):
        nonlocal at
        at += length
        return data[at - length : at].decode()

    unit, name, pairs = text(in_unit), text(in_name), {}
    for _ in range(labels):
        sizes = struct.unpack_from("<II", data, at)
        at += 8
        label = text(sizes[0])
        pairs[label] = text(sizes[1])
    return Found(unit, name, pairs, created, *counters(data))


def counters(data):
    """Return counts, sum, min, max, and whether these two are only bounds."""
    (drains,) = struct.unpack_from("<Q", data, 3072)
    roles = struct.unpack_from("<67Q", data, 3136)
    blocks = [(role, 4096 + 53248 * k) for k, role in enumerate(roles)][: (*roles, 0).index(0)]
    totals, total, maxima, minima = [0] * SLOTS, 0, [], []
    for role, at in blocks:
        if role in (1, 2):
            totals = [a + b for a, b in zip(totals, struct.unpack_from(f"<{SLOTS}Q", data, at + 2176))]
            total += sum_at(data, at + 64)
            maxima += struct.unpack_from("<d", data, at)
            minima.append(inverted(data, at + 8))
    if drains:
        at = next(at for role, at in blocks if role == 3 + drains % 2)
        totals = [a - b for a, b in zip(totals, struct.unpack_from(f"<{SLOTS}Q", data, at))]
        total -= sum_at(data, at + 49168)
    counts = {slot: count for slot, count in enumerate(totals) if count}
    if not counts:
        return {}, 0, math.nan, math.nan, False, False
    low, high = min(value for value in minima if value == value), max(maxima)
    bounds = inverted(data, 4096 + 32), *struct.unpack_from("<d", data, 4096 + 24)
    bottom = 0.0 if min(counts) == 0 else edge(min(counts) - 1)
    low, is_low = exact_or_bound(low, slot_of(low) == min(counts), bounds[0], bounds[0] < low, bottom)
    high, is_high = exact_or_bound(high, slot_of(high) == max(counts), bounds[1], bounds[1] > high, edge(max(counts)))
    return counts, total, low, high, is_low, is_high


def exact_or_bound(value, is_in, bound, is_beyond, outer):
    """Return the extreme, and whether it is a bound."""
    if is_beyond:
        return bound, True
    return (value, False) if is_in else (outer, True)


def inverted(data, at):
    """Return a float64 that is stored with all bits inverted."""
    (bits,) = struct.unpack_from("<Q", data, at)
    return struct.unpack("<d", struct.pack("<Q", bits ^ (2**64 - 1)))[0]


def sum_at(data, at):
    """Return the sum that lies there."""
    octaves, digits = struct.unpack_from("<192Q", data, at), struct.unpack_from("<68Q", data, at + 1536)
    total = sum(digit << 32 * k for k, digit in enumerate(digits)) * Fraction(1, 2**1074)
    for octave in range(96):
        a, b = octaves[2 * octave : 2 * octave + 2]
        b += (a >> 63) != b & 1
        total += (a % 2**63 + (b << 63)) * Fraction(2) ** (octave - 84)
    return total
