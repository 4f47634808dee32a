"""Exact sums, which do not depend on the order of adding: floats as integers in units of 2**-1074."""

from __future__ import annotations

import math

__all__ = ["exact", "from_hex", "rounded", "to_hex"]

# The sum of 2**63 values below 2**1024 has at most 63 + 1024 + 1074 = 2161 bits, so 541 hexadecimal digits.
MAX_PLACES = 2161

#: The least number, in units of 2**-1074, that is rounded to 2**1024: halfway between that and the largest float.
BEYOND = (2**54 - 1) << (970 + 1074)


def exact(x: float) -> int:
    """Return a non-negative float as an integer in units of 2**-1074."""
    if x == math.inf:
        return 1 << 2098  # 2**1024 is beyond float64: `rounded` returns infinity again
    numerator, denominator = x.as_integer_ratio()
    return numerator << (1075 - denominator.bit_length())


def rounded(n: int, count: int = 1) -> float:
    """Return n / count, with n in units of 2**-1074, as the nearest float; infinity beyond float64."""
    if n.bit_length() - count.bit_length() >= BEYOND.bit_length() - 1 and n >= count * BEYOND:
        return math.inf  # no OverflowError is caught, which could be that of a signal handler
    return n / (count << 1074)  # Python rounds a quotient of integers once


def to_hex(n: int) -> str:
    """Return an integer in units of 2**-1074 as hexadecimal text without loss, such as C, and `float.fromhex`, read.

    >>> to_hex(exact(11.25)), float.fromhex("0x2dp-2")
    ('0x2dp-2', 11.25)
    """
    zeros = (n & -n).bit_length() - 1 if n else 1074
    return f"{n >> zeros:#x}p{zeros - 1074:+d}".replace("+", "")


def from_hex(text: str) -> int:
    """Return the integer that `to_hex` wrote.  Raises ValueError for any other text."""
    import re

    found = re.fullmatch("0x([0-9a-f]{1,541})p(-?[0-9]{1,4})", text)
    if found:
        places = int(found[2]) + 1074
        n = int(found[1], 16) << places if 0 <= places <= MAX_PLACES else 0
        if to_hex(n) == text:
            return n
    raise ValueError(f"{text!r} is not a sum that to_dict() wrote")
