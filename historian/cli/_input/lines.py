"""Read text from a binary stream in bounded memory: `chunks` for many lines at once, `Lines` for one line at a time."""

from __future__ import annotations

from typing import BinaryIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BOM", "Lines", "chunks"]

#: Byte order mark, which some programs write before UTF-8 text.
BOM = b"\xef\xbb\xbf"

#: Bytes in a chunk: so many that the cost of a chunk is negligible, so few that its numbers fit in the L2 cache.
CHUNK_NBYTES = 1 << 17

#: Maximum length in bytes of a line in `Lines`; for csv, of a row.
MAX_LINE_NBYTES = 1 << 20

#: Maximum length of a word in bytes.  No program writes a number as long as that.
MAX_WORD_NBYTES = 1 << 12


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the text in chunks of at most 2 * CHUNK_NBYTES + MAX_WORD_NBYTES + 3 bytes that end at a line end.

    A line that is too long for a chunk is cut at the end of a word, or within a comment; the rest of the comment is
    left out.  A word longer than MAX_WORD_NBYTES is shortened and ends in an ellipsis; the rest of its line is left
    out.
    """
    start = True
    while chunk := stream.read(CHUNK_NBYTES):
        ended = len(chunk) < CHUNK_NBYTES  # do not read again: on a terminal, the user would have to end it again
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
            yield chunk + b"..."  # yield before skipping: the caller may stop here, and the line may be endless
            yield _skip_line(stream)


def _rest_of_word(stream: BinaryIO) -> bytes:
    """Read to the end of a word and the blank after it, or MAX_WORD_NBYTES bytes."""
    word = bytearray()
    while len(word) < MAX_WORD_NBYTES and (byte := stream.read(1)):
        word += byte
        if byte.isspace():
            break
    return bytes(word)


def _skip_line(stream: BinaryIO) -> bytes:
    """Read past the end of the line; return the line end, or empty bytes at the end of the stream."""
    while piece := stream.readline(CHUNK_NBYTES):
        if piece.endswith(b"\n"):
            return b"\n"
    return b""


class Lines:
    """Iterates over the lines of UTF-8 text with their line ends, as `csv.reader` needs them.

    A line longer than MAX_LINE_NBYTES becomes empty.  Bytes that are not UTF-8 become surrogates.  `take_fault`
    reports both.
    """

    def __init__(self, stream: BinaryIO, first: bytes = b"", leaves_out: Callable[[bytes], bool] | None = None) -> None:
        self._stream = stream
        self._leaves_out = leaves_out  # tells of a whole line whether it is of no interest
        self._first = first  # a line that was read already
        self._fault = ""
        self._cut = False  # whether the rest of the last line is still to be skipped
        self._size = 0  # bytes since the last `take_fault`, in [0, MAX_LINE_NBYTES], or more if there is a fault
        self.number = 0  # number of the last line returned, from 1

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self._cut:  # skip it only now: the caller may have stopped before, and the line may be endless
            _skip_line(self._stream)
        raw = self._first or self._stream.readline(MAX_LINE_NBYTES + 1)
        while self._leaves_out is not None and self._leaves_out(raw):
            self.number += 1
            raw = self._stream.readline(MAX_LINE_NBYTES + 1)
        self._first = b""
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
            text = raw.decode(errors="surrogateescape")
            self._fault = "not UTF-8 text"
            return text

    def take_fault(self) -> str:
        """Return what was wrong with the lines returned since the last call; empty if nothing was."""
        fault, self._fault, self._size = self._fault, "", 0
        return fault
