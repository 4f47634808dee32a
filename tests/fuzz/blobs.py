"""Blobs: what is accepted is what docs/format.md allows, says what is written there, and is written as it was read."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace
from random import Random

import mutate
from blob_format import OVERFLOW, ZERO, Blob, checked, decoded, digits_of, edges, encoded, packed
from campaign import ACCEPTED, REFUSED, FaultError

import historian
from historian import Histogram

#: Blobs that the others are made from.
POOL = 300

#: One of so many refused blobs is shown to the oracle, too: it is slow.
ASKED_ONE_IN = 16

UNFIT_UNITS = (b"", b"\n", b"\x7f", b"\xff", b" ", "\u200b".encode(), b"\xc0\x80", b"a\0")
UNITS = (b"s", b"ms", b"bytes", "µs".encode(), b"x" * 255)


def above(edge: float) -> float:
    """Return a value just above an edge: in the bucket."""
    return math.nextafter(edge, math.inf)


def any_blob(rng: Random) -> Blob:
    """Return a valid blob of at most a few hundred buckets, rarely of all."""
    unit = rng.choice(UNITS[:3] if rng.random() < 0.9 else UNITS)
    size = rng.choice((0, 1, 1, 2, 3, 7, 8, 9, 16, 17, 40, 100))
    if not size:
        return Blob(unit)
    if rng.random() < 0.02:
        size = rng.choice((400, 6146))
    first = rng.choice((ZERO, 0, -500, OVERFLOW + 1 - size, rng.randrange(ZERO, OVERFLOW + 2 - size)))
    first = min(first, OVERFLOW + 1 - size)
    width = rng.choice((1, 2, 4, 10, 20, 40, 55, 62))
    gaps = rng.choice((0.0, 0.0, 0.1, 0.7))
    counts = [0 if rng.random() < gaps else rng.getrandbits(rng.randrange(1, width + 1)) for _ in range(size)]
    counts[0], counts[-1] = counts[0] or 1, counts[-1] or 1
    while sum(counts) >= 2**63:
        counts = [count >> 1 for count in counts]
        counts[0], counts[-1] = counts[0] or 1, counts[-1] or 1
    low, high = edges(first), edges(first + size - 1)
    flags = rng.choice((0, 0, 1, rng.randrange(8)))
    small, large = rng.choice(low), high[1] if rng.random() < 0.5 else above(high[0])
    if small == low[0] > 0 and not flags & 2:
        small = above(small)
    small, large = min(small, large), max(small, large)
    total = rng.getrandbits(rng.choice((1, 64, 1100, 1200, 2000, 2104)))
    total >>= max(0, total.bit_length() - 8 * 263 - sum(counts).bit_length() + 1)
    total <<= rng.choice((0, 0, 8, 60)) if total.bit_length() < 2000 else 0
    return Blob(unit, flags, first, tuple(counts), small, large, total)


class Blobs:
    """Hostile blobs, for `Histogram.from_bytes` and `historian.merge`."""

    batch = 100_000
    addresses = 0

    def __init__(self, seed: int, folder: str, read: Callable[[bytes], Histogram] = Histogram.from_bytes) -> None:
        rng = Random(seed)
        self.blobs = [any_blob(rng) for _ in range(POOL)]
        self.bytes = [encoded(blob) for blob in self.blobs]
        self.read = read
        for data, blob in zip(self.bytes, self.blobs):
            if decoded(data) != blob:
                raise FaultError(f"the oracle does not read what it wrote: {data.hex()}")

    def case(self, rng: Random) -> str:
        return self.check(self.hostile(rng), rng)

    def hostile(self, rng: Random) -> bytes:
        """Return bytes that look like a blob, more or less."""
        kind = rng.randrange(16)
        if kind < 8:  # damage, with the checksum put right
            data = mutate.damaged(rng, rng.choice(self.bytes)[:-4], self.bytes)
            return checked(data)
        if kind < 12:
            return checked(self.with_a_field(rng))
        if kind == 12:
            return mutate.damaged(rng, rng.choice(self.bytes), self.bytes)  # which the checksum should find
        if kind == 13:
            return self.with_odd_counts(rng)
        if kind == 14:
            return encoded(self.with_another_value(rng))
        return encoded(any_blob(rng)) if rng.random() < 0.5 else rng.choice(self.bytes)

    def with_a_field(self, rng: Random) -> bytes:
        """Return a blob, without checksum, in which one field was replaced."""
        data = bytearray(rng.choice(self.bytes)[:-4])
        unit = data[7]
        at, width = rng.choice(
            ((4, 1), (5, 1), (6, 1), (7, 1), (8 + unit, 2), (10 + unit, 2), (12 + unit, 8), (20 + unit, 8),
             (28 + unit, 2), (30 + unit, 2), (8 + rng.randrange(unit + 1), 1), (32 + unit, 8), (len(data) - 8, 8))
        )  # fmt: skip
        mutate.patch(data, at, mutate.number(rng, width))
        return bytes(data)

    def with_odd_counts(self, rng: Random) -> bytes:
        """Return a blob whose counts are not written in the shortest way, or add up to too much."""
        blob = rng.choice(self.blobs)
        if not blob.counts:
            return checked(encoded(blob)[:-4] + bytes(rng.randrange(1, 3)))
        groups = (len(blob.counts) + 7) // 8
        odd = {rng.randrange(groups): rng.choice(("wide", "long code", "empty mask"))}
        counts = list(blob.counts)
        if rng.random() < 0.3:
            odd = {}
            for _ in range(rng.randrange(1, 3)):
                counts[rng.randrange(len(counts))] = mutate.integer(rng, 8) % 2**64
        shift, digits = digits_of(blob.sum)
        kind = rng.randrange(4)
        if kind == 0 and digits and shift:
            shift, digits = shift - 1, b"\0" + digits
        elif kind == 1:
            digits += b"\0"
        head = encoded(replace(blob, counts=()))[: 8 + len(blob.unit)] + struct.pack("<H", len(counts))
        head = head[:6] + bytes([blob.flags]) + head[7:]
        head += struct.pack("<hddHH", blob.first, blob.min, blob.max, shift, len(digits)) + digits
        return checked(head + packed(counts, odd) + bytes(rng.choice((0, 0, 0, 1))))

    def with_another_value(self, rng: Random) -> Blob:
        """Return a blob with one value that may be impossible; all of it is encoded as it should be."""
        blob = rng.choice(self.blobs)
        if not blob.counts:
            return replace(blob, flags=rng.randrange(9))
        kind = rng.randrange(5)
        if kind == 0:
            return replace(blob, first=min(32767, max(-32768, blob.first + rng.randrange(-3, 4))))
        if kind == 1 and rng.random() < 0.3:
            return replace(blob, flags=rng.randrange(256))
        if kind == 1:
            return replace(blob, min=mutate.double(rng))
        if kind == 2:
            return replace(blob, max=mutate.double(rng))
        if kind == 3:
            bits = 8 * 263 + sum(blob.counts).bit_length() + rng.randrange(-2, 2)
            return replace(blob, sum=(1 << bits) - rng.randrange(2))
        return replace(blob, unit=rng.choice(UNFIT_UNITS))

    def check(self, data: bytes, rng: Random) -> str:
        try:
            histogram = self.read(data)
        except ValueError as error:
            if rng.randrange(ASKED_ONE_IN) == 0 and (blob := decoded(data)) is not None:
                raise FaultError(f"refused a valid blob: {error}; {blob}; {data.hex()}") from None
            return REFUSED
        blob = decoded(data)
        if blob is None:
            raise FaultError(f"accepted a blob that is not valid: {data.hex()}")
        if histogram.to_bytes() != data:
            raise FaultError(f"wrote other bytes than it read: {data.hex()}")
        self.compare(histogram, blob, data)
        if rng.randrange(8) == 0:
            self.merge(blob, data, rng)
        return ACCEPTED

    def compare(self, histogram: Histogram, blob: Blob, data: bytes) -> None:
        """Check that a histogram says what the oracle reads."""
        expected = {blob.first + k: count for k, count in enumerate(blob.counts) if count}
        found = dict(zip(histogram.indices.tolist(), histogram.counts.tolist()))
        same = found == expected and histogram.count == sum(blob.counts) and histogram.unit.encode() == blob.unit
        if blob.counts:
            same = same and (histogram.min, histogram.max) == (blob.min, blob.max)
            try:
                nearest = blob.sum / 2**1074
            except OverflowError:
                nearest = float("inf")
            same = same and histogram.sum == nearest and histogram.synthetic == bool(blob.flags & 1)
            names = [name for name, flag in (("min", 2), ("max", 4)) if blob.flags & flag]
            same = same and histogram.to_dict().get("bounds", []) == names
        if not same:
            raise FaultError(f"not what is written there: {histogram!r}, not {blob}; {data.hex()}")

    def merge(self, blob: Blob, data: bytes, rng: Random) -> None:
        """Check that a blob can be merged with another one, or cannot for a reason."""
        other_blob, other = next(
            (one, two) for one, two in zip(self.blobs, self.bytes) if one.counts or rng.random() < 0.1
        )
        try:
            merged = historian.merge([data, other])
        except (ValueError, OverflowError):
            units = blob.unit != other_blob.unit and (bool(blob.counts) or blob.unit != b"s")
            if units or sum(blob.counts) + sum(other_blob.counts) >= 2**63:
                return
            raise
        expected: dict[int, int] = {}
        for one in (blob, other_blob):
            for k, count in enumerate(one.counts, one.first):
                if count:
                    expected[k] = expected.get(k, 0) + count
        if dict(zip(merged.indices.tolist(), merged.counts.tolist())) != expected:
            raise FaultError(f"merged to other counts: {data.hex()} and {other.hex()}")
