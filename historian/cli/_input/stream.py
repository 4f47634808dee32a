"""Open what is compressed, and look at the first bytes: what a file holds is told by its contents before its name."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO, cast

from .tally import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Buffer

__all__ = ["DamagedError", "bare", "unpacked", "zstd_compressed"]

#: Bytes at the beginning that are looked at.
HEAD_NBYTES = 1 << 16

#: Bytes that are read at once from a stream that cannot be read again.
BUFFER_NBYTES = 1 << 16

ZSTD = "it is compressed by zstd, which needs Python 3.14 or a library: pip install 'latency-historian[zstd]'"


class DamagedError(InputError):
    """A file cannot be decompressed: the arguments are where, and why."""

    def __str__(self) -> str:
        return ": ".join(self.args)


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
    for magic, opener in _PACKED.items():
        if head.startswith(magic):
            return _again(cast("BinaryIO", io.BufferedReader(_Guarded(opener(stream, name), name), BUFFER_NBYTES)))
    return stream, head


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


class _Guarded(io.RawIOBase):
    """A stream that is being decompressed; what is wrong with it becomes an InputError."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        try:
            data = self._stream.read(len(view))
        except Exception as error:
            raise DamagedError(self._name, f"cannot be decompressed: {_reason(error)}") from None
        view[: len(data)] = data
        return len(data)


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it is cut short"
    if isinstance(error, zlib.error):
        return "it is damaged"
    return " ".join(str(error).split()) or "it is damaged"


def _gzip(stream: BinaryIO, name: str) -> Any:
    import gzip

    return gzip.GzipFile(fileobj=stream, mode="rb")


def _bz2(stream: BinaryIO, name: str) -> Any:
    import bz2

    return bz2.BZ2File(stream)


def _xz(stream: BinaryIO, name: str) -> Any:
    import lzma

    return lzma.LZMAFile(stream)


def _zstd(stream: BinaryIO, name: str) -> Any:
    try:
        from compression.zstd import ZstdFile  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            from backports.zstd import ZstdFile  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            return _zstandard(stream, name)
    return ZstdFile(stream)


def _zstandard(stream: BinaryIO, name: str) -> Any:
    try:
        from zstandard import ZstdDecompressor  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise InputError(f"{name}: {ZSTD}") from None
    return _Frames(stream, ZstdDecompressor())


def zstd_compressed(data: bytes, name: str) -> bytes:
    """Return the data, compressed by zstd.  Raises InputError, with the file's name, if there is no library for it."""
    try:
        from compression.zstd import compress  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            from backports.zstd import compress  # type: ignore[import-not-found, unused-ignore, no-redef]
        except ImportError:
            try:
                from zstandard import compress  # type: ignore[import-not-found, unused-ignore, no-redef]
            except ImportError:
                raise InputError(f"{name}: {ZSTD}") from None
    return bytes(compress(data))


class _Frames:
    """Reads zstd by the library `zstandard`, whose own reader takes a file that is cut short for a whole one."""

    def __init__(self, stream: BinaryIO, decompressor: Any) -> None:
        self._stream = stream
        self._decompressor = decompressor
        self._frame: Any = None  # None between two frames
        self._packed = b""  # read, but not decompressed yet
        self._data = b""  # decompressed, but not returned yet

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end.  Raises EOFError within a frame."""
        while not self._data:
            packed = self._packed or self._stream.read(BUFFER_NBYTES)
            if not packed:
                if self._frame is not None:
                    raise EOFError
                return b""
            self._frame = self._frame or self._decompressor.decompressobj()
            self._data = self._frame.decompress(packed)
            self._packed = b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        data, self._data = self._data[:size], self._data[size:]
        return data


#: What opens a compressed stream, by its first bytes.
_PACKED: dict[bytes, Callable[[BinaryIO, str], Any]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bz2,
    b"\xfd7zXZ\x00": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}
