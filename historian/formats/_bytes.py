"""Histograms as bytes: what `Histogram.to_bytes` writes and `Histogram.from_bytes` reads.  See docs/format.md."""

from __future__ import annotations

from .._core import BLOB_MAGIC, BLOB_SCALE, BLOB_SUM_TOP, BLOB_SYNTHETIC, BLOB_VERSION, packed, unpacked_blob
from .._values.base import TO_INDEX, BaseHistogram, make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _H = TypeVar("_H", bound=BaseHistogram)

__all__ = ["from_bytes", "to_bytes"]


def to_bytes(histogram: BaseHistogram) -> bytes:
    """Return the histogram as one blob, which `from_bytes` reads back without loss: counts, unit, sum, extremes, mark.

    Histograms that agree in all of these, the sum to its last bit, have the same bytes.  O(buckets).  Raises
    OverflowError for a sum that so many values cannot have.
    """
    from struct import pack
    from zlib import crc32

    unit, counts = histogram.unit.encode(), histogram._counts
    flags = BLOB_SYNTHETIC if histogram.synthetic else 0
    parts = [pack("<4sBBBB", BLOB_MAGIC, BLOB_VERSION, BLOB_SCALE, flags, len(unit)), unit]
    if counts.total:
        low, high = histogram.min + 0.0, histogram.max + 0.0  # -0.0, which equals it, is written as 0.0
        if histogram._sum >> 8 * BLOB_SUM_TOP >= counts.total:
            raise OverflowError(f"the sum is beyond what {counts.total} values can have")
        shift, digits = _digits(histogram._sum)
        slots = counts.last - counts.first + 1
        parts.append(pack("<HhddHH", slots, counts.first + TO_INDEX, low, high, shift, len(digits)))
        parts += digits, packed(counts)
    else:
        parts.append(pack("<H", 0))
    data = b"".join(parts)
    return data + crc32(data).to_bytes(4, "little")


def from_bytes(cls: type[_H], data: bytes | bytearray | memoryview) -> _H:
    """Return the histogram that `to_bytes` wrote.

    O(buckets), in memory for one histogram whatever the bytes are.  Raises ValueError, saying what is wrong, for bytes
    that `to_bytes` would not write, TypeError for what are no bytes.
    """
    return make(cls, *unpacked_blob(data))


def _digits(total: int) -> tuple[int, bytes]:
    """Return a sum as the number of its lowest bytes that are 0, and the others, the lowest first.

    >>> _digits(0x12_34_00_00)
    (2, b'4\\x12')
    """
    if not total:
        return 0, b""
    shift = ((total & -total).bit_length() - 1) // 8
    digits = (total >> 8 * shift).to_bytes((total.bit_length() + 7) // 8 - shift, "little")
    return shift, digits
