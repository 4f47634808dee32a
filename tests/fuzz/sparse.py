"""The bytes of a directory's file without the hole in its index: cheap to copy, to damage and to write."""

from __future__ import annotations

import os

import mutate
import numpy as np

#: The header, the state and the first page of the index; behind them is a hole up to the chunks.
HEAD = 8192
CHUNK, CHUNKS_AT = 536, 2_101_248


class Image:
    """A file whose bytes are 0 between the first two pages and the chunks."""

    def __init__(self, head: bytes, rest: bytes, size: int) -> None:
        self.head, self.rest, self.size = bytearray(head), bytearray(rest), size

    @classmethod
    def of(cls, path: str) -> Image:
        """Return the bytes of a file."""
        with open(path, "rb") as file:
            head = file.read(HEAD)
            if file.read(CHUNKS_AT - HEAD).strip(b"\0"):
                raise ValueError(f"{path} uses more of its index than the first page")
            return cls(head, file.read(), os.path.getsize(path))

    def copy(self) -> Image:
        return Image(self.head, self.rest, self.size)

    def read(self, at: int, n: int) -> bytes:
        """Return `n` bytes of the head, of the hole or of the chunks; fewer at the end of the file."""
        if at >= CHUNKS_AT:
            return bytes(self.rest[at - CHUNKS_AT : at - CHUNKS_AT + n])
        if at + n <= len(self.head):
            return bytes(self.head[at : at + n])
        return (bytes(self.head[at:]) + bytes(n))[: max(0, min(n, self.size - at))]

    def word(self, at: int) -> int:
        return int.from_bytes(self.read(at, 8), "little")

    def patch(self, at: int, new: bytes) -> None:
        """Overwrite bytes of the head or of the chunks; what would lie beyond their ends is left out."""
        if at >= CHUNKS_AT:
            mutate.patch(self.rest, at - CHUNKS_AT, new)
        else:
            mutate.patch(self.head, at, new)

    def resize(self, size: int) -> None:
        """Cut the file short, or add zeros."""
        for part, begin, most in ((self.head, 0, HEAD), (self.rest, CHUNKS_AT, size)):
            new = max(0, min(size - begin, most))
            del part[new:]
            part.extend(bytes(new - len(part)))
        self.size = size

    def used(self) -> list[int]:
        """Return where there are bytes that are not 0."""
        head, rest = (np.flatnonzero(np.frombuffer(part, "u1")) for part in (bytes(self.head), bytes(self.rest)))
        return [*head.tolist(), *(rest + CHUNKS_AT).tolist()]

    def write(self, fd: int) -> None:
        """Write a file that is empty so far, or as long as this, without filling its hole."""
        os.truncate(fd, self.size)
        os.pwrite(fd, self.head, 0)
        os.pwrite(fd, self.rest, CHUNKS_AT)
