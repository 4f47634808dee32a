"""Snapshots of registries in files: `save` writes what `Registry.snapshot` returns, `load` reads it back.

The file is text.  Each line is a JSON object for one recorder: its name, its labels and the result of
`Histogram.to_dict`.  So any language can read it, and ``Histogram.from_dict(json.loads(line))`` is a histogram.  The
files of several machines can be concatenated: `load` adds up lines with the same name and labels.
"""

from __future__ import annotations

import os

from ._files.replace import replace
from ._values.key import Key
from .formats._lines import from_line, to_line
from .histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

__all__ = ["dump", "load", "save"]

#: Maximum length of a line in bytes.  All 6,146 buckets with counts of 19 digits take 160 KB.
MAX_LINE_NBYTES = 1 << 20


def save(snapshot: Mapping[Key, Histogram], path: str | os.PathLike[str]) -> None:
    """Write a snapshot to a file.  The file is replaced in one step, when the new one is complete.

    O(buckets in use).  Raises OSError, and TypeError if `snapshot` is not a snapshot.  Then nothing has changed.

    >>> from historian import Registry
    >>> import os, tempfile
    >>> registry = Registry()
    >>> registry.recorder("query", table="users").record_many([0.010] * 99 + [1.0])
    >>> path = os.path.join(tempfile.mkdtemp(), "evening.jsonl")
    >>> save(registry.snapshot(), path)
    >>> load(path) == registry.snapshot()
    True
    """
    replace(path, dump(snapshot).encode())


def dump(snapshot: Mapping[Key, Histogram]) -> str:
    """Return the text that `save` writes.  Raises TypeError if `snapshot` is not a snapshot."""
    if not hasattr(snapshot, "items"):
        hint = ": pass its .snapshot()" if hasattr(snapshot, "snapshot") else ""
        raise TypeError(f"a snapshot must map Key to Histogram, as Registry.snapshot() does, not {snapshot!r}{hint}")
    lines = []
    for key, histogram in snapshot.items():
        if not isinstance(key, Key) or not isinstance(histogram, Histogram):
            raise TypeError(
                f"a snapshot must map Key to Histogram, as Registry.snapshot() does, not {key!r} to {histogram!r}"
            )
        lines.append(to_line(key, histogram))
    return "".join(lines)


def load(path: str | os.PathLike[str]) -> dict[Key, Histogram]:
    """Return the snapshot in a file.  Lines with the same name and labels are added up.

    ``registry.merge(load(path))`` adds it to a registry.  O(bytes).  Raises OSError.  Raises ValueError for a line
    that `save` would not write; the message has the line's number.
    """
    with open(os.fspath(path), "rb") as stream:  # an int would be taken for a descriptor
        return _parse(stream, os.fsdecode(path))


def numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers from 1, in bounded memory.

    A line that is too long is cut; `checked_line` refuses it.
    """
    number = 0
    while line := stream.readline(MAX_LINE_NBYTES + 1):
        number += 1
        if line.strip():
            yield number, line
        while len(line) > MAX_LINE_NBYTES and not line.endswith(b"\n"):  # only now: the line may be endless
            line = stream.readline(MAX_LINE_NBYTES + 1)


def checked_line(line: bytes) -> bytes:
    """Return a line of `numbered_lines`.  Raises ValueError if it was cut."""
    if len(line) > MAX_LINE_NBYTES:
        raise ValueError(f"not a line of a snapshot: longer than {MAX_LINE_NBYTES:,} bytes")
    return line


def _parse(stream: BinaryIO, name: str) -> dict[Key, Histogram]:
    snapshot: dict[Key, Histogram] = {}
    for number, line in numbered_lines(stream):
        try:
            checked_line(line)
            key, histogram = from_line(Histogram, line)
            snapshot[key] = snapshot[key] + histogram if key in snapshot else histogram
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{name}, line {number}: {error}") from None
    return snapshot
