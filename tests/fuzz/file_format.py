"""The file of a directory as docs/format.md describes it, read without the package."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from operator import xor
from zlib import crc32

from sparse import CHUNK, CHUNKS_AT, Image

MAGIC, SET = b"\x89HSTRN\r\n", 0xA5C396F00F693C5A
INDEX_AT, PLACES = 4096, 2**18
LAYOUT = (CHUNK, -2048, 96, 64, PLACES, INDEX_AT, CHUNKS_AT)
ENTRY, ROW, COUNTERS, FAR_DIGITS, COARSE = range(1, 6)
THERE, REMOVED, CLOSED, FREE = 0xA5, 0x5A, 0x3C, 0xC3  # what a place of the index is
SLOTS, DRAINED, LANES = 6146, 255, 65
LARGEST, LARGEST_BITS = 1.7976931348623157e308, 0x7FEFFFFFFFFFFFFF
ALL = 2**64 - 1
#: In units of 2**-1074: a sum must be less than this for each value.
LARGEST_SUM = 1 << 2104


class RefusedError(ValueError):
    """No reader should take the file, or this recorder, for a whole one; the message says why."""


@dataclass
class Found:
    """What a file says of a recorder."""

    name: str
    labels: dict[str, str]
    unit: str
    counts: dict[int, int]  # by slot, since the last drain
    sum: int  # in units of 2**-1074
    min: tuple[float, bool]  # and whether it is a bound only
    max: tuple[float, bool]
    synthetic: bool


@dataclass
class Total:
    """What rows hold together."""

    counts: dict[int, int] = field(default_factory=dict)
    coarse: list[int] = field(default_factory=lambda: [0] * 24)
    octaves: dict[int, int] = field(default_factory=dict)  # sums, in units of the octave
    digits: int = 0
    lacking: int = 0
    is_wide: bool = False  # whether a digit is 2**32 or more
    extremes: list[int] = field(default_factory=lambda: [0] * 4)  # max, min, and their bounds, as heads have them


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


def edge(slot: int) -> float:
    """Return the upper edge of a slot."""
    return LARGEST if slot == SLOTS - 1 else 2.0 ** ((slot - 2048) / 64)


def number_of(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


class File:
    """The bytes of a file that nobody changes meanwhile.  Raises RefusedError if all of it is to be refused."""

    def __init__(self, image: Image) -> None:
        self.image = image
        header = image.read(0, 128)
        if len(header) < 128 or header[:8] != MAGIC:
            raise RefusedError("magic")
        if struct.unpack_from("<I", header, 124) != (crc32(header[:124]),):
            raise RefusedError("checksum")
        version, *layout = struct.unpack_from("<IIiIIIII", header, 8)
        if version != 2 or tuple(layout) != LAYOUT:
            raise RefusedError("version or layout")
        self.chunks = max(0, image.size - CHUNKS_AT) // CHUNK
        if self.chunks < 2:
            raise RefusedError("cut short")
        used, reserved, _, recorders = struct.unpack("<4Q", image.read(128, 32))
        if not used <= reserved <= self.chunks:
            raise RefusedError("used or reserved")
        self.places = recorders if recorders <= PLACES else 0
        while self.places < PLACES and image.word(INDEX_AT + 8 * self.places):
            self.places += 1

    def chunk(self, number: int, owner: int) -> bytes:
        """Return the bytes of a chunk."""
        if not 0 < number < self.chunks:
            raise RefusedError("a chunk beyond the end")
        data = self.image.read(CHUNKS_AT + CHUNK * number, CHUNK)
        if int.from_bytes(data[:8], "little") != owner:
            raise RefusedError("a chunk of something else")
        return data

    def recorder(self, place: int) -> Found | None:
        """Return what is said of a recorder, None if it was removed and holds nothing.  Raises RefusedError."""
        word = self.image.word(INDEX_AT + 8 * place)
        number, state = word & 0xFFFFFF, reduce(xor, word.to_bytes(8, "little"))
        if state == FREE:
            return None
        if state not in (THERE, REMOVED, CLOSED):
            raise RefusedError("a place of the index")
        entry = words_of(self.chunk(number, owner_of(ENTRY, place)))
        text = self.text(number, place)
        if entry[4] not in (0, SET):
            raise RefusedError("a mark")
        total = self.rows(entry, place)
        records = sum(total.counts.values()) + sum(total.coarse)
        if records >= 2**63:
            raise RefusedError("too many")
        if state != THERE and not records:
            return None
        synthetic = entry[4] == SET or total.lacking % 2**64 != 0 or any(total.coarse)
        amount = total.digits + sum(part << octave - 84 + 1074 for octave, part in total.octaves.items())
        if records and amount >= records * LARGEST_SUM:
            raise RefusedError("the sum")
        for k, count in enumerate(total.coarse):
            if count:
                spread(total, count, 1 + 256 * k, 256 + 256 * k)
        counts = {slot: count for slot, count in total.counts.items() if count}
        extremes = extremes_of(counts, total.extremes) if counts else ((math.nan, False), (math.nan, False))
        return Found(*text, counts, amount if counts else 0, *extremes, synthetic and bool(counts))

    def text(self, number: int, place: int) -> tuple[str, dict[str, str], str]:
        """Return the name, the labels and the unit."""
        at = CHUNKS_AT + CHUNK * number
        checksum, nbytes, _, key_nbytes, index = struct.unpack("<IIQII", self.image.read(at + 384, 24))
        if nbytes > 65535 or number + (408 + nbytes + CHUNK - 1) // CHUNK > self.chunks:
            raise RefusedError("the length of the texts")
        data = self.image.read(at + 388, 20 + nbytes)
        if key_nbytes > nbytes or index != place or checksum != crc32(data):
            raise RefusedError("the checksum of an entry")
        name, *pairs = texts(data[20 : 20 + key_nbytes])
        return name, dict(zip(pairs[::2], pairs[1::2])), data[20 + key_nbytes :].decode()

    def rows(self, entry: tuple[int, ...], place: int) -> Total:
        """Add up all rows, and subtract what has been drained."""
        total, drained, reference, rows = Total(), Total(), entry[1], 0
        if entry[2]:
            row = words_of(self.chunk(number_in(entry[2] >> 32), owner_of(ROW, place, DRAINED)))
            if row[1] != entry[2] & 0xFFFFFFFF:
                raise RefusedError("the number of drains")
            if row[66]:
                words = words_of(self.chunk(number_in(row[66]), owner_of(COARSE, place, DRAINED)))
                drained.coarse = list(words[3:27])
            self.add_row(drained, row, place, DRAINED)
            if drained.is_wide:
                raise RefusedError("a drained digit")
        while reference:
            number = number_in(reference)
            lane = self.image.word(CHUNKS_AT + CHUNK * number) >> 40 & 255 if 0 < number < self.chunks else 0
            rows += 1
            if lane >= LANES or rows > LANES:
                raise RefusedError("a row")
            row = words_of(self.chunk(number, owner_of(ROW, place, lane)))
            self.add_row(total, row, place, lane)
            reference = row[1]
        total.coarse = list(entry[24:48])
        self.add_head(total, entry[6:24], place, 0, coarse=True)
        if any(count >= 2**63 for count in (*total.counts.values(), *total.coarse)):
            raise RefusedError("a count")
        if any(part >> 63 > 2**53 for part in total.octaves.values()):
            raise RefusedError("the sum of an octave")
        if entry[2]:
            subtract(total, drained)
        return total

    def add_row(self, total: Total, row: tuple[int, ...], place: int, lane: int) -> None:
        for octave, reference in enumerate(struct.unpack("<96I", struct.pack("<48Q", *row[18:66]))):
            if not reference:
                continue
            counts, amount = counters_in(self.chunk(number_in(reference), owner_of(COUNTERS, place, lane, octave)))
            for k, count in counts:
                slot = 1 + 64 * octave + k
                total.counts[slot] = total.counts.get(slot, 0) + count
            total.octaves[octave] = total.octaves.get(octave, 0) + amount
        self.add_head(total, row[:18], place, lane)

    def add_head(self, total: Total, head: tuple[int, ...], place: int, lane: int, *, coarse: bool = False) -> None:
        for slot, count in ((0, head[5]), (SLOTS - 1, head[6])):
            total.counts[slot] = total.counts.get(slot, 0) + count
            if count >= 2**63:
                raise RefusedError("a count")
        digits = dict(enumerate(head[7:15], 30))
        if head[2] and not coarse:
            words = words_of(self.chunk(number_in(head[2]), owner_of(FAR_DIGITS, place, lane)))[1:61]
            digits.update(zip([*range(30), *range(38, 68)], words))
        for k, digit in digits.items():
            total.digits += digit << 32 * k
            total.is_wide = total.is_wide or digit >= 2**32
            if digit >= (2**32 if k == 67 else 3 << 62):
                raise RefusedError("a digit")
        if total.digits >= 1 << 32 * 68:
            raise RefusedError("the sum of the digits")
        total.lacking += head[15]
        total.extremes = list(map(max, total.extremes, (head[3], head[4], *head[16:18])))


def spread(total: Total, count: int, first: int, last: int) -> None:
    """Spread a coarse count over slots, not beyond the extremes, whose slots get one first."""
    (high, not_low, high_bound, not_low_bound), low, most = total.extremes, 0, SLOTS
    if not_low and not_low_bound <= not_low and ALL - not_low <= LARGEST_BITS:
        low = slot_of(number_of(ALL - not_low))
    if high and high_bound <= high <= LARGEST_BITS:
        most = slot_of(number_of(high))
    if low <= last and most >= first and low <= most:
        first, last = max(first, low), min(last, most)
        for slot in (low, most):
            if count and first <= slot <= last and not total.counts.get(slot):
                total.counts[slot], count = 1, count - 1
    n = last - first + 1
    for j in range(n):
        more = count // n + (j + 1) * (count % n) // n - j * (count % n) // n
        total.counts[first + j] = total.counts.get(first + j, 0) + more


def extremes_of(counts: dict[int, int], found: list[int]) -> tuple[tuple[float, bool], tuple[float, bool]]:
    """Return the minimum and the maximum, and whether each is a bound only."""
    first, last = min(counts), max(counts)
    (high, not_low, high_bound, not_low_bound), low, low_bound = found, ALL - found[1], ALL - found[3]
    edges = (edge(first - 1) if first else 0.0, True), (edge(last), True)
    least, most = edges
    if not_low_bound > not_low and (is_in(low_bound, first) or is_in(low_bound + 1, first)):
        least = number_of(low_bound), True
    elif not_low and is_in(low, first):
        least = number_of(low), False
    if high_bound > high and is_in(high_bound, last):
        most = number_of(high_bound), True
    elif is_in(high, last):
        most = number_of(high), False
    return (least, most) if least[0] <= most[0] else edges  # one of them is damaged


def is_in(bits: int, slot: int) -> bool:
    return bits <= LARGEST_BITS and slot_of(number_of(bits)) == slot


def owner_of(kind: int, place: int, lane: int = 0, octave: int = 0) -> int:
    return kind << 56 | octave << 48 | lane << 40 | place


def number_in(reference: int) -> int:
    """Return the number in a reference to a chunk."""
    number = reference & 0xFFFFFF
    if reference != number | (0xA5 ^ number & 255 ^ number >> 8 & 255 ^ number >> 16) << 24:
        raise RefusedError("a reference")
    return number


@lru_cache(20_000)
def words_of(chunk: bytes) -> tuple[int, ...]:
    return struct.unpack("<67Q", chunk)


@lru_cache(20_000)
def counters_in(chunk: bytes) -> tuple[list[tuple[int, int]], int]:
    """Return the counts that are not 0, by bucket, and their sum in units of the octave."""
    _, a, b, *counts = struct.unpack("<67Q", chunk)
    if b > 2**53:
        raise RefusedError("the sum of an octave")
    if max(counts) >= 2**63:
        raise RefusedError("a count")
    b += (a >> 63) != b & 1
    return [(k, count) for k, count in enumerate(counts) if count], a % 2**63 + (b << 63)


def subtract(total: Total, drained: Total) -> None:
    for slot, count in drained.counts.items():
        total.counts[slot] = total.counts.get(slot, 0) - count
    total.coarse = [a - b for a, b in zip(total.coarse, drained.coarse)]
    if min((*total.counts.values(), *total.coarse)) < 0:
        raise RefusedError("more drained than counted")
    for octave, part in drained.octaves.items():
        total.octaves[octave] = total.octaves.get(octave, 0) - part
        if total.octaves[octave] < 0:
            raise RefusedError("a larger sum drained than counted")
    total.lacking = (total.lacking - drained.lacking) % 2**64
    total.digits -= drained.digits
    if total.digits < 0:
        raise RefusedError("larger digits drained than counted")


def texts(key: bytes) -> list[str]:
    found, at = [], 0
    while at < len(key):
        end = at + 2 + int.from_bytes(key[at : at + 2], "little")
        found.append(key[at + 2 : end].decode())
        at = end
    return found
