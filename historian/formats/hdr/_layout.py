"""`Layout`: the buckets of HdrHistogram, which it calls equivalent ranges.  The words here are those of its sources.

A histogram of d digits keeps every value below 2 * 10**d apart.  So it has ``sub_buckets``, that number rounded up to a
power of two, of one unit each.  The unit is `lowest`, rounded down to a power of two.  Each further bucket doubles the
width of its sub-buckets.  Their lower half is in the bucket before, so only the upper half is stored::

    index       0 .. half-1   half .. 2*half-1   2*half .. 3*half-1   3*half .. 4*half-1
    values      0 .. half-1   half .. 2*half-1   2*half .. 4*half-1   4*half .. 8*half-1     (in units)
    width       1             1                  2                    4
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["MAX_DIGITS", "MAX_VALUE", "Layout"]

MAX_DIGITS = 5

#: The largest value of a signed integer of 64 bits.
MAX_VALUE = (1 << 63) - 1


class Layout:
    """Which values each index stands for.

    >>> layout = Layout.of(digits=3, lowest=1, highest=3_600_000_000_000)
    >>> layout.sub_buckets, layout.buckets, layout.length
    (2048, 32, 33792)
    >>> layout.index(1_000_000), layout.range(11_169)
    (11169, (999936, 1000447))
    """

    __slots__ = ("buckets", "digits", "half", "highest", "length", "lowest", "shift", "sub_buckets", "unit")

    digits: int  # in 0..5
    lowest: int  # the lowest discernible value, in 1..2**62 - 1
    highest: int  # the highest trackable value, in 2 * lowest..2**63 - 1
    unit: int  # log2 of the width of the first sub-buckets, in 0..61
    shift: int  # log2 of `half`, in 0..17
    half: int  # stored sub-buckets of a bucket, except the first one, which has twice as many
    sub_buckets: int  # twice as many
    buckets: int  # in 1..64
    length: int  # number of indices

    @staticmethod
    def of(digits: int, lowest: int, highest: int) -> Layout:
        """Return a layout.  Raises ValueError, as HdrHistogram does, if there is none."""
        return _made(digits, lowest, highest)

    def range(self, index: int) -> tuple[int, int]:
        """Return the lowest and the highest value of an index, which HdrHistogram calls equivalent."""
        bucket = (index >> self.shift) - 1
        if bucket < 0:
            low, bucket = index << self.unit, 0
        else:
            low = ((index & (self.half - 1)) + self.half) << (bucket + self.unit)
        return low, low + (1 << (bucket + self.unit)) - 1

    def middle(self, index: int) -> int:
        """Return the value in the middle of an index, by which HdrHistogram computes means."""
        low, high = self.range(index)
        return low + ((high - low + 1) >> 1)

    def index(self, value: int) -> int:
        """Return the index of a value from 0 to MAX_VALUE, which may be above `highest`."""
        bucket = max(0, value.bit_length() - self.unit - self.shift - 1)
        return ((bucket + 1) << self.shift) + (value >> (bucket + self.unit)) - self.half


@lru_cache(maxsize=64)
def _made(digits: int, lowest: int, highest: int) -> Layout:
    """Return a layout, of which logs have few."""
    if not 0 <= digits <= MAX_DIGITS:
        raise ValueError(f"digits must be in 0..{MAX_DIGITS}, not {digits}")
    if not 1 <= lowest <= MAX_VALUE // 2:
        raise ValueError(f"lowest must be in 1..{MAX_VALUE // 2}, not {lowest}")
    if not 2 * lowest <= highest <= MAX_VALUE:
        raise ValueError(f"highest must be in 2 * lowest..{MAX_VALUE}, not {highest}")
    layout = Layout()
    layout.digits, layout.lowest, layout.highest = digits, lowest, highest
    layout.unit = lowest.bit_length() - 1
    layout.shift = (2 * 10**digits - 1).bit_length() - 1
    layout.half, layout.sub_buckets = 1 << layout.shift, 2 << layout.shift
    if layout.unit + layout.shift > 61:
        raise ValueError(f"{digits} digits of values from {lowest} on do not fit in 63 bits: lower one of them")
    layout.buckets = max(1, highest.bit_length() - layout.unit - layout.shift)
    layout.length = (layout.buckets + 1) * layout.half
    return layout
