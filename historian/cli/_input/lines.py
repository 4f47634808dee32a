"""Text from a binary stream, a bounded piece at a time: `blocks` for many lines at once, `Lines` for one by one."""

from __future__ import annotations

from typing import BinaryIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BOM", "Lines", "blocks"]

#: What some programs put before UTF-8.
BOM = b"\xef\xbb\xbf"

#: Bytes to a block: enough for the cost of one to vanish, few enough for its numbers to stay in the second-level cache.
BLOCK = 1 << 17

#: Longest line, in bytes, where a line must be seen whole; for csv, longest row.
LONGEST_LINE = 1 << 20

#: Longest word, in bytes: no program writes a number that long.
LONGEST_WORD = 1 << 12


def blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the text in blocks of at most 2 * BLOCK + LONGEST_WORD + 3 bytes that end where a line does.

    A line too long for that is cut where a word ends, or within a comment, whose rest is left out.  A word longer than
    LONGEST_WORD comes out shortened, with an ellipsis, and the rest of its line is left out.
    """
    start = True
    while block := stream.read(BLOCK):
        ended = len(block) < BLOCK  # do not read on: a terminal would ask for its end anew
        tail = b"" if ended else stream.readline(BLOCK)
        block += tail
        if start:
            block, start = block.removeprefix(BOM), False
        if ended:
            yield block
            return
        if len(tail) < BLOCK or tail.endswith(b"\n"):
            yield block
            continue
        word = _rest_of_word(stream)
        block += word
        if word.endswith(b"\n"):
            yield block
        elif b"#" in block[block.rfind(b"\n") + 1 :]:
            yield block + _skip_line(stream)
        elif len(word) < LONGEST_WORD:
            yield block
        else:
            yield block + b"..."  # the reader may want to stop here: what follows may be endless
            yield _skip_line(stream)


def _rest_of_word(stream: BinaryIO) -> bytes:
    """Read on to the end of a word, and the blank after it, or to LONGEST_WORD bytes."""
    word = bytearray()
    while len(word) < LONGEST_WORD and (byte := stream.read(1)):
        word += byte
        if byte.isspace():
            break
    return bytes(word)


def _skip_line(stream: BinaryIO) -> bytes:
    """Read past the end of the line; return that end, empty at the end of the stream."""
    while piece := stream.readline(BLOCK):
        if piece.endswith(b"\n"):
            return b"\n"
    return b""


class Lines:
    """Iterates over the lines of UTF-8 text, with their ends, as `csv.reader` wants them.

    What cannot be handed on is not lost but told by `take_fault`: a line longer than LONGEST_LINE comes out empty, and
    bytes that are not UTF-8 come out as escapes.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._fault = ""
        self._cut = False  # whether the rest of the last line is still to be skipped
        self._size = 0  # bytes since the last `take_fault`, in [0, LONGEST_LINE], or more if there is a fault
        self.number = 0  # of the line handed out last, from 1

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self._cut:  # only now: the reader may have wanted to stop, and what follows may be endless
            _skip_line(self._stream)
        raw = self._stream.readline(LONGEST_LINE + 1)
        self._cut = len(raw) > LONGEST_LINE and not raw.endswith(b"\n")
        if not raw:
            raise StopIteration
        self.number += 1
        if self.number == 1:
            raw = raw.removeprefix(BOM)
        self._size += len(raw)
        if self._size > LONGEST_LINE:
            self._fault = f"longer than {LONGEST_LINE:,} bytes"
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
