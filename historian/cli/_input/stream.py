"""Look at the first bytes of a stream: what a file holds is told by its contents before its name."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, cast

from .packed import DamagedError, Members, opener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Buffer

__all__ = ["bare", "in_utf8", "unpacked"]

#: The byte order marks of UTF-16.
UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}

#: Bytes at the beginning that are looked at.
HEAD_NBYTES = 1 << 16

#: Bytes that are read at once from a stream that cannot be read again.
BUFFER_NBYTES = 1 << 16


def bare(name: str) -> str:
    """Return a file's name in lower case, without the ending of its compression.

    >>> bare("Times.CSV.gz"), bare("week.hist")
    ('times.csv', 'week.hist')
    """
    lowered = name.lower()
    for ending in (".gz", ".bz2", ".xz", ".zst", ".zstd"):
        lowered = lowered.removesuffix(ending)
    return lowered


def unpacked(stream: BinaryIO, name: str) -> tuple[BinaryIO, bytes]:
    """Return a stream of the contents, and its first bytes.  Nothing is looked at on a terminal.

    Raises InputError if the contents are compressed in a way that cannot be read here.
    """
    if stream.isatty():
        return stream, b""
    stream, head = _again(stream)
    found = opener(head, name)
    if found is None:
        return stream, head
    return _again(cast("BinaryIO", io.BufferedReader(Members(stream, name, *found), BUFFER_NBYTES)))


def in_utf8(stream: BinaryIO, head: bytes, name: str) -> tuple[BinaryIO, bytes]:
    """Return the stream and its first bytes; text in UTF-16, which begins with a byte order mark, as UTF-8."""
    encoding = UTF16.get(head[:2])
    if encoding is None:
        return stream, head
    return _again(cast("BinaryIO", io.BufferedReader(_Transcoded(stream, encoding, name), BUFFER_NBYTES)))


def _again(stream: BinaryIO) -> tuple[BinaryIO, bytes]:
    """Return a stream that begins where this one stands, and its first bytes."""
    at = stream.tell() if stream.seekable() else None
    head = stream.read(HEAD_NBYTES)
    if len(head) < HEAD_NBYTES:  # that was all
        return io.BytesIO(head), head
    if at is not None:
        stream.seek(at)
        return stream, head
    return cast("BinaryIO", io.BufferedReader(_Joined(head, stream), BUFFER_NBYTES)), head


class _Transcoded(io.RawIOBase):
    """Text of another encoding as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str, name: str) -> None:
        self._stream, self._name = stream, name
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._rest = memoryview(b"")
        self._stream.read(2)  # the byte order mark

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        while not self._rest:
            data = self._stream.read(BUFFER_NBYTES)
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                raise DamagedError(self._name, f"not UTF-16 text: {error.reason}") from None
            self._rest = memoryview(text.encode(errors="surrogateescape"))
            if not data:
                break
        view = memoryview(buffer)
        size = min(len(view), len(self._rest))
        view[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


class _Joined(io.RawIOBase):
    """Bytes, and then the rest of the stream that they were read from."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        if not self._head:
            return cast("int", cast("Any", self._rest).readinto(view))
        size = min(len(view), len(self._head))
        view[:size] = self._head[:size]
        self._head = self._head[size:]
        return size
