"""Text from a binary stream, a bounded piece at a time: `chunks` for many lines at once, `Lines` for one by one."""

from __future__ import annotations

from typing import BinaryIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BOM", "Lines", "chunks"]

#: What some programs put before UTF-8.
BOM = b"\xef\xbb\xbf"

#: Bytes to a chunk: enough for the cost of one to vanish, few enough for its numbers to stay in the second-level cache.
CHUNK_NBYTES = 1 << 17

#: Longest line, in bytes, where a line must be seen whole; for csv, longest row.
MAX_LINE_NBYTES = 1 << 20

#: Longest word, in bytes: no program writes a number that long.
MAX_WORD_NBYTES = 1 << 12


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the text in chunks of at most 2 * CHUNK_NBYTES + MAX_WORD_NBYTES + 3 bytes that end where a line does.

    A line too long for that is cut where a word ends, or within a comment, whose rest is left out.  A word longer than
    MAX_WORD_NBYTES comes out shortened, with an ellipsis, and the rest of its line is left out.
    """
    start = True
    while chunk := stream.read(CHUNK_NBYTES):
        ended = len(chunk) < CHUNK_NBYTES  # do not read on: a terminal would ask for its end anew
        tail = b"" if ended else stream.readline(CHUNK_NBYTES)
        chunk += tail
        if start:
            chunk, start = chunk.removeprefix(BOM), False
        if ended:
            yield chunk
            return
        if len(tail) < CHUNK_NBYTES or tail.endswith(b"\n"):
            yield chunk
            continue
        word = _rest_of_word(stream)
        chunk += word
        if word.endswith(b"\n"):
            yield chunk
        elif b"#" in chunk[chunk.rfind(b"\n") + 1 :]:
            yield chunk + _skip_line(stream)
        elif len(word) < MAX_WORD_NBYTES:
            yield chunk
        else:
            yield chunk + b"..."  # the reader may want to stop here: what follows may be endless
            yield _skip_line(stream)


def _rest_of_word(stream: BinaryIO) -> bytes:
    """Read on to the end of a word, and the blank after it, or to MAX_WORD_NBYTES bytes."""
    word = bytearray()
    while len(word) < MAX_WORD_NBYTES and (byte := stream.read(1)):
        word += byte
        if byte.isspace():
            break
    return bytes(word)


def _skip_line(stream: BinaryIO) -> bytes:
    """Read past the end of the line; return that end, empty at the end of the stream."""
    while piece := stream.readline(CHUNK_NBYTES):
        if piece.endswith(b"\n"):
            return b"\n"
    return b""


class Lines:
    """Iterates over the lines of UTF-8 text, with their ends, as `csv.reader` wants them.

    What cannot be handed on is not lost but told by `take_fault`: a line longer than MAX_LINE_NBYTES is empty, and
    bytes that are not UTF-8 come out as escapes.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._fault = ""
        self._cut = False  # whether the rest of the last line is still to be skipped
        self._size = 0  # bytes since the last `take_fault`, in [0, MAX_LINE_NBYTES], or more if there is a fault
        self.number = 0  # of the line handed out last, from 1

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self._cut:  # only now: the reader may have wanted to stop, and what follows may be endless
            _skip_line(self._stream)
        raw = self._stream.readline(MAX_LINE_NBYTES + 1)
        self._cut = len(raw) > MAX_LINE_NBYTES and not raw.endswith(b"\n")
        if not raw:
            raise StopIteration
        self.number += 1
        if self.number == 1:
            raw = raw.removeprefix(BOM)
        self._size += len(raw)
        if self._size > MAX_LINE_NBYTES:
            self._fault = f"longer than {MAX_LINE_NBYTES:,} bytes"
            return "\n"
        try:
            return raw.decode()
        except UnicodeDecodeError:
            text = raw.decode(errors="backslashreplace")
            self._fault = "not UTF-8 text"
            return text

    def take_fault(self) -> str:
        """Return what was wrong with the lines handed out since the last call; empty if nothing was."""
        fault, self._fault, self._size = self._fault, "", 0
        return fault
