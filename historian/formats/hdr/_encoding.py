"""The encodings of HdrHistogram: headers, compression, base64.  Bytes from outside are read in bounded memory.

All numbers are big-endian.  A header begins with a cookie; bits 4 to 7 of it hold the size of a word::

    V2, V1  int32 cookie, int32 nbytes of counts, int32 normalizing offset, int32 digits, int64 lowest, int64 highest,
            float64 factor from integers to doubles                                                     40 bytes
    V0      int32 cookie, int32 digits, int64 lowest, int64 highest, int64 total count                  32 bytes

Compressed: int32 cookie, int32 nbytes, and all of the above as a zlib stream.  A histogram of doubles has an outer
header before either: int32 cookie, int32 digits, int64 ratio of its highest to its lowest value.
"""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from typing import NamedTuple

from ._layout import Layout
from ._words import WORDS, read_numbers, read_words, write_numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Parts", "decoded", "encoded", "is_base64", "is_encoded"]

V2, V2_COMPRESSED = 0x1C849303, 0x1C849304
V1, V1_COMPRESSED = 0x1C849301, 0x1C849302
V0, V0_COMPRESSED = 0x1C849308, 0x1C849309
COMPRESSED = (V2_COMPRESSED, V1_COMPRESSED, V0_COMPRESSED)

#: V2 is written with this size of a word, which has no meaning there.
WORD = 0x10
WORD_BITS = 0xF0

DOUBLE, DOUBLE_COMPRESSED = 0x0C72124E, 0x0C72124F

HEADER = struct.Struct(">iiiiqqd")
V0_HEADER = struct.Struct(">iiqqq")
OUTER = struct.Struct(">iiq")

#: The highest level of zlib, with which HdrHistogram writes logs.
LEVEL = 9

#: Maximum size of what is decompressed.  A histogram of 5 digits up to an hour in nanoseconds has 26 MiB of words.
MAX_NBYTES = 1 << 26

#: The first bytes of base64, of integers and of doubles: 0x1c8493 and 0x0c7212.
BASE64 = (b"HIST", b"DHIS")

#: The first bytes of what is not base64.
RAW = (b"\x1c\x84\x93", b"\x0c\x72\x12")

_OTHER = re.compile(rb"[^A-Za-z0-9+/]")


class Parts(NamedTuple):
    """What an encoding holds."""

    layout: Layout
    indices: Sequence[int]  # of the counts that are not 0, ascending
    counts: Sequence[int]
    length: int  # indices that were encoded, of which the last ones may have the count 0
    normalizing_offset: int  # by how much the encoder had rotated its array; the encoded counts are not rotated
    factor: float  # from integers to doubles, positive
    double_ratio: int | None  # of the highest to the lowest value of a histogram of doubles
    ones: bool  # whether a single zero was encoded as a run


def is_base64(head: bytes) -> bool:
    """Return whether bytes begin as an encoded histogram in base64 does."""
    return head.startswith(BASE64)


def is_encoded(head: bytes) -> bool:
    """Return whether bytes begin as an encoded histogram does."""
    return head.startswith((*RAW, *BASE64))


def decoded(data: bytes) -> Parts:
    """Return what is encoded in bytes, or in base64.  Raises ValueError, with the offset, for other bytes."""
    if is_base64(data):
        data = _from_base64(data)
    try:
        if _cookie(data, 0, "a cookie") in (DOUBLE, DOUBLE_COMPRESSED):
            return _read_double(data)
        return _read(data, 0)
    except struct.error:
        raise ValueError(f"offset {len(data)}: a header is cut short") from None


def encoded(parts: Parts, *, compressed: bool) -> bytes:
    """Return bytes of encoding V2."""
    layout = parts.layout
    counts = write_numbers(parts.indices, parts.counts, parts.length, parts.ones)
    header = HEADER.pack(
        V2 | WORD, len(counts), parts.normalizing_offset, layout.digits, layout.lowest, layout.highest, parts.factor
    )
    data = header + counts
    if compressed:
        data = zlib.compress(data, LEVEL)
        data = struct.pack(">ii", V2_COMPRESSED | WORD, len(data)) + data
    if parts.double_ratio is None:
        return data
    return OUTER.pack(DOUBLE_COMPRESSED if compressed else DOUBLE, layout.digits, parts.double_ratio) + data


def _from_base64(data: bytes) -> bytes:
    text = data.rstrip(b" \t\r\n")
    found = _OTHER.search(text)
    if found is not None and (text[found.start() :] not in (b"=", b"==") or len(text) % 4):
        raise ValueError(f"offset {found.start()}: not base64: {text[found.start() :][:20]!r}")
    if len(text) % 4:
        raise ValueError(f"offset {len(text)}: base64 is cut short: its length must be a multiple of 4")
    return base64.b64decode(text)


def _cookie(data: bytes, at: int, what: str) -> int:
    if len(data) - at < 4:
        raise ValueError(f"offset {len(data)}: {what} is cut short")
    return int.from_bytes(data[at : at + 4], "big")


def _read_double(data: bytes) -> Parts:
    cookie, digits, ratio = OUTER.unpack_from(data, 0)
    inner = _cookie(data, OUTER.size, "a header") & ~WORD_BITS
    if (inner in COMPRESSED) != (cookie == DOUBLE_COMPRESSED):
        raise ValueError(f"offset {OUTER.size}: not the integers of a histogram of doubles")
    parts = _read(data, OUTER.size)
    if digits != parts.layout.digits:
        raise ValueError(f"offset 4: {digits} digits of doubles, but {parts.layout.digits} of their integers")
    if ratio < 2:
        raise ValueError(f"offset 8: the ratio of the highest to the lowest value must be at least 2, not {ratio}")
    return parts._replace(double_ratio=ratio)


def _read(data: bytes, at: int) -> Parts:
    cookie = _cookie(data, at, "a header") & ~WORD_BITS
    if cookie not in COMPRESSED:
        return _counts(data, _header(data, at))
    inner = _Inflated(data, at)
    head = inner.read(V0_HEADER.size)
    if cookie != V0_COMPRESSED:
        head += inner.read(HEADER.size - V0_HEADER.size)
    try:
        if _cookie(head, 0, "a header") & ~WORD_BITS != cookie - 1:
            raise ValueError(f"offset 0: not the cookie of what offset {at} announced")
        header = _header(head, 0)
    except struct.error:
        raise ValueError(f"decompressed offset {len(head)}: a header is cut short") from None
    except ValueError as error:
        raise ValueError(f"decompressed {error}") from None
    body = inner.rest(header.room)
    try:
        return _counts(head + body, header)
    except ValueError as error:
        raise ValueError(f"decompressed {error}") from None


class _Header(NamedTuple):
    """A header that was read."""

    kind: int
    word: int  # bytes of a word
    layout: Layout
    normalizing_offset: int
    factor: float
    begin: int  # offset of the counts
    nbytes: int | None  # of the counts; None if that is not stored

    @property
    def room(self) -> int:
        """The most bytes that the counts can take."""
        most = min(MAX_NBYTES, self.layout.length * self.word)
        return most if self.nbytes is None else min(self.nbytes, most)


def _header(data: bytes, at: int) -> _Header:
    cookie = _cookie(data, at, "a header")
    kind = cookie & ~WORD_BITS
    word = 9 if kind == V2 else (cookie & WORD_BITS) >> 4 & 0xE
    if kind not in (V2, V1, V0):
        raise ValueError(f"offset {at}: not an HdrHistogram: it begins with {cookie:#010x}")
    if kind != V2 and word not in WORDS:
        raise ValueError(f"offset {at}: words of {word} bytes in {cookie:#010x}: they have 2, 4 or 8")
    offset, factor, nbytes = 0, 1.0, None
    if kind == V0:
        _, digits, lowest, highest, _ = V0_HEADER.unpack_from(data, at)
        begin = at + V0_HEADER.size
    else:
        _, nbytes, offset, digits, lowest, highest, factor = HEADER.unpack_from(data, at)
        begin = at + HEADER.size
    try:
        layout = Layout.of(digits, lowest, highest)
    except ValueError as error:
        raise ValueError(f"offset {at + 4 if kind == V0 else at + 12}: {error}") from None
    if not 0 < factor < math.inf:
        raise ValueError(f"offset {at + 32}: the factor to doubles must be positive and finite, not {factor!r}")
    header = _Header(kind, word, layout, offset, factor, begin, nbytes)
    if nbytes is not None and not 0 <= nbytes <= header.layout.length * word:
        raise ValueError(f"offset {at + 4}: {nbytes} bytes of counts, which has at most {layout.length * word}")
    if nbytes is not None and nbytes > MAX_NBYTES:
        raise ValueError(f"offset {at + 4}: {nbytes} bytes of counts: at most {MAX_NBYTES} are read")
    return header


def _counts(data: bytes, header: _Header) -> Parts:
    begin, length = header.begin, header.layout.length
    if header.nbytes is not None:
        end = begin + header.nbytes
        if len(data) < end:
            raise ValueError(f"offset {len(data)}: the counts are cut short: {header.nbytes} bytes were announced")
        if len(data) > end:
            raise ValueError(f"offset {end}: more bytes after the counts")
    if header.kind == V2:
        indices, counts, used, ones = read_numbers(data, begin, length)
    else:
        indices, counts, used = read_words(data, begin, header.word, length)
        ones = False
        if sum(counts) >= 1 << 63:
            raise ValueError(f"offset {begin}: the counts add up to 2**63 or more")
    return Parts(header.layout, indices, counts, used, header.normalizing_offset, header.factor, None, ones)


class _Inflated:
    """The contents of a zlib stream, a part at a time, so that what it claims to hold takes no memory."""

    def __init__(self, data: bytes, at: int) -> None:
        if len(data) - at < 8:
            raise ValueError(f"offset {len(data)}: a header is cut short")
        nbytes = int.from_bytes(data[at + 4 : at + 8], "big", signed=True)
        self._begin, self._nbytes, end = at + 8, nbytes, at + 8 + nbytes
        if nbytes < 0 or len(data) < end:
            raise ValueError(f"offset {len(data)}: cut short: {nbytes} compressed bytes were announced at {at + 4}")
        if len(data) > end:
            raise ValueError(f"offset {end}: more bytes after the compressed ones")
        self._zlib = zlib.decompressobj()
        self._rest = data[self._begin :]

    def read(self, nbytes: int) -> bytes:
        """Return at most so many bytes; fewer if there are no more."""
        try:
            found = self._zlib.decompress(self._rest, nbytes)
        except zlib.error as error:
            raise ValueError(f"after offset {self._begin}: cannot be decompressed: {error}") from None
        self._rest = self._zlib.unconsumed_tail
        return found

    def rest(self, nbytes: int) -> bytes:
        """Return the rest, one byte more than `nbytes` if it is longer.  Raises ValueError unless the stream ends."""
        found = self.read(nbytes + 1)
        if len(found) <= nbytes and not self._zlib.eof:
            raise ValueError(f"after offset {self._begin}: the compressed bytes are cut short")
        if self._zlib.unused_data:
            end = self._begin + self._nbytes - len(self._zlib.unused_data)
            raise ValueError(f"offset {end}: more bytes after the compressed ones")
        return found
