"""Look at the first bytes of a stream: what a file holds is told by its contents before its name."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from .packed import Members, opener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Buffer

__all__ = ["bare", "unpacked"]

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
