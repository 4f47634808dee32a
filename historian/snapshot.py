"""Snapshots of registries in files: `save` writes what `Registry.snapshot` returns, `load` reads it back.

The file is text.  Each line is a JSON object for one recorder: its name, its labels and the result of
`Histogram.to_dict`.  So any language can read it, and ``Histogram.from_dict(json.loads(line))`` is a histogram.  The
files of several machines can be concatenated: `load` adds up lines with the same name and labels.  A line also has an
id of its source, the recorder, and the time.  Of several lines of one source, only the latest counts, because it holds
the values of the earlier ones.
"""

from __future__ import annotations

import os

from ._files.replace import replace
from ._live.snapshots import Snapshot
from ._values.key import Key
from ._values.own import is_own
from .formats._lines import from_line, is_later, to_line
from .histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from .formats._lines import Source

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
        lines.append(to_line(key, histogram, snapshot.source_of(key) if isinstance(snapshot, Snapshot) else None))
    return "".join(lines)


def load(path: str | os.PathLike[str]) -> Snapshot:
    """Return the snapshot in a file.  Lines with the same name and labels are added up.

    Of several lines of one source, two snapshots of a recorder between the same drains, only the latest counts.

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


def _parse(stream: BinaryIO, name: str) -> Snapshot:
    found: dict[Key, dict[str, tuple[Histogram, Source | None]]] = {}  # by key, then by id of the source
    for number, line in numbered_lines(stream):
        try:
            key, histogram, source = from_line(Histogram, checked_line(line))
            _add(found.setdefault(key, {}), histogram, source)
        except (ValueError, OverflowError) as error:
            if not is_own(error):
                raise
            raise ValueError(f"{name}, line {number}: {error}") from None
    histograms, sources = {}, {}
    for key, parts in found.items():
        try:
            histograms[key] = sum((histogram for histogram, _ in parts.values()), Histogram())
        except OverflowError as error:
            if not is_own(error):
                raise
            raise ValueError(f"{name}: {key}: {error}") from None
        source = next(iter(parts.values()))[1]
        if len(parts) == 1 and source is not None:
            sources[key] = source
    return Snapshot(histograms, sources=sources)


def _add(parts: dict[str, tuple[Histogram, Source | None]], histogram: Histogram, source: Source | None) -> None:
    """Add a line to those with the same key, by id of their source; those without are added up.

    Raises ValueError if the units differ, OverflowError for too many values.
    """
    first = next(iter(parts.values()), (histogram, None))[0]
    if first.unit != histogram.unit:
        first + histogram  # raises, unless one of them is empty
    if source is None:
        before = parts.get("")
        parts[""] = (histogram if before is None else before[0] + histogram), None
        return
    name, time = source
    earlier, when = parts.get(name, (None, None))
    if earlier is None or when is None or is_later(histogram.count, time, (earlier.count, when[1])):
        parts[name] = histogram, source
