"""Histograms as bytes, for `Histogram.to_bytes`.  The core reads them.  The format is in docs/format.md."""

from __future__ import annotations

from .._core import BLOB_MAGIC, BLOB_SCALE, BLOB_SUM_TOP, BLOB_SYNTHETIC, BLOB_VERSION, packed
from .._values.slots import TO_INDEX
from .._values.text import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._values.base import BaseHistogram

__all__ = ["to_bytes"]


def to_bytes(histogram: BaseHistogram) -> bytes:
    """Return the histogram as one blob, which `Histogram.from_bytes` reads back without loss.

    A blob holds counts, unit, exact sum, minimum, maximum, whether these two are exact, and the `synthetic` mark.
    Histograms that are the same in all of these have the same bytes.  O(buckets).  Raises OverflowError if the sum is
    impossible for the count.
    """
    from struct import pack
    from zlib import crc32

    unit, counts = histogram.unit.encode(), histogram._counts
    flags = histogram._bounds | (BLOB_SYNTHETIC if histogram.synthetic else 0)
    parts = [pack("<4sBBBB", BLOB_MAGIC, BLOB_VERSION, BLOB_SCALE, flags, len(unit)), unit]
    if counts.total:
        low, high = histogram.min + 0.0, histogram.max + 0.0  # write -0.0 as 0.0: equal histograms have equal bytes
        if histogram._sum >> 8 * BLOB_SUM_TOP >= counts.total:
            raise OverflowError(f"the sum is too large for {counted(counts.total, 'value')}")
        shift, digits = _digits(histogram._sum)
        slots = counts.last - counts.first + 1
        parts.append(pack("<HhddHH", slots, counts.first + TO_INDEX, low, high, shift, len(digits)))
        parts += digits, packed(counts)
    else:
        parts.append(pack("<H", 0))
    data = b"".join(parts)
    return data + crc32(data).to_bytes(4, "little")


def _digits(total: int) -> tuple[int, bytes]:
    r"""Return the number of lowest bytes of a sum that are 0, and its other bytes, lowest first.

    >>> _digits(0x12_34_00_00)
    (2, b'4\x12')
    """
    if not total:
        return 0, b""
    shift = ((total & -total).bit_length() - 1) // 8
    digits = (total >> 8 * shift).to_bytes((total.bit_length() + 7) // 8 - shift, "little")
    return shift, digits
