"""Damage to bytes and numbers, as accidents and attackers do it.  The caller's `Random` decides everything."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

#: Integers at which something begins or ends: signs, widths, what the formats allow.
INTEGERS = (
    0, 1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 127, 128, 255, 256, 1023, 4095, 4096, 6145, 6146, 6147, 32767, 32768, 65535,
    65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**52, 2**53, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 2,
    2**64 - 1,
)  # fmt: skip

#: Floats at which something begins or ends: buckets, the range, what is not a number.
FLOATS = (
    0.0, -0.0, 5e-324, 2.2250738585072014e-308, 2.0**-32, 2.0**-31, 0.5, 1.0, 1.5, 2.0**53, 2.0**63, 2.0**64, 1.9e19,
    1e300, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan"), -1.0, -1e-300,
)  # fmt: skip


def integer(rng: Random, width: int) -> int:
    """Return an integer of so many bytes: one of `INTEGERS` or near to it, a power of two, or any."""
    kind = rng.randrange(4)
    if kind == 0:
        number = rng.getrandbits(8 * width)
    elif kind == 1:
        number = 1 << rng.randrange(8 * width)
    else:
        number = rng.choice(INTEGERS) + (rng.randrange(-2, 3) if kind == 2 else 0)
    return number % (1 << 8 * width)


def double(rng: Random) -> float:
    """Return a float: one of `FLOATS`, a neighbour of one, or any bits."""
    kind = rng.randrange(4)
    if kind < 2:
        return rng.choice(FLOATS)
    bits = rng.getrandbits(64)
    if kind == 2:
        bits = (struct.unpack("<Q", struct.pack("<d", rng.choice(FLOATS)))[0] + rng.randrange(-2, 3)) % 2**64
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def number(rng: Random, width: int) -> bytes:
    """Return so many bytes of a number, the lowest first."""
    if width == 8 and rng.random() < 0.25:
        return struct.pack("<d", double(rng))
    return integer(rng, width).to_bytes(width, "little")


def patch(data: bytearray, at: int, new: bytes) -> None:
    """Overwrite bytes; what would lie beyond the end is left out."""
    end = min(len(data), at + len(new))
    if at < end:
        data[at:end] = new[: end - at]


def damage(rng: Random, data: bytearray, others: Sequence[bytes] = ()) -> None:
    """Change bytes at one place, anywhere."""
    size = len(data)
    at = rng.randrange(size) if size else 0
    kind = rng.randrange(10)
    if kind < 3 and size:  # flip a bit
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 3 and size:
        data[at] = rng.getrandbits(8)
    elif kind == 4:
        patch(data, at, number(rng, rng.choice((1, 2, 4, 8))))
    elif kind == 5:  # cut short
        del data[at:]
    elif kind == 6:  # make longer
        data += rng.randbytes(rng.randrange(1, 20)) if rng.random() < 0.5 else bytes(rng.randrange(1, 20))
    elif kind == 7:  # leave out
        del data[at : at + rng.randrange(1, 10)]
    elif kind == 8:  # repeat
        data[at:at] = data[at : at + rng.randrange(1, 20)]
    elif others:  # splice two
        other = rng.choice(others)
        data[at:] = other[rng.randrange(len(other)) :] if other else b""


def damaged(rng: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return bytes with damage at one to four places, mostly one."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        damage(rng, result, others)
    return bytes(result)


def spoiled(rng: Random, text: bytes, lines: Sequence[bytes], pieces: Sequence[bytes]) -> bytes:
    """Return text with damage at one or two places: bytes changed, or one of the pieces put in."""
    result = bytearray(text)
    for _ in range(rng.choice((1, 1, 2))):
        if rng.random() < 0.5:
            damage(rng, result, lines)
        else:
            at = rng.randrange(len(result) + 1)
            result[at:at] = rng.choice(pieces)
    return bytes(result)
