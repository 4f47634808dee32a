"""A reader of the file of a directory, written from docs/format.md alone: nothing of historian is in here."""

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import xor
from zlib import crc32

SLOTS = 6146
CHUNK, CHUNKS_AT, INDEX_AT = 536, 2_101_248, 4096
ENTRY, ROW, COUNTERS, FAR_DIGITS, COARSE = range(1, 6)


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
    """Return a list of what is in the bytes of a file that nobody changes meanwhile."""
    magic, version, *layout, _ = struct.unpack_from("<8sIIiIIIIIQ", data)
    assert (magic, version, layout) == (b"\x89HSTRN\r\n", 2, [CHUNK, -2048, 96, 64, 2**18, INDEX_AT, CHUNKS_AT])
    assert struct.unpack_from("<I", data, 124) == (crc32(data[:124]),)
    used, reserved, _, recorders, _ = struct.unpack_from("<5Q", data, 128)
    assert used <= reserved and CHUNKS_AT + CHUNK * reserved <= len(data)
    return [found for place in range(recorders) for found in recorder(data, place)]


THERE, REMOVED, CLOSED, FREE = 0xA5, 0x5A, 0x3C, 0xC3


def number_in(reference):
    """Return the number of a chunk, given a reference to it."""
    number = reference & 0xFFFFFF
    assert reference == number | (0xA5 ^ number & 255 ^ number >> 8 & 255 ^ number >> 16) << 24
    return number


def chunk(data, number, kind, place, lane=0, octave=0):
    """Return the words of a chunk, given its number."""
    words = struct.unpack_from("<67Q", data, CHUNKS_AT + CHUNK * number)
    assert words[0] == kind << 56 | octave << 48 | lane << 40 | place
    return words


def recorder(data, place):
    """Yield a recorder, unless it has been removed, and holds nothing."""
    (word,) = struct.unpack_from("<Q", data, INDEX_AT + 8 * place)
    number, state = word & 0xFFFFFF, reduce(xor, word.to_bytes(8, "little"))
    assert state in (THERE, REMOVED, CLOSED, FREE)
    if state == FREE:
        return
    at = CHUNKS_AT + CHUNK * number
    words = chunk(data, number, ENTRY, place)
    _, rows, drained, _, _, _ = words[:6]
    checksum, nbytes, created, key_nbytes, index = struct.unpack_from("<IIQII", data, at + 384)
    assert index == place and checksum == crc32(data[at + 388 : at + 408 + nbytes])
    text = data[at + 408 : at + 408 + nbytes]
    name, *pairs = texts(text[:key_nbytes])
    total = Total()
    total.add_head(data, words[6:24], place, 0)
    assert not any(words[24:48])  # coarse counts: estimates, and these tests have space
    while rows:
        row = chunk_of_row(data, number_in(rows), place)
        total.add_row(data, row, place, row[0] >> 40 & 255)
        rows = row[1]
    if drained:
        before, row = Total(), chunk(data, number_in(drained >> 32), ROW, place, 255)
        assert row[1] == drained & 0xFFFFFFFF
        before.add_row(data, row, place, 255)
        total.subtract(before)
    if state != THERE and not any(total.counts):
        return
    yield Found(text[key_nbytes:].decode(), name, dict(zip(pairs[::2], pairs[1::2])), created, *total.result())


def texts(key):
    found, at = [], 0
    while at < len(key):
        (length,) = struct.unpack_from("<H", key, at)
        found.append(key[at + 2 : at + 2 + length].decode())
        at += 2 + length
    return found


def chunk_of_row(data, number, place):
    words = struct.unpack_from("<67Q", data, CHUNKS_AT + CHUNK * number)
    lane = words[0] >> 40 & 255
    assert lane < 65 and words == chunk(data, number, ROW, place, lane)
    return words


class Total:
    def __init__(self):
        self.counts = [0] * SLOTS
        self.sum = Fraction(0)
        self.max, self.min = [], []

    def add_row(self, data, row, place, lane):
        self.add_head(data, row[:18], place, lane)
        for octave, number in enumerate(struct.unpack("<96I", struct.pack("<48Q", *row[18:66]))):
            if number:
                _, a, b, *counts = chunk(data, number_in(number), COUNTERS, place, lane, octave)
                b += (a >> 63) != b & 1
                self.sum += (a % 2**63 + (b << 63)) * Fraction(2) ** (octave - 84)
                for k, count in enumerate(counts):
                    self.counts[1 + 64 * octave + k] += count

    def add_head(self, data, head, place, lane):
        _, _, far, largest, not_smallest, zero, overflow, *near, lacking, _, _ = head
        assert not lacking
        digits = dict(enumerate(near, 30))
        if far:
            words = chunk(data, number_in(far), FAR_DIGITS, place, lane)[1:61]
            digits.update(zip([*range(30), *range(38, 68)], words))
        self.sum += sum(digit << 32 * k for k, digit in digits.items()) * Fraction(1, 2**1074)
        self.counts[0] += zero
        self.counts[6145] += overflow
        self.max += struct.unpack("<d", struct.pack("<Q", largest))
        smallest = struct.unpack("<d", struct.pack("<Q", not_smallest ^ (2**64 - 1)))
        self.min += [value for value in smallest if value == value]

    def subtract(self, before):
        self.counts = [a - b for a, b in zip(self.counts, before.counts)]
        self.sum -= before.sum

    def result(self):
        """Return counts, sum, min and max."""
        counts = {slot: count for slot, count in enumerate(self.counts) if count}
        if not counts:
            return {}, 0, math.nan, math.nan
        low, high = min(self.min, default=math.inf), max(self.max)
        low = low if slot_of(low) == min(counts) else edge(min(counts) - 1)
        high = high if slot_of(high) == max(counts) else edge(max(counts))
        return counts, self.sum, low, high
