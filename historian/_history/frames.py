"""The frames of a file of history: how each is written, checked and found again.  The layout is in docs/format.md."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "FIRST_FRAME",
    "FRAME_NBYTES",
    "INTERVAL",
    "KEYS",
    "MAX_BODY_NBYTES",
    "REPLACES",
    "STATE",
    "Fault",
    "FileHeader",
    "Frame",
    "body_of",
    "fault_of_file",
    "file_header",
    "frame",
    "frames",
    "is_begun",
    "read_file_header",
]

FILE_MAGIC = b"\x89HSTHL\r\n"  # an editor that changes the ends of lines damages it at once
VERSION = 1
#: Magic, version, flags (0), id, time of creation, length of a full interval or 0, zeros; then the CRC-32 of all that.
_FILE = struct.Struct("<8sII16sQQ12x")
HEADER_NBYTES = _FILE.size + 4  # 64
#: The header is written twice, so that one flipped bit does not cost the id, which all checksums need.
FIRST_FRAME = 2 * HEADER_NBYTES

FRAME_MAGIC = b"\x89HSF"
#: Magic, kind, flags, 0, bytes stored, bytes of the body, CRC-32 of the bytes stored, number, start, end.
_FRAME = struct.Struct("<4sBBHIIIQQQ")
FRAME_NBYTES = _FRAME.size + 4  # 48, with the CRC-32 of the file's id and of all before

#: Kinds of frames.  Readers pass over those that they do not know.
KEYS, INTERVAL, STATE, REPLACES = 1, 2, 3, 4
PACKED = 1  # flag: the body is compressed, as zlib does
LEVEL = 1  # of the compression: higher ones take several times as long, and save little more
MAX_BODY_NBYTES = 1 << 30  # 140 times that of 10,000 recorders with 750 bytes each
MAX_TIME = 1 << 63  # nanoseconds since 1970: the year 2262
CHUNK_NBYTES = 1 << 20  # that are searched at a time


class FileHeader(NamedTuple):
    """What a file of history says of itself."""

    id: bytes  # 16 random bytes, which no other file has
    created: int  # nanoseconds since 1970-01-01 00:00 UTC
    step: int  # nanoseconds of a full interval; 0 if it has none


class Frame(NamedTuple):
    """A frame as its header describes it.  The body has not been read."""

    offset: int  # of its header, in bytes from the start of the file
    kind: int
    flags: int
    stored: int  # bytes after the header, at most MAX_BODY_NBYTES
    nbytes: int  # of the body, at most MAX_BODY_NBYTES
    crc: int  # of the bytes stored
    number: int  # of the frame in its file, from 0: it grows by 1
    start: int  # nanoseconds since 1970-01-01 00:00 UTC, below 2**63
    end: int  # likewise, not before the start

    @property
    def after(self) -> int:
        """Offset of what follows the frame."""
        return self.offset + FRAME_NBYTES + self.stored


class Fault(NamedTuple):
    """Bytes of a file that belong to no valid frame."""

    offset: int
    after: int
    is_tail: bool  # nothing valid follows

    def __str__(self) -> str:
        where = f"bytes {self.offset:,} to {self.after - 1:,}"
        return f"{where}: the last frame is not complete" if self.is_tail else f"{where} are damaged"


def file_header(header: FileHeader) -> bytes:
    """Return the bytes before the first frame."""
    data = _FILE.pack(FILE_MAGIC, VERSION, 0, header.id, header.created, header.step)
    return 2 * (data + zlib.crc32(data).to_bytes(4, "little"))


def read_file_header(data: bytes) -> FileHeader | str:
    """Return what the first bytes of a file say, or why they are not those of a file of history.

    >>> read_file_header(file_header(FileHeader(b"sixteen bytes...", 1, 0)))
    FileHeader(id=b'sixteen bytes...', created=1, step=0)
    >>> read_file_header(b"time,latency")
    'it is not a file of history'
    """
    fault = "it is empty" if not data else "it is not a file of history"
    for at in (0, HEADER_NBYTES):
        part = data[at : at + HEADER_NBYTES]
        if part[:8] != FILE_MAGIC or len(part) < HEADER_NBYTES:
            continue
        if zlib.crc32(part[:-4]) != int.from_bytes(part[-4:], "little"):
            fault = "the checksum of its header is wrong"
            continue
        _, version, _, name, created, step = _FILE.unpack_from(part)
        if version != VERSION:
            return f"its format has version {version}: this historian reads version {VERSION}"
        return FileHeader(name, created, step)
    return fault


def frame(id: bytes, kind: int, number: int, body: bytes, start: int = 0, end: int = 0) -> bytes:
    """Return a frame.  O(bytes).  Raises ValueError for a body that is too large."""
    if len(body) > MAX_BODY_NBYTES:
        raise ValueError(
            f"an interval takes {len(body):,} bytes, the limit is {MAX_BODY_NBYTES:,}: record fewer recorders in a file"
        )
    packed = zlib.compress(body, LEVEL)
    flags = PACKED if len(packed) < len(body) else 0
    stored = packed if flags else body
    head = _FRAME.pack(
        FRAME_MAGIC, kind, flags, 0, len(stored), len(body), zlib.crc32(stored), number, start, end
    )  # fmt: skip
    return b"".join([head, zlib.crc32(head, zlib.crc32(id)).to_bytes(4, "little"), stored])


def read_frame(id: bytes, data: bytes, offset: int) -> Frame | None:
    """Return the frame whose header these bytes begin with; None if there is none.  `offset` is where they are."""
    if data[:4] != FRAME_MAGIC or len(data) < FRAME_NBYTES:
        return None
    head = data[: _FRAME.size]
    if zlib.crc32(head, zlib.crc32(id)) != int.from_bytes(data[_FRAME.size : FRAME_NBYTES], "little"):
        return None
    _, kind, flags, _, stored, nbytes, crc, number, start, end = _FRAME.unpack(head)
    if max(stored, nbytes) > MAX_BODY_NBYTES or not start <= end < MAX_TIME or flags & ~PACKED:
        return None
    if kind == INTERVAL and start == end:
        return None
    return Frame(offset, kind, flags, stored, nbytes, crc, number, start, end)


def body_of(found: Frame, stored: bytes) -> bytes | None:
    """Return the body of a frame from the bytes after its header; None if they are damaged.  O(bytes)."""
    if len(stored) != found.stored or zlib.crc32(stored) != found.crc:
        return None
    if not found.flags & PACKED:
        return stored if len(stored) == found.nbytes else None
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(stored, found.nbytes + 1)  # no more memory than the header says
    except zlib.error:
        return None
    return body if len(body) == found.nbytes and unpacker.eof and not unpacker.unused_data else None


def is_begun(head: bytes) -> bool:
    """Return whether a file has no header yet: it is new, or its first writer was stopped at once."""
    whole = file_header(FileHeader(bytes(16), 0, 0))[:12]
    return len(head) < FIRST_FRAME and (not head.strip(b"\0") or head[:12] == whole[: len(head)])


def fault_of_file(read: Callable[[int, int], bytes]) -> FileHeader | str:
    """Return the header of a file, or why it has none.  `read` takes an offset and a number of bytes."""
    return read_file_header(read(0, FIRST_FRAME))


def frames(id: bytes, read: Callable[[int, int], bytes], size: int, at: int = FIRST_FRAME) -> Iterator[Frame | Fault]:
    """Yield the frames of a file from `at` on, in their order, and what is damaged between them.

    Only headers are read, so this is O(frames), and O(bytes) where the file is damaged.
    """
    found = read_frame(id, read(at, FRAME_NBYTES), at)
    while at < size:
        following = None
        if found is not None:
            following = read_frame(id, read(found.after, FRAME_NBYTES), found.after)
        if found is None or not _is_whole(found, following, read, size):
            # Its length tells nothing then: others may have been written after a crash, within what it says it has.
            following = _next(id, read, at + 1, size)
            yield Fault(at, size if following is None else following.offset, following is None)
            at = size if following is None else following.offset
        else:
            yield found
            at = found.after
        found = following


def _is_whole(found: Frame, following: Frame | None, read: Callable[[int, int], bytes], size: int) -> bool:
    """Return whether a frame has all its bytes: a frame or the end of the file follows it, or its body is valid."""
    if found.after >= size or following is not None:
        return found.after <= size
    return body_of(found, read(found.offset + FRAME_NBYTES, found.stored)) is not None


def _next(id: bytes, read: Callable[[int, int], bytes], at: int, size: int) -> Frame | None:
    """Return the first whole frame at `at` or later."""
    while at < size:
        chunk = read(at, CHUNK_NBYTES + FRAME_NBYTES - 1)  # with the rest of a header that begins at its end
        place = chunk.find(FRAME_MAGIC)
        while 0 <= place < CHUNK_NBYTES:
            found = read_frame(id, chunk[place : place + FRAME_NBYTES], at + place)
            if found is not None and found.after <= size:
                return found
            place = chunk.find(FRAME_MAGIC, place + 1)
        if not chunk:
            return None
        at += CHUNK_NBYTES
    return None
