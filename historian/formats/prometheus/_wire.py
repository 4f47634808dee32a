"""Fields of protobuf as bytes: each is a tag, which has its number and its type, and a value."""

from __future__ import annotations

import struct

__all__ = ["delimited", "double", "seconds", "text", "varint", "whole"]

_packed_double = struct.Struct("<d").pack
_ONE = [bytes([n]) for n in range(128)]
_TWO = struct.Struct("<H").pack


def varint(n: int) -> bytes:
    """Return a whole number from 0 up, seven bits to a byte, the lowest first.

    >>> varint(300).hex()
    'ac02'
    """
    if n < 128:
        return _ONE[n]
    if n < 1 << 14:
        return _TWO(n & 127 | 128 | n >> 7 << 8)
    found = bytearray()
    while n >= 128:
        found.append(n & 127 | 128)
        n >>= 7
    found.append(n)
    return bytes(found)


def whole(number: int, value: int) -> bytes:
    """Return a field of a whole number from 0 up."""
    return varint(number << 3) + varint(value)


def double(number: int, value: float) -> bytes:
    """Return a field of a float64."""
    return varint(number << 3 | 1) + _packed_double(value)


def delimited(number: int, value: bytes) -> bytes:
    """Return a field of bytes: a message, a text, packed numbers."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def text(number: int, value: str) -> bytes:
    """Return a field of text; what is not valid Unicode is replaced."""
    return delimited(number, value.encode("utf-8", "replace"))


def seconds(number: int, at: float) -> bytes:
    """Return a field of a point in time, given in seconds since 1970-01-01 00:00 UTC: a google.protobuf.Timestamp."""
    nanoseconds = round(at * 1e9)
    return delimited(number, whole(1, max(0, nanoseconds // 10**9)) + whole(2, nanoseconds % 10**9))
