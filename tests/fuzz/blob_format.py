"""Blobs as docs/format.md describes them, written without the package: what is valid, and how it is encoded."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from blob_reader import read_blob

MAGIC = b"\x89HSB"
ZERO, OVERFLOW = -2049, 4096  # indices of the first and the last bucket
LARGEST = 1.7976931348623157e308


@dataclass(frozen=True)
class Blob:
    """The fields of a blob."""

    unit: bytes
    flags: int = 0
    first: int = 0  # index of the first bucket
    counts: tuple[int, ...] = ()
    min: float = 0.0
    max: float = 0.0
    sum: int = 0  # in units of 2**-1074


def edges(index: int) -> tuple[float, float]:
    """Return the lower and the upper edge of a bucket; both are allowed as its extremes."""
    if index == ZERO:
        return 0.0, 2.0**-32
    return 2.0 ** (index / 64), LARGEST if index == OVERFLOW else 2.0 ** ((index + 1) / 64)


def fault_of(blob: Blob) -> str:
    """Return why no reader may accept such a blob; empty if it is valid."""
    try:
        unit = blob.unit.decode()
    except UnicodeDecodeError:
        return "unit"
    if not 1 <= len(blob.unit) <= 255 or not unit.isprintable():
        return "unit"
    if not blob.counts:
        return "flags" if blob.flags else ""
    if blob.flags > 7:
        return "flags"
    last = blob.first + len(blob.counts) - 1
    if blob.first < ZERO or last > OVERFLOW:
        return "buckets"
    if not blob.counts[0] or not blob.counts[-1] or min(blob.counts) < 0 or sum(blob.counts) >= 2**63:
        return "counts"
    for extreme, index, may_be_edge in ((blob.min, blob.first, blob.flags & 2), (blob.max, last, False)):
        low, high = edges(index)
        if not low <= extreme <= high or math.copysign(1, extreme) < 0:
            return "extremes"
        if extreme == low > 0 and not may_be_edge:
            return "extremes"
    if blob.min > blob.max:
        return "extremes"
    return "sum" if blob.sum >> 8 * 263 >= sum(blob.counts) else ""


def encoded(blob: Blob) -> bytes:
    """Return the only way to write a blob."""
    data = struct.pack("<4sBBBB", MAGIC, 1, 6, blob.flags, len(blob.unit)) + blob.unit
    data += struct.pack("<H", len(blob.counts))
    if blob.counts:
        shift, digits = digits_of(blob.sum)
        data += struct.pack("<hddHH", blob.first, blob.min, blob.max, shift, len(digits)) + digits
        data += packed(blob.counts)
    return checked(data)


def checked(data: bytes) -> bytes:
    """Return data with its checksum."""
    return data + crc32(data).to_bytes(4, "little")


def digits_of(total: int) -> tuple[int, bytes]:
    """Return how many of the lowest bytes are 0, and the bytes above."""
    if not total:
        return 0, b""
    data = total.to_bytes((total.bit_length() + 7) // 8, "little")
    digits = data.lstrip(b"\0")
    return len(data) - len(digits), digits


def packed(counts: Sequence[int], odd: dict[int, str] | None = None) -> bytes:
    """Return counts as bits.  `odd` maps the number of a group to a way of writing it that is not the shortest."""
    bits: list[tuple[int, int]] = []  # number and width
    width, sparse, last = 0, True, 1
    for group in range(0, len(counts), 8):
        part = counts[group : group + 8]
        way = (odd or {}).get(group // 8, "")
        if sparse:
            if not any(part) and way != "empty mask":
                bits.append((0, 1))
                continue
            bits.append((1, 1))
            bits += [(int(count > 0), 1) for count in part]
        numbers, before = [], last
        for count in part:
            if not sparse:
                numbers.append(nearness(count, before))
                before = count
            elif count:
                numbers.append(nearness(count - 1, before - 1))
                before = count
        new = max(map(int.bit_length, numbers), default=0) + (way == "wide")
        step = {width: 0, width + 1: 1, width - 1: 2}.get(new, 3)
        if way == "long code":
            step = 3
        bits.append((step, 2))
        if step == 3:
            bits.append((new, 7))
        width = new
        bits += [(number, width) for number in numbers]
        last = next((count for count in reversed(part) if count), last)
        sparse = 0 in part
    total, at = 0, 0
    for number, size in bits:
        total |= number << at
        at += size
    return total.to_bytes((at + 7) // 8, "little")


def nearness(x: int, p: int) -> int:
    """Return the number that encodes a count `x` after a count `p`."""
    return x if x > 2 * p else 2 * (x - p) if x >= p else 2 * (p - x) - 1


def decoded(data: bytes) -> Blob | None:
    """Return what a blob says, None if no reader may accept it."""
    try:
        found = read_blob(data)
        unit = found.unit.encode()
        total = found.sum * 2**1074
        blob = Blob(unit, data[6], found.first, tuple(found.counts), found.min or 0.0, found.max or 0.0, int(total))
        if blob.counts:
            at = 12 + len(unit)
            blob = replace(
                blob, min=struct.unpack_from("<d", data, at)[0], max=struct.unpack_from("<d", data, at + 8)[0]
            )
        return None if fault_of(blob) or encoded(blob) != data else blob
    except (ValueError, struct.error, IndexError, OverflowError):
        return None
