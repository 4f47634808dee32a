"""Files of recorders as docs/format.md describes them, written without the package: how to write and to read them."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from zlib import crc32

import numpy as np

MAGIC = b"\x89HSTRN\r\n"
LAYOUT = (-2048, 6144, 64, 53248, 4096)
SLOTS, BLOCK, FIRST, MAX_BLOCKS = 6146, 53248, 4096, 67
DRAINS, CLAIMED, SYNTHETIC, ROLES, CHECKSUM = 3072, 3080, 3088, 3136, 3068
SHARED, LEASED, EVEN, ODD = 1, 2, 3, 4
#: Where in a block of counters the sum and the counts lie; in a drained one.
SUM, COUNTS, DRAINED_SUM = 64, 2176, 49168
OCTAVES, DIGITS = 96, 68
LARGEST = 1.7976931348623157e308
#: In units of 2**-1074: a sum must be less than this for each value.
LARGEST_SUM = 1 << 2104


class RefusedError(ValueError):
    """No reader should take the file for a whole one; the message says why."""


@dataclass
class Counters:
    """What is to be written to a block."""

    counts: dict[int, int] = field(default_factory=dict)  # by slot
    pairs: dict[int, int] = field(default_factory=dict)  # sum of each octave, by its number
    digits: dict[int, int] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None


@dataclass
class Found:
    """What a file says."""

    name: str
    labels: dict[str, str]
    unit: str
    counts: dict[int, int]  # by slot, since the last drain
    sum: int | None  # in units of 2**-1074; None if it is impossible, and may be read as anything
    low: float  # NaN if it is not known what it is
    high: float
    synthetic: bool
    roles: list[int]
    has_more: bool  # whether there is something behind the last block: a writer that adds one would count on


def edge(slot: int) -> float:
    """Return the upper edge of a slot."""
    return LARGEST if slot == SLOTS - 1 else 2.0 ** ((slot - 2048) / 64)


def slot_of(value: float) -> int:
    if value <= 2.0**-32:
        return 0
    if value > 2.0**64:
        return SLOTS - 1
    slot = max(1, min(SLOTS - 2, math.floor(math.log2(value) * 64) + 2049))
    while edge(slot) < value:
        slot += 1
    while slot > 1 and edge(slot - 1) >= value:
        slot -= 1
    return slot


# ---- writing ----


def file_name(name: bytes, labels: list[tuple[bytes, bytes]]) -> str:
    """Return the name of a recorder's file."""
    return _file_name(name, tuple(labels))


@lru_cache(1000)
def _file_name(name: bytes, labels: tuple[tuple[bytes, bytes], ...]) -> str:
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

    def escaped(text: bytes) -> str:
        return "".join(
            chr(byte) if byte in plain and (byte != 0x2E or at) else f"%{byte:02X}" for at, byte in enumerate(text)
        )

    stem = ",".join([escaped(name), *(f"{escaped(label)}={escaped(value)}" for label, value in labels)])
    if len(stem) > 180:
        stem = f"{stem[:147]}~{sha256(stem.encode()).hexdigest()[:32]}"
    return f"{stem}.counters"


def header(name: bytes, labels: list[tuple[bytes, bytes]], unit: bytes, created: int) -> bytes:
    """Return the first 3072 bytes."""
    data = struct.pack("<8sIiIIIIQIII", MAGIC, 1, *LAYOUT, created, len(unit), len(name), len(labels)) + unit + name
    for label, value in labels:
        data += struct.pack("<II", len(label), len(value)) + label + value
    return with_checksum(data.ljust(CHECKSUM, b"\0"))


def with_checksum(data: bytes) -> bytes:
    """Return the header with its checksum put right."""
    return data[:CHECKSUM] + struct.pack("<I", crc32(data[:CHECKSUM])) + data[CHECKSUM + 4 :]


def put_sum(data: bytearray, at: int, counters: Counters) -> None:
    for octave, total in counters.pairs.items():
        struct.pack_into("<QQ", data, at + 16 * octave, total % 2**64, total >> 63)
    for k, digit in counters.digits.items():
        struct.pack_into("<Q", data, at + 1536 + 8 * k, digit)


def block(counters: Counters) -> bytearray:
    """Return a shared or leased block."""
    data = bytearray(BLOCK)
    if counters.counts:
        struct.pack_into("<dQQ", data, 0, counters.high or 0.0, bits_of(counters.low or 0.0) ^ 2**64 - 1, 1)
    put_sum(data, SUM, counters)
    for slot, count in counters.counts.items():
        struct.pack_into("<Q", data, COUNTS + 8 * slot, count)
    return data


def drained(counters: Counters) -> bytearray:
    """Return a drained block; its digits are below 2**32."""
    total = sum(digit << 32 * k for k, digit in counters.digits.items())
    digits = {k: total >> 32 * k & 0xFFFFFFFF for k in range(DIGITS)}
    counters = Counters(counters.counts, counters.pairs, digits)
    data = bytearray(BLOCK)
    for slot, count in counters.counts.items():
        struct.pack_into("<Q", data, 8 * slot, count)
    put_sum(data, DRAINED_SUM, counters)
    return data


def bits_of(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def whole(head: bytes, drains: int, synthetic: bool, blocks: list[tuple[int, bytes]]) -> bytes:
    """Return a file of these blocks, each with its role."""
    page = bytearray(FIRST)
    page[: len(head)] = head
    struct.pack_into("<QQQ", page, DRAINS, drains, 0, int(synthetic))
    for k, (role, _) in enumerate(blocks):
        struct.pack_into("<Q", page, ROLES + 8 * k, role)
    return bytes(page) + b"".join(bytes(data) for _, data in blocks)


# ---- reading ----


def read(data: bytes) -> Found:
    """Return what the bytes of a file say, which nobody changes meanwhile.  Raises RefusedError."""
    name, labels, unit = read_header(data)
    if len(data) < FIRST + BLOCK:
        raise RefusedError("cut short")
    drains, _, synthetic = struct.unpack_from("<QQQ", data, DRAINS)
    roles = read_roles(data)
    has_more = bool(data[FIRST + BLOCK * len(roles) :].strip(b"\0"))
    if drains >= 2**63 - 1:
        raise RefusedError("drains")
    counts: dict[int, int] = {}
    low = high = total = 0
    is_odd = False  # whether the sum is impossible, but no number of it gives that away alone
    for k, role in enumerate(roles):
        if role in (SHARED, LEASED):
            at = FIRST + BLOCK * k
            add_counts(counts, data, at + COUNTS)
            octaves, digits = parts_at(data, at + SUM)
            total += value_of(octaves, digits)
            is_odd = is_odd or not is_plausible(octaves) or bool((digits_at(data, at + SUM) >= 2**63).any())
            highest, lowest = struct.unpack_from("<QQ", data, at)
            low, high = max(low, lowest), max(high, highest)
    if any(count >= 2**63 for count in counts.values()):
        raise RefusedError("a count")
    if drains:
        role = EVEN if drains % 2 == 0 else ODD
        if role not in roles:
            raise RefusedError("no drained block")
        at = FIRST + BLOCK * roles.index(role)
        less: dict[int, int] = {}
        add_counts(less, data, at)
        for slot, count in less.items():
            counts[slot] = counts.get(slot, 0) - count
        is_odd = is_odd or sums_below(data, roles, at + DRAINED_SUM)
        total -= value_of(*parts_at(data, at + DRAINED_SUM))
    counts = {slot: count for slot, count in counts.items() if count}
    if any(count < 0 for count in counts.values()):
        raise RefusedError("more drained than counted")
    number = sum(counts.values())
    if number >= 2**63:
        raise RefusedError("too many")
    if not counts:
        kept = None if is_odd else total  # of records in flight
        return Found(name, labels, unit, {}, kept, math.nan, math.nan, bool(synthetic), roles, has_more)
    if total >= number * LARGEST_SUM and not is_odd:
        raise RefusedError("the sum")
    first, last = min(counts), max(counts)
    smallest, largest = float_of(low ^ 2**64 - 1), float_of(high)
    if any(data[FIRST + 24 : FIRST + 40]):  # bounds, of histograms that were added
        smallest = largest = math.nan
    known_low = low and is_value(smallest) and slot_of(smallest) == first
    known_high = is_value(largest) and slot_of(largest) == last
    if smallest == smallest:
        smallest = smallest if known_low else 0.0 if not first else edge(first - 1)
        largest = largest if known_high else edge(last)
    return Found(
        name, labels, unit, counts, None if is_odd else total, smallest, largest, bool(synthetic), roles, has_more
    )


def read_header(data: bytes) -> tuple[str, dict[str, str], str]:
    """Return name, labels and unit."""
    if len(data) < 3072 or data[:8] != MAGIC:
        raise RefusedError("magic")
    if struct.unpack_from("<I", data, CHECKSUM) != (crc32(data[:CHECKSUM]),):
        raise RefusedError("checksum")
    version, *layout = struct.unpack_from("<IiIIII", data, 8)
    in_unit, in_name, number = struct.unpack_from("<III", data, 40)
    if version != 1 or tuple(layout) != LAYOUT:
        raise RefusedError("version or layout")
    at = 52

    def text(length: int) -> str:
        nonlocal at
        at += length
        if at > CHECKSUM:
            raise RefusedError("texts")
        try:
            return data[at - length : at].decode()
        except UnicodeDecodeError:
            raise RefusedError("texts") from None

    unit, name = text(in_unit), text(in_name)
    if not unit or not unit.isprintable() or in_unit > 255:
        raise RefusedError("unit")
    pairs = []
    for _ in range(number):
        if at + 8 > CHECKSUM:
            raise RefusedError("texts")
        sizes = struct.unpack_from("<II", data, at)
        at += 8
        pairs.append((text(sizes[0]), text(sizes[1])))
    if len(dict(pairs)) < len(pairs) or pairs != sorted(pairs):
        raise RefusedError("labels")
    return name, dict(pairs), unit


def read_roles(data: bytes) -> list[int]:
    """Return the roles of the blocks that exist."""
    every = struct.unpack_from(f"<{MAX_BLOCKS}Q", data, ROLES)
    roles = list(every[: (*every, 0).index(0)])
    if any(every[len(roles) :]):
        raise RefusedError("a role behind the last block")
    if not roles or roles[0] != SHARED or any(not LEASED <= role <= ODD for role in roles[1:]):
        raise RefusedError("roles")
    if roles.count(EVEN) > 1 or roles.count(ODD) > 1:
        raise RefusedError("a drained block twice")
    if len(data) < FIRST + BLOCK * len(roles):
        raise RefusedError("blocks that are not there")
    return roles


def add_counts(counts: dict[int, int], data: bytes, at: int) -> None:
    found = np.frombuffer(data, "<u8", SLOTS, at)
    for slot in found.nonzero()[0].tolist():
        counts[slot] = counts.get(slot, 0) + int(found[slot])


def parts_at(data: bytes, at: int) -> tuple[list[int], int]:
    """Return the sum of each octave in its own units, and that of the digits."""
    numbers = np.frombuffer(data, "<u8", 2 * OCTAVES + DIGITS, at)
    octaves, digits = [0] * OCTAVES, 0
    for k in numbers.nonzero()[0].tolist():
        if k >= 2 * OCTAVES:
            digits += int(numbers[k]) << 32 * (k - 2 * OCTAVES)
    for octave in {k // 2 for k in numbers[: 2 * OCTAVES].nonzero()[0].tolist()}:
        a, b = int(numbers[2 * octave]), int(numbers[2 * octave + 1])
        b += (a >> 63) != b & 1
        octaves[octave] = a % 2**63 + (b << 63)
    return octaves, digits


def value_of(octaves: list[int], digits: int) -> int:
    """Return a sum in units of 2**-1074."""
    return digits + sum(total << octave - 84 + 1074 for octave, total in enumerate(octaves) if total)


def sums_below(data: bytes, roles: list[int], at: int) -> bool:
    """Return whether any part of the sum that was drained is larger than that of all counters, or may be."""
    octaves, digits = [0] * OCTAVES, 0
    for k, role in enumerate(roles):
        if role in (SHARED, LEASED):
            more, further = parts_at(data, FIRST + BLOCK * k + SUM)
            octaves = [a + b for a, b in zip(octaves, more)]
            digits += further
    less, fewer = parts_at(data, at)
    digits_below = bool((digits_at(data, at) >= 2**32).any())  # drained digits are carried
    return digits < fewer or digits_below or any(a < b for a, b in zip(octaves, less)) or not is_plausible(less)


def digits_at(data: bytes, at: int) -> np.ndarray:
    return np.frombuffer(data, "<u8", DIGITS, at + 16 * OCTAVES)


def is_plausible(octaves: list[int]) -> bool:
    """Return whether 2**63 values of an octave, each of at most 2**53 units, could have such a sum."""
    return max(octaves) <= 2**116


def float_of(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def is_value(value: float) -> bool:
    return 0 <= value <= LARGEST and math.copysign(1, value) > 0


def exact(value: float) -> int:
    """Return a float in units of 2**-1074."""
    return int(Fraction(value) * 2**1074)
