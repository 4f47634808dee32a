"""Protocol Buffers' wire format: the fields of a message, with their offsets.

The library `protobuf` does not tell at which byte a message is wrong, and needs generated code that depends on its
version.  The messages that are read here hold a handful of numbers.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BYTES",
    "FIXED64",
    "VARINT",
    "double",
    "fields",
    "signed",
    "varint",
    "write_field",
    "write_varint",
    "zigzag",
]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

#: A varint has at most this many bytes.
MAX_VARINT_NBYTES = 10


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the varint at an offset, from 0 to 2**64 - 1, and the offset after it.  Raises ValueError."""
    value = 0
    for k in range(MAX_VARINT_NBYTES):
        if at + k >= end:
            raise ValueError(f"offset {end}: a number is cut short")
        byte = data[at + k]
        value |= (byte & 127) << 7 * k
        if byte < 128:
            return value & (1 << 64) - 1, at + k + 1
    raise ValueError(f"offset {at}: a number of more than {MAX_VARINT_NBYTES} bytes")


def zigzag(value: int) -> int:
    """Return the signed number of a ``sint32``: of its 32 lowest bits."""
    value &= (1 << 32) - 1
    return value >> 1 ^ -(value & 1)


def signed(value: int) -> int:
    """Return the unsigned number that stands for a ``sint32``, the inverse of `zigzag`."""
    return value << 1 if value >= 0 else ~value << 1 | 1


def double(data: bytes, at: int) -> float:
    """Return the float64 at an offset."""
    value: float = struct.unpack_from("<d", data, at)[0]
    return value


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (number, wire type, value, begin, end) of each field of a message.

    The value is that of a varint, else 0; begin and end are the offsets of its bytes.  Raises ValueError, with the
    offset, for bytes that are not a message.
    """
    while at < end:
        began = at
        key, at = varint(data, at, end)
        number, wire = key >> 3, key & 7
        if not 0 < number < 1 << 29:
            raise ValueError(f"offset {began}: there is no field {number}")
        value, begin = 0, at
        if wire == VARINT:
            value, at = varint(data, at, end)
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        elif wire == BYTES:
            size, begin = varint(data, at, end)
            at = begin + size
        else:
            raise ValueError(f"offset {began}: there is no wire type {wire}")
        if at > end:
            raise ValueError(f"offset {end}: a field is cut short")
        yield number, wire, value, begin, at


def write_varint(value: int) -> bytes:
    """Return an unsigned number as a varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_field(number: int, value: float | bytes) -> bytes:
    """Return a field: a float as a float64, an integer as a varint, bytes with their length."""
    if isinstance(value, float):
        return write_varint(number << 3 | FIXED64) + struct.pack("<d", value)
    if isinstance(value, int):
        return write_varint(number << 3 | VARINT) + write_varint(value)
    return write_varint(number << 3 | BYTES) + write_varint(len(value)) + value
