"""Decompress gzip, bz2, xz and zstd in bounded memory, and notice what is cut short, damaged or appended."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

from .tally import InputError, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from typing_extensions import Buffer

    class _Decompressor(Protocol):
        """Decompresses one member: what a compressor wrote at once."""

        @property
        def eof(self) -> bool:
            """Whether the member is complete."""

        @property
        def unused_data(self) -> bytes:
            """What came after it."""

        def decompress(self, data: bytes, max_length: int) -> bytes:
            """Return at most about `max_length` bytes; the rest follows at the next calls, also without data."""


__all__ = ["DamagedError", "Members", "opener", "zstd_compressed"]

#: Compressed bytes that are read at once.
BUFFER_NBYTES = 1 << 16

#: Maximum size in bytes of the memory that xz may ask for.  ``xz -9`` needs 65 MiB to decompress.
XZ_NBYTES = 1 << 28

#: Compressed bytes that the library `zstandard`, whose output has no limit, gets at once.  A block takes at least 4
#: bytes and becomes at most 128 KiB, so the output takes at most 8 MiB.
PIECE_NBYTES = 1 << 8

ZSTD = "it is compressed by zstd, which needs Python 3.14 or a library: pip install 'latency-historian[zstd]'"


class DamagedError(InputError):
    """A file cannot be decompressed: the arguments are where, and why."""

    def __str__(self) -> str:
        return ": ".join(self.args)


class Members(io.RawIOBase):
    """The decompressed bytes of all members in a stream, one after the other.

    Memory does not grow with the size of the contents, however well they were compressed.  Null bytes after a member
    are padding.  Raises DamagedError if a member is damaged or incomplete, or if other bytes follow it.
    """

    def __init__(self, stream: BinaryIO, name: str, magic: tuple[bytes, ...], new: Callable[[], _Decompressor]) -> None:
        self._stream = stream
        self._name = name
        self._magic = magic
        self._new = new
        self._member: _Decompressor | None = None  # None between two members
        self._packed = b""  # read, but not given to a member yet
        self._is_first = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read into the buffer; return the number of bytes, 0 at the end."""
        view = memoryview(buffer)
        while True:
            member = self._member or self._begin()
            if member is None:
                return 0
            try:
                data = member.decompress(self._packed, len(view))
            except Exception as error:  # each library has its own
                raise self._damaged(f"cannot be decompressed: {_reason(error)}") from None
            self._packed = b""
            if member.eof:
                self._packed, self._member = member.unused_data, None
            if data:
                view[: len(data)] = data
                return len(data)
            if self._member is not None:
                self._packed = self._stream.read(BUFFER_NBYTES)
                if not self._packed:
                    raise self._damaged("cannot be decompressed: it is cut short")

    def _begin(self) -> _Decompressor | None:
        """Begin the next member; return None at the end of the stream.  Raises DamagedError for other bytes."""
        padding = b"" if self._is_first else b"\0"
        self._packed = self._packed.lstrip(padding)
        while len(self._packed) < len(self._magic[0]) and (more := self._stream.read(BUFFER_NBYTES)):
            self._packed = (self._packed + more).lstrip(padding)
        if not self._packed:
            return None
        if not self._packed.startswith(self._magic):
            after = clipped(self._packed[:8].decode(errors="surrogateescape"))
            raise self._damaged(f"more bytes follow the end of its compressed data: {after}")
        self._is_first = False
        self._member = self._new()
        return self._member

    def _damaged(self, why: str) -> DamagedError:
        return DamagedError(self._name, why)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError) or "memory usage limit" in str(error).lower():
        return "it needs too much memory"
    if isinstance(error, zlib.error):
        return "it is damaged"
    return " ".join(str(error).split()) or "it is damaged"


class _Gzip:
    """A member of gzip."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: gzip, with its checksum

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstandard:
    """A frame of zstd, by the library `zstandard`, whose own reader takes a file that is cut short for a whole one."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._packed = b""  # not decompressed yet
        self._data = memoryview(b"")  # decompressed, but not returned yet

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof) and not self._data

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data) + self._packed

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._packed += data
        while not self._data and self._packed and not self._inner.eof:
            piece, self._packed = self._packed[:PIECE_NBYTES], self._packed[PIECE_NBYTES:]
            self._data = memoryview(self._inner.decompress(piece))
        found, self._data = bytes(self._data[:max_length]), self._data[max_length:]
        return found


def _bz2() -> Callable[[], _Decompressor]:
    from bz2 import BZ2Decompressor

    return BZ2Decompressor


def _xz() -> Callable[[], _Decompressor]:
    from lzma import FORMAT_XZ, LZMADecompressor

    return lambda: LZMADecompressor(FORMAT_XZ, memlimit=XZ_NBYTES)


def _zstd() -> Callable[[], _Decompressor] | None:
    """Return what makes a decompressor, or None if there is no library."""
    try:
        from compression.zstd import ZstdDecompressor  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            from backports.zstd import ZstdDecompressor  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            try:
                from zstandard import ZstdDecompressor as Library  # type: ignore[import-not-found, unused-ignore]
            except ImportError:
                return None
            return lambda: _Zstandard(Library().decompressobj())
    return ZstdDecompressor  # type: ignore[no-any-return, unused-ignore]


#: The first bytes of a frame of zstd, and of frames to skip, which `pzstd` writes.
ZSTD_MAGIC = (b"\x28\xb5\x2f\xfd", *(bytes([k]) + b"\x2a\x4d\x18" for k in range(0x50, 0x60)))


def opener(head: bytes, name: str) -> tuple[tuple[bytes, ...], Callable[[], _Decompressor]] | None:
    """Return the first bytes and the decompressor of a stream that begins with `head`; None if it is not compressed.

    Raises InputError, with the file's name, if there is no library for it.
    """
    if head.startswith(b"\x1f\x8b"):
        return (b"\x1f\x8b",), _Gzip
    if head.startswith(b"BZh"):
        return (b"BZh",), _bz2()
    if head.startswith(b"\xfd7zXZ\x00"):
        return (b"\xfd7zXZ\x00",), _xz()
    if not head.startswith(ZSTD_MAGIC):
        return None
    new = _zstd()
    if new is None:
        raise InputError(f"{name}: {ZSTD}")
    return ZSTD_MAGIC, new


def zstd_compressed(data: bytes, name: str) -> bytes:
    """Return the data, compressed by zstd, with a checksum.  Raises InputError, with the file's name, if it cannot."""
    try:
        from compression.zstd import CompressionParameter, compress  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            from backports.zstd import (  # type: ignore[import-not-found, unused-ignore, no-redef]
                CompressionParameter,
                compress,
            )
        except ImportError:
            try:
                from zstandard import ZstdCompressor  # type: ignore[import-not-found, unused-ignore]
            except ImportError:
                raise InputError(f"{name}: {ZSTD}") from None
            return bytes(ZstdCompressor(write_checksum=True).compress(data))
    return bytes(compress(data, options={CompressionParameter.checksum_flag: 1}))
