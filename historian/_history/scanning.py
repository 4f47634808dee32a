"""`Scan`: what is in a file of history, found by its headers, without a look at the histograms."""

from __future__ import annotations

import os
from typing import NamedTuple

from .._files.errors import CorruptFileError
from .bodies import read_ids, read_keys
from .frames import (
    FIRST_FRAME,
    FRAME_NBYTES,
    INTERVAL,
    KEYS,
    REPLACES,
    STATE,
    Fault,
    FileHeader,
    Frame,
    body_of,
    fault_of_file,
    frames,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._values.key import Key

__all__ = ["OpenFile", "Scan", "scan"]

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)


class OpenFile:
    """A file that is open for reading: `read` takes an offset and a number of bytes."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | _BINARY)

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)

    def read(self, offset: int, nbytes: int) -> bytes:
        """Return the bytes from an offset on; fewer at the end of the file."""
        return read_at(self.fd, offset, nbytes)

    def size(self) -> int:
        """Return the number of bytes in the file."""
        return os.fstat(self.fd).st_size


class Scan(NamedTuple):
    """What a file of history holds."""

    header: FileHeader
    intervals: list[Frame]  # ascending, not overlapping
    keys: Mapping[int, Key]
    states: list[Frame]
    replaces: frozenset[bytes]  # ids of the files that this one replaces
    problems: list[CorruptFileError]
    tail: int  # offset of what follows the last frame
    next: int  # the number of the next frame


def read_at(fd: int, offset: int, nbytes: int) -> bytes:
    """Return the bytes of an open file from an offset on; fewer at its end."""
    if hasattr(os, "pread"):
        data = os.pread(fd, nbytes, offset)
    else:
        os.lseek(fd, offset, os.SEEK_SET)
        data = os.read(fd, nbytes)
    while data and len(data) < nbytes:  # more than a call returns, or the end
        more = read_at(fd, offset + len(data), nbytes - len(data))
        if not more:
            break
        data += more
    return data


def scan(file: OpenFile, path: str) -> Scan:
    """Return what a file holds.  O(frames), and O(bytes) where it is damaged.

    Raises ValueError if it is not a file of history.
    """
    header = fault_of_file(file.read)
    if isinstance(header, str):
        raise ValueError(f"{path}: {header}")
    found = Scan(header, [], {}, [], frozenset(), [], 0, 0)
    keys: dict[int, Key] = {}
    replaces: set[bytes] = set()
    tail, following, last = FIRST_FRAME, 0, 0
    for one in frames(header.id, file.read, file.size()):
        if isinstance(one, Fault):
            found.problems.append(CorruptFileError(path, str(one)))
            tail = one.offset if one.is_tail else tail
            continue
        tail, following = one.after, max(following, one.number + 1)
        if one.kind == INTERVAL:
            if one.start < last:
                found.problems.append(CorruptFileError(path, f"the interval at byte {one.offset:,} overlaps another"))
                continue
            found.intervals.append(one)
            last = one.end
        elif one.kind == STATE:
            found.states.append(one)
        elif one.kind in (KEYS, REPLACES):
            body = body_of(one, file.read(one.offset + FRAME_NBYTES, one.stored))
            more = None if body is None else read_keys(body) if one.kind == KEYS else {}
            if more is None or body is None:
                found.problems.append(CorruptFileError(path, f"the frame of keys at byte {one.offset:,} is damaged"))
                continue
            keys.update(more)
            replaces.update(read_ids(body) if one.kind == REPLACES else ())
    return found._replace(keys=keys, replaces=frozenset(replaces), tail=tail, next=following)
