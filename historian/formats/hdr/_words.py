"""Counts as bytes: the numbers of variable length of encoding V2, and the words of V1 and V0.

V2 stores a count as twice itself, and a run of zeros as twice its length less one (this is ZigZag: a run is negative).
Then 7 bits follow each other in a byte, the lowest first.  The highest bit of a byte says that another one follows.
The ninth byte holds 8 bits: so no more than nine are needed for 64 bits, unlike in protobuf.
"""

from __future__ import annotations

import sys
from array import array

from ..._core import unpacked_runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WORDS", "read_numbers", "read_words", "write_numbers"]

#: The types of `array` for words of so many bytes.
WORDS = {2: "h", 4: "i", 8: "q"}


def read_numbers(data: bytes, at: int, length: int) -> tuple[Sequence[int], Sequence[int], int, bool]:
    """Return indices and counts that are not 0 in numbers of V2, how many indices were encoded, and `ones`.

    `ones` is whether a single zero is a run of one, as the Python port writes it.  `at` is the offset of the first
    number.  O(bytes).  Raises ValueError, with the offset, for a number that is cut short, for more than `length`
    indices, and for 2**63 values or more.
    """
    indices, counts, used, ones = unpacked_runs(data, at, length)
    return memoryview(indices).cast("i"), memoryview(counts).cast("q"), used, ones


def write_numbers(indices: Sequence[int], counts: Sequence[int], length: int, ones: bool) -> bytes:
    """Return counts as numbers of V2, of as many indices as `length`; `ones` as of `read_numbers`.  O(counts)."""
    out = bytearray()
    zero = 1 if ones else 0
    after = 0
    for index, count in zip(indices, counts):
        if index > after:
            _put(out, 2 * (index - after) - 1 if index - after > 1 else zero)
        _put(out, 2 * count)
        after = index + 1
    if length > after:
        _put(out, 2 * (length - after) - 1 if length - after > 1 else zero)
    return bytes(out)


def _put(out: bytearray, number: int) -> None:
    for _ in range(8):
        if number < 128:
            break
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)  # a ninth one has 8 bits


def read_words(data: bytes, at: int, size: int, length: int) -> tuple[list[int], list[int], int]:
    """Return the first three of what `read_numbers` returns, of words of `size` bytes.

    Raises ValueError, with the offset, for a negative count, and as `read_numbers` does.
    """
    if len(data) - at > length * size:
        raise ValueError(f"offset {at + length * size}: counts of values above the highest trackable value")
    if (len(data) - at) % size:
        raise ValueError(f"offset {len(data)}: a word of {size} bytes is cut short")
    words = array(WORDS[size], memoryview(data)[at:].tobytes())
    if sys.byteorder == "little":
        words.byteswap()
    indices = [index for index, count in enumerate(words) if count]
    counts = [words[index] for index in indices]
    if counts and min(counts) < 0:
        index = next(index for index, count in zip(indices, counts) if count < 0)
        raise ValueError(f"offset {at + index * size}: a count is negative: {words[index]}")
    return indices, counts, len(words)
