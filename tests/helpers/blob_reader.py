"""A reader of blobs written from docs/format.md alone, without the package: an independent check of both."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from typing import NamedTuple


class Blob(NamedTuple):
    """What a blob says."""

    unit: str
    first: int  # index of the first bucket
    counts: list[int]
    sum: Fraction
    min: float | None  # None if nothing was recorded
    max: float | None
    min_is_bound: bool = False
    max_is_bound: bool = False


class Bits:
    """The bits of some bytes, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self.number = int.from_bytes(data, "little")
        self.left = 8 * len(data)

    def take(self, width: int) -> int:
        if width > self.left:
            raise ValueError("there are not enough bits")
        taken = self.number & ((1 << width) - 1)
        self.number >>= width
        self.left -= width
        return taken


def read_blob(data: bytes) -> Blob:
    """Return what a blob says; raise ValueError if it is none."""
    magic, version, scale, flags, unit_length = struct.unpack_from("<4sBBBB", data)
    if (magic, version, scale) != (b"\x89HSB", 1, 6) or flags > 7:
        raise ValueError("another format")
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise ValueError("the CRC-32 is wrong")
    unit = data[8 : 8 + unit_length].decode()
    at = 8 + unit_length
    (number,) = struct.unpack_from("<H", data, at)
    if not number:
        if flags:
            raise ValueError("flags of nothing")
        if len(data) != at + 6:
            raise ValueError("there is more than there should be")
        return Blob(unit, 0, [], Fraction(0), None, None)
    first, low, high, zeros, length = struct.unpack_from("<hddHH", data, at + 2)
    at += 24
    total = int.from_bytes(data[at : at + length], "little") * 256**zeros
    bits = Bits(data[at + length : -4])
    counts = read_counts(bits, number)
    if bits.left > 7 or bits.number:
        raise ValueError("there are more bits than there should be")
    return Blob(unit, first, counts, Fraction(total, 2**1074), low, high, bool(flags & 2), bool(flags & 4))


def read_counts(bits: Bits, number: int) -> list[int]:
    """Return the counts of so many buckets."""
    counts: list[int] = []
    width, sparse = 0, True
    while len(counts) < number:
        size = min(8, number - len(counts))
        if sparse and not bits.take(1):
            counts += [0] * size
            continue
        populated = [bits.take(1) for _ in range(size)] if sparse else [1] * size
        code = bits.take(2)
        width = bits.take(7) if code == 3 else width + (0, 1, -1)[code]
        for there in populated:
            if not sparse:
                counts.append(near(counts[-1], bits.take(width)))
            elif there:
                nearest = next((count for count in reversed(counts) if count), 1)
                counts.append(near(nearest - 1, bits.take(width)) + 1)
            else:
                counts.append(0)
        sparse = 0 in counts[-size:]
    return counts


def near(p: int, u: int) -> int:
    """Return the count that `u` stands for beside a count `p`."""
    if u > 2 * p:
        return u
    return p - (u + 1) // 2 if u % 2 else p + u // 2
