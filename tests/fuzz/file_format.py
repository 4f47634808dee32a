"""The file of a directory as docs/format.md describes it, read without the package."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from zlib import crc32

MAGIC, SET = b"\x89HSTRN\r\n", 0xA5C396F00F693C5A
CHUNK, CHUNKS_AT, INDEX_AT, PLACES = 536, 2_101_248, 4096, 2**18
LAYOUT = (CHUNK, -2048, 96, 64, PLACES, INDEX_AT, CHUNKS_AT)
ENTRY, ROW, COUNTERS, FAR_DIGITS, COARSE = range(1, 6)
THERE, REMOVED, CLOSED, FREE = 0xA5, 0x5A, 0x3C, 0xC3  # what a place of the index is
SLOTS, DRAINED, LANES = 6146, 255, 65
LARGEST = 1.7976931348623157e308
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
    sum: int | None  # in units of 2**-1074; None if it is impossible, and may be read as anything
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
    is_odd: bool = False  # whether a number wraps in readers that count modulo 2**64


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


def exact(value: float) -> int:
    """Return a float in units of 2**-1074."""
    return int(Fraction(value) * 2**1074)


class File:
    """The bytes of a file that nobody changes meanwhile.  Raises RefusedError if all of it is to be refused."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        if len(data) < 128 or data[:8] != MAGIC:
            raise RefusedError("magic")
        if struct.unpack_from("<I", data, 124) != (crc32(data[:124]),):
            raise RefusedError("checksum")
        version, *layout = struct.unpack_from("<IIiIIIII", data, 8)
        if version != 2 or tuple(layout) != LAYOUT:
            raise RefusedError("version or layout")
        self.chunks = max(0, len(data) - CHUNKS_AT) // CHUNK
        if self.chunks < 2:
            raise RefusedError("cut short")
        used, reserved, _, recorders = struct.unpack_from("<4Q", data, 128)
        if not used <= reserved <= self.chunks:
            raise RefusedError("used or reserved")
        self.places = recorders if recorders <= PLACES else 0
        while self.places < PLACES and self.word(INDEX_AT + 8 * self.places):
            self.places += 1

    def word(self, at: int) -> int:
        return int(struct.unpack_from("<Q", self.data, at)[0])

    def chunk(self, number: int, owner: int) -> tuple[int, ...]:
        """Return the words of a chunk."""
        if not 0 < number < self.chunks:
            raise RefusedError("a chunk beyond the end")
        words = struct.unpack_from("<67Q", self.data, CHUNKS_AT + CHUNK * number)
        if words[0] != owner:
            raise RefusedError("a chunk of something else")
        return words

    def recorder(self, place: int) -> Found | None:
        """Return what is said of a recorder, None if it was removed and holds nothing.  Raises RefusedError."""
        word = self.word(INDEX_AT + 8 * place)
        number, check = word & 0xFFFFFF, word >> 24 & 255
        state = check ^ number & 255 ^ number >> 8 & 255 ^ number >> 16
        if state == FREE:
            return None
        if state not in (THERE, REMOVED, CLOSED):
            raise RefusedError("a place of the index")
        words = self.chunk(number, owner(ENTRY, place))
        at = CHUNKS_AT + CHUNK * number
        checksum, nbytes, _, key_nbytes, index = struct.unpack_from("<IIQII", self.data, at + 384)
        if nbytes > 65535 or number + (408 + nbytes + CHUNK - 1) // CHUNK > self.chunks:
            raise RefusedError("the length of the texts")
        if key_nbytes > nbytes or index != place or checksum != crc32(self.data[at + 388 : at + 408 + nbytes]):
            raise RefusedError("the checksum of an entry")
        if words[4] not in (0, SET):
            raise RefusedError("a mark")
        total = self.rows(words, place)
        records = sum(total.counts.values()) + sum(total.coarse)
        if records >= 2**63:
            raise RefusedError("too many")
        if state != THERE and not records:
            return None
        synthetic = words[4] == SET or total.lacking != 0 or any(total.coarse)
        amount = total.digits + sum(part << octave - 84 + 1074 for octave, part in total.octaves.items())
        if records and not total.is_odd and amount >= records * LARGEST_SUM:
            raise RefusedError("the sum")
        for k, count in enumerate(total.coarse):
            for j in range(256) if count else ():
                more = count // 256 + (j + 1) * (count % 256) // 256 - j * (count % 256) // 256
                total.counts[1 + 256 * k + j] = total.counts.get(1 + 256 * k + j, 0) + more
        counts = {slot: count for slot, count in total.counts.items() if count}
        name, *pairs = texts(self.data[at + 408 : at + 408 + key_nbytes])
        unit = self.data[at + 408 + key_nbytes : at + 408 + nbytes].decode()
        amount_or_none = None if total.is_odd else amount
        return Found(name, dict(zip(pairs[::2], pairs[1::2])), unit, counts, amount_or_none, synthetic and bool(counts))

    def rows(self, entry: tuple[int, ...], place: int) -> Total:
        """Add up all rows, and subtract what has been drained."""
        total, drained, reference, rows = Total(), Total(), entry[1], 0
        if entry[2]:
            row = self.chunk(number_in(entry[2] >> 32), owner(ROW, place, DRAINED))
            if row[1] != entry[2] & 0xFFFFFFFF:
                raise RefusedError("the number of drains")
            if row[66]:
                words = self.chunk(number_in(row[66]), owner(COARSE, place, DRAINED))
                drained.coarse = list(words[3:27])
            self.add_row(drained, row, place, DRAINED)
            if drained.is_wide:
                raise RefusedError("a drained digit")
        while reference:
            number = number_in(reference)
            lane = self.word(CHUNKS_AT + CHUNK * number) >> 40 & 255 if 0 < number < self.chunks else 0
            rows += 1
            if lane >= LANES or rows > LANES:
                raise RefusedError("a row")
            row = self.chunk(number, owner(ROW, place, lane))
            self.add_row(total, row, place, lane)
            reference = row[1]
        total.coarse = list(entry[24:48])
        self.add_head(total, entry[6:24], place, 0, coarse=True)
        if any(count >= 2**63 for count in (*total.counts.values(), *total.coarse)):
            raise RefusedError("a count")
        if any(part >> 63 > 2**53 for part in total.octaves.values()) and not total.is_odd:
            raise RefusedError("the sum of an octave")
        if entry[2]:
            subtract(total, drained)
        return total

    def add_row(self, total: Total, row: tuple[int, ...], place: int, lane: int) -> None:
        for octave, reference in enumerate(struct.unpack("<96I", struct.pack("<48Q", *row[18:66]))):
            if not reference:
                continue
            _, a, b, *counts = self.chunk(number_in(reference), owner(COUNTERS, place, lane, octave))
            for k, count in enumerate(counts):
                if count:
                    slot = 1 + 64 * octave + k
                    total.counts[slot] = total.counts.get(slot, 0) + count
                    if count >= 2**63:
                        raise RefusedError("a count")
            total.is_odd = total.is_odd or b > 2**62
            b += (a >> 63) != b & 1
            total.octaves[octave] = total.octaves.get(octave, 0) + a % 2**63 + (b << 63)
        self.add_head(total, row[:18], place, lane)

    def add_head(self, total: Total, head: tuple[int, ...], place: int, lane: int, *, coarse: bool = False) -> None:
        for slot, count in ((0, head[5]), (SLOTS - 1, head[6])):
            total.counts[slot] = total.counts.get(slot, 0) + count
            if count >= 2**63:
                raise RefusedError("a count")
        digits = dict(enumerate(head[7:15], 30))
        if head[2] and not coarse:
            words = self.chunk(number_in(head[2]), owner(FAR_DIGITS, place, lane))[1:61]
            digits.update(zip([*range(30), *range(38, 68)], words))
        for k, digit in digits.items():
            total.digits += digit << 32 * k
            total.is_wide = total.is_wide or digit >= 2**32
            if digit >= (2**32 if k == 67 else 3 << 62):
                raise RefusedError("a digit")
        if total.digits >= 1 << 32 * 68:
            total.is_odd = True
        total.lacking += head[15]


def owner(kind: int, place: int, lane: int = 0, octave: int = 0) -> int:
    return kind << 56 | octave << 48 | lane << 40 | place


def number_in(reference: int) -> int:
    """Return the number in a reference to a chunk."""
    number = reference & 0xFFFFFF
    if reference != number | (0xA5 ^ number & 255 ^ number >> 8 & 255 ^ number >> 16) << 24:
        raise RefusedError("a reference")
    return number


def subtract(total: Total, drained: Total) -> None:
    for slot, count in drained.counts.items():
        total.counts[slot] = total.counts.get(slot, 0) - count
    total.coarse = [a - b for a, b in zip(total.coarse, drained.coarse)]
    if min((*total.counts.values(), *total.coarse)) < 0:
        raise RefusedError("more drained than counted")
    total.is_odd = total.is_odd or drained.is_odd
    for octave, part in drained.octaves.items():
        total.octaves[octave] = total.octaves.get(octave, 0) - part
        if total.octaves[octave] < 0 and not total.is_odd:
            raise RefusedError("a larger sum drained than counted")
    total.lacking = (total.lacking - drained.lacking) % 2**64
    total.digits -= drained.digits
    if total.digits < 0:  # digits may lack what is just carried
        total.is_odd = True


def texts(key: bytes) -> list[str]:
    found, at = [], 0
    while at < len(key):
        end = at + 2 + int.from_bytes(key[at : at + 2], "little")
        found.append(key[at + 2 : end].decode())
        at = end
    return found
