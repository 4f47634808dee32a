"""`Header`: the first page of a recorder's file, and the name of the file."""

from __future__ import annotations

import time

from .._core import BLOCK_NBYTES, FILE_HEADER_NBYTES, FIRST_INDEX, SLOTS
from .._values.key import Key
from .._values.text import counted
from .._values.units import check_unit
from ..buckets import BUCKETS_PER_OCTAVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SUFFIX", "Header", "beginning", "decode", "encode", "file_name"]

#: Suffix of the name of each recorder's file.
SUFFIX = ".counters"

MAGIC = b"\x89HSTRN\r\n"  # no text begins with this byte; a transfer in text mode changes the line end
VERSION = 1
LAYOUT = (FIRST_INDEX, SLOTS - 2, BUCKETS_PER_OCTAVE, BLOCK_NBYTES, 4096)  # 4096: offset of the first block
FIXED = "<8sI iIIII Q III"  # magic, version, layout, creation time in ns, lengths of unit and name, number of labels
CHECKSUM_AT = FILE_HEADER_NBYTES - 4  # offset of the CRC-32 of all bytes before it
SHARED_AT = FILE_HEADER_NBYTES + 64  # offset of the role of the first block
UNESCAPED = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
ESCAPES = {byte: f"%{byte:02X}" for byte in range(256) if byte not in UNESCAPED}  # for bytes in a file's name
MAX_STEM_NBYTES = 180  # bytes of a file's name before the suffix; file systems allow 255 for the whole name


class Header:
    """The properties of a recorder in a file that never change."""

    __slots__ = ("created", "key", "unit")

    key: Key
    unit: str
    created: int  # nanoseconds since 1970-01-01 00:00 UTC

    def __init__(self, key: Key, unit: str, created: int | None = None) -> None:
        self.key, self.unit = key, check_unit(unit)
        self.created = max(0, time.time_ns()) if created is None else created  # a clock may be before 1970


def encode(header: Header) -> bytes:
    """Return the first page of a new file.  Raises ValueError if name, labels and unit do not fit into it."""
    import struct
    from zlib import crc32

    texts = [_utf8(text) for text in (header.unit, header.key.name)]
    fixed = struct.pack(
        FIXED, MAGIC, VERSION, *LAYOUT, header.created, len(texts[0]), len(texts[1]), len(header.key.labels)
    )
    parts = [fixed, *texts]
    for pair in header.key.labels:
        label, value = map(_utf8, pair)
        parts += struct.pack("<II", len(label), len(value)), label, value
    page = b"".join(parts)
    if len(page) > CHECKSUM_AT:
        raise ValueError(
            f"name, labels and unit take {len(page) - len(fixed)} bytes, but a file's header has room for "
            f"{CHECKSUM_AT - len(fixed)}: shorten those of {header.key.name[:40]!r}..."
        )
    page = page.ljust(CHECKSUM_AT, b"\0")
    page += struct.pack("<I", crc32(page))
    return page.ljust(SHARED_AT, b"\0") + struct.pack("<Q", 1) + bytes(4096 - SHARED_AT - 8)


def decode(page: bytes) -> Header:
    """Return the header in a file's first page.  Raises ValueError, with the reason, if the page is not valid."""
    import struct
    from zlib import crc32

    if page[:8] != MAGIC[: len(page[:8])] or not page:
        raise ValueError("it is not the file of a recorder" if page else "it is empty")
    if len(page) < FILE_HEADER_NBYTES:
        raise ValueError(f"it is cut short: {counted(len(page), 'byte')}")
    if int.from_bytes(page[CHECKSUM_AT:FILE_HEADER_NBYTES], "little") != crc32(page[:CHECKSUM_AT]):
        raise ValueError("the checksum of its header is wrong")
    _, version, *rest = struct.unpack_from(FIXED, page)
    if version != VERSION:
        raise ValueError(f"its format has version {version}: this historian reads version {VERSION}")
    layout, (created, *lengths, labels) = tuple(rest[:5]), rest[5:]
    if layout != LAYOUT:
        raise ValueError(f"its layout is {layout}: this historian reads {LAYOUT}")
    try:
        return Header(*_texts(page[:CHECKSUM_AT], lengths, labels), created)
    except (struct.error, UnicodeDecodeError):
        raise ValueError("the lengths in its header do not match its texts") from None


def _texts(page: bytes, lengths: list[int], labels: int) -> tuple[Key, str]:
    """Return key and unit."""
    import struct

    at = struct.calcsize(FIXED)

    def take(length: int) -> str:
        nonlocal at
        if at + length > len(page):
            raise struct.error
        at += length
        return page[at - length : at].decode()

    def pairs() -> Iterator[tuple[str, str]]:
        nonlocal at
        for _ in range(labels):
            label, value = struct.unpack_from("<II", page, at)
            at += 8
            yield take(label), take(value)

    unit, name = take(lengths[0]), take(lengths[1])
    return Key(name, **dict(pairs())), unit


def file_name(key: Key) -> str:
    """Return the name of a recorder's file, such as ``db.query,table=users.counters``.

    Bytes other than ASCII letters, digits, ``-``, ``_`` and ``.`` are written as ``%XX``, and so is a leading ``.``.
    So no name leads out of the directory, and different keys have different names.  A name that would be too long for
    a file system is cut, and ends in a hash.
    """
    stem = ",".join([_escaped(key.name), *(f"{_escaped(label)}={_escaped(value)}" for label, value in key.labels)])
    if len(stem) > MAX_STEM_NBYTES:
        from hashlib import sha256

        digest = sha256(stem.encode()).hexdigest()[:32]
        stem = f"{stem[: MAX_STEM_NBYTES - 33]}~{digest}"  # a name that was not cut never contains '~'
    return stem + SUFFIX


def beginning(name: str) -> str:
    """Return how the names of the files of all recorders with this name begin; those of others may begin so, too."""
    return _escaped(name)[: MAX_STEM_NBYTES - 33]


def _escaped(text: str) -> str:
    escaped = _utf8(text).decode("latin-1").translate(ESCAPES)  # latin-1: one character for each byte
    return f"%2E{escaped[1:]}" if escaped.startswith(".") else escaped  # a file must not be hidden: `files_in`


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} cannot be written to a file: it is not valid Unicode") from None
