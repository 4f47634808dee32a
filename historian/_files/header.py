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
    key_parts,
)
from .._values.key import Key
from .._values.text import counted
from .._values.units import check_unit
from ..buckets import BUCKETS_PER_OCTAVE

__all__ = ["FILE_NAME", "Header", "check_page", "check_units", "decode", "encode", "path_of"]

#: Name of the file of a directory.
FILE_NAME = "recorders"

OCTAVES = (SLOTS - 2) // BUCKETS_PER_OCTAVE
LAYOUT = (CHUNK_NBYTES, FIRST_INDEX, OCTAVES, BUCKETS_PER_OCTAVE, MAX_RECORDERS, INDEX_AT, CHUNKS_AT)
FIXED = range(8, 40, 4)  # where the version and the numbers of the layout are, 4 bytes each, after the magic
CHECKSUM_AT = FILE_HEADER_NBYTES - 4  # offset of the CRC-32 of all bytes before it


class Header:
    """The properties of a recorder that never change."""

    __slots__ = ("created", "key", "unit")

    key: Key
    unit: str
    created: int  # nanoseconds since 1970-01-01 00:00 UTC

    def __init__(self, key: Key, unit: str, created: int) -> None:
        self.key, self.unit, self.created = key, check_unit(unit), created


def path_of(file: str, place: int) -> str:
    """Return what names a recorder in messages: the path of its file, and its position in the index."""
    return f"{file}[{place % MAX_RECORDERS}]"


def check_units(one: Header, other: Header) -> None:
    """Raise ValueError if two recorders with the same key cannot be added up."""
    if one.unit != other.unit:
        raise ValueError(f"another recorder has its name and labels, and the unit {other.unit!r}, not {one.unit!r}")


def check_page(page: bytes) -> None:
    """Check the first page of a directory's file.  Raises ValueError, with the reason, if it is not valid."""
    if page[:8] != FILE_MAGIC[: len(page[:8])] or not page:
        raise ValueError("it is not a file of recorders" if page else "it is empty")
    if len(page) < INDEX_AT:
        raise ValueError(f"it is cut short: {counted(len(page), 'byte')}")
    version, *layout = [int.from_bytes(page[at : at + 4], "little", signed=True) for at in FIXED]
    if version != FILE_VERSION:
        raise ValueError(f"its format has version {version}: this historian reads version {FILE_VERSION}")
    if int.from_bytes(page[CHECKSUM_AT:FILE_HEADER_NBYTES], "little") != crc32(page[:CHECKSUM_AT]):
        raise ValueError("the checksum of its header is wrong")
    if tuple(layout) != LAYOUT:
        raise ValueError(f"its layout is {tuple(layout)}: this historian reads {LAYOUT}")


def encode(key: Key) -> bytes:
    """Return name and labels as bytes: each text after its length.  The key has been checked (`check_key`)."""
    name, labels = key
    texts = map(str.encode, (name, *chain.from_iterable(labels)))
    return b"".join([len(text).to_bytes(2, "little") + text for text in texts])


def decode(encoded: bytes, unit: bytes, created: int) -> Header:
    """Return the header of a recorder.  Raises ValueError, with the reason, if the bytes are not valid."""
    try:
        return Header(Key._of_parts(key_parts(encoded)), unit.decode(), created)
    except UnicodeDecodeError:
        raise ValueError("its name, a label or its unit is not valid Unicode") from None
