"""The texts in a directory's file: its header, and the name, labels and unit of each recorder."""

from __future__ import annotations

from itertools import chain

from .._core import (
    CHUNK_NBYTES,
    CHUNKS_AT,
    FILE_HEADER_NBYTES,
    FILE_MAGIC,
    FILE_VERSION,
    FIRST_INDEX,
    INDEX_AT,
    MAX_RECORDERS,
    SLOTS,
    crc32,
    decoded,
)
from .._values.key import Key
from .._values.text import counted
from .._values.units import fault_of_unit
from ..buckets import BUCKETS_PER_OCTAVE

__all__ = ["FILE_NAME", "Header", "decode", "encode", "fault_of_page", "fault_of_units", "path_of"]

#: Name of the file of a directory.
FILE_NAME = "recorders"

OCTAVES = (SLOTS - 2) // BUCKETS_PER_OCTAVE
LAYOUT = (CHUNK_NBYTES, FIRST_INDEX, OCTAVES, BUCKETS_PER_OCTAVE, MAX_RECORDERS, INDEX_AT, CHUNKS_AT)
FIXED = range(8, 40, 4)  # where the version and the numbers of the layout are, 4 bytes each, after the magic
CHECKSUM_AT = FILE_HEADER_NBYTES - 4  # offset of the CRC-32 of all bytes before it

_key_of_parts = Key._of_parts  # looked up once: a directory may have 10,000 keys


class Header:
    """The properties of a recorder that never change."""

    __slots__ = ("created", "key", "unit")

    key: Key
    unit: str
    created: int  # nanoseconds since 1970-01-01 00:00 UTC

    def __init__(self, key: Key, unit: str, created: int) -> None:
        self.key, self.unit, self.created = key, unit, created


def path_of(file: str, place: int) -> str:
    """Return what names a recorder in messages: the path of its file, and its position in the index."""
    return f"{file}[{place % MAX_RECORDERS}]"


def fault_of_units(one: Header, other: Header) -> str | None:
    """Return why two recorders with the same key cannot be added up; None if they can."""
    if one.unit == other.unit:
        return None
    return f"another recorder has its name and labels, and the unit {other.unit!r}, not {one.unit!r}"


def fault_of_page(page: bytes) -> str | None:
    """Return why the first page of a directory's file is not valid; None if it is."""
    if page[:8] != FILE_MAGIC[: len(page[:8])] or not page:
        return "it is not a file of recorders" if page else "it is empty"
    if len(page) < INDEX_AT:
        return f"it is cut short: {counted(len(page), 'byte')}"
    version, *layout = [int.from_bytes(page[at : at + 4], "little", signed=True) for at in FIXED]
    if version != FILE_VERSION:
        return f"its format has version {version}: this historian reads version {FILE_VERSION}"
    if int.from_bytes(page[CHECKSUM_AT:FILE_HEADER_NBYTES], "little") != crc32(page[:CHECKSUM_AT]):
        return "the checksum of its header is wrong"
    if tuple(layout) != LAYOUT:
        return f"its layout is {tuple(layout)}: this historian reads {LAYOUT}"
    return None


def encode(key: Key) -> bytes:
    """Return name and labels as bytes: each text after its length.  The key has been checked (`check_key`)."""
    name, labels = key
    texts = map(str.encode, (name, *chain.from_iterable(labels)))
    return b"".join([len(text).to_bytes(2, "little") + text for text in texts])


def decode(encoded: bytes, unit: bytes, created: int, key: Key | None = None) -> Header | str:
    """Return the header of a recorder, whose key may be known; or the reason why the bytes are not valid."""
    if key is None:
        found = decoded(encoded, unit)
        if isinstance(found, str):
            return found
        key, text = _key_of_parts(found[0]), found[1]
    else:
        known = decoded(None, unit)
        if isinstance(known, str):
            return known
        text = known[1]
    fault = fault_of_unit(text)
    return fault if fault is not None else Header(key, text, created)
